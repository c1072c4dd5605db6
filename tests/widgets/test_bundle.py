"""How the files of a figure become one module; and which folder may import from which."""

import json
import re
from pathlib import PurePosixPath

import pytest
from javascript import bundled

from rnnlib.widgets._bundle import HERE, BundleError, bundle, constants, words

VALUES = (
    "(exports) => Object.fromEntries(Object.entries(exports).map(([k, v]) => [k, typeof v === 'function' ? v() : v]))"
)


def values(modules, entry="entry.js", **options):
    """What the entry exports, functions called."""
    with bundled(entry, modules, **options) as engine:
        return engine.call(VALUES)


# --- what it joins --------------------------------------------------------------------------------------------------


def test_each_file_has_a_scope_of_its_own():
    modules = {
        "a.js": "const size = 1;\nfunction twice() { return 2 * size; }\nexport const a = () => twice();",
        "b.js": "const size = 10;\nfunction twice() { return 2 * size; }\nexport const b = () => twice();",
        "entry.js": 'import { a } from "./a.js";\nimport { b } from "./b.js";\nconst size = 100;\n'
        "const sum = a() + b() + size;\nexport { sum };",
    }
    assert values(modules) == {"sum": 122}


def test_files_whose_paths_differ_in_a_slash_only_are_two():
    modules = {
        "ui/a.js": "export const one = 1;",
        "ui_a.js": "export const two = 2;",
        "entry.js": 'import { one } from "./ui/a.js";\nimport { two } from "./ui_a.js";\nexport { one, two };',
    }
    assert values(modules) == {"one": 1, "two": 2}


def test_names_are_renamed_on_the_way_in_and_out():
    modules = {
        "a.js": "function inner() { return 7; }\nexport { inner as outer };",
        "entry.js": 'import { outer as mine } from "./a.js";\nexport { mine as seven };',
    }
    assert values(modules) == {"seven": 7}


def test_a_path_is_seen_from_the_file_that_imports():
    modules = {
        "figure/view.js": 'import { part } from "./part.js";\nimport { tool } from "../ui/tool.js";\n'
        "export { part, tool };",
        "figure/part.js": 'export const part = "of the figure";',
        "part.js": 'export const part = "another";',
        "ui/tool.js": 'import { deep } from "./deep/deep.js";\nexport const tool = deep;',
        "ui/deep/deep.js": 'import { base } from "../../base.js";\nexport const deep = base + 1;',
        "base.js": "export const base = 1;",
    }
    assert values(modules, "figure/view.js") == {"part": "of the figure", "tool": 2}


def test_comments_and_lists_over_lines():
    modules = {
        "a.js": "export const one = 1; // first\nexport const two = 2;\nexport const three = 3;",
        "entry.js": 'import { one } from "./a.js"; // why\n'
        'import {\n  two, // the second\n  three as last,\n} from "./a.js";\n'
        "export {\n  one, // kept\n  two,\n  last,\n};",
    }
    assert values(modules) == {"one": 1, "two": 2, "last": 3}


def test_each_kind_of_declaration_is_exported():
    modules = {
        "a.js": "export class A { get() { return 1; } }\nexport function f() { return 2; }\n"
        "export async function g() {}\nexport function* h() { yield 3; }\nexport const c = 4;",
        "entry.js": 'import { A, c, f, g, h } from "./a.js";\n'
        "const all = [new A().get(), f(), typeof g, [...h()], c];\nexport { all };",
    }
    assert values(modules) == {"all": [1, 2, "function", [3], 4]}


def test_a_file_that_is_imported_twice_runs_once_and_before_those_that_import_it():
    modules = {
        "log.js": "export const log = [];",
        "a.js": 'import { log } from "./log.js";\nlog.push("a");\nexport const a = 1;',
        "b.js": 'import { a } from "./a.js";\nimport { log } from "./log.js";\nlog.push("b");\nexport const b = a;',
        "entry.js": 'import { b } from "./b.js";\nimport { a } from "./a.js";\nimport { log } from "./log.js";\n'
        "export { a, b, log };",
    }
    assert values(modules) == {"a": 1, "b": 1, "log": ["a", "b"]}


def test_a_module_takes_the_place_of_a_file(tmp_path):
    (tmp_path / "entry.js").write_text('import { a } from "./a.js";\nexport { a };', encoding="utf-8")
    (tmp_path / "a.js").write_text('export const a = "of the file";', encoding="utf-8")
    assert values({}, folder=tmp_path) == {"a": "of the file"}
    assert values({"a.js": constants(a="given")}, folder=tmp_path) == {"a": "given"}


def test_constants_are_what_json_has():
    given = {"A": [1, 2.5, None], "B": {"text": 'a "quoted" 你\n', "yes": True}}
    modules = {"facts.js": constants(**given), "entry.js": 'import { A, B } from "./facts.js";\nexport { A, B };'}
    assert values(modules) == given


def test_the_words_are_those_whose_keys_stand_in_the_bundle():
    keys = ["play", "pause"]
    modules = {
        "ui/keys.js": 'import { WORDS } from "../words.js";\nexport { WORDS };\nexport const unused = "no_such_words";',
        "entry.js": f'import {{ WORDS }} from "./ui/keys.js";\nconst keys = {json.dumps(keys)};\n'
        "export { WORDS, keys };",
    }
    said = {language: {key: table[key] for key in table if key in keys} for language, table in words().items()}
    assert said["en"].keys() == {*keys}
    assert values(modules) == {"WORDS": said, "keys": keys}


def test_the_default_export_of_the_entry_stays():
    assert bundle("entry.js", {"entry.js": "export default 3;"}).splitlines() == ["export default 3;"]


# --- what it refuses ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line",
    [
        'import a from "./a.js";',
        'import * as a from "./a.js";',
        'import a, { b } from "./a.js";',
        'import "./a.js";',
        'import { a } from "./a.js"',
        "import { a } from './a.js';",
        'export * from "./a.js";',
        'export { a } from "./a.js";',
        "export let a = 1;",
        "export var a = 1;",
        "export const { a } = b;",
        "export default 1;",
    ],
)
def test_a_form_that_is_not_known_is_refused_with_its_file_and_line(line):
    modules = {
        "a.js": "export const a = 1;\nexport const b = 2;",
        "ui/part.js": f"const first = 1;\n\n{line.replace('./a.js', '../a.js')}\n",
        "entry.js": 'import { part } from "./ui/part.js";',
    }
    with pytest.raises(BundleError, match=r"^ui/part\.js:3: not known: " + re.escape(line[:9])):
        bundle("entry.js", modules)


A = "export const a = 1;"


@pytest.mark.parametrize(
    ("entry", "others", "message"),
    [
        ('\nimport { a } from "./a.js";', {}, "entry.js:2: a.js: no such file below widgets"),
        ('\nimport { a, b, c } from "./a.js";', {"a.js": A}, "entry.js:2: a.js exports no b, c"),
        ('import { a } from "a.js";', {"a.js": A}, "entry.js:1: expected a relative path, got 'a.js'"),
        ('import { a } from "../a.js";', {}, "entry.js:1: expected a relative path, got '../a.js'"),
        ('import { a-b } from "./a.js";', {"a.js": A}, "entry.js:1: not a list of names: a-b"),
        (f"{A}\nexport {{ a b }};", {}, "entry.js:2: not a list of names: a b"),
        (
            'import { a } from "./a.js";',
            {"a.js": f'import {{ b }} from "./b.js";\n{A}', "b.js": 'import { a } from "./a.js";\nexport const b = 1;'},
            "a.js imports itself, by way of entry.js -> a.js -> b.js -> a.js",
        ),
    ],
)
def test_what_cannot_be_joined_is_refused(entry, others, message):
    with pytest.raises(BundleError) as caught:
        bundle("entry.js", {"entry.js": entry, **others})
    assert str(caught.value) == message


def test_an_entry_that_is_not_there_is_refused():
    with pytest.raises(BundleError, match=r"^nowhere\.js: no such file below widgets$"):
        bundle("nowhere.js")


# --- the walls ------------------------------------------------------------------------------------------------------

LAYERS = ("engine", "model", "ui")  # each imports from itself and from those before it; a figure from all of them
FILES = sorted(path.relative_to(HERE).as_posix() for path in HERE.rglob("*.js"))


def imports_of(file):
    text = (HERE / file).read_text(encoding="utf-8")
    for path in re.findall(r'^import [^;"]*"([^"]+)";', text, re.M):
        target = PurePosixPath(file).parent.as_posix() + "/" + path
        yield re.sub(r"[^/]+/\.\./", "", target.replace("/./", "/"))


def test_every_file_stands_in_a_folder_and_the_layers_are_there():
    folders = {file.split("/")[0] for file in FILES}
    assert {*LAYERS} < folders and all("/" in file for file in FILES)


@pytest.mark.parametrize("file", FILES)
def test_an_import_goes_down_only(file):
    folder = file.split("/")[0]
    below = {*LAYERS[: LAYERS.index(folder) + 1]} if folder in LAYERS else {*LAYERS, folder}
    for target in imports_of(file):
        if target != "words.js":  # of no folder: keys stand in every layer, and only ui/ shows the words
            assert target.split("/")[0] in below, f"{file} imports {target}"
        else:
            assert folder == "ui", f"{file} imports {target}"


@pytest.mark.parametrize("file", [file for file in FILES if file.startswith("engine/")])
def test_the_engine_knows_no_page(file):
    text = re.sub(r"/\*.*?\*/|//[^\n]*", "", (HERE / file).read_text(encoding="utf-8"), flags=re.S)
    # `window` is a field of a run, too
    assert not re.findall(r"(?<![.\w])(?:document|window|globalThis|self|navigator|localStorage)\b(?! *:)", text)
