"""One bad model in a page's widget state: it says so, and all others live."""

import json
import re

import pytest
from browsing import STARTED, painted
from figure_pages import write_page

from rnnlib import widgets
from rnnlib.widgets import ForwardStepper, words
from rnnlib.widgets._network import NetworkWidget

STATE = re.compile(r"(\+json\">)(.*?)(</script>)", re.S)


def bad(**entry):
    return {"model_name": "AnyModel", "state": {}, "esm": "forwardstepper.js"} | entry


def buffer(*path, **given):
    return [{"path": [*path], "encoding": "base64", "data": "AAAA"} | given]


LINK = {"model_name": "LinkModel"}
DAMAGED = {
    "no entry": None,
    "no state": bad(state=None),
    "a state that is no object": bad(state="text"),
    "buffers that are no list": bad(buffers={"path": []}),
    "a buffer without a path": bad(buffers=buffer()),
    "a buffer in nothing": bad(buffers=buffer("outer", "inner")),
    "a buffer in a text": bad(state={"text": "ab"}, buffers=buffer("text", "0")),
    "a buffer in a prototype": bad(buffers=buffer("__proto__", "polluted")),
    "a buffer in the class": bad(buffers=buffer("constructor", "prototype", "polluted")),
    "a buffer that is not base64": bad(buffers=buffer("a", data="%")),
    "a buffer that is not hexadecimal": bad(buffers=buffer("a", encoding="hex", data="zz")),
    "a buffer without data": bad(buffers=buffer("a", data=None)),
}
LINKS = {
    "a link to no model": {"source": ["IPY_MODEL_good", "seed"], "target": ["IPY_MODEL_gone", "seed"]},
    "a link to the damaged model": {"source": ["IPY_MODEL_bad", "seed"], "target": ["IPY_MODEL_good", "seed"]},
    "a link without ends": {"source": None},
    "a link to an object's own name": {"source": ["constructor", "seed"], "target": ["__proto__", "seed"]},
}


@pytest.fixture
def arrive(tmp_path, visit):
    """arrive(change) -> the page of a good figure, `good`, and of one more, `bad`; `change(page)` changes its block."""

    def go(change):
        name = write_page(tmp_path, [ForwardStepper(text="hello", hidden_size=2), ForwardStepper(text="other")])
        file = tmp_path / name
        html = file.read_text(encoding="utf-8")
        block = json.loads(STATE.search(html)[2])
        for model_id, new in zip(list(block["state"]), ("good", "bad"), strict=True):
            block["state"][new] = block["state"].pop(model_id)
            html = html.replace(f'data-model-id="{model_id}"', f'data-model-id="{new}"')
        change(block)
        html = STATE.sub(lambda match: match[1] + json.dumps(block) + match[3], html)
        file.write_text(html, encoding="utf-8")
        page, watch = visit(tmp_path, name)
        assert watch.errors == []
        good = page.locator("[data-model-id=good]")
        assert good.get_attribute("data-state") == "live"
        good.get_by_label("Seed").fill("7")
        assert good.get_by_label("Seed").input_value() == "7"
        assert page.evaluate("() => ({}).polluted === undefined && (() => {}).polluted === undefined")
        return page

    return go


@pytest.mark.parametrize("damage", DAMAGED)
def test_a_damaged_model_says_so_and_the_others_live(arrive, damage):
    page = arrive(lambda block: block["state"].update(bad=DAMAGED[damage]))
    view = page.locator("[data-model-id=bad]")
    assert view.get_attribute("data-state") == "failed"
    assert view.inner_text() == words()["en"]["host_broken"]


def test_a_model_that_is_missing_says_so(arrive):
    page = arrive(lambda block: block["state"].pop("bad"))
    assert page.locator("[data-model-id=bad]").inner_text() == words()["en"]["host_missing"]


@pytest.mark.parametrize("link", LINKS)
def test_a_link_that_leads_nowhere_stops_nothing(arrive, link):
    arrive(lambda block: block["state"].update({"bad": None, "link": LINK | {"state": LINKS[link]}}))


@pytest.mark.parametrize("said", [None, {}])
def test_a_host_without_words_shows_no_undefined(arrive, said):
    page = arrive(lambda block: (block.update(words=said), block["state"].update(bad=None)))
    assert page.locator("[data-model-id=bad]").inner_text() == ""


@pytest.mark.parametrize("name", ["constructor", "__proto__", "$&{name}Model", "<b>Model"])
def test_the_name_of_a_model_is_only_a_name(arrive, name):
    page = arrive(lambda block: block["state"].update(bad={"model_name": name, "state": {}}))
    shown = page.locator("[data-model-id=bad]").inner_text()
    assert shown == words()["en"]["host_kernel"].replace("{name}", name.removesuffix("Model"))


def test_the_name_of_a_widget_is_escaped_on_the_page(load_ext):
    view_name = load_ext("bookext.figures.collect").view_name
    assert view_name({"state": {"_view_name": 'a"><script>View'}}) == "a---script-"
    assert view_name({"state": {"_anywidget_id": "x.Étude-- >"}}) == "-tude----"
    assert view_name({"state": {"_view_name": "ForwardStepper"}}) == "forwardstepper"


FIGURES = [
    kind
    for kind in map(vars(widgets).get, widgets.__all__)
    if isinstance(kind, type) and issubclass(kind, NetworkWidget)
]
# Whatever a reader may do with each element but those of the menu, whose files and copies are none of this.
TOUCHED = """() => {
  Element.prototype.setPointerCapture = () => {}; // there is no such pointer
  for (const node of document.querySelectorAll(".rnn *:not(.rnn-share, .rnn-share *)")) {
    for (const key of ["ArrowRight", "ArrowDown", "Home", " "]) {
      node.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
    }
    for (const what of ["pointerdown", "pointermove", "pointerover", "pointerup"]) {
      node.dispatchEvent(new PointerEvent(what, { bubbles: true, cancelable: true, buttons: 1, pointerType: "mouse" }));
    }
    node.dispatchEvent(new MouseEvent("click", { bubbles: true, cancelable: true }));
  }
}"""


def test_figures_whose_first_text_cannot_be_read_bear_whatever_is_done_with_them(tmp_path, visit):
    name = write_page(tmp_path, [kind() for kind in FIGURES])
    file = tmp_path / name
    html = file.read_text(encoding="utf-8")
    block = json.loads(STATE.search(html)[2])
    for entry in block["state"].values():
        entry["state"]["text"] = "a"
    file.write_text(STATE.sub(lambda match: match[1] + json.dumps(block) + match[3], html), encoding="utf-8")
    page, watch = visit(tmp_path, name)
    assert page.locator(".rnn-field-text + .rnn-message:not(:empty)").count() == len(FIGURES)
    page.evaluate(TOUCHED)
    painted(page, 3)
    assert watch.errors == []


def test_a_page_with_a_damaged_block_leaves_its_pictures(tmp_path, visit):
    name = write_page(tmp_path, [ForwardStepper(text="hello")])
    file = tmp_path / name
    file.write_text(STATE.sub(r"\g<1>{\g<3>", file.read_text(encoding="utf-8")), encoding="utf-8")
    page, watch = visit(tmp_path, name)
    page.wait_for_function(STARTED)
    assert page.locator(".rnn-widget").get_attribute("data-state") == "failed" and watch.errors == []
