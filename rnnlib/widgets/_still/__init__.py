"""What a saved notebook shows where a figure's model is gone: its picture."""

import base64
import io
from functools import cache
from html import escape

from .._bundle import HERE

COLOURS = 256  # of the picture: a third of the bytes


@cache
def _code():
    style, script = ((HERE / "_still" / name).read_text(encoding="utf-8") for name in ("style.css", "revive.js"))
    return f"<style>\n{style}</style>\n<script>\n{script}</script>"


def still(said, png=None):
    """HTML to be shown in the output after a figure: hidden until the figure is dead.

    In a page that nbconvert made of the notebook it also draws the figure, from the state that the notebook holds.

    Args:
        said: the figure in words.
        png: its picture, bytes; without one the words stand alone.
    """
    shown = f"<p>{escape(said)}</p>"
    if png is not None:
        address = base64.b64encode(_smaller(png)).decode("ascii")
        shown = f'<img alt="{escape(said)}" src="data:image/png;base64,{address}">'
    return f'<figure class="rnn-still" hidden="hidden">{shown}</figure>\n{_code()}'


def _smaller(png):
    """The same picture in fewer colours: a notebook holds it twice, the other for readers that know pictures only."""
    from PIL import Image  # comes with matplotlib, which has drawn the picture

    picture, data = Image.open(io.BytesIO(png)).convert("RGB"), io.BytesIO()
    picture.quantize(COLOURS, Image.Quantize.MAXCOVERAGE).save(data, "PNG", optimize=True)
    return data.getvalue()
