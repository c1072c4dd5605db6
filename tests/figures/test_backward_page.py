"""BackwardStepper in a real browser: every number is that of rnnlib, and every way of moving it leads somewhere."""

import base64
import io
import re
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pytest
from browsing import painted
from pages import code_of_moves, matrix, rows, set_range, shown, slight, snapshot
from PIL import Image

from rnnlib import Params, Vocabulary, backward, contributions, forward, init_params, one_hot, path, step_losses
from rnnlib._tokens import CUT, ramp
from rnnlib.widgets import BackwardStepper
from rnnlib.widgets._bundle import words

PAGE = "pages/backward.html"
TEXT = "夏洛特烦恼，你好李焕英 😀!"
LONGEST = "".join(chr(0x4E00 + i) for i in range(65))
CARDS = "This step", "Sums", "Contributions"


class Net(NamedTuple):
    """What a view is to show."""

    vocab: Vocabulary
    params: Params
    x: np.ndarray
    y: np.ndarray
    trace: tuple
    reduction: str

    @property
    def T(self):
        return len(self.y)

    def grads(self, truncate=None):
        return backward(self.params, self.trace, self.y, reduction=self.reduction, truncate=truncate)


def net(text, H, seed, reduction="sum", vocab=None, params=None):
    vocab = vocab or Vocabulary(text)
    params = params or init_params(len(vocab), H, rng=np.random.default_rng(seed))
    ids = vocab.encode(text)
    return Net(vocab, params, ids[:-1], ids[1:], forward(params, ids[:-1]), reduction)


@pytest.fixture
def page(specimen, visit):
    page, watch = visit(specimen, PAGE)
    yield page
    assert not watch.complaints


@pytest.fixture
def stepper(page):
    return unfolded(page.locator(".rnn-backward").first)


def unfolded(view):
    """The view with all that is folded away at first."""
    for fold in ("More", "All numbers"):
        view.locator("summary", has_text=fold).evaluate("n => n.click()")
    painted(view.page)
    return view


def turn_to(view, card):
    tab = view.get_by_role("tab", name=card, exact=True)
    if tab.get_attribute("aria-selected") != "true":
        tab.evaluate("n => n.click()")
    return view


def slide(view, name, value):
    """Set a slider of the card of the shares."""
    set_range(turn_to(view, CARDS[2]), name, value)


def show(view, text, H=None, seed=None, reduction=None):
    """Type a text, and choose the rest."""
    view.get_by_label("Text", exact=True).fill(text)
    if H is not None:
        set_range(view, "Hidden size H", H)
    if seed is not None:
        view.get_by_label("Seed", exact=True).fill(str(seed))
    if reduction is not None:
        view.get_by_role("combobox", name="Loss L", exact=True).select_option(reduction)


def walk_to(view, t, move):
    turn_to(view, CARDS[0])
    set_range(view, "Step t", t)
    view.locator(".rnn-move").nth(move).click()


def where(view):
    """The step and the move that a view shows, from 0."""
    turn_to(view, CARDS[0])  # the moves are drawn where they can be seen
    return tuple(
        view.evaluate(
            """n => [Number(n.querySelector(".rnn-river-step[aria-current]").dataset.t),
                     [...n.querySelectorAll(".rnn-move")].findIndex((move) => move.ariaCurrent)]"""
        )
    )


def cell_of(view):
    """The step of the loss and the step reached, from 0."""
    turn_to(view, CARDS[2])
    return tuple(
        int(view.get_by_role("slider", name=name, exact=True).input_value())
        for name in ("Loss of step t", "reaches step s")
    )


def pixels(canvas):
    """Red, green, blue and opacity of a canvas, row by row."""
    picture = base64.b64decode(canvas.evaluate("n => n.toDataURL()").partition(",")[2])
    return np.array(Image.open(io.BytesIO(picture)).convert("RGBA")).astype(int)


def assert_painted(seen, values, limit, colours=None):
    """The pixels have the colours of the values on the scale from -limit to limit, or on a ramp from 0."""
    colours = colours or ramp("signed")
    zero = len(colours) - 41
    places = np.clip(np.floor(40 * np.asarray(values) / (limit or 1) + 0.5), -zero, 40).astype(int) + zero
    table = [[int(colour[i : i + 2], 16) for i in (1, 3, 5)] for colour in colours]
    assert abs(seen[..., :3] - np.array(table)[places]).max() <= 1
    assert (seen[..., 3] == 255).all()


def say(key, **values):
    """A sentence of the page, with its numbers in it."""
    return words()["en"][key].format(**values)


def sign(character):
    return "␣" if character == " " else character


def printed(values):
    return [[*map(slight, row)] for row in np.atleast_2d(values)]


def length(array):
    return np.linalg.norm(array)


# What it shows


def sums_from(network, start):
    """The gradients as far as the steps from `start` on add to them."""
    grads, V = network.grads(), len(network.vocab)
    h_previous = np.vstack([network.trace.h0, network.trace.h[:-1]])
    do, da, h = grads.do[start:], grads.da[start:], network.trace.h[start:]
    inputs = one_hot(network.x, V)[start:]
    return Params(inputs.T @ da, h_previous[start:].T @ da, h.T @ do, da.sum(0), do.sum(0))


def bars(path):
    """The heights of the rectangles of a path."""
    return np.array([float(to) - float(start) for start, to in re.findall(r"M\S+ (\S+)H\S+V([^H]+)H", path)])


def check_river(view, network, t, move, k=None, loss_t=None):
    """The steps, their losses and states, the band after the cut, the lit loss, the front and the scissors."""
    grads, T, characters = network.grads(), network.T, network.vocab.characters
    loss_t, reach = T - 1 if loss_t is None else loss_t, T if k is None else k
    steps = view.locator(".rnn-river-step")
    assert steps.locator(".rnn-river-x").all_text_contents() == [sign(characters[i]) for i in network.x]
    assert steps.locator(".rnn-river-y").all_text_contents() == [sign(characters[i]) for i in network.y]
    losses, da = step_losses(network.trace.o, network.y), network.grads(k).da
    whole, cut = ([length(row) for row in array] for array in (grads.da, da))
    assert rows(view, "times") == [
        [str(i + 1), sign(characters[x]), sign(characters[y]), shown(losses[i], 2), slight(whole[i]), slight(cut[i])]
        for i, (x, y) in enumerate(zip(network.x, network.y, strict=True))
    ]
    matrix = contributions(network.params, network.trace, network.y, reduction=network.reduction)
    kept = np.tril(matrix) - np.tril(matrix, -reach)
    for i, said in enumerate(steps.locator("[role=img]").evaluate_all("nodes => nodes.map((n) => n.ariaLabel)")):
        lengths = ", ".join(slight(value) for value in kept[i, i::-1][:5])
        assert said.startswith(f"Step {i + 1}: ")
        assert said.endswith(say("river_ribbon", da=slight(cut[i]), lengths=lengths))
    drawn = {name: view.locator(f".rnn-river-{name}").get_attribute("d") for name in ("bars", "litbars", "ticks")}
    scale = 1000 / (matrix.sum(axis=0).max() or 1)
    assert np.allclose(bars(drawn["bars"]), scale * kept.sum(axis=0), rtol=0, atol=0.2)
    assert np.allclose(bars(drawn["litbars"]), scale * kept[loss_t, : loss_t + 1], rtol=0, atol=0.2)
    ticks = [float(y) for y in re.findall(r"M\S+ ([^H]+)H", drawn["ticks"])]
    assert np.allclose(ticks, scale * np.array(cut), rtol=0, atol=0.2)
    assert borders(view) == ((t if move > 1 else t + 1), max(0, loss_t - reach + 1) if reach < T else 0)


def borders(view):
    """Where the front and the scissors lie: at the border before that step, from 0."""
    steps = view.locator(".rnn-river-step").count()
    style = "n => ['--rnn-front', '--rnn-cut'].map((name) => Number(n.style.getPropertyValue(name)))"
    return tuple(round(steps * part) for part in view.locator(".rnn-river-stage").evaluate(style))


def check_row(view, network, t, move):
    """The row of vectors: those of the move are lit, those of a later one faint."""
    grads, trace, params = network.grads(), network.trace, network.params
    turn_to(view, CARDS[0])
    out = grads.do[t] @ params.Why.T
    future = grads.da[t + 1] @ params.Whh.T if t < network.T - 1 else 0 * out
    limit = max(abs(array).max() for array in (grads.dh, out, future))
    slopes = 1 - trace.h[t] ** 2
    terms = view.locator(".rnn-term")
    lengths = [slight(length(v)) for v in (grads.do[t], out, future, grads.dh[t], grads.da[t])]
    lengths.insert(4, f"≥ {shown(slopes.min(), 2)}")
    assert terms.locator(".rnn-term-length").all_text_contents() == lengths
    limits = [abs(grads.do).max(), limit, limit, limit, 1, limit]
    vectors = [grads.do[t], out, future, grads.dh[t], 1 - slopes, grads.da[t]]
    for i, (values, most) in enumerate(zip(vectors, limits, strict=True)):
        colours = ramp("damping") if i == 4 else None
        assert_painted(pixels(terms.nth(i).locator("canvas"))[:, 0], values, most, colours)
    classes = terms.evaluate_all("nodes => nodes.map((n) => [n.matches('.rnn-lit'), n.matches('.rnn-later')])")
    assert [i for i, (lit, _) in enumerate(classes) if lit] == [[0], [1, 2, 3], [4, 5], [0], [5]][move]
    assert [i for i, (_, later) in enumerate(classes) if later] == list(range([1, 4, 6, 6, 6][move], 6))


def check_tables(view, network, t, move):
    grads, trace, params, characters = network.grads(), network.trace, network.params, network.vocab.characters
    assert rows(view, "errors") == [
        [sign(c), shown(trace.yhat[t, i]), str(int(i == network.y[t])), slight(grads.do[t, i])]
        for i, c in enumerate(characters)
    ]
    out = grads.do[t] @ params.Why.T
    future = grads.da[t + 1] @ params.Whh.T if t < network.T - 1 else 0 * out
    first, second = (lambda v: slight(v) if move > 0 else "·"), (lambda v: slight(v) if move > 1 else "·")
    slopes = 1 - trace.h[t] ** 2
    assert rows(view, "gradients") == [
        [str(j + 1), shown(h), first(out[j]), first(future[j]), first(grads.dh[t, j]), second(slopes[j]), second(da)]
        for j, (h, da) in enumerate(zip(trace.h[t], grads.da[t], strict=True))
    ]
    correct = network.y[t]
    error = "back_say_error_mean" if network.reduction == "mean" else "back_say_error"
    roads = "back_say_roads" if t < network.T - 1 else "back_say_one_road"
    state = "back_say_state" if t else "back_say_state_first"
    key = [error, roads, "back_say_tanh", "back_say_output", state][move]
    values = dict(T=network.T, next=t + 2, previous=t, y=f"“\u2068{sign(characters[correct])}\u2069”")
    values |= dict(p=f"{100 * trace.yhat[t, correct]:.1f} %", d=slight(grads.do[t, correct]))
    values |= dict(out=slight(length(out)), future=slight(length(future)), da=slight(length(grads.da[t])))
    values |= dict(low=shown(slopes.min()), high=shown(slopes.max()))
    turn_to(view, CARDS[0])
    said = f"{say('back_where', t=t + 1, move=move + 1, moves=5)} {say(key, **values)}"
    assert view.locator(".rnn-summary").inner_text() == said
    assert view.locator(".rnn-move-code").all_text_contents() == code_of_moves(network.reduction)


def check_sums(view, network, t, move):
    characters, T = [sign(c) for c in network.vocab.characters], network.T
    units = [str(j + 1) for j in range(network.params.Whh.shape[0])]
    labels = {"Wxh": (characters, units), "Whh": (units, units), "Why": (units, characters)}
    turn_to(view, CARDS[1])
    for name, whole in zip(Params._fields, network.grads()[:5], strict=True):
        start = t if move >= (3 if name in ("Why", "by") else 4) else t + 1
        values = np.atleast_2d(getattr(sums_from(network, start), name))
        view.locator(".rnn-sum-tab", has_text=f"d{name}").click()
        down, across = labels.get(name, ([f"d{name}"], units if name == "bh" else characters))
        grid = view.locator(".rnn-sums")
        assert matrix(view, "sums") == (across, down, printed(values))
        key = {T: "back_sum_none", T - 1: "back_sum_one", 0: "back_sum_all"}.get(start, "back_sum")
        title = say(key, name=f"d{name}", t=start + 1, T=T)
        assert grid.get_attribute("aria-label") == title == view.locator(".rnn-sum-title").inner_text()
        for canvas in (f".rnn-sum-tab:has-text('d{name}') canvas", ".rnn-sum-matrix"):
            assert_painted(pixels(view.locator(canvas)), values, abs(whole).max())
        tile = np.atleast_2d(getattr(sums_from(network, t), name) - getattr(sums_from(network, t + 1), name))
        places = 40 * tile / (abs(whole).max() or 1) + 0.5
        if not np.isclose(places, places.round(), rtol=0, atol=1e-9).any():  # else rounding decides on the colour
            assert_painted(pixels(view.locator(".rnn-sum-tile")), tile, abs(whole).max())
        assert view.locator(".rnn-sum-product").evaluate("n => n.matches('.rnn-later')") == (start > t)


def check_map(view, network, k, t, s):
    """k: the reach; t and s: the cell, from 0."""
    T = network.T
    lengths = contributions(network.params, network.trace, network.y, reduction=network.reduction)
    turn_to(view, CARDS[2])
    seen = pixels(view.locator(".rnn-square-cells"))
    assert seen.shape == (T, T, 4)
    loss, reached = np.indices((T, T))
    assert not seen[reached > loss].any()
    assert (seen[loss - reached >= k][:, :3] == CUT["light"]).all()
    band = (reached <= loss) & (loss - reached < k)
    assert (seen[reached <= loss][:, 3] == 255).all()
    darkness = -seen[band][:, :3].sum(axis=1)[np.argsort(lengths[band])]
    assert (np.diff(darkness) >= 0).all()
    longest = max(lengths.max(), np.linalg.norm(network.grads().da, axis=1).max())  # one scale for both
    expected = np.maximum(0, 1 + np.log10(lengths[band] / longest) / 3)
    assert_painted(seen[band], expected, 1, ramp("length"))

    kept = network.grads(k)
    received = np.linalg.norm(kept.da, axis=1)
    most = received.max()
    places = np.maximum(0, 1 + np.log10(received / longest) / 3)
    assert_painted(pixels(view.locator(".rnn-total-cells"))[0], places, 1, ramp("length"))
    check_arrows(view, network, k)
    inside = view.locator(".rnn-map").inner_text()
    key = "back_total" if k >= T else "back_total_cut"
    assert say(key, s=s + 1, length=slight(received[s]), most=slight(most)) in inside
    assert [slight(longest / 1000), slight(longest)] == view.locator(
        ".rnn-map .rnn-scale span:not(.rnn-ramp)"
    ).all_text_contents()
    assert cosine_text(network, k) in inside


def check_arrows(view, network, k):
    """The two arrows have the angle and the lengths of the two gradients, and words say them."""
    said = view.locator(".rnn-angle").inner_text()
    if k >= network.T:
        assert said == say("back_angle_full") and not view.locator(".rnn-arrow-cut").is_visible()
        return
    kept, whole = (np.concatenate([array.ravel() for array in network.grads(reach)[:5]]) for reach in (k, None))
    angle, part = np.arccos(min(1, kept @ whole / length(kept) / length(whole))), length(kept) / length(whole)
    assert said == say("back_angle", angle=shown(np.degrees(angle), 1), length=f"{100 * part:.1f} %")
    tips = []
    for name in ("full", "cut"):
        drawn = view.locator(f".rnn-arrow-{name}").get_attribute("d")
        x, y = map(float, re.match(r"M0 0L(\S+) ([^M]+)M", drawn).groups())
        tips.append(complex(x, -y))
    assert np.isclose(tips[1] / tips[0], part * np.exp(1j * angle), rtol=0, atol=0.01)


def cosine_text(network, k):
    """What the truncation to k steps leaves of the gradient, in the words of the page."""
    if k >= network.T:
        return say("back_full", T=network.T) if network.T > 1 else say("back_one_step")
    kept, whole = ([array.ravel() for array in network.grads(reach)[:5]] for reach in (k, None))

    def cosine(a, b):
        return shown(a @ b / length(a) / length(b), 4)

    together = cosine(np.concatenate(kept), np.concatenate(whole))
    share = f"{100 * length(kept[1]) / length(whole[1]):.1f} %"
    return say("back_cosine", k=k, whole=together, Whh=cosine(kept[1], whole[1]), share=share)


def check_cell(view, network, t, s):
    way = path(network.params, network.trace, network.y, t, s, reduction=network.reduction)
    along = [way.error]
    for jacobian in way.jacobians:
        along.append(along[-1] @ jacobian)
    lengths = [*map(length, along), length(way.share), length(np.outer(way.state, way.share))]
    names = [say("back_factor_error", t=t + 1), *(say("back_factor_jacobian", r=r + 1) for r in range(t, s, -1))]
    names += [say("back_factor_slope", s=s + 1), say("back_factor_state", s=s)]
    ratios = ["", *(slight(b / a) for a, b in pairwise(lengths))]
    assert rows(view, "factors") == [list(row) for row in zip(names, map(slight, lengths), ratios, strict=True)]
    turn_to(view, CARDS[2])
    factors = [slight(lengths[0]), *ratios[1:-1]]
    product = factors if len(factors) <= 7 else [*factors[:3], "…", *factors[-3:]]
    assert view.locator(".rnn-product").inner_text() == f"{' × '.join(product)} = {slight(lengths[-2])}"
    share = f"{100 * lengths[-2] / lengths[0]:.1f} %"
    said = say("back_share", t=t + 1, s=s + 1, length=slight(lengths[-2]), share=share)
    assert view.locator(".rnn-share").inner_text() == said
    symbols = ["dh", *[None] * len(way.jacobians), "1−h²", "h"]
    factors = [way.error, *way.jacobians, way.slope, way.state]
    for name, symbol, factor in zip(names, symbols, factors, strict=True):
        view.locator(".rnn-factors .rnn-pick", has_text=name).click()
        units = [str(j + 1) for j in range(len(way.slope))]
        assert matrix(view, "factor") == (units, units if factor.ndim == 2 else [symbol], printed(factor))
        title = say("back_jacobian" if factor.ndim == 2 else "back_vector", name=name)
        assert view.locator(".rnn-factor").get_attribute("aria-label") == title


@pytest.mark.parametrize("reduction", ["sum", "mean"])
def test_every_number_on_the_page_is_the_number_of_rnnlib(stepper, reduction):
    network = net(TEXT, 11, 4294967299, reduction)
    show(stepper, TEXT, 11, 4294967299, reduction)
    last, opened = network.T - 1, 4 * (network.T - 1) // 5
    walks = [(last, 1), (6, 4), (0, 4)] if reduction == "sum" else [(last, 0), (7, 2), (6, 3)]
    for t, move in walks:
        walk_to(stepper, t, move)
        check_river(stepper, network, t, move, loss_t=opened)
        check_row(stepper, network, t, move)
        check_tables(stepper, network, t, move)
        check_sums(stepper, network, t, move)
    for k, t, s in [(13, 12, 9), (5, 9, 4), (1, 0, 0)] if reduction == "sum" else [(12, 3, 3), (2, 12, 12)]:
        slide(stepper, "Reach k", k)
        slide(stepper, "Loss of step t", t)
        slide(stepper, "reaches step s", s)
        check_map(stepper, network, k, t, s)
        check_cell(stepper, network, t, s)
        check_river(stepper, network, *walks[-1], k, t)


def test_given_weights_and_the_state_of_python_are_shown(page):
    view = unfolded(page.locator(".rnn-backward").nth(3))
    vocab = Vocabulary("你好李焕英夏洛特烦恼")
    network = net("夏洛特烦恼", 5, 7, "mean", vocab)
    assert where(view) == (2, 3) and cell_of(view) == (2, 1)
    assert view.get_by_role("combobox", name="Loss L", exact=True).input_value() == "mean"
    turn_to(view, CARDS[1])
    assert view.locator(".rnn-sum-tab[aria-pressed=true]").inner_text() == "dWhy"
    check_river(view, network, 2, 3, 2, 2)
    check_tables(view, network, 2, 3)
    check_sums(view, network, 2, 3)
    check_map(view, network, 2, 2, 1)
    check_cell(view, network, 2, 1)
    assert "Given weights: V = 10, H = 5" in view.inner_text()
    assert not view.get_by_label("Seed", exact=True).is_visible()
    before = snapshot(view)
    field = view.get_by_label("Text", exact=True)
    field.fill("你好吗！")
    assert "unknown here: 吗 ！" in view.inner_text()
    field.fill("夏洛特烦恼")
    walk_to(view, 2, 3)
    slide(view, "Loss of step t", 2)
    slide(view, "reaches step s", 1)
    turn_to(view, CARDS[2])
    assert snapshot(view) == before


def test_the_reach_is_told_over_its_whole_range(stepper):
    network = net(TEXT, 11, 5)
    show(stepper, TEXT, 11, 5)
    square, stair, grip = (stepper.locator(f".rnn-{name}") for name in ("square", "stair", "stair-grip"))
    for k in range(1, network.T + 1):
        slide(stepper, "Reach k", k)
        assert cosine_text(network, k) in stepper.locator(".rnn-lost").inner_text()
        value = f"{k} of 13" if k < 13 else "all 13"
        assert stepper.get_by_role("slider", name="Reach k", exact=True).get_attribute("aria-valuetext") == value
        assert stair.is_visible() == (k < 13)
        points = re.findall(r"H(\d+)V(\d+)", stepper.locator(".rnn-stair-line").get_attribute("d"))
        assert points == [(str(i), str(k + i)) for i in range(1, 14 - k)]  # below it the losses are cut
        box, mark = square.bounding_box(), grip.bounding_box()
        middle = (mark["x"] + 22 - box["x"]) / box["width"], (mark["y"] + 22 - box["y"]) / box["height"]
        assert middle == pytest.approx(((13 - k) / 26, (13 + k) / 26), abs=0.02)
        check_arrows(stepper, network, k)


def test_further_right_the_slider_reaches_further_and_cuts_less(stepper):
    show(stepper, TEXT, 5)
    turn_to(stepper, CARDS[2])
    slider = stepper.get_by_role("slider", name="Reach k", exact=True)
    edge = stepper.locator(".rnn-stair")
    box = slider.bounding_box()

    def press(across):
        slider.click(position={"x": across * box["width"], "y": box["height"] / 2})
        return slider.get_attribute("aria-valuetext")

    assert press(0.999) == "all 13" and not edge.is_visible()
    reached = [int(press(across).split()[0]) for across in (0.001, 0.25, 0.5, 0.75)]
    assert reached == sorted({*reached}) and reached[0] == 1
    assert edge.is_visible()
    for key, said in [("Home", "1 of 13"), ("ArrowRight", "2 of 13"), ("ArrowLeft", "1 of 13"), ("End", "all 13")]:
        slider.press(key)
        assert slider.get_attribute("aria-valuetext") == said


@pytest.mark.parametrize("path", [PAGE, "pages/stepper.html"])
def test_every_slider_of_a_figure_runs_from_left_to_right(specimen, visit, path):
    page, watch = visit(specimen, path)
    tried = 0
    for fold in page.locator(".rnn").first.locator("summary").all():
        fold.click()
    painted(page)
    for tab in page.locator(".rnn").first.get_by_role("tab").all()[-1:]:
        tab.click()
    for slider in page.locator(".rnn").first.get_by_role("slider").all():
        slider.press("Home")
        slider.press("ArrowRight")
        low, value = slider.evaluate("n => [Number(n.min), Number(n.value)]")
        assert value == low + 1, slider.evaluate("n => n.labels[0].textContent")
        slider.press("End")  # so that a later slider has room
        tried += 1
    assert tried >= 2 and not watch.complaints


def test_a_link_opens_at_the_reach_that_it_names(specimen, visit):
    page, watch = visit(specimen, f"{PAGE}#figure=backward-stepper&truncate=4")
    view = turn_to(page.locator(".rnn-backward").first, CARDS[2])
    slider = view.get_by_role("slider", name="Reach k", exact=True)
    assert slider.get_attribute("aria-valuetext") == "4 of 16" and slider.input_value() == "4"
    assert not watch.complaints


# Ways to move it


def test_the_cell_is_chosen_in_the_picture_and_by_two_sliders(stepper):
    show(stepper, TEXT, 5)
    walk_to(stepper, 12, 0)
    turn_to(stepper, CARDS[2])
    canvas, mouse = stepper.locator(".rnn-square-cells"), stepper.page.mouse

    def point(t, s, across=0.5, down=0.5):
        canvas.scroll_into_view_if_needed()
        box = canvas.bounding_box()
        return box["x"] + (s + across) * box["width"] / 13, box["y"] + (t + down) * box["height"] / 13

    def marked(name):
        """Row, column, rows and columns that a mark covers."""
        box, mark = canvas.bounding_box(), stepper.locator(f".rnn-mark-{name}").bounding_box()
        size = box["width"] / 13
        place = (mark["y"] - box["y"]) / size, (mark["x"] - box["x"]) / size
        return pytest.approx((*place, mark["height"] / size, mark["width"] / size), abs=0.1)

    for t, s, *inside in [(8, 3), (12, 0, 0.1, 0.9), (0, 0), (7, 7, 0.9, 0.1)]:
        mouse.click(*point(t, s, *inside))
        assert cell_of(stepper) == (t, s)
        assert marked("chosen") == (t, s, 1, 1)
    mouse.click(*point(4, 9))  # above the diagonal: no later step can be reached
    assert cell_of(stepper) == (4, 4)
    slide(stepper, "Loss of step t", 12)
    assert cell_of(stepper) == (12, 4)
    mouse.move(*point(10, 1))
    mouse.down()
    mouse.move(*point(11, 6))
    assert cell_of(stepper) == (11, 6)
    mouse.up()
    mouse.move(*point(2, 1))
    assert cell_of(stepper) == (11, 6)

    slide(stepper, "Loss of step t", 9)
    slide(stepper, "reaches step s", 5)
    assert cell_of(stepper) == (9, 5)
    slide(stepper, "Loss of step t", 2)  # takes the other one along
    assert cell_of(stepper) == (2, 2)
    assert stepper.get_by_role("slider", name="reaches step s", exact=True).get_attribute("max") == "2"
    reach = stepper.get_by_role("slider", name="reaches step s", exact=True)
    assert reach.get_attribute("aria-disabled") == "false"
    slide(stepper, "Loss of step t", 0)
    assert reach.get_attribute("aria-disabled") == "true"  # the first loss reaches no earlier step
    slide(stepper, "Loss of step t", 2)
    slide(stepper, "reaches step s", 2)
    slide(stepper, "Loss of step t", 8)
    assert cell_of(stepper) == (8, 2)
    assert marked("current") == (12, 12, 1, 1)
    walk_to(stepper, 4, 0)
    turn_to(stepper, CARDS[2])
    assert marked("current") == (4, 4, 9, 1)


def test_play_walks_every_move_down_to_the_first_step_stops_and_starts_again(stepper):
    page = stepper.page
    show(stepper, "hello", 3)
    walk_to(stepper, 3, 0)
    page.clock.install(time=0)
    page.clock.pause_at(1000)
    play = stepper.locator(".rnn-play")
    play.click()
    places = [(t, move) for t in (3, 2, 1, 0) for move in range(5)]
    for place in places[1:]:
        assert play.inner_text() == "Pause" and play.get_attribute("aria-pressed") == "true"
        page.clock.run_for(900)
        assert where(stepper) == place
    page.clock.run_for(900)
    assert play.inner_text() == "Play" and play.get_attribute("aria-pressed") == "false"
    page.clock.run_for(2700)
    assert where(stepper) == (0, 4)
    play.click()
    assert where(stepper) == (3, 0)
    page.clock.run_for(900)
    play.click()
    page.clock.run_for(2700)
    assert where(stepper) == (3, 1) and play.inner_text() == "Play"


def test_the_buttons_lead_over_the_border_of_a_step_and_no_further_than_the_ends(stepper):
    previous, following = (stepper.get_by_role("button", name=f"{name} move") for name in ("Previous", "Next"))
    show(stepper, "hello", 3)
    walk_to(stepper, 3, 0)
    assert where(stepper) == (3, 0) and previous.get_attribute("aria-disabled") == "true"
    for _ in range(4):
        following.click()
    assert where(stepper) == (3, 4)
    following.click()
    assert where(stepper) == (2, 0)
    previous.click()
    assert where(stepper) == (3, 4)
    walk_to(stepper, 0, 3)
    following.click()
    assert where(stepper) == (0, 4) and following.get_attribute("aria-disabled") == "true"
    following.focus()
    following.press("Enter")
    assert where(stepper) == (0, 4) and following.evaluate("n => n === document.activeElement")
    stepper.locator(".rnn-river-step[data-t='2'] .rnn-river-x").click()  # a step keeps the move
    assert where(stepper) == (2, 4)


FOCUSED = """view => {
  const n = document.activeElement;
  if (!view.contains(n)) return null;
  const name = n.ariaLabel ?? n.querySelector("[role=img]")?.ariaLabel
    ?? n.labels?.[0]?.querySelector(".rnn-label").textContent ?? n.textContent;
  const kind = n.matches("input") ? n.type : n.className.split(" ").pop() || n.tagName;
  if (kind !== "rnn-scroll") return { name, kind };
  const [down, right] = [n.scrollHeight - n.clientHeight, n.scrollWidth - n.clientWidth];
  const ways = { ArrowUp: n.scrollTop, ArrowDown: down, ArrowRight: right };
  return { name, kind, key: Object.keys(ways).find((key) => ways[key] > 0) ?? null };
}"""
PLACE = "(({ scrollTop, scrollLeft }) => [scrollTop, scrollLeft])(document.activeElement)"
KEYS = {"text": "x", "range": "ArrowDown", "number": "ArrowUp", "SELECT": "ArrowDown"}
KEYS |= {"rnn-pick": "ArrowDown", "rnn-river-step": "ArrowLeft", "SUMMARY": ""}


@pytest.mark.parametrize("card", CARDS)
def test_the_keyboard_alone_reaches_and_moves_everything(stepper, card):
    page = stepper.page
    show(stepper, TEXT, 11)
    walk_to(stepper, 6, 2)
    turn_to(stepper, card)
    stepper.locator(".rnn-river-step[tabindex='0']").focus()
    handle, names, unmoved = stepper.element_handle(), [], []
    top = page.evaluate("scrollY")
    while focused := page.evaluate(FOCUSED, handle):
        names.append(focused["name"])
        kind, key = focused["kind"], focused.get("key", KEYS.get(focused["kind"], "Enter"))
        if kind == "rnn-tab":
            key = "Home" if card != CARDS[0] else "End"
        before = snapshot(stepper), page.evaluate(PLACE)
        if key:  # a table that is shown whole has nowhere to scroll
            page.keyboard.press(key)
            painted(page, 4)  # a scroller takes its time
            if before == (snapshot(stepper), page.evaluate(PLACE)):
                unmoved.append((focused["name"], key))
        if kind == "rnn-play":
            page.keyboard.press("Enter")
        if kind == "rnn-tab":
            turn_to(stepper, card)
            stepper.get_by_role("tab", name=card, exact=True).focus()
        if kind == "text":
            set_range(stepper, "Step t", 6)
        assert len(names) < 60
        page.keyboard.press("Tab")
    assert unmoved == []
    reached = " | ".join(names)
    own = {
        CARDS[0]: ("the error", "two terms", "through tanh", "output sums", "state sums"),
        CARDS[1]: ("dWxh", "dWhh", "dWhy", "dbh", "dby"),
        CARDS[2]: ("Loss of step t", "reaches step s", "Reach k"),
    }
    for name in (
        *("Text", "Hidden size H", "Seed", "Loss L", "Step 7: ", "Play", "Previous move", "Next move", "Step t"),
        *(
            "Tempo",
            card,
            *own[card],
            "More",
            "All numbers",
            "All steps",
            "Error of",
            "Gradients of",
            "error do",
            "The path",
        ),
    ):
        assert name in reached, reached
    assert page.evaluate("scrollY") >= top


def test_arrow_keys_walk_along_the_strip_and_the_factors(stepper):
    page = stepper.page
    show(stepper, LONGEST, 2)
    walk_to(stepper, 63, 0)
    slide(stepper, "Loss of step t", 63)
    slide(stepper, "reaches step s", 3)
    stepper.locator(".rnn-river-step[tabindex='0']").focus()
    top = page.evaluate("scrollY")
    for key, t in [
        ("ArrowLeft", 62),
        ("Home", 0),
        ("ArrowLeft", 0),
        ("ArrowRight", 1),
        ("End", 63),
        ("ArrowRight", 63),
    ]:
        page.keyboard.press(key)
        assert where(stepper)[0] == t and page.evaluate("document.activeElement.dataset.t") == str(t)
    for key, place in [("ArrowUp", (63, 0)), ("ArrowDown", (63, 1)), *[("ArrowDown", (63, m)) for m in (2, 3, 4)]]:
        page.keyboard.press(key)  # through the moves
        assert where(stepper) == place and page.evaluate("document.activeElement.dataset.t") == "63"
    for key, place in [("ArrowDown", (62, 0)), ("ArrowUp", (63, 4))]:
        page.keyboard.press(key)
        assert where(stepper) == place and page.evaluate("document.activeElement.dataset.t") == str(place[0])
    stepper.locator(".rnn-factors .rnn-pick[tabindex='0']").focus()
    first, second = say("back_factor_error", t=64), say("back_factor_jacobian", r=64)
    last, before = say("back_factor_state", s=3), say("back_factor_slope", s=4)
    moves = [("ArrowDown", second), ("End", last), ("ArrowDown", last), ("ArrowUp", before), ("Home", first)]
    for key, name in [*moves, ("ArrowUp", first)]:
        page.keyboard.press(key)
        assert page.evaluate("document.activeElement.textContent") == name
        assert stepper.locator(".rnn-factor").get_attribute("aria-label").startswith(name)
        assert stepper.locator(".rnn-factors .rnn-pick[aria-pressed=true]").inner_text() == name
    assert page.evaluate("scrollY") >= top


def test_two_views_of_one_model_move_together(page):
    first, second = (unfolded(page.locator(".rnn-backward").nth(i)) for i in (1, 2))
    first.locator(".rnn-factors .rnn-pick").nth(2).click()
    assert second.locator(".rnn-pick[aria-pressed=true]").inner_text().startswith("error")  # each reader's own look
    first.locator(".rnn-factors .rnn-pick").first.click()
    second.get_by_label("Text", exact=True).fill("views")
    for act in (
        lambda: first.get_by_role("button", name="Next move").click(),
        lambda: second.get_by_role("combobox", name="Loss L", exact=True).select_option("mean"),
        lambda: first.get_by_role("tab").nth(1).click(),
        lambda: first.locator(".rnn-sum-tab").nth(3).click(),
        lambda: slide(second, "Reach k", 2),
        lambda: slide(first, "Loss of step t", 3),
        lambda: slide(second, "reaches step s", 1),
        lambda: second.locator(".rnn-river-step .rnn-river-x").first.click(),
    ):
        before = snapshot(first)
        act()
        assert snapshot(first) == snapshot(second) != before


def test_linked_sliders_move_it_and_are_moved_and_cannot_break_it(page):
    view = unfolded(page.locator(".rnn-backward").nth(1))
    walk_to(view, 2, 0)
    turn_to(view, CARDS[2])
    set_range(page, "linked step", 1)
    assert where(view) == (1, 0)
    view.get_by_role("button", name="Previous move").click()
    assert page.get_by_label("linked step").input_value() == "2"
    turn_to(view, CARDS[2])  # `where` has looked at another card
    for name, low, high in (("linked step", "1 of 4", "4 of 4"), ("linked loss", "1 of 4", "4 of 4")):
        slider = "Step t" if name == "linked step" else "Loss of step t"
        for value, said in ((-1, low), (9, high)):
            set_range(page, name, value)
            assert view.get_by_role("slider", name=slider, exact=True).get_attribute("aria-valuetext") == said
    for value, said in ((0, "1 of 4"), (3, "3 of 4"), (4, "all 4"), (70, "all 4")):
        set_range(page, "linked reach", value)
        assert view.get_by_role("slider", name="Reach k", exact=True).get_attribute("aria-valuetext") == said
    assert "NaN" not in view.inner_text()


def test_a_finger_can_do_it_on_a_phone(specimen, visit):
    page, watch = visit(specimen, PAGE, width=360, has_touch=True, is_mobile=True)
    view = page.locator(".rnn-backward").first
    view.locator(".rnn-river-step[data-t='11'] .rnn-river-x").tap()
    view.locator(".rnn-move").nth(2).tap()
    assert where(view) == (11, 2)
    view.get_by_role("tab").nth(2).tap()
    canvas = view.locator(".rnn-square-cells")
    size = canvas.bounding_box()["width"] / 16
    canvas.tap(position={"x": 4.5 * size, "y": 11.5 * size})
    assert cell_of(view) == (11, 4)
    view.get_by_role("tab").nth(1).tap()
    view.locator(".rnn-sum-tab").nth(4).tap()
    assert view.locator(".rnn-sum-title").inner_text().startswith("dby so far")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert not watch.complaints


# Texts, seeds and sizes


def test_a_new_text_is_opened_where_two_paths_meet(stepper):
    walk_to(stepper, 3, 2)
    slide(stepper, "Loss of step t", 7)
    slide(stepper, "reaches step s", 5)
    show(stepper, "walk me back")
    assert where(stepper) == (8, 1) and cell_of(stepper) == (8, 5)
    walk_to(stepper, 3, 2)
    show(stepper, "walk me")
    assert where(stepper) == (4, 1) and cell_of(stepper) == (4, 1)
    walk_to(stepper, 3, 2)
    set_range(stepper, "Hidden size H", 9)  # another network is read on where it was
    stepper.get_by_label("Seed", exact=True).fill("3")
    assert where(stepper) == (3, 2)


def test_the_true_character_of_a_new_text_is_in_sight(stepper):
    alphabet = "abcdefghijklmnopqrstuvwxyz"
    for text in (alphabet, alphabet[::-1]):
        show(stepper, text)
        set_range(stepper, "Step t", 24)
        assert stepper.locator(".rnn-errors .rnn-target [role=rowheader]").all_text_contents() == [text[-1]]


@pytest.mark.parametrize(
    ("label", "typed", "message"),
    [
        ("Text", "", "at least two characters"),
        ("Text", "😀", "at least two characters"),
        ("Seed", "-1", "whole number from 0 to 9007199254740991"),
        ("Seed", "1.5", "whole number from 0 to 9007199254740991"),
        ("Seed", "", "whole number from 0 to 9007199254740991"),
    ],
)
def test_what_cannot_be_shown_gets_a_message_and_the_last_picture_stays(stepper, label, typed, message):
    field = stepper.get_by_label(label, exact=True)
    panels = stepper.locator(".rnn-panels")
    before, old = snapshot(panels), field.input_value()
    field.fill(typed)
    assert message in stepper.locator(f".rnn-control-{label.lower()} .rnn-message").inner_text()
    assert field.get_attribute("aria-invalid") == "true"
    assert snapshot(panels) == before
    set_range(stepper, "Step t", 2)  # the rest goes on working
    assert where(stepper) == (2, 1)
    field.fill(old)
    assert stepper.locator(".rnn-message").all_inner_texts() == [""] * stepper.locator(".rnn-message").count()


def test_the_click_that_leaves_a_refused_text_is_not_lost(stepper):
    stepper.get_by_label("Text", exact=True).fill("a")
    stepper.locator(".rnn-move").nth(2).click()
    assert where(stepper) == (12, 2)
    assert stepper.get_by_label("Text", exact=True).input_value() == "I am learning RNN"


def test_the_smallest_network_and_text(stepper):
    show(stepper, "ab", 1, 2)
    network = net("ab", 1, 2)
    for move in (1, 3, 4):
        walk_to(stepper, 0, move)
        check_river(stepper, network, 0, move)
        check_row(stepper, network, 0, move)
        check_tables(stepper, network, 0, move)
        check_sums(stepper, network, 0, move)
    check_map(stepper, network, 1, 0, 0)
    check_cell(stepper, network, 0, 0)
    for name in ("Step t", "Loss of step t", "reaches step s"):
        slider = stepper.get_by_role("slider", name=name, exact=True)
        assert (slider.get_attribute("max"), slider.get_attribute("aria-valuetext")) == ("0", "1 of 1")
    assert stepper.get_by_role("slider", name="Reach k", exact=True).get_attribute("aria-valuetext") == "all 1"


def test_the_largest_network_and_text_are_shown_whole(stepper):
    show(stepper, LONGEST, 64, 1)
    network = net(LONGEST, 64, 1)
    walk_to(stepper, 31, 4)
    slide(stepper, "Reach k", 9)
    slide(stepper, "Loss of step t", 63)
    slide(stepper, "reaches step s", 0)
    check_tables(stepper, network, 31, 4)
    check_map(stepper, network, 9, 63, 0)
    sums = sums_from(network, 31)
    turn_to(stepper, CARDS[1])
    stepper.locator(".rnn-sum-tab", has_text="dWxh").click()
    assert matrix(stepper, "sums")[1:] == (list(network.vocab.characters), printed(sums.Wxh))
    way = path(network.params, network.trace, network.y, 63, 0, reduction="sum")
    assert len(rows(stepper, "factors")) == 66
    stepper.locator(".rnn-factors .rnn-pick[tabindex='0']").focus()
    stepper.page.keyboard.press("End")
    stepper.page.keyboard.press("ArrowUp")
    assert matrix(stepper, "factor")[1:] == (["1−h²"], printed(way.slope))
    stepper.page.keyboard.press("ArrowUp")
    assert len(rows(stepper, "factor")) == 64
    show(stepper, "ab", 1)
    assert (len(rows(stepper, "factors")), len(rows(stepper, "sums")), where(stepper)) == (3, 2, (0, 1))


@pytest.mark.parametrize("text", ["<img src=x onerror=alert(1)>", "👩‍👩‍👧‍👦🇨🇳e\u0301", "a\u202eאב\u200b", "  ", "aaaa"])
def test_any_text_is_shown_as_text(stepper, text):
    show(stepper, text)
    slide(stepper, "Reach k", 2)
    network = net(text, 4, 0)
    assert len(rows(stepper, "errors")) == len(network.vocab)
    assert all(row[0].strip() for row in rows(stepper, "errors"))  # nothing is invisible
    turn_to(stepper, CARDS[1])
    for parameter in ("Wxh", "Why"):
        stepper.locator(".rnn-sum-tab", has_text=f"d{parameter}").click()
        heads, names, _ = matrix(stepper, "sums")
        assert all(heads) and all(names)
    assert stepper.locator("img, b").count() == 0
    assert "NaN" not in stepper.inner_text() and "Infinity" not in stepper.inner_text()


def test_where_every_guess_is_right_no_sentence_speaks_of_an_error(stepper):
    show(stepper, "aaaa")  # with one character to choose from
    walk_to(stepper, 2, 0)
    said = stepper.locator(".rnn-summary").inner_text()
    assert say("back_say_no_error") in said


def test_a_text_with_line_breaks_from_python_is_shown_as_text(page):
    view = unfolded(page.locator(".rnn-backward").nth(4))
    assert where(view) == (5, 1)
    signs = view.locator(".rnn-river-step .rnn-river-x").all_text_contents()
    assert signs == ["<", "b", ">", "⏎", "⇥", "e", "◌\u0301", "U+202E"]
    assert [row[0] for row in rows(view, "errors")].count("U+202E") == 1
    view.get_by_role("button", name="Next move").click()
    view.get_by_label("Text", exact=True).focus()
    page.keyboard.press("Tab")
    assert where(view) == (5, 2) and view.locator(".rnn-river-step .rnn-river-x").all_text_contents() == signs
    assert view.locator(".rnn-message").all_inner_texts() == [""] * view.locator(".rnn-message").count()
    assert view.locator("b").count() == 0


def test_where_no_gradient_comes_back_no_number_is_made_up(page):
    view = unfolded(page.locator(".rnn-backward").nth(5))  # Why is zero: no error reaches the state
    inside = view.inner_text()
    assert "NaN" not in inside and "Infinity" not in inside and "e−300" not in inside
    assert {cell for row in rows(view, "factors") for cell in row[1:]} <= {"", "0"}


# How it looks


def test_dark_mode_repaints_at_once(stepper):
    walk_to(stepper, 3, 4)
    slide(stepper, "Reach k", 3)

    def looks():
        pictures = []
        for card in CARDS:
            canvases = turn_to(stepper, card).locator(".rnn-card:not([hidden]) canvas")
            pictures += canvases.evaluate_all("nodes => nodes.map((n) => n.toDataURL())")
        states = stepper.locator(".rnn-river-step > .rnn-river-state")
        pictures += states.evaluate_all("nodes => nodes.map((n) => getComputedStyle(n).backgroundImage)")
        return pictures + [
            stepper.locator(f".rnn-{name} .rnn-number[role=cell]").first.evaluate(
                "n => getComputedStyle(n).backgroundColor"
            )
            for name in ("errors", "gradients", "sums", "factor")
        ]

    light = looks()
    stepper.page.evaluate("document.documentElement.dataset.theme = 'dark'")
    painted(stepper.page)
    dark = looks()
    assert len(light) == 6 + 9 + 2 + 16 + 4 and not set(light) & set(dark)
    stepper.page.evaluate("document.documentElement.dataset.theme = 'light'")
    painted(stepper.page)
    assert looks() == light


def test_nothing_moves_by_itself_for_readers_who_want_it_so(specimen, visit):
    page, watch = visit(specimen, PAGE, reduced_motion="reduce")
    view = page.locator(".rnn-backward").first
    moving = """root => [root, ...root.querySelectorAll("*")].filter((n) => {
      const style = getComputedStyle(n);
      const [moves, glides] = [style.animationName !== "none", parseFloat(style.transitionDuration) > 0];
      return moves || glides || style.scrollBehavior === "smooth";
    }).length"""
    assert view.evaluate(moving) == 0
    walk_to(unfolded(view), 0, 4)
    assert where(view) == (0, 4) and not watch.complaints


def test_axe_finds_nothing_in_the_midst_of_the_walk_and_nothing_is_wider_than_the_page(page):
    from axe_playwright_python.sync_playwright import Axe

    view = unfolded(page.locator(".rnn-backward").first)
    view.evaluate("n => n.classList.add('looked-at')")
    show(view, TEXT, 11)
    walk_to(view, 5, 2)
    slide(view, "Reach k", 3)
    slide(view, "Loss of step t", 10)
    slide(view, "reaches step s", 5)
    view.locator(".rnn-factors .rnn-pick").nth(3).click()
    view.get_by_label("Seed", exact=True).fill("-1")  # with its message
    found = {}
    # as it starts, every page is looked at in all four
    for card, width, theme in zip(CARDS, (1280, 360, 360), ("dark", "light", "dark"), strict=True):
        turn_to(view, card)
        page.set_viewport_size({"width": width, "height": 900})
        page.evaluate("theme => { document.documentElement.dataset.theme = theme; }", theme)
        painted(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        violations = Axe().run(page, context=".looked-at").response["violations"]
        found |= {
            (width, theme, v["id"]): (v["nodes"][0]["html"][:200], v["nodes"][0]["failureSummary"]) for v in violations
        }
    assert found == {}


@pytest.mark.parametrize(("width", "most"), [(1280, 640), (360, 760)])
def test_nothing_below_jumps_while_it_walks_and_each_card_fits_a_screen(specimen, visit, width, most):
    page, _ = visit(specimen, PAGE, width=width)
    view = page.locator(".rnn-backward").first
    for card in CARDS:
        turn_to(view, card)
        heights = set()
        for t in (15, 12, 1, 0):
            view.locator(f".rnn-river-step[data-t='{t}']").evaluate("n => n.click()")
            for move in range(5):
                view.locator(".rnn-move").nth(move).evaluate("n => n.click()")
                heights.add(view.evaluate("n => n.offsetHeight"))
        assert len(heights) == 1 and max(heights) <= most, (card, heights)


# The picture as a handle


@pytest.fixture
def alone(visit_alone):
    """alone(**traits) -> a figure on a page of its own, wide, without motion."""
    watches = []

    def go(width=800, reduced_motion="reduce", fragment="", **traits):
        widget = BackwardStepper(**({"text": "I am learning RNN", "hidden_size": 8, "seed": 1} | traits))
        page, watch = visit_alone(widget, fragment, width=width, reduced_motion=reduced_motion)
        watches.append(watch)
        page.locator(".rnn-backward").wait_for()
        return page.locator(".rnn-backward")

    yield go
    assert not any(watch.complaints for watch in watches)


def drag(view, grip, steps, down=False):
    """Draw a handle on by so many steps of the river."""
    mouse, handle, one = view.page.mouse, view.locator(grip), view.locator(".rnn-river-step").first.bounding_box()
    box = handle.bounding_box()
    assert box["width"] >= 44 and box["height"] >= 44
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    mouse.move(x, y)
    mouse.down()
    by = steps * (one["height"] if down else one["width"])
    for part in (0.5, 1):
        mouse.move(x + (0 if down else part * by), y + (part * by if down else 0))
    mouse.up()
    painted(view.page)


def test_it_opens_where_two_paths_meet_with_the_ribbon_of_that_loss(alone):
    view = alone()
    assert where(view) == (12, 1) and borders(view) == (13, 0)
    name = view.locator(".rnn-river-step[data-t='12'] [role=img]").get_attribute("aria-label")
    assert name.endswith("lengths 0.470, 0.166, 0.0567, 0.0301, 0.0172")
    lit = bars(view.locator(".rnn-river-litbars").get_attribute("d"))
    ours = BackwardStepper(text="I am learning RNN", hidden_size=8, seed=1).contributions
    assert np.allclose(lit, 1000 * ours[12, :13] / ours.sum(axis=0).max(), rtol=0, atol=0.2)
    assert view.locator(".rnn-summary").inner_text().startswith("Step 13, move 2 of 5. ")
    assert view.locator(".rnn-card:visible").count() == 1


@pytest.mark.parametrize("width", [800, 360])
def test_the_front_is_drawn_back_and_forth(alone, width):
    view = alone(width)
    drag(view, ".rnn-river-hold", -2, down=width == 360)
    assert where(view) == (10, 1) and borders(view)[0] == 11
    drag(view, ".rnn-river-hold", 30, down=width == 360)
    assert where(view) == (15, 1) and borders(view)[0] == 16
    drag(view, ".rnn-river-hold", -30, down=width == 360)
    assert where(view) == (0, 2) and borders(view)[0] == 0  # all steps are behind it
    drag(view, ".rnn-river-hold", 1, down=width == 360)
    assert where(view) == (1, 2) and borders(view)[0] == 1


def test_a_press_on_a_handle_that_does_not_draw_it_is_one_on_the_step_below(alone):
    view = alone()
    grip, step = (view.locator(name).first.bounding_box() for name in (".rnn-river-scissors", ".rnn-river-step"))
    x, y = step["x"] + step["width"] / 2, grip["y"] + grip["height"] / 2
    assert grip["x"] <= x <= grip["x"] + grip["width"]  # nothing is cut: the scissors lie on the first step
    view.page.mouse.click(x, y)
    assert where(view)[0] == 0


@pytest.mark.parametrize("width", [800, 360])
def test_the_scissors_cut_the_lit_ribbon_where_they_are_laid(alone, width):
    view = turn_to(alone(width, truncate=4), CARDS[2])
    slider = view.get_by_role("slider", name="Reach k", exact=True)
    for by, k in ((-1, "5"), (3, "2"), (9, "1")):
        drag(view, ".rnn-river-scissors", by, down=width == 360)
        assert slider.input_value() == k and borders(view)[1] == 13 - int(k)
        lit = bars(view.locator(".rnn-river-litbars").get_attribute("d"))
        assert np.count_nonzero(lit) == int(k)
    drag(view, ".rnn-river-scissors", -30, down=width == 360)
    assert slider.get_attribute("aria-valuetext") == "all 16" and borders(view)[1] == 0


def test_the_stair_on_the_triangle_is_drawn_and_a_press_on_it_chooses_the_cell(alone):
    view = turn_to(alone(), CARDS[2])
    mouse, grip, slider = view.page.mouse, view.locator(".rnn-stair-grip"), view.get_by_role("slider", name="Reach k")
    cell = view.locator(".rnn-square-cells").bounding_box()["width"] / 16
    for across, down, k in ((5, -5, 6), (0, 3, 9), (-9, 9, 16), (30, -30, 1)):
        box = grip.bounding_box()
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        mouse.move(x, y)
        mouse.down()
        mouse.move(x + across * cell / 2, y + down * cell / 2)
        mouse.move(x + across * cell, y + down * cell)
        mouse.up()
        assert slider.input_value() == str(k), (across, down)
    box = grip.bounding_box()
    mouse.click(box["x"] + 22 + 0.3 * cell, box["y"] + 22 - 0.3 * cell)
    assert slider.input_value() == "1" and cell_of(view) in {(8, 7), (7, 7), (8, 8)}


def test_the_bars_of_surprise_choose_the_loss_and_the_rest_of_a_step_the_step(alone):
    view = alone()
    surprises = view.locator(".rnn-river-step > .rnn-river-surprise")
    surprises.nth(5).click()
    assert where(view) == (12, 1) and cell_of(view) == (5, 5)
    boxes = [surprises.nth(i).bounding_box() for i in (5, 9)]
    middles = [(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2) for box in boxes]
    view.page.mouse.move(*middles[0])
    view.page.mouse.down()
    view.page.mouse.move(*middles[1])
    view.page.mouse.up()
    assert cell_of(view) == (9, 5)
    view.locator(".rnn-river-step[data-t='3'] .rnn-river-x").click()
    assert where(view) == (3, 1) and cell_of(view) == (9, 5)


def test_tabs_turn_by_arrow_keys_and_only_the_open_card_is_told(alone):
    view = alone()
    view.get_by_role("tab", selected=True).focus()
    for key, card in (("ArrowRight", 1), ("End", 2), ("ArrowRight", 2), ("ArrowLeft", 1), ("Home", 0)):
        view.page.keyboard.press(key)
        assert view.get_by_role("tab", selected=True).inner_text() == CARDS[card]
        assert view.evaluate("() => document.activeElement.textContent") == CARDS[card]
        assert view.get_by_role("tabpanel").evaluate_all("nodes => nodes.map((n) => n.ariaLabel)") == [CARDS[card]]


def test_a_link_and_python_name_the_open_card(alone):
    view = alone(card="sums")
    assert view.get_by_role("tab", selected=True).inner_text() == CARDS[1]
    view = alone(fragment="#figure=backward-stepper&card=shares&t=3&move=4")
    assert view.get_by_role("tab", selected=True).inner_text() == CARDS[2]
    assert borders(view)[0] == 3


@pytest.mark.parametrize(("tempo", "beat", "places"), [
    ("step by step", 900, [(2, 0), (1, 0), (0, 0), (0, 4)]),
    ("all in 4 s", 1000, [(2, 0), (1, 0), (0, 0), (0, 4)]),
])  # fmt: skip
def test_play_has_other_tempos_and_whatever_the_reader_does_ends_it(alone, tempo, beat, places):
    view = alone(text="hello", t=3, move=0, reduced_motion="no-preference")
    clock, play = view.page.clock, view.locator(".rnn-play")
    clock.install(time=0)
    clock.pause_at(1000)
    view.get_by_role("combobox", name="Tempo").select_option(label=tempo)
    play.click()
    for place in places:
        assert play.inner_text() == "Pause"
        clock.run_for(beat)
        assert where(view) == place
    clock.run_for(beat)
    assert play.inner_text() == "Play"
    play.click()
    clock.run_for(beat)
    view.locator(".rnn-river-step[data-t='3'] .rnn-river-x").click()
    assert play.inner_text() == "Play" and where(view) == (3, 0)
    clock.run_for(3 * beat)
    assert where(view) == (3, 0)


def test_without_motion_the_whole_way_is_one_jump(alone):
    view = alone()
    view.get_by_role("combobox", name="Tempo").select_option(label="all in 4 s")
    view.locator(".rnn-play").click()
    view.locator(".rnn-move[aria-current]", has_text="state sums").wait_for()
    view.get_by_role("button", name="Play", exact=True).wait_for()
    assert where(view) == (0, 4)


@pytest.mark.parametrize("reduced_motion", ["reduce", "no-preference"])
def test_a_tile_flies_into_its_matrix_unless_motion_is_unwanted(alone, reduced_motion):
    view = alone(card="sums", move=3, t=9, reduced_motion=reduced_motion)
    flights = "n => n.getAnimations().map((each) => each.effect.getTiming().duration)"
    tile, expected = view.locator(".rnn-sum-tile"), [300] * (reduced_motion != "reduce")
    assert tile.evaluate(flights) == []
    view.page.evaluate("document.querySelector('.rnn-next').click()")
    view.locator(".rnn-sum-title", has_text="the steps 16 to 10").wait_for()
    seen = view.evaluate("""async (view) => {
      const next = (name) => { view.querySelector(name).click(); return Promise.resolve().then(() => {}); };
      await next(".rnn-previous");
      await next(".rnn-next");
      return view.querySelector(".rnn-sum-tile").getAnimations().map((each) => each.effect.getTiming().duration);
    }""")
    assert seen[-1:] == expected
