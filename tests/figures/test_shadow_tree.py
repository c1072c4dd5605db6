"""A figure in a shadow tree, as a host may hold it: what it asks of the document it must ask of that tree."""

import pytest
from browsing import painted

from rnnlib.widgets import BackwardStepper, GraphStepper

MOVED = """() => {
  const figure = document.querySelector(".rnn-widget");
  const host = figure.parentNode.appendChild(document.createElement("div"));
  const styles = [...document.querySelectorAll("link[rel=stylesheet]")].map((link) => link.cloneNode());
  const loaded = styles.map((link) => new Promise((resolve) => link.addEventListener("load", resolve)));
  host.attachShadow({ mode: "open" }).append(...styles, figure);
  return Promise.all(loaded).then(() => undefined);
}"""


@pytest.fixture
def inside(visit_alone):
    """inside(widget) -> its page and the figure, in a shadow tree; at the end nothing has been complained of."""
    watches = []

    def go(widget):
        page, watch = visit_alone(widget)
        watches.append(watch)
        page.evaluate(MOVED)
        painted(page)
        return page, page.locator(".rnn-widget")

    yield go
    assert not any(watch.complaints for watch in watches)


def test_the_focus_stays_in_the_graph_when_its_node_goes(inside):
    page, view = inside(GraphStepper(text="aba", hidden_size=2))
    view.locator(".rnn-graph-node").last.focus()
    view.get_by_label("Text", exact=True).evaluate(
        "node => { node.value = 'ab'; node.dispatchEvent(new Event('input', { bubbles: true })); }"
    )
    painted(page)
    assert view.locator(".rnn-graph-node").count() == 13
    assert view.locator(".rnn-graph-node").last.evaluate("node => node.matches(':focus')")


def test_a_press_on_a_grip_is_one_on_the_step_below_it(inside):
    page, view = inside(BackwardStepper(text="I am learning RNN", hidden_size=2))
    view.locator(".rnn-river-stage").scroll_into_view_if_needed()
    grip, step = (view.locator(name).first.bounding_box() for name in (".rnn-river-scissors", ".rnn-river-step"))
    x, y = step["x"] + step["width"] / 2, grip["y"] + grip["height"] / 2
    assert grip["x"] <= x <= grip["x"] + grip["width"]  # nothing is cut: the scissors lie on the first step
    page.mouse.click(x, y)
    painted(page)
    assert view.locator(".rnn-river-step").first.get_attribute("aria-current") == "step"


def test_a_notebook_leaves_the_keys_of_what_is_pressed_alone(inside):
    _, view = inside(GraphStepper(text="ab", hidden_size=2))
    seed = view.get_by_label("Seed", exact=True)
    seed.press("ArrowUp")
    assert seed.get_attribute("data-lm-suppress-shortcuts") == "true"
