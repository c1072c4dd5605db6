import io
import itertools
import logging
import subprocess
import sys

import numpy as np
import pytest
from matplotlib.image import imread

from rnnlib import Vocabulary, forward, init_params, one_hot, plots
from rnnlib._tokens import COLOURS, MODES, ink_on, ramp
from rnnlib.plots import _style, fonts, label, plot_trace
from rnnlib.widgets._bundle import bundle

SENTENCE = "I am learning RNN"


def traced(text, hidden_size=4):
    vocab = Vocabulary(text)
    ids = vocab.encode(text)
    params = init_params(len(vocab), hidden_size, rng=np.random.default_rng(0))
    return forward(params, ids[:-1]), vocab, ids[1:]


def drawn(figure):
    png = io.BytesIO()
    figure.savefig(png, format="png")
    png.seek(0)
    return imread(png)


def tick_signs(axis):
    return [tick.get_text() for tick in axis.get_ticklabels()]


def test_the_heat_maps_hold_the_trace():
    trace, vocab, y = traced(SENTENCE)
    upper, lower = plot_trace(trace, vocab, y).axes[:2]
    np.testing.assert_array_equal(upper.images[0].get_array(), trace.h.T)
    np.testing.assert_array_equal(lower.images[0].get_array(), trace.yhat.T)
    assert upper.images[0].get_clim() == (-1, 1)
    assert lower.images[0].get_clim() == (0, 1)


def test_the_steps_and_the_units_are_counted_from_one_as_in_the_equations():
    trace, vocab, _ = traced(SENTENCE)
    upper, lower = plot_trace(trace, vocab).axes[:2]
    assert upper.get_xlim() == lower.get_xlim() == (-0.5, len(trace.h) - 0.5)
    assert tick_signs(upper.yaxis) == ["1", "2", "3", "4"]
    assert tick_signs(upper.child_axes[0].xaxis) == [str(t) for t in range(1, len(trace.h) + 1)]


def test_the_axes_carry_the_characters():
    trace, vocab, _ = traced(SENTENCE)
    lower = plot_trace(trace, vocab).axes[1]
    assert tick_signs(lower.xaxis) == list("I␣am␣learning␣RN")
    assert tick_signs(lower.yaxis) == list("␣INRaegilmnr")


def test_small_pictures_carry_their_numbers():
    trace, vocab, _ = traced("ab a", hidden_size=2)
    upper, lower = plot_trace(trace, vocab).axes[:2]
    written = {(*text.get_position(), text.get_text()) for text in upper.texts}
    expected = {(t, unit, f"{h:.2f}".replace("-", "−")) for (t, unit), h in np.ndenumerate(trace.h)}
    assert written == expected
    assert len(lower.texts) == trace.yhat.size


def test_large_pictures_stay_of_sensible_size_and_thin_their_ticks():
    trace, vocab, y = traced("".join(map(chr, range(40, 105))), hidden_size=64)
    figure = plot_trace(trace, vocab, y)
    upper, lower = figure.axes[:2]
    assert upper.images[0].get_array().shape == (64, 64)
    assert not upper.texts and not lower.texts
    assert max(figure.get_size_inches()) < 11
    labels = [tick for tick in upper.yaxis.get_ticklabels() if tick.get_text()]
    drawn(figure)
    boxes = sorted((tick.get_window_extent() for tick in labels), key=lambda box: box.y0)
    assert len(boxes) > 8
    assert all(below.y1 <= above.y0 for below, above in itertools.pairwise(boxes))


@pytest.mark.parametrize("t", [0, 5, 15, np.int64(5)])
def test_targets_and_the_step_are_outlined(t):
    trace, vocab, y = traced(SENTENCE)
    upper, lower = plot_trace(trace, vocab, y, t=t).axes[:2]

    def centre(patch):
        x, y = patch.get_xy()
        return round(x + patch.get_width() / 2, 9), round(y + patch.get_height() / 2, 9)

    cells = {centre(patch) for patch in lower.patches if patch.get_height() <= 1}
    assert cells == set(enumerate(y))
    assert [centre(patch) for patch in upper.patches] == [(t, 1.5)]
    assert [centre(patch) for patch in lower.patches if patch.get_height() == 12] == [(t, 5.5)]


def test_nothing_is_outlined_unasked():
    trace, vocab, _ = traced(SENTENCE)
    assert not any(axes.patches for axes in plot_trace(trace, vocab).axes[:2])


def test_pyplot_is_not_needed_and_a_notebook_still_shows_the_figure():
    code = """
import sys
import numpy as np
from rnnlib import Vocabulary, forward, init_params
from rnnlib.plots import plot_trace
vocab = Vocabulary("ab")
trace = forward(init_params(2, 3, rng=np.random.default_rng(0)), vocab.encode("abba"))
assert plot_trace(trace, vocab)._repr_png_().startswith(b"\\x89PNG")
assert "matplotlib.pyplot" not in sys.modules
"""
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)


def test_the_figure_is_white_under_a_dark_style_too():
    from matplotlib import style

    trace, vocab, y = traced(SENTENCE)
    plain = drawn(plot_trace(trace, vocab, y))
    with style.context("dark_background"):
        figure = plot_trace(trace, vocab, y)
    np.testing.assert_array_equal(drawn(figure), plain)
    assert (plain[0] == 1).all() and (plain[:, 0] == 1).all()


@pytest.mark.parametrize(
    ("character", "expected"),
    [
        ("a", "a"), ("é", "é"), ("$", "$"), (" ", "␣"), ("\n", "⏎"), ("\t", "⇥"), ("\r", "U+000D"), ("\0", "U+0000"),
        ("\u00a0", "U+00A0"), ("\u3000", "U+3000"), ("\u200d", "U+200D"), ("\u0301", "U+0301"), ("🤖", "U+1F916"),
        ("\ud800", "U+D800"), ("\U0010ffff", "U+10FFFF"),
    ],
)  # fmt: skip
def test_every_character_has_a_visible_label(character, expected):
    assert label(character) == expected


def test_chinese_characters_are_drawn_where_a_font_is_installed_and_named_by_code_point_where_none_is():
    installed = fonts()[1:]
    text = "你好李焕英,夏洛特烦恼$🤖\n\t 你"
    trace, vocab, y = traced(text)
    figure = plot_trace(trace, vocab, y)
    signs = list("你好李焕英") if installed else [f"U+{ord(character):04X}" for character in "你好李焕英"]
    assert tick_signs(figure.axes[1].xaxis)[:5] == signs
    assert "U+1F916" in tick_signs(figure.axes[1].yaxis)
    drawn(figure)  # a glyph that no font has would warn, and warnings are errors here


def test_without_a_chinese_font_code_points_stand_in(monkeypatch, caplog):
    monkeypatch.setattr(_style, "FONTS", ("DejaVu Sans", "A font that nobody has"))
    trace, vocab, y = traced("你好 a")
    with caplog.at_level(logging.WARNING):
        figure = plot_trace(trace, vocab, y)
        drawn(figure)
    assert tick_signs(figure.axes[1].xaxis) == ["U+4F60", "U+597D", "␣"]
    assert not caplog.records


@pytest.mark.parametrize(("value", "error"), [(7, TypeError), (b"a", TypeError), ("", ValueError), ("ab", ValueError)])
def test_label_takes_one_character_only(value, error):
    with pytest.raises(error, match=r"^character: expected"):
        label(value)


def test_what_cannot_be_drawn_is_refused_by_name():
    trace, vocab, y = traced(SENTENCE)
    params = init_params(12, 4, rng=np.random.default_rng(0))
    ids = vocab.encode(SENTENCE)
    batch = forward(params, np.stack([ids, ids], axis=1))
    features = forward(params, one_hot(ids, 12))
    complex_trace = forward(params, ids, h0=np.zeros(4, complex))
    for error, name, call in [
        (ValueError, "trace: expected one sequence", lambda: plot_trace(batch, vocab)),
        (ValueError, "trace: expected x to be ids", lambda: plot_trace(features, vocab)),
        (ValueError, "trace: expected real", lambda: plot_trace(complex_trace, vocab)),
        (ValueError, "vocab: expected 12", lambda: plot_trace(trace, Vocabulary("ab"))),
        (TypeError, "vocab: expected a Vocabulary", lambda: plot_trace(trace, SENTENCE)),
        (ValueError, "y: expected", lambda: plot_trace(trace, vocab, y[:-1])),
        (TypeError, "y: expected", lambda: plot_trace(trace, vocab, y + 0.5)),
        (ValueError, "t: expected a whole number from 0 to 15", lambda: plot_trace(trace, vocab, t=16)),
        (ValueError, "t: expected a whole number from 0 to 15", lambda: plot_trace(trace, vocab, t=-1)),
        (TypeError, "t: expected a whole number", lambda: plot_trace(trace, vocab, t=1.0)),
        (TypeError, "t: expected a whole number", lambda: plot_trace(trace, vocab, t=True)),
    ]:
        with pytest.raises(error, match=f"^{name}"):
            call()


def test_the_colours_of_the_plots_are_those_of_the_widgets(browser):
    page = browser.new_page()
    found = page.evaluate(
        """async ([text, values, names]) => {
            const url = URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
            const { colour, cutBytes, shade } = await import(url);
            return [false, true].map((dark) => ({
              cut: cutBytes(dark),
              signed: values.map((value) => colour(value, 1, dark)),
              ...Object.fromEntries(names.map((name) => (
                [name, values.slice(40).map((value) => shade(value, name, dark))]))),
            }));
        }""",
        [bundle("ui/colour.js"), np.linspace(-1, 1, 81).tolist(), ["length", "grey", "damping"]],
    )
    page.close()
    for i, (mode, scales) in enumerate(zip(MODES, found, strict=True)):
        assert f"#{bytes(scales.pop('cut')).hex()}" == COLOURS["band"][i]
        for name, cells in scales.items():
            assert [f"#{bytes(cell['bytes']).hex()}" for cell in cells] == ramp(name, mode)
            assert [cell["ink"] for cell in cells] == [ink_on(colour) for colour in ramp(name, mode)]
    assert [plots.STATE_COLOURS.colors, plots.GREY_COLOURS.colors, plots.LENGTH_COLOURS.colors] == [
        ramp(name) for name in ("signed", "grey", "length")
    ]
    assert plots.COLOURS == {name: light for name, (light, _) in COLOURS.items()}
