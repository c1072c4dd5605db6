"""The Sphinx extension of this book: what jupyter-book does not do, or does too heavily.

`maths` sets equations, `figures` draws widgets into pages and runs them there, `notebooks` makes notebooks, `theme` is
the frame of a page, `pages` adds what a page leads to, and `postprocess` makes the built pages light, in the order of
its STEPS. Where other packages are patched, it is in `compat`.
"""

EXTENSIONS = (
    "minify",
    "execution",
    "maths.mathml",
    "maths.notation",
    "figures.collect",
    "figures.source",
    "transforms",
    "notebooks.builder",
    "theme.frame",
    "theme.front",
    "theme.search",
    "pages.site_url",
    "pages.launch_links",
    "postprocess",
    "postprocess.pictures",
    "postprocess.fingerprint",
)


def setup(app):
    for name in EXTENSIONS:
        app.setup_extension(f"{__name__}.{name}")
    return {"parallel_read_safe": True, "parallel_write_safe": False}
