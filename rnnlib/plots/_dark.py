"""Figures as SVG that follow the dark mode of the page or notebook around them.

A figure is drawn once, in light. A style sheet in the SVG gives each colour its dark one where the colour scheme is
dark: that of the element that shows the picture, in browsers that pass it on (CSS Color Adjustment 1), else that of the
system. Programs that know no media queries show the figure in light.
"""

import base64
import io
import re
from functools import cache

import numpy as np

from .. import _tokens

MOST_COLOURS = 1024  # in an image that is recoloured; one with more is a photograph
STYLE = re.compile(r'<style id="rnn-dark">.*?</style>', re.S)
SVG = re.compile(r"(<svg\b[^>]*)>")
ROOT, CLASS = "rnn-plot", "rnn-dark-image"
DARK_IMAGE = re.compile(rf'<image class="{CLASS}".*?/>', re.S)
IMAGE = re.compile(r"<image\b.*?/>", re.S)
PNG = re.compile(r"data:image/png;base64,([\w+/=\s]+)")
COLOUR = r"#(?:[0-9a-fA-F]{6}|[0-9a-fA-F]{3})"
IN_STYLE = re.compile(rf"(?<![\w-])(fill|stroke)(:\s*)({COLOUR})(?=[;\"'])")
IN_ATTRIBUTE = re.compile(rf"\s(fill|stroke)=\"({COLOUR})\"")


@cache
def _table():
    """Light to dark, of every colour that the table knows."""
    pairs = dict(zip(_tokens.ramp("grey"), _tokens.ramp("grey", "dark"), strict=True))
    for name in ("damping", "length", "signed"):
        pairs |= dict(zip(_tokens.ramp(name), _tokens.ramp(name, "dark"), strict=True))
    pairs |= {light: _tokens.NAMED[dark] for (_, dark), light in _tokens.INKS.items()}
    return pairs | dict(_tokens.COLOURS.values())


@cache
def dark(colour):
    """The colour on dark of one on light, both such as "#1b1f24".

    One that is not in the table changes its lightness alone, so that paper becomes dark paper and ink light ink.
    """
    colour = colour.lower()
    if len(colour) == 4:
        colour = "#" + "".join(2 * digit for digit in colour[1:])
    if found := _table().get(colour):
        return found
    ends = [[_tokens.oklab(_tokens.COLOURS[name][i])[0] for name in ("ink", "paper")] for i in (0, 1)]
    lightness, a, b = _tokens.oklab(colour)
    return _tokens.from_oklab(float(np.interp(lightness, *ends)), a, b)


def cell_ink(colour):
    """The colour of a number on a cell of that colour: black or white, and in the dark what the dark cell needs."""
    return _tokens.INKS[_tokens.ink_on(colour), _tokens.ink_on(dark(colour))]


def aware(svg: str) -> str:
    """An SVG that follows dark mode; of one that already does, its style sheet is made anew."""
    svg = IMAGE.sub(lambda match: match[0] + _dark_copy(match[0]), DARK_IMAGE.sub("", STYLE.sub("", svg)))
    rules = [f".{ROOT}{{fill:{_tokens.COLOURS['ink'][1]}}}"]  # what has no colour of its own would be black
    for name, between, colour in sorted(set(IN_STYLE.findall(svg))):
        told = f"{name}{between}{colour}"
        rules.append(f'[style*="{told};"],[style$="{told}"]{{{name}:{dark(colour)}!important}}')
    for name, colour in sorted(set(IN_ATTRIBUTE.findall(svg))):
        rules.append(f'[{name}="{colour}"]{{{name}:{dark(colour)}!important}}')
    hidden = ""
    if f'class="{CLASS}"' in svg:  # it lies on the light one and covers it
        hidden = f".{CLASS}{{display:none}}"
        rules.append(f".{CLASS}{{display:inline}}")
    sheet = f'<style id="rnn-dark">{hidden}@media(prefers-color-scheme:dark){{{"".join(rules)}}}</style>'
    return SVG.sub(lambda match: match[1].removesuffix(f' class="{ROOT}"') + f' class="{ROOT}">' + sheet, svg, count=1)


def _dark_copy(image):
    """The same image in the dark colours, "" for one that has too many or is no PNG."""
    found = PNG.search(image)
    png = found and _recoloured(base64.b64decode(found[1]))
    if not png:
        return ""
    copy = image.replace(found[1], base64.b64encode(png).decode("ascii"))
    return re.sub(r'\sid="[^"]*"', "", copy).replace("<image", f'<image class="{CLASS}"', 1)


def _recoloured(png):
    """A PNG of few colours in the dark ones, as bytes; None for any other."""
    from PIL import Image  # comes with matplotlib

    with Image.open(io.BytesIO(png)) as picture:
        pixels = np.asarray(picture.convert("RGBA"))
    colours, places = np.unique(pixels.reshape(-1, 4), axis=0, return_inverse=True)
    if len(colours) > MOST_COLOURS:
        return None
    turned = [bytes.fromhex(dark(f"#{red:02x}{green:02x}{blue:02x}")[1:]) for red, green, blue, _ in colours]
    colours[:, :3] = [list(colour) for colour in turned]
    made = io.BytesIO()
    Image.fromarray(colours[places.ravel()].reshape(pixels.shape)).save(made, "PNG", optimize=True)
    return made.getvalue()
