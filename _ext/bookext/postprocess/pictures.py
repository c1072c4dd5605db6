"""Make pictures lighter, write their sizes into the pages, and load them lazily.

Cells draw every figure twice. The page shows the SVG without comments and metadata, which follows dark mode, or, where
that would be heavy, the PNG as WebP of fewer colours, a quarter of its size. The notebook to download keeps its own
pictures.
"""

import gzip
import io
import os
import posixpath
import re
from functools import cache
from pathlib import Path

from docutils import nodes
from sphinx.transforms.post_transforms import SphinxPostTransform

from .. import execution, minify
from ..spans import without

IMG = re.compile(r"<img [^<>]*>")
SOURCE = re.compile(r'\bsrc="([^":]+)\.(png|webp|svg)"')
SVG_SIZE = re.compile(r'<svg [^<>]*?\bwidth="([\d.]+)pt" height="([\d.]+)pt"')
PIXELS_PER_POINT = 100 / 72  # as large as the PNG of a figure of matplotlib's usual resolution
# What every kernel of this build reads before it starts, and matplotlib in it: a picture is the same with every build.
KERNEL = """c.InlineBackend.figure_formats = {"png", "svg"}
c.InlineBackend.print_figure_kwargs = {"bbox_inches": "tight", "metadata": {"Date": None}}
"""
MATPLOTLIB = """svg.hashsalt: book
svg.fonttype: none
path.simplify_threshold: 0.4  # of a pixel
"""
HEAVY = 24_000  # bytes of a compressed SVG above which the PNG is taken where it is lighter

NOT_DRAWN = [(re.compile(o), c) for o, c in (("<!--", "-->"), ("<metadata>", "</metadata>"), ("<!DOCTYPE", ">"))]
# Of a picture's matrix every digit counts: it makes one pixel as large as a cell.
LONG = re.compile(r"matrix\([^)]*\)|\b\d\d+\.\d\d+")
PATH = re.compile(r' d="([MLQCz\d.\s-]+)"')
FONTS = re.compile(r"\bfont(?:-family)?: [^;\"]*")  # of a text that stays text
LEVEL = re.compile(r' transform="rotate\(-?0[ ,][^)]*\)"')
GLYPH = re.compile(r'(<path id="[^"]*" d=")([^"]*)(" transform="scale\()0\.015625\)')  # 2048 units to the em
# How much any colour of any pixel may change, of 255: in areas, of so many pixels, less than the eye sees, so that a
# cell keeps its place on the scale; at edges more, where letters and lines run into the ground.
AREA, AREAS, EDGES = 32, 3, 20


def fewer_colours(picture):
    """The RGB picture with its rarer colours replaced by commoner ones that are close."""
    import numpy as np
    from PIL import Image  # comes with matplotlib, without which there is nothing to shrink

    pixels = np.asarray(picture).astype(np.int32) @ [1 << 16, 1 << 8, 1]
    values, places, counts = np.unique(pixels.ravel(), return_inverse=True, return_counts=True)
    colours = np.stack([values >> 16, values >> 8 & 255, values & 255], axis=1).astype(np.int16)
    kept, n = np.empty_like(colours), 0
    for i in np.argsort(-counts, kind="stable"):
        distance = abs(kept[:n] - colours[i]).max(axis=1)
        if n and distance.min() <= (AREAS if counts[i] >= AREA else EDGES):
            colours[i] = kept[distance.argmin()]
        else:
            kept[n] = colours[i]
            n += 1
    return Image.fromarray(colours[places].reshape(*pixels.shape, 3).astype(np.uint8))


@cache  # asked for to choose a picture, and again to write it
def webp(png):
    return execution.remembered(encoded, Path(__file__), png)


def encoded(png):
    """A PNG's bytes as WebP; one that is transparent keeps all its colours."""
    from PIL import Image

    with Image.open(io.BytesIO(png)) as picture:
        picture = picture.convert("RGBA")
    if picture.getextrema()[3][0] == 255:
        picture = fewer_colours(picture.convert("RGB"))
    small = io.BytesIO()
    picture.save(small, "WEBP", lossless=True)
    return small.getvalue()


@cache
def minify_svg(svg):
    """Matplotlib's SVG, dark-aware, without comments, metadata, names of groups, line breaks, hundredths of points.

    Its words are text in the font that it was drawn with, or in the reader's own.
    """
    ours = "matplotlib" in svg
    for opening, closing in NOT_DRAWN:
        svg = without(svg, opening, closing)
    svg = re.sub(r'<g id="\w+">', "<g>", svg)
    svg = LONG.sub(lambda m: m[0] if m[0][0] == "m" else f"{float(m[0]):.1f}".removesuffix(".0"), svg)
    svg = GLYPH.sub(
        lambda m: m[1] + re.sub(r"-?[\d.]+", lambda n: str(round(float(n[0]) / 8)), m[2]) + m[3] + "0.125)", svg
    )
    svg = LEVEL.sub("", FONTS.sub(lambda m: f"{m[0]}, sans-serif" if ours else m[0], svg))
    svg = PATH.sub(lambda m: f' d="{steps(m[1])}"', svg)
    svg = " ".join(filter(None, map(str.strip, svg.splitlines()))).replace("> <", "><")
    try:
        svg = minify.svg(svg)
    except minify.CannotMinify:  # a reader's own picture, with something that the minifier does not know
        return svg
    if ours:  # after the minifier, which writes colours in a way of its own
        from rnnlib.plots import aware

        svg = aware(svg)
    return svg


def steps(path):
    """The same path with relative commands, which take fewer digits."""
    told, last, here, start = "", "", (0, 0), (0, 0)
    for command, numbers in re.findall(r"([MLQCz])([^MLQCz]*)", path):
        if command == "z":
            told, last, here = told + "z", "", start
            continue
        values = [round(100 * float(number)) for number in numbers.split()]
        shifts = [f"{(value - here[i % 2]) / 100:g}" for i, value in enumerate(values)]
        told += "" if command.lower() == last else command.lower()
        told += "".join(shift if shift.startswith("-") else f" {shift}" for shift in shifts)
        last = "l" if command == "M" else command.lower()  # what follows a move are lines anyhow
        here = tuple(values[-2:])
        start = here if command == "M" else start
    return told


class ShowOne(SphinxPostTransform):
    """Of a figure that a cell drew twice, keep the SVG, or the PNG where the SVG is heavy and the PNG lighter."""

    default_priority = 3  # myst-nb's SelectMimeType runs at 4
    formats = ("html",)

    def run(self, **kwargs):
        for bundle in self.document.findall(nodes.container):
            by_mime = {child.get("mime_type"): child for child in bundle.children if isinstance(child, nodes.container)}
            png, svg = by_mime.get("image/png"), by_mime.get("image/svg+xml")
            if png and svg:
                png_file, svg_file = (Path(self.env.srcdir, next(n.findall(nodes.image))["uri"]) for n in (png, svg))
                vector = gzip.compress(minify_svg(svg_file.read_text(encoding="utf-8")).encode())
                bundle.remove(svg if len(vector) > max(HEAVY, len(webp(png_file.read_bytes()))) else png)


def size(site, name):
    """Width and height in CSS pixels; None for an SVG that gives none in points."""
    from PIL import Image

    if name.endswith(".svg"):
        found = SVG_SIZE.search(site.text(name))
        return found and tuple(round(float(points) * PIXELS_PER_POINT) for points in found.groups())
    with Image.open(io.BytesIO(site.data(name))) as picture:
        return picture.size


def shown(site, page, html):
    """The page's HTML with the WebP for each PNG that has one, and with width, height and lazy loading."""

    def attributes(match):
        tag = match[0]
        source = SOURCE.search(tag)
        if not source or re.search(r"\bstyle=", tag):
            return tag
        address = f"{source[1]}.{source[2].replace('png', 'webp')}"
        name = posixpath.normpath(posixpath.join(posixpath.dirname(page), address))
        if name not in site:
            return tag
        said = tag[: source.start(1)] + address + tag[source.end(2) :].removesuffix(">").removesuffix("/").rstrip()
        if "width=" not in said and (found := size(site, name)):
            said += ' width="{}" height="{}"'.format(*found)
        if "loading=" not in said:
            said += ' loading="lazy" decoding="async"'
        return said + " />"

    return IMG.sub(attributes, html)


def looks():
    """The colours and fonts of the library's own figures, for those of pyplot, as lines of a matplotlibrc."""
    from rnnlib.plots import STYLE, fonts

    told = {name: str(value).replace("#", "") for name, value in STYLE.items()} | {"font.family": ", ".join(fonts())}
    return "".join(f"{name}: {value}\n" for name, value in told.items())


def configure(app, config):
    folder = Path(app.outdir).parent / ".ipython"
    profile = folder / "profile_default"
    profile.mkdir(parents=True, exist_ok=True)
    (profile / "ipython_kernel_config.py").write_text(KERNEL, encoding="utf-8")
    (folder / "matplotlibrc").write_text(MATPLOTLIB + looks(), encoding="utf-8")
    os.environ |= {"IPYTHONDIR": str(folder), "MATPLOTLIBRC": str(folder / "matplotlibrc")}


def shrink(site, app):
    pngs = site.find("_images/*.png")
    for name in pngs:
        site.write(f"{name.removesuffix('.png')}.webp", webp(site.data(name)))
    for name in site.find("_images/*.svg"):
        site.write(name, minify_svg(site.text(name)))
    for page, html in site.pages().items():
        site.write(page, shown(site, page, html))
    text = " ".join(site.pages().values())
    for name in pngs:
        if name.removeprefix("_images/") not in text:  # nothing links to it, say as the picture of a social card
            site.remove(name)


def setup(app):
    app.add_post_transform(ShowOne)
    app.connect("config-inited", configure)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
