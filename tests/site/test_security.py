"""What the pages allow nobody to do: run other scripts, ask other hosts, turn words into markup."""

import contextlib
import re
from urllib.parse import quote

import pytest
from audit import pages
from browsing import STARTED, painted
from hostile import HOSTILE, INTRUDERS, MARKUP, PASTE, TYPED, code_units, kind_of

import rnnlib.widgets

POLICY = "default-src 'self'; style-src 'self'; style-src-attr 'unsafe-inline'; img-src 'self' data:; object-src 'none'"


# The policy. That no page breaks it is part of test_no_page_asks_another_host_or_logs_an_error.


@pytest.mark.parametrize("folder", ["book", "specimen"])
def test_every_page_states_its_policy_before_it_loads_anything(request, folder):
    folder = request.getfixturevalue(folder)
    for path in pages(folder):
        html = (folder / path).read_text(encoding="utf-8")
        policy = re.search(r'<meta http-equiv="Content-Security-Policy" content="([^"]*)"', html)
        assert policy and policy[1].startswith(POLICY) and "unsafe-eval" not in policy[1], path
        assert "require-trusted-types-for 'script'; trusted-types " in policy[1], path
        assert not re.search(r"<(script|link|style|img)\b", html[: policy.start()]), path
        assert "<style" not in html, path


@contextlib.contextmanager
def refused(page):
    """The page's policy says so of what is done in the block."""
    with page.expect_console_message(lambda message: "refused: " in message.text):
        yield
    painted(page)


@pytest.mark.parametrize("intruder", INTRUDERS)
def test_what_the_policy_forbids_does_not_happen(specimen, visit, intruder):
    page, _ = visit(specimen, "index.html")
    with refused(page):
        page.evaluate(f"() => {{ try {{ ({INTRUDERS[intruder]})(); }} catch {{}} }}")  # a sink of scripts throws
    assert not page.evaluate("window.intruded")


def test_no_text_of_a_page_is_run_as_a_script(specimen, visit):
    page, _ = visit(specimen, "index.html")
    with refused(page):  # a timer, since what a test evaluates stands above the policy
        page.evaluate("() => { try { setTimeout('window.intruded = true'); } catch {} }")  # a sink of scripts throws
    assert not page.evaluate("window.intruded")


# Words stay words


SHARED = [figure for figure in rnnlib.widgets.__all__ if "shareRow(" in getattr(rnnlib.widgets, figure)._esm]


@contextlib.contextmanager
def harmless(page, watch):
    """Nothing came of what is done in the block: no dialog, no complaint."""
    dialogs = []
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    yield page
    # the console says so when a field of numbers is given anything else, which only a test can do
    assert not dialogs and not [told for told in watch.complaints if "The specified value" not in told]


@pytest.fixture
def hostile(specimen, visit):
    """The page whose figures were made with words that look like markup."""
    with harmless(*visit(specimen, "pages/hostile.html")) as page:
        yield page


@pytest.fixture
def alone(visit_alone, figure):
    """A page with one of these figures and nothing else, under the book's policy; it opens much faster."""
    kind = getattr(rnnlib.widgets, figure)
    with harmless(*visit_alone(kind(text="<b>", hidden_size=2) if hasattr(kind, "text") else kind())) as page:
        yield page


def test_every_figure_of_the_library_is_on_the_hostile_page(hostile):
    for figure in rnnlib.widgets.__all__:
        view = hostile.locator(f".rnn-widget-{kind_of(figure)}")
        assert view.get_attribute("data-state") == "live", figure
        assert not view.evaluate(MARKUP)[1], figure
        assert view.locator(".rnn-sharing").count() == (figure in SHARED), figure


def test_what_python_wrote_is_shown_as_it_was_written(hostile):
    def typed(figure):
        return hostile.locator(f".rnn-widget-{kind_of(figure)}").get_by_label("Text", exact=True).first.input_value()

    assert typed("ForwardStepper") == "</script><!--<b>&lt;"
    assert typed("BackwardStepper") == "\u202e<u>\u2066\0\x1b\x7f\u2028\u2029 \ufeff"
    assert typed("GradientDetective") == "'\"><svg/onload=alert(1)>"
    assert typed("River") == "<style>*{display:none}</style>"
    assert typed("Rosetta") == "<b>&lt;</b>"
    assert typed("TrainingLab") == "<img src=x onerror=alert(1)></textarea><script>alert(1)</script>"
    box = hostile.locator(".rnn-widget-vbox")
    assert box.evaluate("box => box.querySelector('img, script')") is None
    assert box.get_by_role("slider").get_attribute("aria-label") is None  # its name is its label
    assert box.get_by_role("slider", name="<img src=x onerror=alert(1)>").is_visible()
    assert box.inner_text().startswith("words\n<img src=x onerror=alert(1)>words<script>")  # HTML, then a label


@pytest.mark.parametrize("figure", rnnlib.widgets.__all__)
def test_nothing_typed_into_a_figure_becomes_markup(alone, figure):
    view = alone.locator(f".rnn-widget-{kind_of(figure)}")
    controls = view.locator(TYPED)
    assert controls.count()
    for control in controls.all():
        kept = control.input_value()
        control.evaluate(PASTE, code_units("ab ab"))
        names = {*view.evaluate(MARKUP)[0]}
        for text in HOSTILE:
            control.evaluate(PASTE, code_units(text))
            now, active = view.evaluate(MARKUP)
            assert not active, (text, active)
            assert {*now} <= names, (text, {*now} - names)
        control.evaluate(PASTE, code_units(kept))
        assert control.input_value() == kept and control.get_attribute("aria-invalid") != "true"


ALIEN = "document.querySelectorAll('#search-results :is(img, script, svg, b, u, iframe), [onerror], [onload]').length"


def test_nothing_asked_of_the_search_becomes_markup(specimen, visit, serving):
    page, watch = visit(specimen, "index.html")
    for text in [*HOSTILE[:-1], "constructor", "<b>x</b>" * 1000]:
        asked = quote(text.encode("utf-8", "surrogatepass"))
        page.goto(f"{serving(specimen)}/search.html?q={asked}&highlight={asked}")
        page.wait_for_function(STARTED)
        if text.strip():  # blanks ask nothing
            page.locator("#search-results [role=status]").wait_for()
        assert page.evaluate(ALIEN) == 0, text
    assert not watch.complaints


def test_a_title_that_looks_like_markup_is_found_as_words(specimen, visit):
    page, watch = visit(specimen, "search.html?q=onerror")
    found = page.locator("#search-results a").first
    found.wait_for()
    assert found.inner_text() == "Words <img src=x onerror=alert(1)> that look like markup"
    assert page.evaluate(ALIEN) == 0 and not watch.complaints


@pytest.mark.parametrize("path", ["pages/live.html", "search.html"])
def test_a_hostile_fragment_is_no_more_than_an_unknown_place(specimen, visit, serving, path):
    page, watch = visit(specimen, path)
    for text in HOSTILE[:-1]:
        page.goto("about:blank")
        page.goto(f"{serving(specimen)}/{path}#{quote(text.encode('utf-8', 'surrogatepass'))}")
        page.wait_for_function(STARTED)
        page.goto(f"{serving(specimen)}/{path}#{text.encode('utf-8', 'replace').decode()}")
    assert not watch.complaints


STORES = {
    "a hostile value": "Storage.prototype.getItem = () => '\"><img src=x onerror=alert(1)>'",
    "an object's own names": "Storage.prototype.getItem = () => '__proto__'",
    "nothing for this page": "for (const name of ['getItem', 'setItem', 'removeItem'])"
    " Storage.prototype[name] = () => { throw new DOMException('denied', 'SecurityError'); }",
    "no store at all": "Object.defineProperty(window, 'localStorage',"
    " { configurable: true, get() { throw new DOMException('denied', 'SecurityError'); } })",
}


@pytest.mark.parametrize("store", STORES)
def test_whatever_the_browser_kept_the_page_works(specimen, visit, serving, store):
    page, watch = visit(specimen, "index.html")
    page.add_init_script(STORES[store])
    for path in ("pages/live.html", "search.html?q=unmistakableword"):
        page.goto(f"{serving(specimen)}/{path}")
        page.wait_for_function(STARTED)
        html = page.locator("html")
        assert (html.get_attribute("data-mode"), html.get_attribute("data-theme")) == ("auto", "light")
        page.locator(".theme-switch-button").click()
        assert html.get_attribute("data-mode") == "dark"
    page.locator("#search-results a").first.wait_for()
    assert not watch.complaints


# Links: what they may say, and what becomes of all else

BROKEN = [
    *("seed=1e999", "seed=-1", "seed=0x10", "seed=NaN", "seed=1&seed=2", "seed=%00", "seed=９", "seed=%E0%A4%A"),
    *("hidden_size=__proto__", "hidden_size=9007199254740993", "hidden_size=1.5", "hidden_size[]=1&hidden_size="),
    *("text=", "text=a", "text=" + "a" * 50_000, "n=0", "n=99", "n=-1", "n=1e3", "n=<b>"),
]
HARMLESS = [
    *("", "&&=&=&;", "__proto__=x&constructor=y&toString=z&unknown=<img src=x onerror=alert(1)>", "%E0%A4%A=%&%=%E0"),
    *("text=%E0%A4%A", "text=<b>", "__proto__[seed]=1&text=%F0%9F%98%80%00", "text=ab&seed=9007199254740991"),
]
NOBODY = ["__proto__", "constructor", "<img src=x onerror=alert(1)>", "", "FORWARD-STEPPER", "x" * 50_000]

ARRIVE = """async ([hash, selector]) => {
  const changed = new Promise((done) => addEventListener("hashchange", done, { once: true }));
  location.hash = hash;
  await changed;
  await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
  return document.querySelector(`${selector} .rnn-opened`).textContent;
}"""


def link_name(figure):
    return re.sub(r"\B([A-Z])", r"-\1", figure).lower()


@pytest.mark.parametrize("figure", [name for name in SHARED if hasattr(getattr(rnnlib.widgets, name), "text")])
def test_a_link_says_what_it_may_or_is_broken(alone, figure):
    selector = f".rnn-widget-{kind_of(figure)}"
    view = alone.locator(selector)
    text = view.get_by_label("Text", exact=True).first
    began, names = text.input_value(), {*view.evaluate(MARKUP)[0]}
    for fields in BROKEN:
        said = alone.evaluate(ARRIVE, [f"figure={link_name(figure)}&{fields}", selector])
        assert said.startswith("The link is broken"), (fields[:40], said)
        assert text.input_value() == began, fields[:40]
    texts = [text.encode("utf-16", "surrogatepass").decode("utf-16", "replace") for text in HOSTILE[:-1]]
    for fields in [*HARMLESS, *(f"text={quote(text)}" for text in texts)]:
        said = alone.evaluate(ARRIVE, [f"figure={link_name(figure)}&{fields}", selector])
        assert said.startswith("This state comes") or (fields not in HARMLESS and said.startswith("The link is broken"))
        now, active = view.evaluate(MARKUP)
        assert not active and {*now} <= names, (fields[:40], active, {*now} - names)
    assert text.input_value() != began and alone.evaluate("({}).x === undefined && ({}).seed === undefined")


def test_a_link_for_nobody_is_answered_and_changes_nothing(hostile):
    values = "() => [...document.querySelectorAll('article :is(input, textarea)')].map((node) => node.value)"
    before = hostile.evaluate(values)
    for name in NOBODY:
        said = hostile.evaluate(ARRIVE, [f"figure={quote(name)}&text=changed&seed=3", ".rnn-widget-forwardstepper"])
        assert said.startswith("The link is broken"), name[:40]
    assert hostile.evaluate(values) == before


def test_a_broken_link_gives_the_page_as_it_begins(specimen, visit):
    page, watch = visit(specimen, "pages/hostile.html#figure=rosetta&text=other&hidden_size=%E0%A4%A")
    view = page.locator(".rnn-widget-rosetta")
    assert view.locator(".rnn-opened").inner_text().startswith("The link is broken (its “hidden_size” cannot be used)")
    assert view.get_by_label("Text", exact=True).input_value() == "<b>&lt;</b>" and not watch.complaints
