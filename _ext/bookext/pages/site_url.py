"""What a book says of itself once its address is known: nothing of this is there without one.

The address is ``html_baseurl`` (in _config.yml: ``html: baseurl:``) or, before it, the environment's BOOK_BASEURL.
With it each page names its own canonical address and has a social card, and the book has a sitemap for search engines
and an Atom feed of its changes, made from CHANGELOG.md.
"""

import datetime
import os
import re
from html import escape
from pathlib import Path
from urllib.parse import urlsplit

from sphinx.errors import ConfigError

from .. import compat
from ..theme.frame import summary

FEED = "changes.xml"
ICON = str(Path(__file__).parents[1] / "theme" / "icon.png")  # icon.svg as pixels
CARD_FONT = "Roboto Flex"  # comes with sphinxext-opengraph
VERSION = re.compile(r"^## \[?([^]\s]+)\]? - (\d{4}-\d\d-\d\d)\s*$(.*?)(?=^## |^\[|\Z)", re.M | re.S)


def base_address(setting, environment=os.environ):
    """The book's address with a slash at its end, '' when nobody has said it."""
    address = environment.get("BOOK_BASEURL") or setting or ""
    parts = urlsplit(address)
    absolute = parts.scheme in ("http", "https") and parts.netloc
    if (address and not absolute) or parts.query or parts.fragment:
        raise ConfigError(f"BOOK_BASEURL or html_baseurl: {address!r} is no address like https://example.org/book/")
    return address and address.rstrip("/") + "/"


def configure(app, config):
    config.html_baseurl = base = base_address(config.html_baseurl)
    if not base:
        return
    from rnnlib.plots import COLOURS

    app.setup_extension("sphinx_sitemap")
    config.sitemap_url_scheme = "{link}"
    config.sitemap_locales = [None]
    config.sitemap_excludes = ["search.html", "genindex.html", "404.html", "offline.html"]
    app.setup_extension("sphinxext.opengraph")
    config.ogp_site_url = base
    config.ogp_site_name = config.html_title
    config.ogp_enable_meta_description = False  # the page has its own
    config.ogp_social_cards = {"font": card_fonts(), "image_mini": ICON, "line_color": COLOURS["ink"]}
    # one summary for all who ask for it; theirs takes LaTeX for prose
    compat.describe_pages_with(lambda doctree: escape(summary(doctree), quote=False))


def card_fonts():
    """The cards' font, then those of this machine that have the characters it lacks."""
    from matplotlib import font_manager
    from sphinxext import opengraph

    from rnnlib.plots import fonts

    font_manager.fontManager.addfont(Path(opengraph.__file__).parent / "_static" / "Roboto-Flex.ttf")
    return [CARD_FONT, *fonts()]


def tell(app, pagename, templatename, context, doctree):
    context["book_feed"] = app.config.html_baseurl and context["pathto"](FEED, resource=True)


def changes(text):
    """(version, date, Markdown) of each version in a changelog written as keepachangelog.com says, newest first."""
    return [(version, datetime.date.fromisoformat(day), body.strip()) for version, day, body in VERSION.findall(text)]


def feed(text, base, title, author, language):
    """An Atom feed of a changelog's versions."""
    from feedgenerator import Atom1Feed, get_tag_uri
    from markdown_it import MarkdownIt

    made = Atom1Feed(
        title=title, link=base, description="", language=language, author_name=author, feed_url=f"{base}{FEED}"
    )
    for version, day, body in changes(text):
        noon = datetime.datetime.combine(
            day, datetime.time(12), datetime.timezone.utc
        )  # the same day nearly everywhere
        made.add_item(
            title=version,
            link=base,
            description=None,
            content=MarkdownIt().render(body),
            unique_id=get_tag_uri(f"{base}{version}", noon),
            pubdate=noon,
            updateddate=noon,
        )
    return made.writeString("utf-8")


def add_feed(site, app):
    """Write ``robots.txt`` and the feed, where the book has an address."""
    config, base = app.config, app.config.html_baseurl
    if not base:
        return
    site.write("robots.txt", f"User-agent: *\nAllow: /\nSitemap: {base}sitemap.xml\n")
    text = Path(app.srcdir, "CHANGELOG.md").read_text(encoding="utf-8")
    site.write(FEED, feed(text, base, config.html_title, config.author, config.language))


def setup(app):
    app.setup_extension("sphinx.ext.githubpages")  # or GitHub hides the folders whose names begin with _
    app.connect("config-inited", configure)
    app.connect("html-page-context", tell)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
