"""The page for an address that does not exist. A host serves ``404.html`` whatever the depth of that address.

So no relative link to a style sheet could hold. With ``html_baseurl`` all addresses are full ones; without it the page
stands by itself, and leads to the folder that was asked for and to the one above: one of them holds the book.
"""

from ..words import tag, word


def add_page(site, app):
    config = app.config
    base = config.html_baseurl and config.html_baseurl.rstrip("/") + "/"
    said = {key: word(f"not_found_{key}", config.language) for key in ("title", "words", "here", "above")}
    page = app.builder.templates.render(
        "404.html", {"base": base, "said": said, "title": config.html_title, "language": tag(config.language)}
    )
    site.write("404.html", page)
