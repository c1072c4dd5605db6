"""The steps that change the built pages and their files after Sphinx has written them.

They run in this order on one site in memory; the folder is written at the end. Each is a function ``step(site, app)``.
"""

from ..maths import font, notation
from ..pages import launch_links, not_found, site_url
from . import assets, fingerprint, notices, pictures
from .site import Site

STEPS = (
    not_found.add_page,  # 404.html, for the host to serve at any wrong address
    site_url.add_feed,  # robots.txt and a feed of changes, where the book knows its address
    notation.add_tips,  # the words that the symbols of equations tell
    launch_links.add_sources,  # each page's source and notebook, to download and to run elsewhere
    pictures.shrink,  # lighter pictures, and on pages their sizes
    font.subset_font,  # the maths font, with the signs of all pages and figures alone
    notices.add_file,  # of other people's work, before comments go
    assets.minify_scripts,  # those of the frame; figures' modules are minified before they are drawn
    assets.build_style_sheet,  # one for all pages, of the rules that they can match
    assets.copy_front_page,  # to index.html
    assets.drop_unused,  # the theme's files that no page loads
    fingerprint.name_contents,  # every address of a file that a page loads carries the file's hash
    fingerprint.add_worker,  # the service worker, which knows all pages and changes with any file
)


def finish(app, exception):
    if exception or app.builder.format != "html":
        return
    site = Site(app.outdir)
    for step in STEPS:
        step(site, app)
    site.save()


def setup(app):
    app.add_config_value("book_purge", True, "html", bool)  # False: all of the theme's rules, to compare with
    app.connect("build-finished", finish, priority=990)  # after the handlers of all other extensions
    return {"parallel_read_safe": True, "parallel_write_safe": False}
