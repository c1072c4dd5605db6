"""What is done to the built pages: the site in memory, and scripts that are smaller and do the same."""

import ast
import json
import os
import re
import subprocess
import sys
from types import SimpleNamespace

import pytest
from books import ROOT

from rnnlib import widgets

EXTENSION = ROOT / "_ext" / "bookext"

# The site


@pytest.fixture
def site(load_ext, tmp_path):
    for name in ("index.html", "a/one.html", "a/b/two.html", "_static/x.js", "_static/vendor/y.js", "_images/p.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(name.encode())
    return load_ext("bookext.postprocess.site").Site(tmp_path)


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("**/*.html", ["a/b/two.html", "a/one.html", "index.html"]),
        ("*.html", ["index.html"]),
        ("_static/*.js", ["_static/x.js"]),
        ("_static/**/*.js", ["_static/vendor/y.js", "_static/x.js"]),
        ("_static/vendor/**", ["_static/vendor/y.js"]),
        ("_static/x.js", ["_static/x.js"]),
        ("_staticx", []),
    ],
)
def test_files_are_found_by_pattern(site, pattern, names):
    assert site.find(pattern) == names


def test_nothing_is_written_before_the_end_and_then_only_what_changed(site, tmp_path):
    (tmp_path / "_images/p.png").chmod(0o444)
    times = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()}
    site.write("index.html", site.text("index.html") + " ü")
    site.write("new/file.bin", b"\xff")
    site.write("a/one.html", site.text("a/one.html"))
    site.remove("_static/vendor/y.js")
    assert not (tmp_path / "new").exists() and (tmp_path / "index.html").read_text() == "index.html"
    assert "new/file.bin" in site and "_static/vendor/y.js" not in site
    assert site.data("index.html") == "index.html ü".encode()
    site.save()
    assert (tmp_path / "index.html").read_text(encoding="utf-8") == "index.html ü"
    assert (tmp_path / "new/file.bin").read_bytes() == b"\xff"
    assert not (tmp_path / "_static/vendor").exists() and (tmp_path / "_static/x.js").exists()
    same = {path for path, time in times.items() if path.exists() and path.stat().st_mtime_ns == time}
    assert {tmp_path / "a/one.html", tmp_path / "_static/x.js", tmp_path / "_images/p.png"} <= same
    assert tmp_path / "index.html" not in same


def test_a_file_is_read_once(site, tmp_path):
    assert site.text("index.html") == "index.html"
    (tmp_path / "index.html").unlink()
    assert site.pages()["index.html"] == site.text("index.html") == "index.html"


def test_a_file_that_is_not_there_is_named(site):
    with pytest.raises(FileNotFoundError, match=r"none\.html"):
        site.text("none.html")


def test_the_steps_are_the_only_ones_that_touch_the_built_folder():
    """One handler of ``build-finished`` writes; the other one only tidies the folder of kept outputs."""
    found = {}
    for path in EXTENSION.rglob("*.py"):
        handlers = re.findall(r'connect\("build-finished", ([\w.]+)', path.read_text(encoding="utf-8"))
        found |= {path.relative_to(EXTENSION).as_posix(): handlers} if handlers else {}
    assert found == {"postprocess/__init__.py": ["finish"], "execution.py": ["kept.forget"]}


# The minifier


@pytest.fixture
def minify(load_ext):
    found = load_ext("bookext.minify")
    if found.tdewolff is None:
        # the book is built there all the same, with larger files: see the marker in pyproject.toml
        pytest.skip("tdewolff-minify has no wheel for this machine")
    return found


@pytest.fixture
def v8(load_ext):
    return load_ext("bookext.figures.prerender").engine()


def module(text):
    """The JavaScript for what a module exports; its text is read and run once by V8."""
    body = f"run(moduleBody({json.dumps(text)}), {{ exports }})"
    return f"(() => {{ const exports = {{}}; {body}; return exports; }})()"


def exports(v8, text):
    """name -> type of what a module exports."""
    kinds = v8.eval(f"JSON.stringify(Object.entries({module(text)}).map(([name, value]) => [name, typeof value]))")
    return dict(json.loads(kinds))


IN_A_LOOP = """
import asyncio
from bookext.figures.prerender import evaluated
async def drawn():
    return evaluated("6 * 7")
print(asyncio.run(drawn()), evaluated("6 * 7"))
"""


def test_what_is_drawn_does_not_wait_for_an_event_loop_that_runs():
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT / "_ext"), *sys.path])}
    run = subprocess.run(
        [sys.executable, "-c", IN_A_LOOP], env=environment, capture_output=True, text=True, check=False, timeout=60
    )
    assert run.stdout == "42 42\n", run.stderr


@pytest.mark.parametrize("name", widgets.__all__)
def test_a_minified_figure_parses_and_exports_the_same(minify, v8, name):
    source = str(getattr(widgets, name)._esm)
    small = minify.script(source)
    assert len(small) < 0.6 * len(source)
    assert exports(v8, small) == exports(v8, source) == {"default": "object"}


@pytest.mark.parametrize("path", sorted(EXTENSION.glob("*/static/*.js")), ids=lambda path: path.name)
def test_a_minified_script_of_the_frame_parses(minify, v8, path):
    small = minify.script(path.read_text(encoding="utf-8")).replace("import.meta", "here")  # modules alone have it
    assert v8.eval(f"typeof new Function({json.dumps(small)})") == "function"


HARD = r"""
const list = ["a  b", "c"];
export const nested = `<${list.map((word) => `  <${word === "c" ? `${word}  {}` : word}>  `).join(`, ${"`"} `)}>  `;
export const strings = ["// no comment", '/* nor this */', "a\n  b", "\u2212−", "<\/script>"].join("|");
export const expressions = ["a/b".split(/\//g), /[/]"'`/.source, 6 / 2 / 3].join(" ");
export const numbers = [1e-12, 0.5, 1000000, 0xff, -0].map(String).join(" ");
export const lines = ((first) => { const a = first
  ++list.length
  return a })(7);
export const order = ((x) => { const a = () => x;
  const { b } = ((given) => ({ b: given.a() }))({ a }); return a() + b; })(2);
export { list as renamed };
export default { strings };
"""


def test_minified_templates_strings_and_expressions_keep_their_values(minify, v8):
    def values(text):
        return json.loads(v8.eval(f"JSON.stringify({module(text)})"))

    before, after = values(HARD), values(minify.script(HARD))
    assert before == after
    assert before["nested"] == "<  <a  b>  , `   <c  {}>  >  " and len(before) == 8


def test_what_is_no_script_is_refused(minify):
    with pytest.raises(minify.CannotMinify, match="line 1"):
        minify.script("function f( {")
    with pytest.raises(minify.CannotMinify, match="NUL character at position 9"):
        minify.script('const a="\0";')
    assert minify.script("  \n") == "  \n"


def test_a_module_that_cannot_be_minified_is_served_as_it_is_and_told(load_ext, minify, caplog):
    collect = load_ext("bookext.figures.collect")
    entry = {"state": {"_esm": "export default {", "_anywidget_id": "mine.Figure"}}
    assert collect.minified("page", entry, "_esm", minify.script) == "export default {"
    assert "_esm of figure is served as it is" in caplog.text
    assert collect.minified("page", entry, "_css", minify.style) is None


STATE = re.compile(r'<script type="application/vnd.jupyter.widget-state\+json">(.*?)</script>', re.S)
VIEW = re.compile(r'<div class="rnn-widget rnn-widget-(\w+)" data-model-id="([^"]+)"')


def test_what_is_served_is_what_was_drawn(specimen, load_ext):
    """The first state of each figure comes from the very module that its page loads, minified and all."""
    prerender, figures = load_ext("bookext.figures.prerender"), 0
    for page in specimen.glob("pages/*.html"):
        html = page.read_text(encoding="utf-8")
        state = STATE.search(html)
        if not state or page.name == "broken.html":
            continue
        addresses = {model["esm"] for model in json.loads(state[1])["state"].values() if "esm" in model}
        modules = {address: (page.parent / address).read_text(encoding="utf-8") for address in addresses}
        for name, view_id in VIEW.findall(html):
            drawn = prerender.first_state(state[1], modules, "en", view_id=view_id, name=name)
            assert f"<div inert>{drawn}</div></div>" in html, (page.name, name)
            figures += 1
    assert figures > 15


def test_without_the_minifier_texts_stay_as_they_are(load_ext, monkeypatch):
    minify = load_ext("bookext.minify")
    monkeypatch.setattr(minify, "tdewolff", None)
    text = "const unminified = 1 ;  // on a machine without it"
    assert minify.script(text) == text and minify.style("a { }") == "a { }"


# Versions in addresses


def test_every_way_to_write_an_address_gets_its_version(site, load_ext):
    fingerprint = load_ext("bookext.postprocess.fingerprint")
    site.write("_static/own.css", "a{b:url(x.js)}a{b:url('x.js')}a{b:url(\"../_images/p.png\")}a{b:url(none.js)}")
    site.write("_static/own.js", "new URL(\"x.js\",here);new URL('x.js?v=0',here)")
    site.write("a/one.html", '<script src="../_static/own.js"></script><a href="../_static/x.js">x</a>')
    fingerprint.name_contents(site, None)
    x, p, own = (f"?v={site.digest(name)[:8]}" for name in ("_static/x.js", "_images/p.png", "_static/own.js"))
    assert site.text("_static/own.css") == (
        f"a{{b:url(x.js{x})}}a{{b:url('x.js{x}')}}a{{b:url(\"../_images/p.png{p}\")}}a{{b:url(none.js)}}"
    )
    assert site.text("_static/own.js") == f"new URL(\"x.js{x}\",here);new URL('x.js{x}',here)"
    assert site.text("a/one.html") == f'<script src="../_static/own.js{own}"></script><a href="../_static/x.js">x</a>'


# Long texts


LONG = 300_000  # where a step looks again from every place, this takes hours; in one pass it is done at once


@pytest.mark.parametrize("piece", ["<script", "<style ", "<!--", "<a ", "</", "<script>", "x<y "])
def test_markup_without_an_end_is_read_in_one_pass(load_ext, piece):
    text = piece * (LONG // len(piece))
    words = load_ext("bookext.figures.collect").html_words(text)
    assert words == ("" if piece == "<script>" else text)


def test_long_equations_pictures_and_styles_are_read_in_one_pass(load_ext, site, monkeypatch):
    in_equations = load_ext("bookext.maths.font").in_equations
    assert in_equations("<math>q</math>" + "<math " * LONG) == {"q", "𝑞"}
    assert in_equations("<math>" + "<annotation>" * LONG + "</math>") == set()
    assert in_equations("<math><msqrt>2</msqrt></math>") == {"2", "√"}  # the sign is no character of the page
    pictures = load_ext("bookext.postprocess.pictures")
    tags = "<img " * LONG
    assert pictures.shown(site, "index.html", tags) == tags
    monkeypatch.setattr(pictures.minify, "svg", str)
    assert pictures.minify_svg("<!--" * LONG) == "<!--" * LONG
    assert pictures.minify_svg("a" + " " * LONG + "b") == "a" + " " * LONG + "b"
    site.write("index.html", tags)
    load_ext("bookext.postprocess.fingerprint").name_contents(site, None)
    assert site.text("index.html") == tags
    purge = load_ext("bookext.postprocess.purge")
    assert purge.drop_variables("".join(f"a{{--n{i}:var(--n{i + 1})}}" for i in range(LONG // 10))) == ""
    for piece in ("/*", '\\"', "url(x) ", "a,", ".a ", "--x:", "{};"):
        assert purge.purge(f"a{{top:0}}b{{{piece * (LONG // 10)}", {"a"}) == "a{top:0;}"


# Other packages


def test_a_package_that_has_changed_is_named_with_its_version(load_ext, monkeypatch):
    from importlib.metadata import version

    from sphinx.errors import ExtensionError
    from sphinxext import opengraph

    compat = load_ext("bookext.compat")
    monkeypatch.setattr(opengraph, "get_description", lambda page: "")
    with pytest.raises(ExtensionError, match=re.escape(f"sphinxext-opengraph {version('sphinxext-opengraph')}")):
        compat.describe_pages_with(lambda doctree: "")
    assert opengraph.get_description(None) == "", "nothing is put in its place"


def test_every_other_patch_looks_first(load_ext, monkeypatch):
    from myst_nb.core.execute import direct
    from myst_nb.sphinx_ import NbMetadataCollector
    from myst_parser.mdit_to_docutils.sphinx_ import SphinxRenderer
    from pybtex import plugin
    from sphinx.errors import ExtensionError

    compat = load_ext("bookext.compat")
    compat.check_search()
    monkeypatch.delattr(direct, "single_nb_execution")
    monkeypatch.delattr(SphinxRenderer, "_random_label")
    monkeypatch.setattr(plugin, "_load_entry_point", lambda name: None)
    monkeypatch.delattr(NbMetadataCollector, "get_js_files")
    for package, act in {
        "myst-nb": lambda: compat.run_notebooks_with(lambda notebook, cwd, **options: None),
        "myst-parser": lambda: compat.label_equations_with(str),
        "pybtex": compat.find_plugins_once,
        "myst-nb ": lambda: compat.widget_state(None, "page"),
        "Sphinx": lambda: compat.silence(SimpleNamespace(events=SimpleNamespace(listeners=[])), ()),
    }.items():
        with pytest.raises(ExtensionError, match=package.strip()):
            act()


def test_bookext_imports_public_names_of_rnnlib_only():
    for path in EXTENSION.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and not node.level:
                names = [f"{node.module}.{alias.name}" for alias in node.names]
            elif isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            else:
                continue
            ours = [name for name in names if name.split(".")[0] == "rnnlib"]
            assert not any(part.startswith("_") for name in ours for part in name.split(".")), (path.name, ours)
