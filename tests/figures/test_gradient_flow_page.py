"""GradientFlow in a real browser: its numbers, its controls, and dots that can be dragged."""

import re

import numpy as np
import pytest
from browsing import painted
from pages import set_range

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


def holds(view, widget):
    """The figure shows the numbers of the widget."""
    said = view.locator(".rnn-summary").inner_text()
    plain, leaky = (np.median(flow.shares, axis=0) for flow in (widget.plain, widget.leaky))
    T = len(plain) - 1
    near = min(10, T)
    factor, share, end = re.search(
        r"by about (\S+); after \d+ steps (.+?) is left, after \d+ steps (.+?)\.\s", said
    ).groups()
    assert abs(float(factor) - plain[near] ** (1 / near)) < 0.006
    told = [
        read(share),
        read(end),
        *map(read, re.search(r"α = \S+: (.+?) after \d+ steps, (.+?) after", said).groups()),
    ]
    # a power of ten has one decimal, a share in percent one digit or none behind the point
    expected = [plain[near], plain[T], leaky[near], leaky[T]]
    assert all(np.isclose(a, b, rtol=0.13, atol=0.0051) for a, b in zip(told, expected, strict=True))
    note = view.locator(".rnn-note").inner_text()
    assert f"ρ = {widget.rho:.2f}, σ = {widget.sigma:.2f}" in note
    # One scale for both lines: decades downwards, the same distance for each
    drawn = np.concatenate([heights(view, "plain"), heights(view, "leaky")])
    decades = np.log10(np.concatenate([plain, leaky]))
    slope, start = np.polyfit(decades, drawn, 1)
    assert slope < 0 and np.allclose(start + slope * decades, drawn, rtol=0, atol=0.12)


@pytest.mark.parametrize(
    "gain, start, inputs", [(2.5, "uniform", "on"), (1, "orthogonal", "on"), (1.2, "uniform", "off")]
)
def test_it_shows_the_numbers_of_python(opened, gain, start, inputs):
    traits = {"gain": gain, "start": start, "inputs": inputs}
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
