"""The frame of a page: its words in any language, a page as a file or in another site's frame, and the search."""

import json
import re
from urllib.parse import quote

import pytest
from books import ROOT

from rnnlib import widgets

# Words


@pytest.fixture(scope="module")
def tables(load_ext):
    return {"words.yml": load_ext("bookext.words").tables(), "words.json": widgets.words()}


@pytest.mark.parametrize("name", ["words.yml", "words.json"])
def test_every_language_has_every_word(tables, name):
    english = tables[name]["en"]
    for language, table in tables[name].items():
        assert table.keys() == english.keys(), language


LANGUAGES = {
    "en": "en", "zh": "zh", "zh_CN": "zh", "zh-CN": "zh", "ZH_cn": "zh", "zh_Hant_TW": "zh-Hant", "zh-hant": "zh-Hant",
    "fr": "en", "fr_CA": "en", "": "en", "constructor": "en", "__proto__": "en", "zhx": "en",
}  # fmt: skip


def test_python_and_the_page_find_a_language_s_words_by_one_rule(load_ext):
    from py_mini_racer import MiniRacer

    from rnnlib.widgets._bundle import HERE

    tables = {"en": {"a": "en"}, "zh": {"a": "zh"}, "zh_Hant": {"a": "zh-Hant"}}
    source = (HERE / "ui" / "messages.js").read_text(encoding="utf-8")
    rule = re.search(r"export (function tableOf.*?\n}\n)", source, re.S)[1]
    v8 = MiniRacer()
    v8.eval(rule)
    for language, found in LANGUAGES.items():
        assert load_ext("bookext.words").table_of(tables, language)["a"] == found
        assert v8.eval(f"tableOf({json.dumps(tables)}, {json.dumps(language)}).a") == found
    v8.close()


PLAIN = {
    "a &amp;lt; <em>b</em> &#39;&#x27;&nosuch;": "a &lt; b ''&nosuch;",
    '<math><mi>h</mi><annotation encoding="application/x-tex">h_t</annotation></math> once': "h once",
    **{sign * 2**18: sign * 2**18 for sign in ("<", "&", "<annotation", "<annotation&")},  # squared, it would never end
}


def test_a_title_in_the_results_is_its_words_however_long(load_ext):
    v8 = load_ext("bookext.figures.prerender").engine()
    source = (ROOT / "_ext" / "bookext" / "theme" / "static" / "search.js").read_text(encoding="utf-8")
    plain = re.search(r"\nfunction plain.*?\n}\n", source, re.S)[0]
    for html, words in PLAIN.items():
        assert v8.eval(f"(() => {{ {plain} return plain({json.dumps(html)}); }})()", timeout_sec=60) == words


def test_no_word_of_the_frame_is_in_a_template_or_a_script():
    theme, given = (
        ROOT / "_ext" / "bookext" / "theme",
        r"{#.*?#}|{%.*?%}|{{.*?}}|<!--.*?-->|<(?:kbd|code)\b.*?</(?:kbd|code)>",
    )
    for path in sorted(theme.glob("templates/*.html")):
        text = re.sub(given, "", path.read_text(encoding="utf-8"), flags=re.S)
        names = re.findall(r'\b(?:aria-label|title|placeholder|alt)="([^"]+)"', text)
        assert not re.findall(r"\w+", re.sub(r"<[^>]*>", "", text)), path.name
        assert not [name for name in names if re.search(r"\w", name)], path.name
    for path in sorted(theme.glob("static/*.js")):
        text = re.sub(r"/\*(?:.|\n)*?\*/|(?<!:)//.*", "", path.read_text(encoding="utf-8"))
        words = {*re.findall(r'"([A-Z][a-z]+(?: \w+)*)"', text)} - {"Escape"}
        assert not words, path.name


# Opened as a file, or in a frame


def test_a_page_that_is_opened_as_a_file_says_how_to_open_it(specimen, browser):
    page = browser.new_page()
    page.goto((specimen / "pages/live.html").as_uri())
    told = page.locator(".unserved-file")
    told.wait_for()
    assert "python3 -m http.server" in told.inner_text() and "http://localhost:8000/" in told.inner_text()
    assert not page.locator(".unserved-frame").is_visible()
    assert not page.get_by_text("needs JavaScript").first.is_visible()
    assert page.locator(".rnn-widget-counter img").first.is_visible()
    assert page.locator(".theme-switch-button:visible, .search-button__button:visible").count() == 0
    page.goto((specimen / "search.html").as_uri() + "?q=unmistakableword")
    assert "Specimen" in page.locator("#search-results a").first.inner_text()
    page.close()


@pytest.fixture
def framed(specimen, serving, browser, tmp_path):
    """framed(address, sandbox) -> the frame of another site's page that shows an address of the book.

    The site is on this machine too: Chromium keeps pages of a public network away from it.
    """
    context = browser.new_context()
    site = serving(tmp_path).replace("127.0.0.1", "localhost")  # another site, not only another port

    def show(address, sandbox):
        page = context.new_page()
        source = f"{serving(specimen)}/{address}"
        slides = f'<iframe width="700" height="500" sandbox="{sandbox}" src="{source}"></iframe>'
        (tmp_path / "slides.html").write_text(slides, encoding="utf-8")
        page.goto(f"{site}/slides.html")
        page.frame_locator("iframe").locator("html").wait_for()
        return next(frame for frame in page.frames if frame.url.startswith(source.partition("#")[0]))

    yield show
    context.close()


def test_a_figure_lives_in_a_sandboxed_frame_of_another_site(framed):
    frame = framed("pages/stepper.html?figure=1#figure=forward-stepper&text=abcab&seed=3", "allow-scripts")
    figure = frame.locator(".the-figure[data-state=live]")
    figure.wait_for()
    assert figure.get_by_label("Text", exact=True).input_value() == "abcab"
    figure.get_by_role("button", name="Next step").click()
    figure.locator("[data-t='1'][aria-current=step]").wait_for()


def test_only_the_figure_that_was_asked_for_is_shown(specimen, visit):
    for width in (1280, 360):
        page, watch = visit(specimen, "pages/live.html?figure=2", width=width)
        shown = page.locator(".rnn-widget:visible, h1:visible, p:visible, nav:visible, pre:visible")
        assert shown.evaluate_all("nodes => nodes.map((n) => n.className)")[0].split()[-1] == "the-figure"
        assert page.locator(".rnn-widget:visible").count() == 1
        assert page.locator(".the-figure output").inner_text() == "count 0 started 1"
        assert page.locator("h1:visible, nav:visible, pre:visible, header:visible").count() == 0
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        link = page.locator(".figure-from a")
        assert link.inner_text() == "Live widgets" and "figure=" not in link.get_attribute("href")
        assert watch.complaints == []


@pytest.mark.parametrize("number", ["0", "99", "-1", "1.5", "x", "%3Cb%3E", "", "1e400"])
def test_a_number_of_no_figure_shows_the_whole_page(specimen, visit, number):
    page, watch = visit(specimen, f"pages/live.html?figure={number}")
    assert page.locator("h1").is_visible() and page.locator(".rnn-widget:visible").count() > 5
    assert not page.locator(".figure-from").is_visible() and watch.complaints == []


@pytest.mark.parametrize(("language", "marked"), [("en", 3), ("fr", 3), ("zh_CN", 0), ("ja", 0)])
def test_chinese_characters_in_text_say_that_they_are(load_ext, language, marked):
    frame, words = load_ext("bookext.theme.frame"), load_ext("bookext.words")
    html = '<p title="人">人之初, a&amp;𠮷<code>"善"</code></p><math><mtext>好</mtext></math><!-- 人 -->'
    context = {"body": html, "language_tag": words.tag(language)}
    frame.mark_han(None, "page", "page.html", context, None)
    assert context["body"].count('<span lang="zh">') == marked
    assert re.sub(r'<span lang="zh">(.*?)</span>', r"\1", context["body"]) == html
    assert '"人">' in context["body"] and "<mtext>好<" in context["body"] and "<!-- 人 -->" in context["body"]


# Search


def asked(visit, folder, question):
    page, watch = visit(folder, f"search.html?q={quote(question)}")
    page.locator("#search-results [role=status]").wait_for()
    return page, watch


@pytest.mark.parametrize(
    ("question", "title", "excerpt"),
    [
        ("∂", "Equations", "∂"),
        ("⊙", "Equations", "⊙"),
        ("very_long_name", "Plain notebook", "very_long_name"),
        ("hidden states", "Plain notebook", "The hidden states meet a target."),
        ("telephone", "Plain notebook", "far too long for a telephone"),
    ],
)
def test_signs_and_words_of_code_are_found_with_an_excerpt_of_the_page(specimen, visit, question, title, excerpt):
    page, watch = asked(visit, specimen, question)
    found = page.locator("#search-results li", has=page.get_by_role("link", name=title, exact=True))
    found.locator(".context").wait_for()
    text = found.locator(".context").inner_text()
    assert excerpt in text and "\\" not in text and "Download" not in text
    assert found.locator("mark").count()
    assert watch.complaints == []


def test_what_is_not_found_is_said(specimen, visit):
    page, _ = asked(visit, specimen, "nowhereatall")
    assert page.locator("#search-results").inner_text().startswith("Nothing was found.")


def test_the_index_knows_the_signs_of_latex(load_ext):
    split = load_ext("bookext.theme.search").split
    assert split(r"\frac{\partial L}{\partial W_{hh}} = a \odot dWhh") == [
        *("frac", "L", "W_", "hh", "a", "dWhh"),
        *("∂", "∂", "⊙"),
    ]


# Trusted Types


@pytest.mark.parametrize("path", ["index.html", "pages/live.html", "search.html?q=hidden", "404.html"])
def test_no_page_turns_text_into_markup_or_a_script(specimen, visit, path):
    page, watch = visit(specimen, path)
    for sink in ("document.body.innerHTML = '<b>x</b>'", "document.createElement('script').src = 'a.js'"):
        attempt = f"() => {{ try {{ {sink}; }} catch (error) {{ return error.name; }} }}"
        assert page.evaluate(attempt) == "TypeError"
    assert watch.errors == watch.foreign == watch.failed == []
    assert not [told for told in watch.console if "rusted" not in told and "require-trusted-types-for" not in told]


def test_the_worker_is_the_one_script_whose_address_is_trusted(specimen, serving, browser):
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{serving(specimen)}/index.html")
    assert page.evaluate("navigator.serviceWorker.ready.then(({ active }) => active.scriptURL)").endswith("/sw.js")
    context.close()


# Fonts


def test_chinese_fonts_come_after_the_generic_family(specimen):
    css = (specimen / "_static/book.css").read_text(encoding="utf-8")
    families = re.findall(r"font-family(?:-\w+)?:([^;}]*var\(--book-cjk\)[^;}]*)", css)
    assert len(families) >= 3
    for family in families:
        assert re.search(r"\b(sans-serif|monospace|math)\b.*var\(--book-cjk\)", family), family


QUOTATION = """() => {
  const node = document.querySelector("article p");
  node.textContent = "“”‘’…—";
  const range = document.createRange();
  range.selectNodeContents(node);
  return range.getBoundingClientRect().width / parseFloat(getComputedStyle(node).fontSize);
}"""


def test_quotation_marks_are_not_as_wide_as_chinese_characters(specimen, visit):
    """In a CJK font each of the six is one em wide; a Latin one sets the four marks and the rest in four em at most."""
    page, _ = visit(specimen, "index.html")
    assert page.evaluate(QUOTATION) < 4.2
