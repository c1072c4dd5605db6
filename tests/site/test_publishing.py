"""From the repository to readers: what Binder makes of it, what the workflows do, how it is cited."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

try:
    import tomllib
except ImportError:  # Python 3.10
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[2]
DEPENDABOT = ROOT / ".github" / "dependabot.yml"
WORKFLOWS = {path.stem: path for path in sorted((ROOT / ".github" / "workflows").iterdir())}


def project():
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


@pytest.mark.parametrize(
    ("schema", "file"),
    [
        ("vendor.citation-file-format", ROOT / "CITATION.cff"),
        *(("vendor.github-workflows", path) for path in WORKFLOWS.values()),
        ("vendor.dependabot", DEPENDABOT),
    ],
)
def test_files_for_other_people_s_programs_keep_to_their_schema(schema, file):
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, file]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_there_is_one_version_and_one_date(load_ext):
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    version, day, _ = load_ext("bookext.pages.site_url").changes((ROOT / "CHANGELOG.md").read_text(encoding="utf-8"))[0]
    assert project()["version"] == cited["version"] == version
    assert cited["date-released"] == day


# Binder


@pytest.fixture(scope="module")
def dockerfile():
    """What repo2docker, which Binder runs, would build; writing it needs no Docker."""
    command = [sys.executable, "-m", "repo2docker", "--no-build", "--debug", "."]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stderr + done.stdout


def test_binder_installs_the_list_the_font_and_runs_what_comes_after(dockerfile):
    steps = [
        "environment-2epy-2d3-2e11",  # the Python that runtime.txt names
        f"--no-install-recommends {(ROOT / 'apt.txt').read_text(encoding='utf-8').strip()}",
        'pip install --no-cache-dir -r "requirements.txt"',
        "RUN ./postBuild",
    ]
    places = [dockerfile.find(step) for step in steps]
    assert -1 not in places and places == sorted(places)
    assert os.access(ROOT / "postBuild", os.X_OK)


def test_in_binder_the_repository_s_own_library_runs(dockerfile):
    """repo2docker installs a copy after the list; postBuild puts the repository's files back in its place."""
    assert dockerfile.find("pip install --no-cache-dir .\n") < dockerfile.find("RUN ./postBuild")
    assert "--no-deps -e ." in (ROOT / "postBuild").read_text(encoding="utf-8")


# The workflows


def workflow(name):
    return yaml.safe_load(WORKFLOWS[name].read_text(encoding="utf-8"))


def jobs(name):
    return workflow(name)["jobs"]


@pytest.mark.parametrize(
    ("name", "job", "wanted"), [("publish", "build", ["html", "audit"]), ("test", "test", ["env", "check", "test"])]
)
def test_a_workflow_asks_for_targets_that_exist(name, job, wanted):
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    lines = " ".join(step.get("run", "") for step in jobs(name)[job]["steps"])
    targets = re.findall(r"make (?:\w+=\S+ )*(\w+)", lines)
    assert targets == wanted
    for target in targets:
        assert re.search(rf"^{target}:", makefile, re.M), target


@pytest.mark.parametrize("name", WORKFLOWS)
def test_actions_are_github_s_own_at_a_commit_whose_version_is_told(name):
    """A tag can be moved to other code; the version in the comment is what Dependabot reads and raises."""
    used = re.findall(r"uses: (.*)", WORKFLOWS[name].read_text(encoding="utf-8"))
    pinned = r"actions/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+"
    assert used and not [action for action in used if not re.fullmatch(pinned, action)]


def test_every_kind_of_dependency_is_looked_after_each_week():
    found = yaml.safe_load(DEPENDABOT.read_text(encoding="utf-8"))["updates"]
    assert {update["schedule"]["interval"] for update in found} == {"weekly"}
    places = {update["package-ecosystem"]: update["directory"] for update in found}
    assert places == {"github-actions": "/", "pip": "/", "npm": "/tests"}
    for kind, file in (("pip", "pyproject.toml"), ("npm", "package-lock.json")):
        assert (ROOT / places[kind].strip("/") / file).is_file()


def test_what_runs_the_book_s_code_cannot_write():
    publish = workflow("publish")
    assert publish["permissions"] == {} and publish["concurrency"]["cancel-in-progress"] is False
    assert publish["jobs"]["build"]["permissions"] == {"contents": "read"}
    assert publish["jobs"]["deploy"]["permissions"] == {"contents": "write"}
    assert not any("make" in step.get("run", "") for step in publish["jobs"]["deploy"]["steps"])


def test_a_pull_request_is_tested_with_nothing_that_it_could_abuse():
    test = workflow("test")
    assert {"pull_request"} <= {*test[True]} <= {"pull_request", "workflow_dispatch"}  # YAML 1.1 reads `on` as true
    assert test["permissions"] == {} and test["jobs"]["test"]["permissions"] == {"contents": "read"}
    assert "secrets." not in WORKFLOWS["test"].read_text(encoding="utf-8")


def test_deploying_leaves_the_built_book_and_nothing_else_in_gh_pages(tmp_path):
    """The very lines of the workflow, twice, with a folder for the repository at GitHub."""
    lines = "".join(step.get("run", "") for step in jobs("publish")["deploy"]["steps"])
    origin, seen = tmp_path / "origin.git", []
    subprocess.run(["git", "clone", "-q", "--bare", ROOT, origin], check=True)
    for round_ in ("first", "second"):
        clone = tmp_path / round_
        subprocess.run(["git", "clone", "-q", origin, clone], check=True)
        site = clone / "_site"
        shutil.copytree(ROOT / "tests" / "specimen", site)
        (site / ".nojekyll").touch()
        (site / f"{round_}.html").touch()
        (site / "_build").mkdir()  # ignored in the sources, published all the same
        (site / "_build" / "kept").touch()
        where = os.environ | {"GITHUB_SHA": round_, "HOME": str(tmp_path)}
        subprocess.run(["bash", "-e", "-c", lines], cwd=clone, env=where, check=True)
        tree = ["git", "-C", origin, "ls-tree", "-r", "--name-only", "gh-pages"]
        seen = subprocess.run(tree, capture_output=True, text=True, check=True).stdout.splitlines()
        assert seen == sorted(path.relative_to(site).as_posix() for path in site.rglob("*") if path.is_file())
    log = subprocess.run(
        ["git", "-C", origin, "log", "--format=%s", "gh-pages"], capture_output=True, text=True, check=True
    )
    assert log.stdout.splitlines() == ["The book built from second"]


# The built folder, anywhere


def test_the_built_book_works_deep_in_any_host_and_from_a_copy(specimen, tmp_path, browser, serving):
    """A plain static server, some folders up; and a copy elsewhere, as on a stick, through the book's own server."""
    from browsing import STARTED, Watch

    place = tmp_path / "some" / "deep path"
    shutil.copytree(specimen, place / "book")
    command = [sys.executable, "-u", "-m", "http.server", "--bind", "127.0.0.1", "--directory", tmp_path, "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        try:
            port = re.search(r"port (\d+)", server.stdout.readline())[1]
            for base in (f"http://127.0.0.1:{port}/some/deep%20path/book", serving(place / "book")):
                for path in ("", "index.html", "pages/stepper.html", "pages/equations.html"):
                    page = browser.new_page()
                    watch = Watch(page, base)
                    page.goto(f"{base}/{path}")
                    page.wait_for_function(STARTED)
                    assert watch.complaints == [], (base, path)
                    if "stepper" in path:
                        before = page.locator(".rnn-forward").first.inner_text()
                        page.get_by_role("button", name="Next step").first.click()
                        page.wait_for_function(
                            "b => document.querySelector('.rnn-forward').innerText !== b", arg=before
                        )
                    page.get_by_role("button", name="Search").first.click()
                    page.keyboard.type("softmax")
                    page.keyboard.press("Enter")
                    page.locator("#search-results a").first.wait_for()
                    assert page.url.startswith(f"{base}/search.html")
                    assert watch.complaints == [], (base, path)
                    page.close()
        finally:
            server.terminate()
