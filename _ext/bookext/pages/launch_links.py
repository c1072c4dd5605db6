"""The launch links of a page: its notebook and its source as files, places that run it, and where to edit it.

- What runs elsewhere needs the repository's address: that of ``git remote``, or ``book_repository``. Without a public
  one nothing links to it. ``book_branch`` is the branch that readers run and edit.
- Binder makes the notebooks when it builds its image. Colab and a JupyterHub (``book_hub``, its address) open those
  that lie in the built book, and so in the branch ``gh-pages`` once it is published from there; they hold no outputs.
"""

import re
import subprocess
import tempfile
from pathlib import Path
from urllib.parse import quote, urlsplit

import nbformat

from ..notebooks.builder import NotebookBuilder, build_wheel, executed, pages
from ..words import word

PUBLISHED = "gh-pages"
MADE = "notebooks"  # the folder that postBuild fills
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
    """(key, address) of every launch link of ``page``, whose file is ``source``; ``runs``: it is a notebook."""
    if not site:
        return
    host, name = urlsplit(site).netloc, urlsplit(site).path[1:]
    notebook = f"_notebooks/{page}.ipynb"
    if runs:
        place = {"github.com": f"gh/{name}", "gitlab.com": f"gl/{quote(name, safe='')}"}
        where = f"{place.get(host, 'git/' + quote(site, safe=''))}/{quote(branch, safe='')}"
        yield "binder", f"https://mybinder.org/v2/{where}?urlpath={quote(f'lab/tree/{MADE}/{page}.ipynb', safe='')}"
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


def add_launch_links(app, pagename, templatename, context, doctree):
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
    context["launch_links"] = [(key, word(f"launch_{key}", config.language), href) for key, href in entries]


def add_sources(site, app):
    """Each page's source and notebook, to be downloaded and to be run elsewhere."""
    config = app.config
    wheel = add_wheel(site, app) if config.html_baseurl and not config.book_repository else ""
    for docname in app.env.all_docs:
        source = source_of(app, docname)
        site.write(f"_sources/{source}", Path(app.srcdir, source).read_bytes())
    for docname, doctree, builder in resolved(app):
        site.write(f"_sources/{docname}.ipynb", as_json(builder.notebook(docname, doctree, wheel, outputs=True)))
        if config.book_repository:
            site.write(f"_notebooks/{docname}.ipynb", as_json(builder.notebook(docname, doctree, wheel)))


def add_wheel(site, app):
    """The address of rnnlib's wheel in the built book; "" where the source is not that of the library."""
    with tempfile.TemporaryDirectory() as folder:
        name = build_wheel(Path(app.srcdir), Path(folder))
        if name:
            site.write(name, Path(folder, name).read_bytes())
    return name and f"{app.config.html_baseurl}{name}"


def as_json(notebook):
    return nbformat.writes(notebook).rstrip("\n") + "\n"


def resolved(app):
    """(page, its tree, builder) for every page that is a notebook, as the builder of notebooks would have it."""
    html, builder = app.builder, NotebookBuilder(app, app.env)
    builder.init()
    builder.beside = False
    app.builder = builder  # which the transforms ask for their format
    try:
        for docname in pages(app.env):
            if executed(app, docname):
                yield docname, app.env.get_and_resolve_doctree(docname, builder), builder
    finally:
        app.builder = html


def setup(app):
    app.add_config_value("book_repository", "", "html", str)
    app.add_config_value("book_branch", "main", "html", str)
    app.add_config_value("book_hub", "", "html", str)
    app.connect("config-inited", configure)
    app.connect("html-page-context", add_launch_links)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
