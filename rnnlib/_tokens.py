"""The colours of figures, pages and plots: one table, from which style sheets, scripts and matplotlib take theirs.

Colour means one thing. Blue and orange are the sign of a number; magenta is a gradient on its way back, and is always
dashed, a ribbon or a ramp as well; probabilities, losses and errors are grey; everything else is ink.

Ramps are straight lines in OKLab (B. Ottosson, "A perceptual color space for image processing", 2020), so that equal
steps look equal.
"""

import math

STEPS = 40  # of a ramp, from zero to its end
MODES = ("light", "dark")

COLOURS = {  # name: on light, on dark
    "paper": ("#ffffff", "#16181c"),
    "field": ("#fefefe", "#22262c"),  # the ground of inputs, buttons and code
    "soft": ("#f5f7f9", "#1d2127"),  # the ground of boxes in the text of a page
    "chosen": ("#e9ecef", "#2c3138"),  # the ground of what is selected
    "ink": ("#1b1f24", "#e6e8eb"),  # also focus, selection, handles and sliders
    "muted": ("#57606a", "#a9b1ba"),
    "control": ("#767f89", "#7d8793"),  # the border of a control
    "line": ("#d0d7de", "#444c56"),  # hairlines
    "negative": ("#1f6fc2", "#6fb1ff"),
    "positive": ("#b45700", "#f0994a"),
    "back": ("#8e0f6b", "#ffb0df"),  # a gradient on its way back
    "link": ("#0b57b0", "#8fc1ff"),
    "bar": ("#8b939d", "#5f6771"),  # a probability, a loss or a length as a bar; ink can be read on it
    "band": ("#d5d9de", "#3a4048"),  # a ribbon that is not lit, cells that are cut
}
SHADOW, VEIL = "#00000044", "#00000080"
CUT = {mode: [int(COLOURS["band"][i][k : k + 2], 16) for k in (1, 3, 5)] for i, mode in enumerate(MODES)}

# Numbers in cells: black or white, whichever contrasts more. A plot is drawn once, in light, and recoloured for dark,
# where the same cell may need the other ink: the near doubles of black and white say which.
NAMED = {"black": "#000000", "white": "#ffffff"}
INKS = {
    ("black", "black"): "#000001",
    ("black", "white"): "#000002",
    ("white", "black"): "#fffffe",
    ("white", "white"): "#fffffd",
}


def linear(colour):
    """The linear sRGB components, 0 to 1, of a colour such as "#8e0f6b"."""
    parts = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return tuple(v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in parts)


def luminance(colour):
    """The relative luminance of a colour, as WCAG 2 defines it."""
    red, green, blue = linear(colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def oklab(colour):
    """Lightness, a and b of a colour."""
    red, green, blue = linear(colour)
    l = (0.4122214708 * red + 0.5363325363 * green + 0.0514459929 * blue) ** (1 / 3)  # noqa: E741
    m = (0.2119034982 * red + 0.6806995451 * green + 0.1073969566 * blue) ** (1 / 3)
    s = (0.0883024619 * red + 0.2817188376 * green + 0.6299787005 * blue) ** (1 / 3)
    return (
        0.2104542553 * l + 0.7936177850 * m - 0.0040720468 * s,
        1.9779984951 * l - 2.4285922050 * m + 0.4505937099 * s,
        0.0259040371 * l + 0.7827717662 * m - 0.8086757660 * s,
    )


def from_oklab(lightness, a, b):
    """The colour next to a point of OKLab; components outside of sRGB are cut off."""
    l = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3  # noqa: E741
    m = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    s = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3
    parts = (
        4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
        -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
        -0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s,
    )
    clipped = (min(1.0, max(0.0, v)) for v in parts)
    coded = (12.92 * v if v <= 0.0031308 else 1.055 * v ** (1 / 2.4) - 0.055 for v in clipped)
    return "#" + "".join(f"{math.floor(255 * v + 0.5):02x}" for v in coded)


def _polar(lightness, chroma, hue):
    return lightness, chroma * math.cos(math.radians(hue)), chroma * math.sin(math.radians(hue))


def _ends():
    """Mode -> name of a ramp -> its two ends in OKLab."""
    made = {}
    for i, mode in enumerate(MODES):
        centre, end = ((0.975, 0.58), (0.27, 0.8))[i]
        paper = oklab(COLOURS["paper"][i])
        made[mode] = {
            "negative": (_polar(centre, 0.0, 0), _polar(end, 0.15, 250)),
            "positive": (_polar(centre, 0.0, 0), _polar(end, 0.15, 60)),
            "length": (paper, oklab(("#8a085a", "#ffaada")[i])),  # of a gradient, on a logarithmic scale
            "grey": (paper, oklab(COLOURS["muted"][i])),  # probabilities, losses and errors
            "damping": (paper, oklab(COLOURS["ink"][i])),  # from a slope of 1 to one of 0
        }
    return made


RAMPS = _ends()


def ramp(name, mode="light"):
    """The colours of a ramp from zero to its end; of "signed" from the negative end to the positive one."""
    if name == "signed":
        return [*ramp("negative", mode)[:0:-1], *ramp("positive", mode)]
    start, end = RAMPS[mode][name]
    steps = (k / STEPS for k in range(STEPS + 1))
    return [from_oklab(*(p + (q - p) * x for p, q in zip(start, end, strict=True))) for x in steps]


def ink_on(colour):
    """ "black" or "white", whichever has the greater contrast with a colour."""
    return "black" if luminance(colour) > 0.179 else "white"


def css(light=".rnn", dark=".rnn"):
    """The table as custom properties for the elements that a selector finds, in every host's dark mode too.

    light, dark: where the properties are set; the latter stands behind what says that a host is dark.
    """
    hosts = ('html[data-theme="dark"]', 'body[data-jp-theme-light="false"]', "body.vscode-dark")
    at = {"light": light, "dark": ",\n".join(f"{host} {dark}".strip() for host in hosts)}
    return "\n".join(_rule(at[mode], mode) for mode in MODES)


def _rule(selector, mode):
    i = MODES.index(mode)
    told = {"dark": str(i)} | {name: colours[i] for name, colours in COLOURS.items()} | {"shadow": SHADOW, "veil": VEIL}
    lines = [f"  color-scheme: {mode};", *(f"  --rnn-{name}: {value};" for name, value in told.items())]
    return "\n".join([f"{selector} {{", *lines, "}\n"])
