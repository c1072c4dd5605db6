"""The table of colours: contrast, distances for colour-blind readers, and that no colour is written anywhere else."""

import re
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from rnnlib import _tokens
from rnnlib._tokens import COLOURS, INKS, MODES, NAMED, RAMPS, ink_on, luminance, oklab, ramp

ROOT = Path(__file__).resolve().parents[2]
GROUNDS = ("paper", "field", "soft", "chosen")
TEXTS = ("ink", "muted", "negative", "positive", "back", "link")
# Machado, Oliveira and Fernandes, "A physiologically-based model for simulation of color vision deficiency", IEEE
# Transactions on Visualization and Computer Graphics 15 (2009): severity 1.0, on linear RGB.
VISIONS = {
    "usual": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039]],
}
# The least distance of two colours in OKLab, times 100, over all visions; by mode. Where it is small, the pair is told
# apart by dashes or shapes as well.
DISTANCES = {
    ("negative", "positive"): (24, 23.5),
    ("back", "negative"): (14, 7),
    ("back", "positive"): (13, 10),
    ("back", "ink"): (15, 8),
}


def components(colour):
    """Linear sRGB by the formula of IEC 61966-2-1."""
    coded = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(coded <= 0.04045, coded / 12.92, ((coded + 0.055) / 1.055) ** 2.4)


def contrast(one, other):
    """The contrast ratio of WCAG 2.2."""
    low, high = sorted(components(colour) @ [0.2126, 0.7152, 0.0722] for colour in (one, other))
    return (high + 0.05) / (low + 0.05)


def lab(linear):
    """OKLab by its matrices."""
    lms = np.array([
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]) @ np.clip(linear, 0, 1)  # fmt: skip
    return np.array([
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]) @ np.cbrt(lms)  # fmt: skip


def distance(one, other):
    """The least distance of two colours in OKLab, times 100, over all visions."""
    seen = [[lab(np.array(vision) @ components(colour)) for colour in (one, other)] for vision in VISIONS.values()]
    return 100 * min(np.linalg.norm(a - b) for a, b in seen)


@pytest.mark.parametrize("mode", (0, 1), ids=MODES)
def test_every_text_can_be_read_on_every_ground(mode):
    for text, ground in product(TEXTS, GROUNDS):
        # the signs of numbers, the way back and links are no words on what is selected
        if ground == "chosen" and text not in ("ink", "muted"):
            continue
        ratio = contrast(COLOURS[text][mode], COLOURS[ground][mode])
        assert ratio >= 4.5, (text, ground, ratio)
    assert contrast(COLOURS["ink"][mode], COLOURS["bar"][mode]) >= 4.5


@pytest.mark.parametrize("mode", (0, 1), ids=MODES)
def test_borders_of_controls_and_marks_are_seen(mode):
    for mark, ground in product(("control", "negative", "positive", "back", "ink"), GROUNDS):
        assert contrast(COLOURS[mark][mode], COLOURS[ground][mode]) >= 3, (mark, ground)
    assert contrast(COLOURS["bar"][mode], COLOURS["paper"][mode]) >= 3


@pytest.mark.parametrize("mode", (0, 1), ids=MODES)
def test_what_must_be_told_apart_is_far_apart_for_colour_blind_readers_too(mode):
    found = {pair: distance(*(COLOURS[name][mode] for name in pair)) for pair in DISTANCES}
    assert all(found[pair] >= least[mode] for pair, least in DISTANCES.items()), found


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", ("signed", "length", "grey", "damping"))
def test_ramps_have_equal_steps_and_ink_that_can_be_read_on_each(name, mode):
    colours = ramp(name, mode)
    for colour in colours:
        assert contrast(colour, NAMED[ink_on(colour)]) >= 4.5
    lightness = np.array([lab(components(colour))[0] for colour in colours[-_tokens.STEPS - 1 :]])
    steps = np.diff(lightness)
    # whole bytes, and components outside of sRGB that are cut off, move a colour by up to half of that
    assert np.ptp(steps) < 0.008 and (abs(steps) > 0).all()


def test_the_ends_of_the_ramps_are_colours_of_the_table():
    for i, mode in enumerate(MODES):
        assert ramp("grey", mode)[-1] == COLOURS["muted"][i]
        assert ramp("damping", mode)[-1] == COLOURS["ink"][i]
        assert ramp("length", mode)[-1] == ("#8a085a", "#ffaada")[i]
        assert all(ramp(name, mode)[0] == COLOURS["paper"][i] for name in ("grey", "damping", "length"))
        assert set(RAMPS[mode]) == {"negative", "positive", "length", "grey", "damping"}


def test_colours_and_their_oklab_agree_with_the_formulas():
    for colour in [*sum(COLOURS.values(), ()), *ramp("signed")]:
        np.testing.assert_allclose(oklab(colour), lab(components(colour)), atol=1e-12)
        assert luminance(colour) == pytest.approx(components(colour) @ [0.2126, 0.7152, 0.0722], rel=1e-12)
        assert _tokens.from_oklab(*oklab(colour)) == colour


def test_every_host_s_dark_mode_has_the_dark_column():
    sheet = _tokens.css()
    light, dark = sheet.split("\n}\n", 1)
    assert light.startswith(".rnn {")
    assert re.findall(r'^(html\[data-theme="dark"\]|body\[.*?\]|body\.\S+) \.rnn', dark, re.M) == [
        'html[data-theme="dark"]',
        'body[data-jp-theme-light="false"]',
        "body.vscode-dark",
    ]
    for i, text in enumerate((light, dark)):
        found = dict(re.findall(r"--rnn-([\w-]+): ([^;]+);", text))
        assert {name: found[name] for name in COLOURS} == {name: both[i] for name, both in COLOURS.items()}
        assert found["dark"] == str(i)


LITERAL = re.compile(r"#[0-9a-fA-F]{3,8}\b|\b(?:rgba?|hsla?|oklch|oklab)\([\d.]")
NAMED_IN_PYTHON = re.compile(r"""["'](?:white|black|gray|red|green|blue|orange|tab:\w+|viridis|cividis)["']""")
# The way to say what a colour looks like, not a colour of a figure: masks of icons, the icon of the book, the marks of
# numbers of pages on paper.
DATA = re.compile(r'url\("data:image/svg[^"]*"\)')
KNOWN = {"rnnlib/_tokens.py", "_ext/bookext/theme/static/icon.svg"}


def sources():
    for folder, kinds in {"rnnlib": ("css", "js", "py"), "_ext": ("css", "js", "html", "svg", "py")}.items():
        for kind in kinds:
            for path in (ROOT / folder).rglob(f"*.{kind}"):
                name = path.relative_to(ROOT).as_posix()
                if name not in KNOWN:
                    yield name, DATA.sub("", path.read_text(encoding="utf-8"))


def test_no_colour_is_written_outside_the_table():
    found = [(name, match) for name, text in sources() for match in LITERAL.findall(without_comments(name, text))]
    found += [
        (name, match)
        for name, text in sources()
        if name.startswith("rnnlib/plots/")
        for match in NAMED_IN_PYTHON.findall(without_comments(name, text))
    ]
    assert found == []


def without_comments(name, text):
    """Examples in comments and docstrings are no colours."""
    if name.endswith(".py"):
        return re.sub(r"(?m)#\s.*$", "", re.sub(r'""".*?"""', "", text, flags=re.S))
    return re.sub(r"/\*.*?\*/|^\s*//.*$|&#?\w+;", "", text, flags=re.S | re.M)


def test_no_chapter_writes_a_colour_of_its_own():
    pages = [*(ROOT / "chapters").glob("*.md"), ROOT / "intro.md"]
    cells = [cell for page in pages for cell in re.findall(r"```\{code-cell\}.*?```", page.read_text("utf-8"), re.S)]
    assert len(cells) > 100
    assert [match for cell in cells for match in re.findall(r"""["']#[0-9a-fA-F]{6}["']|["']tab:\w+""", cell)] == []


def test_every_variable_that_a_style_sheet_or_script_asks_for_is_set():
    texts = dict(sources())
    asked = {
        (name, variable)
        for name, text in texts.items()
        for variable in re.findall(r"var\(--(rnn-[\w-]+)", text)
        if "${" not in variable
    }
    everything = _tokens.css() + "".join(texts.values())
    told = set(re.findall(r"--(rnn-[\w-]+)\s*:", everything)) | set(re.findall(r'"--(rnn-[\w-]+)"', everything))
    assert {(name, variable) for name, variable in asked if variable not in told and variable != "rnn-"} == set()


def test_the_inks_of_numbers_are_black_and_white_to_the_eye():
    assert set(INKS) == set(product(NAMED, NAMED)) and len(set(INKS.values())) == 4
    for (light, _), colour in INKS.items():
        assert np.abs(components(colour) - components(NAMED[light])).max() < 0.03
        assert colour not in sum(COLOURS.values(), ())
