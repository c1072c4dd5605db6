"""Ways to go on from a page: its notebook and its source as files, a place that runs it, its text to mend.

- What runs elsewhere needs the repository's address: that of ``git remote``, or ``book_repository``. Without a public
  one nothing links to it. ``book_branch`` is the branch that readers run and edit.
- Binder opens the chapter's own file. Colab and a JupyterHub (``book_hub``, its address) open notebooks only, so they
  get ones made for them: no outputs, and a first cell that fetches the book and installs its library. These notebooks
  lie in the built book, and so in the branch ``gh-pages`` once it is published from there.
"""

import re
import shutil
import subprocess
from pathlib import Path
from urllib.parse import quote, urlsplit

import nbformat
from frame_words import word

PUBLISHED = "gh-pages"
ADDRESS = re.compile(
    r"(?:(?:https?|ssh|git)://(?:[^@/]*@)?(?P<host>[\w.-]+)(?::\d+)?/|[\w.-]+@(?P<ssh>[\w.-]+):/?)"
    r"(?P<path>(?:[\w.~-]+/)+[\w.~-]+?)(?:\.git)?/?"
)
# Where a public host lets readers edit a file, and by what name Binder knows the host.
EDIT = {
    "github.com": "{site}/edit/{branch}/{path}",
    "gitlab.com": "{site}/-/edit/{branch}/{path}",
    "codeberg.org": "{site}/_edit/{branch}/{path}",
    "bitbucket.org": "{site}/src/{branch}/{path}?mode=edit",
}
FIRST_CELL = """\
# Run this cell first: it fetches the book's files and installs its library.
from pathlib import Path

book = Path.home() / "{folder}"
if not book.exists():
    !git clone -q --depth 1 --branch {branch} {site}.git {{book}}
%pip install -q "{{book}}[plots,widgets,train,sweep]"
%cd -q {{book / "{chapters}"}}
try:
    from google.colab import output

    output.enable_custom_widget_manager()  # Colab shows other people's widgets only when told to
except ImportError:
    pass  # not on Colab"""


def repository(folder, address=""):
    """The web address of the repository, '' unless it stands on a public host; never with credentials in it."""
    match = ADDRESS.fullmatch(address.strip() or origin(folder))
    host = match and (match["host"] or match["ssh"]).lower()
    return f"https://{host}/{match['path']}" if host in EDIT else ""


def origin(folder):
    """Where the clone in this very folder comes from; a book inside somebody's larger repository is not that one."""

    def git(*command):
        done = subprocess.run(["git", "-C", folder, *command], capture_output=True, text=True, check=False)
        return done.stdout.strip()

    top = git("rev-parse", "--show-toplevel")
    return git("remote", "get-url", "origin") if top and Path(top).resolve() == Path(folder).resolve() else ""


def links(site, branch, hub, page, source, runs):
    """(key, address) of every way that leads on from ``page``, whose file is ``source``; ``runs``: it is a notebook."""
    if not site:
        return
    host, name = urlsplit(site).netloc, urlsplit(site).path[1:]
    notebook = f"_notebooks/{page}.ipynb"
    if runs:
        place = {"github.com": f"gh/{name}", "gitlab.com": f"gl/{quote(name, safe='')}"}
        where = f"{place.get(host, 'git/' + quote(site, safe=''))}/{quote(branch, safe='')}"
        yield "binder", f"https://mybinder.org/v2/{where}?urlpath={quote('lab/tree/' + source, safe='')}"
        if host == "github.com":
            yield "colab", f"https://colab.research.google.com/github/{name}/blob/{PUBLISHED}/{quote(notebook)}"
        if hub:
            folder = f"{name.rpartition('/')[2]}-notebooks"
            yield (
                "hub",
                (
                    f"{hub.rstrip('/')}/hub/user-redirect/git-pull?repo={quote(site, safe='')}&branch={PUBLISHED}"
                    f"&targetPath={quote(folder)}&urlpath={quote(f'lab/tree/{folder}/{notebook}', safe='')}"
                ),
            )
    yield "edit", EDIT[host].format(site=site, branch=quote(branch), path=quote(source))


def configure(app, config):
    config.book_repository = repository(app.srcdir, config.book_repository)


def source_of(app, docname):
    return Path(app.env.doc2path(docname)).relative_to(app.srcdir).as_posix()


def executed(app, docname):
    """The notebook that myst-nb wrote for the page, if it is one."""
    path = Path(app.outdir).parent / "jupyter_execute" / f"{docname}.ipynb"
    return path if path.exists() else None


def lead_on(app, pagename, templatename, context, doctree):
    """Give the page's menu its entries."""
    config, entries = app.config, []
    if doctree and pagename in app.env.all_docs and pagename != "genindex":  # which Sphinx makes
        source, runs = source_of(app, pagename), executed(app, pagename)
        if runs:
            entries.append(("notebook", context["pathto"](f"_sources/{pagename}.ipynb", resource=True)))
        entries.append(("source", context["pathto"](f"_sources/{source}", resource=True)))
        entries += links(config.book_repository, config.book_branch, config.book_hub, pagename, source, runs)
    if config.book_repository:
        entries.append(("repository", config.book_repository))
    context["onward"] = [(key, word(f"onward_{key}", config.language), href) for key, href in entries]
    context["onward_label"] = word("onward", config.language)


def elsewhere(notebook, site, branch, page):
    """A copy of an executed notebook to be run where nothing is installed: no outputs, one cell more."""
    copy = nbformat.from_dict(notebook)
    copy.metadata.pop("widgets", None)
    for cell in copy.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    folder, chapters = site.rpartition("/")[2], page.rpartition("/")[0]
    cell = nbformat.v4.new_code_cell(FIRST_CELL.format(folder=folder, branch=branch, site=site, chapters=chapters))
    cell.id = "install"  # the same with each build
    copy.cells.insert(0, cell)
    return copy


def put_beside(app, exception):
    """Each page's source and notebook, to be downloaded and to be run elsewhere."""
    if exception or app.builder.format != "html":
        return
    config, out = app.config, Path(app.outdir)

    def at(*parts):
        path = out.joinpath(*parts)
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    for docname in app.env.all_docs:
        source = source_of(app, docname)
        shutil.copyfile(Path(app.srcdir) / source, at("_sources", source))
        if path := executed(app, docname):
            shutil.copyfile(path, at("_sources", f"{docname}.ipynb"))
            if config.book_repository:
                notebook = nbformat.read(path, as_version=4)
                copy = elsewhere(notebook, config.book_repository, config.book_branch, docname)
                nbformat.write(copy, at("_notebooks", f"{docname}.ipynb"))


def setup(app):
    app.add_config_value("book_repository", "", "html", str)
    app.add_config_value("book_branch", "main", "html", str)
    app.add_config_value("book_hub", "", "html", str)
    app.connect("config-inited", configure)
    app.connect("html-page-context", lead_on)
    app.connect("build-finished", put_beside)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
