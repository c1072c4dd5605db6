"""Pages that something is wrong with, and what every page leads to."""

import re
from types import SimpleNamespace

import pytest


def test_a_contents_link_that_cannot_be_decoded_stops_nothing(specimen, visit):
    def spoil(page):
        def answer(route):
            response = route.fetch()
            html = re.sub(
                r'(id="pst-page-toc-nav".*?)(<a )',
                r'\1<a href="#%E0">broken</a>\2',
                response.text(),
                count=1,
                flags=re.S,
            )
            route.fulfill(response=response, body=html)

        page.route("**/pages/plain.html", answer)

    page, watch = visit(specimen, "pages/plain.html", before=spoil)
    assert page.locator("#pst-page-toc-nav a[href='#%E0']").count() == 1
    page.set_viewport_size({"width": 1280, "height": 300})
    page.locator("#a-section").evaluate("node => node.scrollIntoView()")
    page.locator("#pst-page-toc-nav a[href='#a-section'].active").wait_for(state="attached")
    assert watch.complaints == []


# Notices


def test_a_notice_of_everything_that_others_made_goes_along(specimen, load_ext):
    notices = load_ext("bookext.postprocess.notices")
    text = (specimen / notices.FILE).read_text(encoding="utf-8-sig")
    for package in notices.PARTS:
        assert f"\n{package}: " in text
        for licence in notices.licences(package):
            assert licence in text
    assert "Bootstrap" in text and "The Bootstrap Authors" in text
    assert text.count("Permission is hereby granted") > 3 and "GUST Font License" in text


def test_a_file_of_a_package_without_notices_is_told(load_ext, tmp_path):
    notices = load_ext("bookext.postprocess.notices")
    (tmp_path / "_static").mkdir()
    (tmp_path / "_static" / "mine.css").touch()
    static = [str(path) for path in notices.HERE.glob("*/static")]
    app = SimpleNamespace(srcdir=tmp_path, config=SimpleNamespace(html_static_path=["_static", *static, "/other"]))
    known = [
        "mine.css",
        "page.js",
        "pygments.css",
        "basic.css",
        "searchtools.js",
        "mystnb.0123.css",
        "language_data.js",
    ]
    names = [f"_static/{name}" for name in [*known, "styles/sphinx-book-theme.css", "stranger.js"]]
    assert notices.strangers(app, names) == ["_static/stranger.js"]


@pytest.mark.parametrize("page", ["index.html", "pages/plain.html", "search.html"])
def test_every_page_leads_to_the_notices(specimen, page):
    html = (specimen / page).read_text(encoding="utf-8")
    [address] = re.findall(r'href="([^"]*notices\.txt)"', html)
    assert ((specimen / page).parent / address).resolve() == (specimen / "notices.txt").resolve()
