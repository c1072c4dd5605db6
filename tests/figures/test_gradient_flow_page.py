"""GradientFlow in a real browser: its numbers, its controls, and dots that can be dragged."""

import re

import numpy as np
import pytest
from browsing import painted
from pages import set_range

from rnnlib import Vocabulary, init_params
from rnnlib.widgets import GradientFlow


@pytest.fixture
def opened(visit_alone):
    """opened(**traits) -> the page and the figure; at the end nothing has been complained of."""
    watches = []

    def visit(width=800, **traits):
        page, watch = visit_alone(GradientFlow(**traits), width=width)
        watches.append(watch)
        view = page.locator(".rnn-flow").first
        view.wait_for()
        return page, view

    yield visit
    assert not any(watch.complaints for watch in watches)


def read(text):
    """The number that a share in words stands for."""
    if found := re.fullmatch(r"10\^(−?[\d.]+)", text):
        return 10 ** float(found[1].replace("−", "-"))
    return float(text.removesuffix(" %")) / 100


def heights(view, name):
    """The places of the points of a median, downwards from the upper edge."""
    path = view.locator(f".rnn-flow-median.rnn-flow-{name}").get_attribute("d")
    return np.array([float(point.split()[1]) for point in path[1:].split("L")])


FELL = r"each step back multiplies (?:the gradient|dc_t, the gradient of the cell state,) by about (\S+); "
FELL += r"after \d+ steps (.+?) is left, after \d+ steps (.+?)\.(?:\s|$)"
GATES = re.compile(r"with (?:forget|update) gates of (\S+) on average: " + FELL)
LEAKY = re.compile(r"α = \S+: (.+?) after \d+ steps, (.+?) after")


def close(told, share):
    """A power of ten has one decimal, a share in percent one digit or none behind the point."""
    return np.isclose(read(told), share, rtol=0.13, atol=0.0051)


PRODUCT = re.compile(r"After (\d+) steps the largest is (\S+); the bound σᵏ only says that it is at most (\S+)\.")


def close_factor(told, value):
    """A factor has two decimals, a power of ten one."""
    return np.isclose(read(told) if "^" in told else float(told), value, rtol=0.13 if "^" in told else 0, atol=0.0051)


def holds(view, widget):
    """The figure shows the numbers of the widget."""
    said = view.locator(".rnn-summary").inner_text()
    plain, second = (np.median(flow.shares, axis=0) for flow in (widget.plain, widget.second))
    T = len(plain) - 1
    near = min(10, T)
    factor, share, end = re.search(FELL, said).groups()
    assert abs(float(factor) - plain[near] ** (1 / near)) < 0.006
    assert close(share, plain[near]) and close(end, plain[T])
    if widget.cell == "leaky":
        share, end = LEAKY.search(said).groups()
    else:
        gate, factor, share, end = GATES.search(said).groups()
        assert abs(float(gate) - widget.second.slopes.mean()) < 0.006
        assert abs(float(factor) - second[near] ** (1 / near)) < 0.006
        assert {"lstm": "LSTMs, with forget", "gru": "GRUs, with update"}[widget.cell] in said
    assert close(share, second[near]) and close(end, second[T])
    note = view.locator(".rnn-note").inner_text()
    assert f"ρ = {widget.rho:.2f}, σ = {widget.sigma:.2f}" in note
    if widget.product == "on":
        largest = widget.singular_values[0]
        near, found, bound = PRODUCT.search(said).groups()
        assert close_factor(found, largest[int(near)]) and close_factor(bound, widget.sigma ** int(near))
        if grown := re.search(r"its largest singular value is (\S+) after (\d+) steps", said):
            assert widget.rho < 1 and close_factor(grown[1], largest.max()) and largest[int(grown[2])] == largest.max()
        assert bool(grown) == (widget.rho < 1 and largest.max() > 1.01)
    assert bool(view.locator(".rnn-flow-band").get_attribute("d")) == (widget.product == "on")
    # One scale for both lines: decades downwards, the same distance for each
    drawn = np.concatenate([heights(view, "plain"), heights(view, "second")])
    decades = np.log10(np.concatenate([plain, second]))
    slope, start = np.polyfit(decades, drawn, 1)
    assert slope < 0 and np.allclose(start + slope * decades, drawn, rtol=0, atol=0.12)
    if widget.product == "on":
        wide = float(view.locator(".rnn-flow-right .rnn-axes").get_attribute("d").partition("h")[2])
        edges = view.locator(".rnn-flow-edge").get_attribute("d")[1:].split("M")
        for edge, values in zip(edges, widget.singular_values, strict=True):
            across, upward = np.array([point.split() for point in edge.split("L")], dtype=float).T
            lags = np.round(across * T / wide).astype(int)
            assert len(set(lags)) == len(lags) >= 3
            # The fit to rounded places is less sure outside of the frame; a decade has 20 units and more
            np.testing.assert_allclose(start + slope * np.log10(values[lags]), upward, rtol=0, atol=0.4)


@pytest.mark.parametrize(
    "traits",
    [
        {"gain": 1.5, "product": "on"},
        {"gain": 1.2, "inputs": "off", "cell": "lstm", "forget_bias": 3.0},
        {"gain": 1, "start": "orthogonal", "cell": "gru", "loss_t": 14},
    ],
)
def test_it_shows_the_numbers_of_python(opened, traits):
    _, view = opened(**traits)
    holds(view, GradientFlow(**traits))


def test_every_control_changes_the_numbers_as_in_python(opened):
    page, view = opened(width=360)
    view.get_by_label("Text", exact=True).fill("hello, hello")
    view.get_by_label("Seed", exact=True).fill("12")
    set_range(view, "Hidden size H", 6)
    set_range(view, "Gain", 30)
    set_range(view, "Leak α", 45)
    view.get_by_label("Start").select_option("orthogonal")
    view.get_by_role("button", name="Inputs").click()
    painted(page)
    traits = {"text": "hello, hello", "seed": 12, "hidden_size": 6, "gain": 1.5, "alpha": 0.45}
    holds(view, GradientFlow(**traits, start="orthogonal", inputs="off"))
    view.get_by_label("Second cell").select_option("LSTM")
    assert not view.get_by_label("Leak α").is_visible()
    set_range(view, "Forget bias", 35)
    set_range(view, "Loss of step", 9)
    view.get_by_role("button", name="Inputs").click()
    view.get_by_role("button", name="Product").click()
    painted(page)
    del traits["alpha"]
    traits["product"] = "on"
    lstm = GradientFlow(**traits, start="orthogonal", cell="lstm", forget_bias=3.5, loss_t=8)
    holds(view, lstm)
    view.get_by_label("Text", exact=True).fill("hello")  # whose last loss is followed
    view.get_by_label("Second cell").select_option("GRU")
    assert not view.get_by_label("Forget bias").is_visible()
    painted(page)
    traits["text"] = "hello"
    holds(view, GradientFlow(**traits, start="orthogonal", cell="gru"))


def test_a_single_step_says_nothing_of_products(opened):
    _, view = opened(text="ab", product="on")
    said = view.locator(".rnn-summary").inner_text()
    assert "after 1 steps" in said and not PRODUCT.search(said)


def test_a_dot_drawn_outward_turns_up_the_gain(opened):
    page, view = opened(gain=1)
    plane = view.locator(".rnn-flow-plane").bounding_box()
    middle = np.array([plane["x"] + plane["width"] / 2, plane["y"] + plane["height"] / 2])
    boxes = [dot.bounding_box() for dot in view.locator(".rnn-flow-dots circle:last-child").all()]
    places = np.array([[box["x"] + box["width"] / 2, box["y"] + box["height"] / 2] for box in boxes])
    dot = places[np.linalg.norm(places - middle, axis=1).argmax()]
    page.mouse.move(*dot)
    page.mouse.down()
    page.mouse.move(*(middle + 1.5 * (dot - middle)), steps=3)
    page.mouse.up()
    painted(page)
    gain = float(view.get_by_role("slider", name="Gain").get_attribute("aria-valuetext"))
    assert abs(gain - 1.5) < 0.04  # a pixel of about sixty


def test_keys_turn_the_gain(opened):
    page, view = opened(gain=1)
    slider = view.get_by_role("slider", name="Gain")
    slider.focus()
    page.keyboard.press("ArrowRight")
    painted(page)
    assert slider.get_attribute("aria-valuetext") == "1.05"
    holds(view, GradientFlow(gain=1.05))


def test_nothing_is_wider_than_a_phone(opened):
    page, _ = opened(width=360)
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


def test_given_weights_have_no_second_cell_with_gates(visit_alone):
    params = init_params(4, 3, rng=np.random.default_rng(5))
    widget = GradientFlow.from_params(params, Vocabulary("ehlo"), "hello")
    page, watch = visit_alone(widget, width=800)
    view = page.locator(".rnn-flow").first
    view.wait_for()
    assert not view.get_by_label("Second cell").is_visible()
    holds(view, widget)
    assert not watch.complaints
