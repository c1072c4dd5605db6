"""The published pages: everything works from plain files, with no kernel and no other host."""

import base64
import json
import re
from html.parser import HTMLParser

import pytest
from audit import COLOURS, THEMES, WIDTHS, Meter, pages, violations
from browsing import painted


def notebooks(folder):
    return sorted((folder.parent / "jupyter_execute").rglob("*.ipynb"))


def tour(visit, folder, **options):
    """(path, page, watch) of every page of a built book; each is closed before the next one opens.

    A page with the very bytes of another beside it is opened once: the front is the first chapter again.
    """
    seen = set()
    for path in pages(folder):
        same = (folder / path).parent, (folder / path).read_bytes()
        if same not in seen:
            seen.add(same)
            page, watch = visit(folder, path, **options)
            yield path, page, watch
            page.context.close()


@pytest.fixture(params=["book", "specimen"])
def built(request):
    return request.getfixturevalue(request.param)


# Every page


TOO_WIDE = """() => document.documentElement.scrollWidth <= innerWidth ? [] : [...document.querySelectorAll("main *")]
  .filter((e) => e.getBoundingClientRect().right > innerWidth + 1 && !e.closest("pre, .math-scroll, dialog,"
    + " .pst-scrollable-table-container, [class*=scroll], svg"))
  .map((e) => `too wide: ${e.outerHTML.slice(0, 120)}`).concat("scrolls sideways").slice(0, 3)"""
DEAD = """() => [...document.querySelectorAll(".rnn-widget")].filter((view) => view.dataset.state !== "live")
  .map((view) => `not live: ${view.className}`)"""
ARTICLE = "article > section"
# Of the specimen: all figures on one page, and pictures that come back.
ALL, BROKEN = "pages/hostile.html", "pages/broken.html"
FRAMES = "index.html", "chapters/notation.html", "genindex.html", "search.html", "404.html", "offline.html"


# the colours of text and figures do not follow the width
@pytest.mark.parametrize(("width", "theme"), [*zip(WIDTHS, THEMES, strict=True)])
def test_every_page_is_in_order(built, visit, width, theme, record_property):
    """It asks no other host, logs no error, keeps the budget, comes alive, is not too wide, and axe finds nothing."""
    faults, meters = {}, []
    options = {"width": width, "theme": theme, "before": lambda page: meters.append(Meter(page))}
    for path, page, watch in tour(visit, built, **options):
        cost = meters.pop().read()
        record_property(path, str(cost))  # pytest-xdist sends plain values only
        page.mouse.wheel(0, 100_000)  # what begins when it is scrolled to counts as well
        painted(page)
        found = faults[path] = page.evaluate(TOO_WIDE)
        found += [] if path == ALL else violations(page)  # which takes longest here; each figure is on another page too
        found += [] if path in (ALL, BROKEN) else cost.broken()
        found += [words for words in page.evaluate(DEAD) if "-bad" not in words]
        found += [words for words in watch.complaints if not ("broken" in path and "could not start" in words)]
    assert not {path: found for path, found in faults.items() if found}


@pytest.mark.parametrize(("width", "theme"), [*zip(WIDTHS, reversed(THEMES), strict=True)])
def test_the_frame_has_contrast_in_the_other_mode_too(specimen, visit, width, theme):
    """What stands around the text does follow the width; it is the same on every page but these."""
    for path in FRAMES:
        page, _ = visit(specimen, path, width=width, theme=theme)
        assert violations(page, ARTICLE, runOnly=COLOURS) == [], path
        page.context.close()


def handlers(html):
    """The attributes of elements that would run a script; words inside other attributes are none."""
    found, parser = [], HTMLParser()
    parser.handle_starttag = lambda _, attributes: found.extend(n for n, _ in attributes if n.startswith("on"))
    parser.feed(html)
    return found


def test_no_page_runs_inline_script_or_needs_eval(built, visit):
    for path in pages(built):
        html = (built / path).read_text(encoding="utf-8")
        for attributes, body in re.findall(r"<script([^>]*)>(.*?)</script>", html, re.S):
            assert "src=" in attributes or "vnd.jupyter" in attributes, (path, body[:80])
        assert not handlers(html), path


def test_every_link_inside_the_book_leads_somewhere(built):
    anchors = {}
    for path in pages(built):
        html = (built / path).read_text(encoding="utf-8")
        anchors[(built / path).resolve()] = set(re.findall(r'\bid="([^"]+)"', html))
    for path in list(anchors):
        for href in re.findall(r'<a [^>]*href="([^"]+)"', path.read_text(encoding="utf-8")):
            if re.match(r"[a-z]+:", href):
                continue
            target, _, anchor = href.partition("#")
            file = (path.parent / target).resolve() if target else path
            assert file.exists(), f"{path.name}: {href}"
            assert not anchor or file not in anchors or anchor in anchors[file], f"{path.name}: {href}"


def test_every_code_cell_ran_without_error(built):
    assert notebooks(built)
    for path in notebooks(built):
        cells = [c for c in json.loads(path.read_text(encoding="utf-8"))["cells"] if c["cell_type"] == "code"]
        for cell in cells:
            where = f"{path.name}: {''.join(cell['source'])[:60]}"
            assert cell["execution_count"] or not "".join(cell["source"]).strip(), where
            assert not [o for o in cell["outputs"] if o["output_type"] == "error"], where


def test_every_module_is_stored_once_and_in_no_page(built, load_ext):
    modules = set()
    for path in notebooks(built):
        widgets = json.loads(path.read_text(encoding="utf-8"))["metadata"].get("widgets", {})
        for state in widgets.values():
            modules |= {m["state"]["_esm"] for m in state["state"].values() if "_esm" in m["state"]}
    stored = [path.read_text(encoding="utf-8") for path in built.glob("_static/widgets/*.js")]
    assert len(set(stored)) == len(stored)
    assert set(stored) <= set(map(load_ext("bookext.minify").script, modules))
    for path in pages(built):
        html = (built / path).read_text(encoding="utf-8")
        assert '"_esm"' not in html and '"_css"' not in html, path


def test_pictures_keep_their_place_and_their_colours(book):
    from PIL import Image, ImageChops, ImageStat

    for path in pages(book):
        for tag in re.findall(r"<img [^>]*>", (book / path).read_text(encoding="utf-8")):
            assert re.search(r'width="\d+" height="\d+"', tag) and 'loading="lazy"' in tag, (path, tag)
            # the mark next to the name of the book says nothing that the name does not
            assert re.search(r'alt="[^"]+"', tag) or "icon.svg" in tag, (path, tag)
    pairs = [(book / "_images" / f"{p.stem}.webp", p) for p in (book.parent / "jupyter_execute").glob("*.png")]
    assert any(webp.exists() for webp, _ in pairs) and list(book.glob("_images/*.svg"))
    for webp, png in pairs:
        if webp.exists():  # not so where the page shows the figure's SVG
            with Image.open(webp) as small, Image.open(png) as full:
                assert small.size == full.size
                difference = ImageChops.difference(small.convert("RGB"), full.convert("RGB"))
                assert max(high for _, high in difference.getextrema()) <= 20, png.name
                assert max(ImageStat.Stat(difference).rms) < 2, png.name


# Mathematics


def test_equations_are_mathml_and_no_latex_is_left_over(built):
    for path in pages(built):
        html = (built / path).read_text(encoding="utf-8")
        html = re.sub(r"<(annotation|pre|code|script)\b.*?</\1>", "", html, flags=re.S)
        assert not re.search(r"\\(frac|begin|partial|hat|sum)\b|\$\$", html), path


def test_labelled_equations_are_numbered_and_references_lead_to_them(specimen, visit):
    page, _ = visit(specimen, "pages/equations.html")
    assert page.locator("math").count() >= 11
    assert page.locator(".eqno").all_inner_texts()[0].startswith("(1)")
    reference = page.locator("a.reference", has_text="(2)")
    anchor = reference.get_attribute("href").removeprefix("#")
    assert page.locator(f"[id='{anchor}']").locator("annotation", has_text="begin{aligned}").count() == 1
    page, _ = visit(specimen, "index.html")
    page.get_by_role("link", name="(1)", exact=True).click()
    assert page.url.endswith("pages/equations.html#equation-total")


def test_what_is_printed_in_pieces_is_shown_as_it_was_printed(specimen, visit):
    page, _ = visit(specimen, "pages/live.html")
    printed = page.locator("section#printed-text .cell_output")
    assert printed.count() == 1 and printed.inner_text().strip() == "one, two\n\nthree, four"


def test_punctuation_stays_with_the_symbol_before_it(specimen, visit):
    page, _ = visit(specimen, "pages/equations.html")
    paragraph = page.locator("p", has_text="Punctuation:")
    assert re.sub(r"\s|[𝑥𝑦𝑧]", "", paragraph.inner_text()) == "Punctuation:one,two,,,and."
    assert [text[-1] for text in paragraph.locator(".with-math").all_inner_texts()] == [",", ",", "."]


def test_a_long_equation_scrolls_inside_itself_and_can_be_reached_by_keyboard(specimen, visit):
    page, _ = visit(specimen, "pages/equations.html", width=360)
    equation = page.locator(".math-scroll[tabindex='0']").first
    assert equation.get_attribute("aria-label") == "Equation"
    equation.focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function("() => document.activeElement.scrollLeft > 0")


def test_equations_use_the_book_s_own_font(specimen, visit):
    page, _ = visit(specimen, "pages/equations.html")
    assert page.evaluate("document.fonts.ready.then(() => document.fonts.check('16px \"Book Math\"'))")


# The widget host


@pytest.fixture
def live(specimen, visit):
    page, watch = visit(specimen, "pages/live.html")
    yield page
    assert not watch.complaints


def test_two_views_of_one_model_share_its_state(live):
    views = live.locator(".rnn-widget-counter")
    views.nth(0).get_by_role("button").click()
    assert views.nth(1).locator("output").inner_text() == "count 1 started 1"


def test_initialize_runs_once_per_model(live):
    counts = live.locator(".rnn-widget-counter output").all_inner_texts()
    assert counts == ["count 0 started 1"] * 2


def test_one_set_tells_change_once(live):
    view = live.locator(".rnn-widget-counter").first
    view.get_by_role("button").click()
    view.get_by_role("button").click()
    assert view.locator("span").inner_text() == "changes 2"


def test_models_in_a_box_are_apart_and_markup_is_shown_as_words(live):
    box = live.locator(".rnn-widget-vbox").first
    box.get_by_role("button", name="Add to lower").click()
    assert box.locator("output").all_inner_texts() == ["count 0 started 1", "count 1 started 1"]
    assert "bold words" in box.inner_text()


@pytest.mark.parametrize(
    ("name", "key", "value", "readout"), [("whole", "ArrowRight", 4, "4"), ("real", "ArrowLeft", 2, "2.00")]
)
def test_a_linked_slider_moves_the_widget(live, name, key, value, readout):
    live.get_by_role("slider", name=name).press(key)
    meter = live.get_by_label(f"{name} gauge")
    assert meter.evaluate("meter => meter.value") == value
    assert live.locator(".rnn-host-slider", has_text=name).locator("output").inner_text() == readout


def test_a_directional_link_goes_one_way(live):
    leader, led = live.get_by_role("slider", name="leader"), live.get_by_role("slider", name="led")
    assert led.input_value() == "4", "the source gives the first value"
    leader.press("ArrowRight")
    assert led.input_value() == "5"
    led.press("ArrowRight")
    assert (leader.input_value(), led.input_value()) == ("5", "6")


def test_binary_traits_arrive_as_data_views(live):
    assert live.locator(".rnn-widget-binary").inner_text() == "numbers 1.5 -2 4; byte 42; kind DataView"


def test_a_model_that_no_view_can_reach_is_left_out(specimen):
    html = (specimen / "pages/live.html").read_text(encoding="utf-8")
    state = json.loads(re.search(r"widget-state\+json\">(.*?)</script>", html, re.S)[1])["state"]
    assert len(state) == 22  # twice 1, two in a box 4, tab and accordion 4, three pairs with box and link 12, binary 1
    assert "never shown" not in json.dumps(state)


def test_a_live_view_takes_its_picture_s_place(live):
    picture = live.locator(".rnn-widget-counter img").first
    assert not picture.is_visible()
    assert live.locator(".rnn-widget-first").count() == 0
    live.mouse.wheel(0, 5000)
    live.wait_for_load_state("networkidle")
    asked = live.evaluate("() => performance.getEntriesByType('resource').map(({ name }) => name)")
    assert asked and not [name for name in asked if "_images" in name], "a picture that nobody sees costs nothing"


@pytest.mark.parametrize("name", ["badimport", "badrender", "badpromise"])
def test_a_view_that_cannot_start_leaves_its_picture_and_says_so(specimen, visit, name):
    page, watch = visit(specimen, "pages/broken.html")
    view = page.locator(f".rnn-widget-{name}")
    picture = view.locator("img")
    assert picture.is_visible()
    assert picture.get_attribute("alt") == "What it would look like."
    assert view.inner_text() == "This figure could not start; here is a static image."
    assert not watch.errors and all(c.startswith("warning") for c in watch.console)


def test_a_failure_keeps_no_other_view_from_starting(specimen, visit):
    page, _ = visit(specimen, "pages/broken.html")
    assert page.locator(".rnn-widget-fine").inner_text() == "I am fine </script><!-- <b>"
    assert page.get_by_role("slider", name="beside").is_visible()


def test_a_control_that_needs_a_kernel_says_so(specimen, visit):
    page, _ = visit(specimen, "pages/broken.html")
    assert page.locator(".rnn-widget-dropdown").inner_text() == "This control (Dropdown) needs a running kernel."


def test_without_scripts_the_picture_stands_in(specimen, visit):
    page, _ = visit(specimen, "pages/live.html", java_script_enabled=False)
    view = page.locator(".rnn-widget-counter").first
    assert view.locator("img").is_visible()
    assert "needs JavaScript" in view.inner_text()


def test_without_the_host_the_picture_stands_in(specimen, serving, browser):
    page = browser.new_page()
    page.route("**/host.js*", lambda route: route.abort())
    page.goto(f"{serving(specimen)}/pages/live.html", wait_until="networkidle")
    assert page.locator(".rnn-widget-counter img").first.is_visible()
    page.close()


def test_a_page_without_widgets_loads_no_host(specimen):
    html = (specimen / "pages/equations.html").read_text(encoding="utf-8")
    assert "host.js" not in html and "widget-state" not in html


# The frame


def test_the_colours_can_be_switched_and_are_remembered(specimen, visit):
    page, _ = visit(specimen, "index.html")
    ground = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(ground)
    button = page.locator(".theme-switch-button")
    seen = set()
    for _ in range(3):
        button.click()
        seen.add((page.locator("html").get_attribute("data-mode"), page.locator("html").get_attribute("data-theme")))
    assert seen == {("auto", "light"), ("light", "light"), ("dark", "dark")}
    while page.locator("html").get_attribute("data-mode") != "dark":
        button.click()
    page.reload(wait_until="networkidle")
    assert page.locator("html").get_attribute("data-theme") == "dark"
    assert page.evaluate(ground) != light


def test_the_system_s_dark_colours_are_followed_without_scripts_too(specimen, visit):
    page, _ = visit(specimen, "index.html", theme="dark")
    assert page.locator("html").get_attribute("data-theme") == "dark"


def test_a_plot_in_the_dark_runs_into_the_paper_around_it(book, visit):
    """No frame around it, and none of its colours turned once more by the theme."""
    import io

    from PIL import Image

    from rnnlib import _tokens

    page, _ = visit(book, "chapters/cells.html", theme="dark")
    plot = page.locator(".cell_output img").first
    plot.evaluate("(image) => { image.loading = 'eager'; return image.decode(); }")
    picture = Image.open(io.BytesIO(plot.screenshot())).convert("RGB")
    paper = tuple(bytes.fromhex(_tokens.COLOURS["paper"][1][1:]))
    edge = {picture.getpixel((x, y)) for x in (2, picture.width - 3) for y in range(2, picture.height - 2)}
    assert edge == {paper}


def test_search_finds_a_page_from_the_button_with_no_other_host(specimen, visit):
    page, watch = visit(specimen, "pages/plain.html", width=360)
    page.locator(".search-button").click()
    page.keyboard.type("unmistakableword")
    page.keyboard.press("Enter")
    page.locator("#search-results a").first.wait_for()
    assert page.url.endswith("search.html?q=unmistakableword")
    assert "Specimen" in page.locator("#search-results a").first.inner_text()
    assert not watch.complaints


def test_an_equation_stands_once_in_a_search_result(specimen, visit):
    page, _ = visit(specimen, "search.html?q=softmax")
    words = page.locator("#search-results .context", has_text="Inline").inner_text().replace("\u2061", "")
    assert words.count("softmax(ot)") == 1 and "\\" not in words and "Copy LaTeX" not in words


def test_the_chapters_open_on_a_phone_and_close_again(specimen, visit):
    page, _ = visit(specimen, "index.html", width=360)
    links = page.get_by_role("navigation", name="Main")
    assert not links.is_visible()
    page.get_by_role("button", name="Chapters").click()
    assert links.is_visible()
    page.keyboard.press("Escape")
    links.wait_for(state="hidden")
    page.get_by_role("button", name="Chapters").click()
    links.get_by_role("link", name="Equations").click()
    assert page.url.endswith("pages/equations.html")


def test_the_chapters_fold_away_on_a_wide_screen(specimen, visit):
    page, _ = visit(specimen, "index.html")
    button, links = page.get_by_role("button", name="Chapters"), page.get_by_role("navigation", name="Main")
    button.click()
    links.wait_for(state="hidden")
    button.click()
    links.wait_for(state="visible")


def test_the_page_s_contents_open_on_a_phone(specimen, visit):
    page, _ = visit(specimen, "pages/plain.html", width=360)
    page.get_by_role("button", name="On this page").click()
    page.locator("#pst-page-toc-nav a", has_text="A section").click()
    assert page.url.endswith("#a-section")
    assert page.locator("#a-section h2").is_visible()


def test_hidden_code_opens_without_a_script(specimen, visit):
    page, _ = visit(specimen, "pages/plain.html", java_script_enabled=False)
    hidden = page.get_by_text("very_long_name").first
    assert not hidden.is_visible()
    page.locator("details.hide summary").first.click()
    assert hidden.is_visible()
    page.locator("details.folded summary").click()
    assert page.get_by_text("Folded without a script.").is_visible()


def test_code_can_be_copied(specimen, visit):
    page, _ = visit(specimen, "pages/plain.html", permissions=["clipboard-read", "clipboard-write"])
    page.locator(".copy-button").first.click()
    assert page.evaluate("navigator.clipboard.readText()") == 'print("a printed line " * 20)'


def test_chinese_text_wraps_on_a_phone(specimen, visit):
    page, _ = visit(specimen, "index.html", width=360)
    paragraph = page.locator("p", has_text="循环神经网络")
    assert paragraph.evaluate("p => p.scrollWidth <= p.clientWidth && p.getClientRects()[0].height > 60")


def test_the_frame_names_the_language_the_book_and_its_author(book):
    html = (book / "index.html").read_text(encoding="utf-8")
    assert '<html lang="en"' in html
    assert "Backpropagation through time, step by step" in re.search(r"<title>(.*?)</title>", html, re.S)[1]
    assert 'name="author" content="the rnnlib authors"' in html
    assert html.count('name="viewport"') == 1


def test_the_purged_style_sheet_paints_the_same_pages(specimen, unpurged, visit):
    """Of 1,000 pixels at most one may differ by more than eye or encoder see; a lost rule moves whole lines."""
    import io

    from PIL import Image, ImageChops

    def painted(folder, path, **options):
        page, _ = visit(folder, path, **options)
        picture = page.screenshot(full_page=True, animations="disabled")
        page.context.close()
        return Image.open(io.BytesIO(picture)).convert("L")

    sizes = [(folder / "_static" / "book.css").stat().st_size for folder in (specimen, unpurged)]
    assert sizes[0] < sizes[1] / 2
    for path in ("pages/plain.html", "pages/equations.html", "pages/stepper.html"):
        for width, theme in zip(WIDTHS, THEMES, strict=True):
            one, other = (painted(folder, path, width=width, theme=theme) for folder in (specimen, unpurged))
            assert one.size == other.size, (path, width)
            unlike = ImageChops.difference(one, other).point(lambda level: level > 16)
            assert sum(unlike.histogram()[1:]) <= one.width * one.height / 1000, (path, width, theme)


# The parts


def test_purging_keeps_what_the_pages_can_match(load_ext):
    purge = load_ext("bookext.postprocess.purge").purge
    css = """
    .used, .unused > p { color: red }
    .unused { color: blue }
    p:not(.unused) { margin: 0 }
    @media print { .unused { color: red } .used { color: black } }
    @media screen { .unused { top: 0 } }
    @keyframes spin { from { top: 0 } to { top: 1px } }
    @font-face { font-family: "Font Awesome 6 Free"; src: url(x) }
    .used::before { content: "} .unused {" }
    .used:not(.a, .b), .unused, p#used > .sd\\:x { --bs-spinner-animation-name: turn; margin: 0 }
    @keyframes turn { 50% { top: 0 } }
    .used .fa-list, .fas, linearGradient.used { top: 0 }
    p { --a: { x: y }; top: var(--a, url(data:;})) }
    @import "other.css"; @charset "utf-8"; @layer one, two;
    @page { margin: 1cm }
    /* .used { left: 0 } */ .used { right: 0 /* } */ ; }
    """
    kept = purge(css, {"p", "used", "fas", "fa-list", "sd:x", "lineargradient"})
    assert "".join(kept.split()) == "".join(
        """.used{color:red;}p:not(.unused){margin:0;}@media print{.used{color:black;}}
        .used::before{content:"} .unused {";}
        .used:not(.a, .b),p#used > .sd\\:x{--bs-spinner-animation-name:turn;margin:0;}@keyframes turn{50%{top:0;}}
        linearGradient.used{top:0;}
        p{--a:{ x: y };top:var(--a, url(data:;}));}
        @layer one,two;@page{margin:1cm;}
        .used{right:0/**/;}""".replace("0/**/", "0 /* } */").split()
    )


def test_variables_that_nothing_asks_for_go_and_no_others(load_ext):
    css = """:root{--a:1px;--b:var(--a);--c:url("x;y)");--d:2px;--e:#fff}p{top:var(--b);left:var(--z,var( --c))}"""
    css += "q{--f:0}"
    assert load_ext("bookext.postprocess.purge").drop_variables(css, "element.style.setProperty('--d', 1)") == (
        ':root{--a:1px;--b:var(--a);--c:url("x;y)");--d:2px;}p{top:var(--b);left:var(--z,var( --c));}'
    )


def test_fewer_colours_keep_areas_true_and_edges_close(load_ext):
    import numpy as np
    from PIL import Image

    pixels = np.random.default_rng(0).integers(0, 40, (64, 64, 3)).astype(np.uint8)
    pixels[:32] = np.repeat(np.arange(0, 128, 4, dtype=np.uint8), 2)[:, None]  # 32 areas, four apart
    small = np.asarray(load_ext("bookext.postprocess.pictures").fewer_colours(Image.fromarray(pixels)))
    assert (small[:32] == pixels[:32]).all()
    difference = abs(small.astype(int) - pixels)
    assert 3 < difference.max() <= 24
    assert len(np.unique(small.reshape(-1, 3), axis=0)) < 100 < len(np.unique(pixels.reshape(-1, 3), axis=0))


def test_a_minified_svg_paints_the_same(load_ext, browser):
    import io

    from PIL import Image, ImageChops, ImageStat

    from rnnlib import plots

    pictures, painted = load_ext("bookext.postprocess.pictures"), []
    svg = plots.plot_contributions([[1.0, 0], [0.5, 0.25]], "ab")._repr_svg_()
    assert len(pictures.minify_svg(svg)) < 0.9 * len(svg)
    for text in (svg, pictures.minify_svg(svg), svg.replace("<use", "<unused")):
        page = browser.new_page()
        page.goto("data:image/svg+xml;base64," + base64.b64encode(text.encode()).decode())
        painted.append(Image.open(io.BytesIO(page.screenshot())).convert("RGB"))
        page.close()
    assert painted[0].getextrema() != ((255, 255),) * 3
    unlike = [max(ImageStat.Stat(ImageChops.difference(painted[0], other)).rms) for other in painted[1:]]
    assert unlike[0] < 1.5 < 5 < unlike[1], "minified it is hardly another picture, and without letters and ticks it is"


def test_a_path_told_in_steps_goes_through_the_same_points(load_ext):
    steps = load_ext("bookext.postprocess.pictures").steps
    path = "M 10 20 \nL 10.5 18 \nL 10.75 18 \nQ 11 19 12 20 \nC 12 21 11 22 10.25 22 \nz \nM -3 0.5 \nL -3 0 \nz"
    assert steps(path) == "m 10 20 0.5-2 0.25 0q 0.25 1 1.25 2c 0 1-1 2-1.75 2zm-13-19.5 0-0.5z"


def test_the_font_has_every_sign_of_every_equation(built, load_ext):
    from fontTools.ttLib import TTFont

    font = load_ext("bookext.maths.font")
    cut, whole = (TTFont(path).getBestCmap() for path in (built / "_static" / font.TARGET.name, font.TARGET))
    assert len(cut) < len(whole)
    for path in pages(built):
        asked = {ord(c) for c in font.in_equations((built / path).read_text(encoding="utf-8"))}
        assert asked & set(whole) <= set(cut), path


def test_the_server_compresses_text_and_moves_on_when_its_port_is_taken(load_ext, tmp_path):
    import gzip
    import urllib.request

    serve = load_ext("serve").serve
    (tmp_path / "a.js").write_text("export default 1;" * 100)
    with serve(tmp_path) as first, serve(tmp_path, int(first.rpartition(":")[2])) as second:
        assert first != second
        request = urllib.request.Request(f"{second}/a.js", headers={"Accept-Encoding": "gzip"})
        with urllib.request.urlopen(request) as answer:
            assert answer.headers["Content-Type"].startswith("text/javascript")
            assert gzip.decompress(answer.read()).startswith(b"export default")
