"""Fingerprint assets, and cache visited pages for offline reading.

A file's address has the hash of its content (``?v=``; the names of figures' modules are hashes). So a page never loads
a file of another build, a file may be cached for ever, and ``sw.js`` can tell the builds apart. No header is needed.
"""

import hashlib
import json
import posixpath
import re
from pathlib import Path
from urllib.parse import quote

from ..words import word

HERE = Path(__file__).parent
WIDGETS = "_static/widgets/"
WORKER = "sw.js"
TAG = re.compile(r"<(?:script|img|link)\b[^<>]*>")
LOADED = re.compile(r'\brel="(?:stylesheet|icon|preload|modulepreload)"')
ADDRESS = re.compile(r'(\b(?:src|href)=")([^":?#]+)(?:\?v=\w*)?(?=")')
IN_STYLE = re.compile(r"""(\burl\(["']?)([^"'():?#\s]+)(?:\?v=\w*)?(?=["']?\))""")
IN_SCRIPT = re.compile(r"""(\bnew URL\(["'`])([^"'`():?#\s]+)(?:\?v=\w*)?(?=["'`],)""")


def digest(data):
    return hashlib.sha256(data).hexdigest()


def name_contents(site, app):
    """Give every address in the pages, of a file that they load, the hash of the file."""
    hashes = {}

    def versioned(name, match):
        """The address in the file `name`, with the hash of what it leads to."""
        file = posixpath.normpath(posixpath.join(posixpath.dirname(name), match[2]))
        if file not in site:
            return match[0]
        if file not in hashes:
            hashes[file] = site.digest(file)[:8]
        version = "" if file.startswith(WIDGETS) else f"?v={hashes[file]}"
        return f"{match[1]}{match[2]}{version}"

    def tag(name, match):
        loads = not match[0].startswith("<link") or LOADED.search(match[0])
        return ADDRESS.sub(lambda m: versioned(name, m), match[0]) if loads else match[0]

    for pattern, addresses in ("_static/*.css", IN_STYLE), ("_static/*.js", IN_SCRIPT):  # before they are hashed
        for name in site.find(pattern):
            site.write(name, addresses.sub(lambda m, name=name: versioned(name, m), site.text(name)))
    for name, html in site.pages().items():
        site.write(name, TAG.sub(lambda m, name=name: tag(name, m), html))


def add_worker(site, app):
    """Write ``sw.js``; it is another one whenever any file of the site is."""
    names = [name for name in site.find() if name not in (WORKER, ".buildinfo")]
    build = digest("".join(f"{name} {site.digest(name)}\n" for name in names).encode())[:12]
    pages = [quote(name) for name in names if name.endswith(".html")]
    known = f"const BUILD = {json.dumps(build)};\nconst PAGES = {json.dumps(pages)};\n\n"
    site.write(WORKER, known + (HERE / "sw.js").read_text(encoding="utf-8"))


def collect_pages(app):
    said = {key: word(key, app.config.language) for key in ("not_kept", "not_kept_why")}
    yield "offline", {"title": said["not_kept"], **said}, "offline.html"


def setup(app):
    app.connect("html-collect-pages", collect_pages)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
