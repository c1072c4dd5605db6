"""A book that knows its address: canonical links, social cards, sitemap, feed. One that does not has none of them."""

import datetime
import re
from xml.etree import ElementTree

import pytest
from sphinx.errors import ConfigError

BASE = "https://reader.github.io/the-book/"
PAGES = [
    "intro.html",
    *(f"{p}.html" for p in ("pages/equations", "pages/plain", "chapters/notation", "chapters/glossary")),
]
ATOM = "{http://www.w3.org/2005/Atom}"


def head(folder, path):
    return (folder / path).read_text(encoding="utf-8").partition("</head>")[0]


def tags(folder, path):
    return dict(re.findall(r'<meta (?:property|name)="([^"]+)" content="([^"]*)"', head(folder, path)))


def test_each_page_names_its_own_address_and_the_front_only_one(published):
    for path in PAGES:
        assert re.findall(r'rel="canonical" href="([^"]*)"', head(published, path)) == [BASE + path]
    assert re.findall(r'rel="canonical" href="([^"]*)"', head(published, "index.html")) == [f"{BASE}intro.html"]


def test_each_page_has_a_card_that_lies_in_the_book(published):
    cards = set()
    for path in PAGES:
        found = tags(published, path)
        assert found["og:url"] == BASE + path
        assert found["og:image"].startswith(f"{BASE}_images/")
        cards.add(found["og:image"])
        picture = (published / found["og:image"].removeprefix(BASE)).read_bytes()
        assert picture.startswith(b"\x89PNG") and len(picture) < 100_000
    assert len(cards) == len(PAGES)


def test_a_page_says_one_thing_of_itself_everywhere_and_no_latex(published):
    for path in PAGES:
        found, html = tags(published, path), head(published, path)
        assert html.count('name="description"') == 1
        assert found["og:description"][:60] == found["description"][:60]
        assert "\\" not in found["og:description"]
    assert tags(published, "intro.html")["description"] == "First words of the front page."
    assert tags(published, "chapters/glossary.html")["description"] == "Glossary"  # it has no prose


def test_the_sitemap_holds_the_pages_and_robots_find_it(published):
    tree = ElementTree.parse(published / "sitemap.xml")
    addresses = {e.text for e in tree.iter("{http://www.sitemaps.org/schemas/sitemap/0.9}loc")}
    assert addresses == {BASE + path for path in PAGES}
    assert f"Sitemap: {BASE}sitemap.xml" in (published / "robots.txt").read_text(encoding="utf-8")


def test_each_page_points_to_the_feed_of_changes(published):
    for path in PAGES:
        depth = "../" * path.count("/")
        assert re.findall(r'type="application/atom\+xml"[^>]* href="([^"]*)"', head(published, path)) == [
            f"{depth}changes.xml"
        ]
    feed = ElementTree.parse(published / "changes.xml").getroot()
    assert feed.findtext(f"{ATOM}id") == BASE
    assert feed.find(f"{ATOM}link[@rel='self']").get("href") == f"{BASE}changes.xml"
    assert [e.text for e in feed.iterfind(f"{ATOM}entry/{ATOM}title")][-1] == "0.1.0"
    assert "<ul>" in feed.findall(f"{ATOM}entry/{ATOM}content")[-1].text


def test_versions_are_read_from_the_changelog(load_ext):
    text = """# Changelog

## [Unreleased]

- Not out yet.

## [0.2.0] - 2027-01-02

### Fixed

- A & B <b>.

## 0.1.0 - 2026-11-28

First.

[0.2.0]: https://example.org
"""
    module = load_ext("bookext.pages.site_url")
    assert module.changes(text) == [
        ("0.2.0", datetime.date(2027, 1, 2), "### Fixed\n\n- A & B <b>."),
        ("0.1.0", datetime.date(2026, 11, 28), "First."),
    ]
    entries = ElementTree.fromstring(module.feed(text, BASE, "T", "A", "en")).findall(f"{ATOM}entry")
    assert len({e.findtext(f"{ATOM}id") for e in entries}) == 2
    assert entries[0].findtext(f"{ATOM}updated").startswith("2027-01-02")


@pytest.mark.parametrize(
    ("setting", "variable", "base"),
    [
        ("", "", ""),
        (None, None, ""),
        ("https://a.org/b", None, "https://a.org/b/"),
        ("https://a.org/b//", "", "https://a.org/b/"),
        ("https://a.org/b", "http://c.org", "http://c.org/"),
    ],
)
def test_the_address_is_a_setting_or_a_variable(load_ext, setting, variable, base):
    assert (
        load_ext("bookext.pages.site_url").base_address(setting, {"BOOK_BASEURL": variable} if variable else {}) == base
    )


@pytest.mark.parametrize(
    "wrong", ["a.org/b", "/b", "ftp://a.org", "https://a.org/?q=1", "https://a.org/#x", "https:///b"]
)
def test_what_is_no_address_stops_the_build(load_ext, wrong):
    with pytest.raises(ConfigError, match=re.escape(repr(wrong))):
        load_ext("bookext.pages.site_url").base_address(wrong, {})


def test_without_an_address_nothing_speaks_of_one(specimen):
    for name in ("sitemap.xml", "robots.txt", "changes.xml"):
        assert not (specimen / name).exists()
    html = head(specimen, "pages/plain.html")
    assert "og:" not in html and "canonical" not in html and "atom" not in html
