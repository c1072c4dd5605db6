# The few commands people type. Everything they make is in .venv and _build.
PYTHON ?= python3
PORT ?= 8000
VENV := .venv
BIN := $(VENV)/bin
EDITION ?= full
FOR := $(patsubst %,-%,$(filter-out full,$(EDITION)))

# The products in this book are small: a second thread costs more than it brings, much more beside other work.
export OPENBLAS_NUM_THREADS := 1

AFRESH := rm -rf _build/html _build/.doctrees _build/jupyter_execute
BUILD := $(BIN)/jupyter-book build -W -n --keep-going .

.PHONY: html book pdf notebooks env check test audit lab clean

# The book, built from nothing.
html: $(VENV)/.book
	@$(AFRESH)
	$(BUILD)

# The same, served, and quicker the second time: pages whose cells see nothing new keep what these gave, in _build/.cells.
book: $(VENV)/.book
	@$(AFRESH)
	BOOK_CACHE=_build/.cells $(BUILD)
	$(BIN)/python tools/serve.py _build/html $(PORT)

# The book as one file, _build/book.pdf, printed by a browser; for students: make pdf EDITION=student.
pdf: $(VENV)/.pdf html
	$(BIN)/python tools/pdf.py --edition $(EDITION) _build/html _build/book$(FOR).pdf

# The book as notebooks, none of them run; for students: make notebooks EDITION=student.
notebooks: $(VENV)/.book
	$(BIN)/python tools/make_notebooks.py --edition $(EDITION) notebooks$(FOR)

# The environment of the tests, with a browser, and nothing run.
env: $(VENV)/.test

LINT = $(BIN)/ruff check . && $(BIN)/ruff format --check .
PYTEST = $(BIN)/python -m pytest -n auto --maxprocesses 4

# What needs neither a browser nor a build of the book: about a minute.
check: $(VENV)/.test
	$(LINT)
	$(PYTEST) --dist worksteal -m "not browser" $(addprefix tests/,core formulations plots engine widgets)

# Every check.
test: $(VENV)/.test
	$(LINT)
	$(PYTEST) --dist worksteal

# What every page of the built book costs, by Lighthouse and axe, and the types and rules of the figures' JavaScript; fails
# when a page breaks the budget or a rule is broken.
audit: $(VENV)/.audit
	$(BIN)/python tools/lint_js.py
	@[ -d _build/html ] || $(MAKE) html
	$(BIN)/python tools/audit.py _build/html

# JupyterLab with the notebooks. The chapters' sources open as notebooks too, and a saved figure is alive when opened again.
lab: $(VENV)/.book
	@$(MAKE) --no-print-directory notebooks
	install -D -m 644 tools/jupyterlab.json $(VENV)/share/jupyter/lab/settings/overrides.json
	$(BIN)/jupyter lab --LabApp.default_url=/lab/tree/notebooks$(FOR)/intro.ipynb

clean:
	rm -rf $(VENV) _build tests/node_modules

$(BIN)/python:
	@command -v $(PYTHON) >/dev/null || { echo "Missing: Python 3.10 or newer (looked for '$(PYTHON)'; another one: make PYTHON=python3.12)"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { echo "Missing: Python 3.10 or newer ('$(PYTHON)' is older; another one: make PYTHON=python3.12)"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "Missing: Python's venv module (Debian and Ubuntu: apt install python3-venv)"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.book: requirements.txt pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install -q -r requirements.txt
	@touch $@

# The browser is the system's where there is one, else Playwright's own. Firefox is a second one for the tests: where it
# is missing, those in it are left out and say so.
$(VENV)/.test $(VENV)/.pdf: $(VENV)/.book
	$(BIN)/python -m pip install -q -e ".[$(subst .,,$(notdir $@))]"
	@command -v chromium-headless-shell || command -v chromium || command -v chromium-browser || command -v google-chrome || $(BIN)/playwright install chromium \
		|| { echo "Missing: a browser (Debian and Ubuntu: apt install chromium)"; exit 1; }
	@test $(notdir $@) != .test || command -v firefox-esr || command -v firefox \
		|| echo "Without Firefox the tests in it are skipped (Debian: apt install firefox-esr)"
	@touch $@

$(VENV)/.audit: tests/package-lock.json $(VENV)/.test
	@command -v npm >/dev/null || { echo "Missing: Node.js 18.20 or newer with npm, for Lighthouse (Debian and Ubuntu: apt install nodejs npm)"; exit 1; }
	npm ci --prefix tests --ignore-scripts --no-fund --no-audit
	@touch $@
