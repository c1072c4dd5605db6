"""Lighter pictures: what cells drew becomes a palette PNG, a third of its size, and loads when it is near.

Pictures get their size in the HTML, so that a late one moves nothing.
"""

import io
import re
import struct
from pathlib import Path

IMG = re.compile(r'<img (?![^>]*\bloading=)(?![^>]*style=)([^>]*?)src="([^":]+\.png)"([^>]*?)\s*/?>')


TOLERANCE = 20  # of 255, in any colour of any pixel: less than the eye sees, and a colour bar stays true


def shrink(path):
    """Rewrite a PNG with 256 colours, if that keeps it true and makes it smaller; matplotlib writes 32 bits a pixel."""
    from PIL import Image, ImageChops  # comes with matplotlib, without which there is nothing to shrink

    with Image.open(path) as picture:
        if picture.mode == "P":
            return
        full = picture.convert("RGBA")
    if full.getextrema()[3][0] < 255:
        return
    full = full.convert("RGB")
    small = full.quantize(256, method=Image.Quantize.MAXCOVERAGE, kmeans=1, dither=Image.Dither.NONE)
    errors = ImageChops.difference(full, small.convert("RGB")).getextrema()
    buffer = io.BytesIO()
    small.save(buffer, "PNG", optimize=True)
    if max(high for _, high in errors) <= TOLERANCE and len(buffer.getvalue()) < path.stat().st_size:
        path.write_bytes(buffer.getvalue())


def sized(page, html):
    """The page's HTML with width, height and lazy loading on each picture that lacks them."""

    def attributes(match):
        path = page.parent / match[2]
        if "width=" in match[1] + match[3] or not path.exists():
            return match[0]
        width, height = struct.unpack(">II", path.read_bytes()[16:24])
        return (
            f'<img {match[1]}src="{match[2]}"{match[3]} width="{width}" height="{height}" loading="lazy" '
            'decoding="async" />'
        )

    return IMG.sub(attributes, html)


def finish(app, exception):
    if exception or app.builder.format != "html":
        return
    out = Path(app.outdir)
    for path in (out / "_images").glob("*.png"):
        shrink(path)
    for path in out.rglob("*.html"):
        path.write_text(sized(path, path.read_text(encoding="utf-8")), encoding="utf-8")


def setup(app):
    app.connect("build-finished", finish, priority=800)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
