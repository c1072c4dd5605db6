"""Pages that last: each names what it loads by its content, and a service worker keeps those that were visited.

A file's address carries the hash of what it says (``?v=``; figures' modules have it in their names). So a page and its
files always fit, each may be kept for ever, and ``sw.js`` can tell a file of another build. No header is needed.
"""

import hashlib
import json
import re
from pathlib import Path
from urllib.parse import quote

from ..words import word

HERE = Path(__file__).parent
TAG = re.compile(r"<(?:script|img|link)\b[^>]*>")
LOADED = re.compile(r'\brel="(?:stylesheet|icon|preload|modulepreload)"')
ADDRESS = re.compile(r'(\b(?:src|href)="|\burl\("|\bnew URL\(")([^":?#]+)(?:\?v=\w*)?"')


def digest(data):
    return hashlib.sha256(data).hexdigest()


def stamp(folder):
    """Give every address in the built folder's pages, of a file that they load, the hash of the file."""
    hashes = {}

    def stamped(base, match):
        file = (base / match[2]).resolve()
        if not file.is_file():
            return match[0]
        if file not in hashes:
            hashes[file] = digest(file.read_bytes())
        version = "" if file.parent.name == "widgets" else f"?v={hashes[file][:8]}"
        return f'{match[1]}{match[2]}{version}"'

    def rewrite(path, change):
        path.write_text(change(path.read_text(encoding="utf-8")), encoding="utf-8")

    def tag(path, match):
        loads = not match[0].startswith("<link") or LOADED.search(match[0])
        return ADDRESS.sub(lambda m: stamped(path.parent, m), match[0]) if loads else match[0]

    renamed = {}
    for path in list(folder.glob("_static/widgets/*")):  # which may have become smaller since they were named
        name = digest(path.read_bytes())[:12]
        if name != path.stem:
            renamed[path.name] = path.rename(path.with_stem(name)).name

    def rename(html):
        for old, new in renamed.items():
            html = html.replace(old, new)
        return html

    for path in [*folder.glob("_static/*.css"), *folder.glob("_static/*.js")]:  # before their own hashes are taken
        rewrite(path, lambda text, path=path: ADDRESS.sub(lambda m: stamped(path.parent, m), text))
    for path in folder.rglob("*.html"):
        rewrite(path, lambda html, path=path: TAG.sub(lambda m: tag(path, m), rename(html)))


def write_worker(folder):
    """Write ``sw.js`` for the built folder; it is another one whenever anything in the folder is."""
    worker = folder / "sw.js"
    worker.unlink(missing_ok=True)
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != ".buildinfo")
    names = {path: path.relative_to(folder).as_posix() for path in files}
    build = digest("".join(f"{names[path]} {digest(path.read_bytes())}\n" for path in files).encode())[:12]
    pages = [quote(name) for path, name in names.items() if path.suffix == ".html"]
    known = f"const BUILD = {json.dumps(build)};\nconst PAGES = {json.dumps(pages)};\n\n"
    worker.write_text(known + (HERE / "sw.js").read_text(encoding="utf-8"), encoding="utf-8")


def collect_pages(app):
    said = {key: word(key, app.config.language) for key in ("not_kept", "not_kept_why")}
    yield "offline", {"title": said["not_kept"], **said}, "offline.html"


def finish(app, exception):
    if not exception and app.builder.format == "html":
        stamp(Path(app.outdir))
        write_worker(Path(app.outdir))


def setup(app):
    app.connect("html-collect-pages", collect_pages)
    app.connect("build-finished", finish, priority=990)  # when the pages are as they will stay
    return {"parallel_read_safe": True, "parallel_write_safe": True}
