"""Figures as SVG follow dark mode: every colour gets its dark one, in a browser too."""

import base64
import io
import re
import xml.etree.ElementTree as ElementTree

import matplotlib
import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from rnnlib import Vocabulary, contributions, forward, init_params
from rnnlib._tokens import COLOURS, MODES, NAMED, ink_on, oklab, ramp
from rnnlib.plots import LENGTH_COLOURS, STYLE, aware, plot_contributions, plot_trace, use_style
from rnnlib.plots._dark import cell_ink, dark

TEXT = "I am learning"


def trace():
    vocab = Vocabulary(TEXT)
    params = init_params(len(vocab), 3, rng=np.random.default_rng(0))
    ids = vocab.encode(TEXT)
    return params, vocab, forward(params, ids[:-1]), ids[1:]


def test_each_colour_of_the_table_has_its_dark_one_and_no_other():
    for light, on_dark in COLOURS.values():
        assert dark(light) == dark(light.upper()) == on_dark
    for name in ("signed", "length", "grey", "damping"):
        assert [dark(colour) for colour in ramp(name)] == ramp(name, "dark")


@pytest.mark.parametrize("colour", ["#000000", "#000", "#ffffff", "#fff", "#1f77b4", "#808080", "#ffff00"])
def test_a_colour_that_the_table_does_not_have_changes_its_lightness_alone(colour):
    turned = dark(colour)
    full = colour if len(colour) == 7 else "#" + "".join(2 * c for c in colour[1:])
    before, after = oklab(full), oklab(turned)
    paper, ink = (oklab(COLOURS[name][1])[0] for name in ("paper", "ink"))
    assert paper - 0.01 <= after[0] <= ink + 0.01
    if before[1] ** 2 + before[2] ** 2 > 1e-4:
        assert (
            abs(np.arctan2(after[2], after[1]) - np.arctan2(before[2], before[1])) < 0.5
        )  # where it leaves sRGB it is cut off
    assert (oklab("#777777")[0] - before[0]) * (oklab("#777777")[0] - after[0]) <= 0.01


def test_numbers_in_cells_can_be_read_in_both_modes():
    for name in ("signed", "length", "grey"):
        for light, on_dark in zip(*(ramp(name, mode) for mode in MODES), strict=True):
            assert dark(cell_ink(light)) == NAMED[ink_on(on_dark)]


def test_an_svg_is_made_aware_once_and_is_the_same_each_time():
    params, _, run, y = trace()
    svg = plot_contributions(contributions(params, run, y), TEXT)._repr_svg_()
    assert svg == plot_contributions(contributions(params, run, y), TEXT)._repr_svg_()
    assert aware(svg) == svg
    assert svg.count('id="rnn-dark"') == 1
    ElementTree.fromstring(svg)


def test_without_the_style_sheet_the_figure_is_the_light_one():
    figure = Figure((2, 1))
    figure.text(0, 0, "x", color=COLOURS["ink"][0])
    plain = io.StringIO()
    with matplotlib.rc_context({"svg.hashsalt": "x"}):
        figure.savefig(plain, format="svg", metadata={"Date": None})
    made = aware(plain.getvalue())
    assert re.sub(r'<style id="rnn-dark">.*?</style>| class="rnn-plot"', "", made) == plain.getvalue()


def images(svg):
    """The pixels of the images in an SVG, light and dark."""
    found = re.findall(r"<image(.*?)/>", svg, re.S)
    made = []
    for attributes in found:
        data = base64.b64decode(re.search(r"base64,\s*([\w+/=\s]+)", attributes)[1])
        made.append(("rnn-dark-image" in attributes, np.asarray(Image.open(io.BytesIO(data)).convert("RGBA"))))
    return [pixels for is_dark, pixels in made if not is_dark], [pixels for is_dark, pixels in made if is_dark]


def test_heat_maps_have_a_dark_copy_cell_by_cell():
    params, _, run, y = trace()
    light, turned = images(plot_contributions(contributions(params, run, y), TEXT)._repr_svg_())
    assert len(light) == len(turned) == 1
    T = len(y)
    assert light[0].shape == (T, T, 4)  # a pixel for each cell: the browser makes them large
    table = dict(zip(ramp("length"), ramp("length", "dark"), strict=True))
    for row, column in np.argwhere(light[0][..., 3]):
        before, after = (f"#{bytes(pixels[row, column, :3]).hex()}" for pixels in (light[0], turned[0]))
        assert table[before] == after
    np.testing.assert_array_equal(light[0][..., 3], turned[0][..., 3])


def test_a_photograph_stays_as_it_is():
    figure = Figure((2, 2))
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    figure.subplots().imshow(noise, interpolation="none")
    picture = io.StringIO()
    figure.savefig(picture, format="svg")
    assert "rnn-dark-image" not in aware(picture.getvalue())


def test_pyplot_gets_the_style_when_it_is_asked_for_and_not_by_an_import():
    assert matplotlib.rcParams["text.color"] == "black"
    with matplotlib.rc_context():
        use_style()
        assert matplotlib.rcParams["text.color"] == COLOURS["ink"][0]
        assert next(iter(matplotlib.rcParams["axes.prop_cycle"]))["color"] == COLOURS["ink"][0]
        assert {name: matplotlib.rcParams[name] for name in STYLE} == STYLE
    assert LENGTH_COLOURS.colors == ramp("length")


def test_a_browser_shows_the_dark_colours_where_the_page_is_dark(browser, tmp_path):
    """The element that shows the picture says how dark it is, whatever the system prefers."""
    _, vocab, run, y = trace()
    (tmp_path / "figure.svg").write_text(plot_trace(run, vocab, y)._repr_svg_(), encoding="utf-8")
    shown = {}
    for mode in MODES:
        html = f'<html style="color-scheme:{mode}"><img src="figure.svg"></html>'
        (tmp_path / f"{mode}.html").write_text(html, encoding="utf-8")
        page = browser.new_page(color_scheme="light")
        page.goto((tmp_path / f"{mode}.html").as_uri())
        picture = Image.open(io.BytesIO(page.locator("img").screenshot())).convert("RGB")
        shown[mode] = {f"#{bytes(colour).hex()}" for _, colour in picture.getcolors(1 << 24)}
        assert picture.getpixel((2, 2)) == tuple(bytes.fromhex(COLOURS["paper"][MODES.index(mode)][1:]))
        page.close()
    for mode in MODES:
        assert len(set(ramp("signed", mode)) & shown[mode]) > 10


CELLS = (
    "from rnnlib.plots import use_style\nuse_style()",
    "import matplotlib.pyplot as plt\nfig, ax = plt.subplots()\nax.plot([1, 2])\nplt.show()",
    "from rnnlib.plots import plot_matrices\nplot_matrices({'a': [[1.0, 2.0]]})",
)


def test_a_notebook_shows_figures_that_follow_dark_mode_and_pictures_for_those_who_cannot():
    import nbformat
    from bookext.execution import OUTPUTS
    from nbclient import NotebookClient

    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in CELLS])
    NotebookClient(notebook, kernel_name="python3", **OUTPUTS).execute()
    for cell in notebook.cells[1:]:
        shown = next(output.data for output in cell.outputs if "data" in output)
        assert 'id="rnn-dark"' in shown["image/svg+xml"] and "image/png" in shown
