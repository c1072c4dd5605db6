"""GraphStepper in a real browser, on its chapter's page: every move of every tape, by mouse, by key and by touch."""

import re

import numpy as np
import pytest
from browsing import painted
from pages import change, set_range, shown, slight, snapshot

from rnnlib import plots
from rnnlib.formulations import gates
from rnnlib.widgets import GraphStepper
from rnnlib.widgets._bundle import words

PAGE = "chapters/gates.html"
SUBSCRIPTS = str.maketrans("0123", "₀₁₂₃")
NETWORKS = [("aba", 2, 0), ("abc", 3, 7), ("ab", 1, 2), ("aa", 3, 2**40), ("你好吗", 1, 5)]

# All that the panel shows of a node, and how far the edges and the nodes of the picture have come.
STATE = """view => {
  const seen = (nodes) => [...nodes].filter((n) => getComputedStyle(n).display !== "none");
  const arrays = (section) => [...section.querySelectorAll(".rnn-array")].map((array) => ({
    name: array.querySelector(".rnn-array-name").textContent.replace(/\\s+/g, " "),
    columns: getComputedStyle(array.querySelector(".rnn-array-cells")).gridTemplateColumns.split(" ").length,
    cells: [...array.querySelectorAll(".rnn-array-cell")].map((cell) => cell.textContent.trim()),
  }));
  const nodes = [...view.querySelectorAll(".rnn-graph-node")];
  return {
    sections: [...view.querySelectorAll(".rnn-graph-panel section")].map(arrays),
    states: nodes.map((n) => n.dataset.state),
    current: nodes.findIndex((n) => n.ariaCurrent === "step"),
    stops: nodes.flatMap((n, i) => (n.tabIndex === 0 ? [i] : [])),
    edges: [...view.querySelectorAll(".rnn-graph-edge")].map((edge) => [
      seen(edge.querySelectorAll(".rnn-graph-value")).length,
      seen(edge.querySelectorAll(".rnn-graph-gradient")).length,
      seen(edge.querySelectorAll(".rnn-graph-back")).length,
      edge.classList.contains("rnn-graph-active"),
      seen(edge.querySelectorAll(".rnn-graph-dot")).length,
    ]),
    told: [...view.querySelectorAll(".rnn-graph li")].map((item) => item.textContent),
    summary: view.querySelector(".rnn-summary").textContent,
  };
}"""


@pytest.fixture
def alone(visit_alone):
    """alone(…) -> the figure of the chapter, on a page with these options."""
    watches = []

    def go(**options):
        page, watch = visit_alone(GraphStepper(text="aba", hidden_size=2, seed=0), **options)
        watches.append(watch)
        view = page.locator(".rnn-grapher").first
        view.wait_for()
        return view

    yield go
    for watch in watches:
        assert not watch.complaints


@pytest.fixture
def view(alone):
    return alone()


def show(view, text, H, seed):
    view.get_by_label("Text", exact=True).fill(text)
    set_range(view, "Hidden size H", H)
    view.get_by_label("Seed", exact=True).fill(str(seed))


def go(view, move):
    set_range(view, "Move", move)


def where(view):
    return int(view.get_by_role("slider", name="Move", exact=True).input_value())


def node(view, name):
    return view.get_by_role("button", name=re.compile(f"^{name}, "))


def tape_of(text, H, seed):
    return gates.graph(GraphStepper(text=text, hidden_size=H, seed=seed).loss)


def edges_of(tape):
    """(child, parent, gradient) of every edge, in the order in which gradients come along."""
    return [
        (child, tape.index(parent), grad)
        for child, node in enumerate(tape)
        for parent, grad in zip(node.parents, node.to_parents(node.grad), strict=True)
    ][::-1]


def said(key, **values):
    return words()["en"][key].format(**values)


def array(values, printer=slight):
    """An array as the panel shows it: how many columns, and the printed cells."""
    values = np.asarray(values)
    return (values.shape[1] if values.ndim == 2 else 1), [printer(float(value)) for value in np.ravel(values)]


def expected_panel(tape, current, back):
    """What the three parts of the panel show of a node, as `array` gives it."""
    node, edges = tape[current], edges_of(tape)
    hidden = (lambda values: array(values)) if back else (lambda values: array(values, lambda _: "·"))
    is_id = node.data.dtype.kind == "i"
    values = [array(each.data, shown) for each in (*node.parents, node) if each.data.dtype.kind != "i"]
    arrived = [grad for _, parent, grad in edges if parent == current and grad is not None]
    gradient = [] if is_id else [hidden(grad) for grad in (*arrived, node.grad)]
    handed = []
    for parent, grad in zip(node.parents, node.to_parents(node.grad), strict=True):
        if grad is not None:
            so_far = [g for child, p, g in edges if p == tape.index(parent) and child >= current]
            handed += [hidden(grad), hidden(sum(so_far))]
    return [values, gradient, handed]


def told(tape, edge, current, back, characters):
    """What is said of an edge at a move."""
    child, parent, grad = edge
    names = f"{label(tape[parent].name)} → {label(tape[child].name)}"

    def numbers(values, printer):
        rows = values if values.ndim == 2 and values.shape[1] > 1 else [np.ravel(values)]
        return "; ".join(", ".join(printer(float(value)) for value in row) for row in rows)

    if not back and child > current:
        return f"{names}: no value yet."
    if grad is None:
        return f"{names}: the id of “\u2068{characters[int(tape[parent].data)]}\u2069”, which receives no gradient."
    value = f"{names}: value {numbers(tape[parent].data, shown)}"
    return f"{value}; gradient sent back {numbers(grad, slight)}." if back and child >= current else f"{value}."


@pytest.mark.parametrize(("text", "H", "seed"), NETWORKS)
def test_every_move_shows_the_numbers_of_python(view, text, H, seed):
    show(view, text, H, seed)
    tape = tape_of(text, H, seed)
    edges, N = edges_of(tape), len(tape)
    for move in range(2 * N):
        go(view, move)
        back = move >= N
        current = 2 * N - 1 - move if back else move
        found = view.evaluate(STATE)
        seen = [[(one["columns"], one["cells"]) for one in section] for section in found["sections"]]
        assert seen == expected_panel(tape, current, back), tape[current].name
        done = [
            "complete" if back and i >= current and each.grad is not None else "computed" for i, each in enumerate(tape)
        ]
        assert found["states"] == (done if back else ["computed"] * (current + 1) + ["waiting"] * (N - 1 - current))
        assert found["current"] == current and found["stops"] == [current]
        for (child, parent, grad), (values, grads, arrows, active, waits) in zip(edges, found["edges"], strict=True):
            assert values == (back or child <= current)
            assert grads == arrows == (back and child >= current and grad is not None)
            assert active == (child == current)
            assert waits == (grads and parent < current), "what has come waits until it is the node's turn"
        assert found["told"] == [told(tape, edge, current, back, sorted(set(text))) for edge in edges]
        assert not re.search(r"[{}]|undefined|NaN", view.inner_text())
        assert found["summary"].startswith(f"{'Back' if back else 'Forward'}, {(move % N) + 1} of {N}: ")


@pytest.mark.parametrize(("text", "H", "seed"), NETWORKS)
def test_the_edges_carry_the_numbers_and_the_colours_of_python(view, text, H, seed):
    show(view, text, H, seed)
    tape = tape_of(text, H, seed)
    found = view.locator(".rnn-graph-edge").evaluate_all(
        """edges => edges.map((edge) => [...edge.querySelectorAll(".rnn-graph-strip")].map((strip) => [
             [...strip.querySelectorAll("rect:not(.rnn-graph-frame)")].map((n) => n.getAttribute("fill")),
             [...strip.querySelectorAll("text")].map((n) => n.textContent)]))"""
    )
    edges = edges_of(tape)
    carried = [[tape[parent].data, *([] if grad is None else [grad])] for _, parent, grad in edges]
    limits = [
        max(abs(pair[side]).max() for pair in carried if len(pair) > side and pair[0].dtype.kind == "f")
        for side in (0, 1)
    ]
    for arrays, strips in zip(carried, found, strict=True):
        assert len(arrays) == len(strips)
        for values, limit, (fills, texts) in zip(arrays, limits, strips, strict=False):
            if values.dtype.kind == "i":
                assert (fills, texts) == (["none"], [sorted(set(text))[int(values)]])
                continue
            places = np.clip(np.floor(40 * np.ravel(values) / limit + 0.5), -40, 40).astype(int) + 40
            colours = [[int(part) for part in re.findall(r"\d+", fill)] for fill in fills]
            assert abs(np.array(colours) - 255 * plots.STATE_COLOURS(places)[:, :3]).max() <= 1
            assert len(texts) == (values.size if values.shape[1:] in ((), (1,)) else 0)
            for number, value in zip(texts, np.ravel(values), strict=False):
                given = float(number.replace("−", "-"))
                assert (
                    given == pytest.approx(value, rel=0.5, abs=0) if abs(value) < 1e-3 else abs(given - value) <= 5e-3
                )
                assert len(number) <= 6 and (given == 0) == (value == 0)


def test_gradients_that_come_along_two_edges_are_added_before_our_eyes(view):
    show(view, "aba", 2, 0)
    tape = tape_of("aba", 2, 0)
    names, N = [each.name for each in tape], len(tape)
    for shared, first, second in (
        ("W", "W h_1", "W h_0"),
        ("U", "U x_2", "U x_1"),
        ("V", "o_2", "o_1"),
        ("h_1", "W h_1", "o_1"),
    ):
        parts = []
        for child, state in ((first, "so far: 1 of 2"), (second, "complete: 2 of 2")):
            go(view, 2 * N - 1 - names.index(child))
            pairs = view.evaluate(STATE)["sections"][2]
            place = next(
                i
                for i in range(0, len(pairs), 2)
                if state in pairs[i + 1]["name"]
                and pairs[i]["name"][:1] == "d"
                and re.sub(r"\W", "", pairs[i + 1]["name"].split(" ")[0])[1:] == normal(shared)
            )
            parts.append((pairs[place]["cells"], pairs[place + 1]["cells"]))
        (one, so_far), (other, whole) = parts
        assert one == so_far
        go(view, 2 * N - 1 - names.index(shared))
        terms = [block["cells"] for block in view.evaluate(STATE)["sections"][1]]
        assert terms == [one, other, whole]
        sentence = view.locator(".rnn-summary").inner_text()
        assert f"the sum of what came from {label(first)} and {label(second)}" in sentence


def normal(name):
    return name.replace("_", "").replace(" ", "")


def label(name):
    return name.replace("_", "").translate(SUBSCRIPTS) if "_" in name else name


def test_a_node_that_is_pressed_leads_to_its_move_of_this_way(view):
    show(view, "aba", 2, 0)
    names = [each.name for each in tape_of("aba", 2, 0)]
    for i, name in enumerate(names):
        node(view, label(name)).click()
        assert where(view) == i
    view.get_by_role("button", name="Start backward pass").click()
    assert where(view) == 21 and "with respect to itself is 1" in view.locator(".rnn-summary").inner_text()
    for i, name in enumerate(names):
        node(view, label(name)).click()
        assert where(view) == 41 - i
    node(view, "a₁").focus()
    view.page.keyboard.press("Enter")
    assert where(view) == 41 - names.index("a_1")


def test_the_value_of_the_loss_stands_in_its_box_once_it_is_computed(view):
    for text, H, seed in NETWORKS:
        show(view, text, H, seed)
        tape, value = tape_of(text, H, seed), view.locator(".rnn-graph-loss:not([hidden])")
        printed = shown(float(tape[-1].data), 2) if tape[-1].data else "0"
        for move, visible in ((len(tape) - 2, False), (len(tape) - 1, True), (2 * len(tape) - 1, True)):
            go(view, move)
            assert value.is_visible() == visible
            assert (f", {printed}:" in node(view, "L").get_by_role("img").get_attribute("aria-label")) == visible
        assert value.inner_text() == printed
        inner, box = value.bounding_box(), node(view, "L").bounding_box()
        assert box["x"] + 1 < inner["x"] and inner["x"] + inner["width"] < box["x"] + box["width"] - 1


def test_a_node_that_is_used_twice_shows_the_first_gradient_then_the_sum(view):
    view.page.emulate_media(reduced_motion="reduce")  # or the first is seen until the other one has come
    for text, H, seed in NETWORKS:
        show(view, text, H, seed)
        tape = tape_of(text, H, seed)
        edges, end = edges_of(tape), 2 * len(tape) - 1
        expected = []  # first and last move at which it is seen, the array, the words with it
        for i in range(len(tape)):
            parts = [(child, grad) for child, parent, grad in edges if parent == i]
            if len(parts) == 2:
                (last, one), (first, other) = parts
                expected += [(end - last, end - first - 1, one, said("graph_part", come=1, all=2))]
                expected += [(end - first, end, other + one, said("graph_sum"))]
        strips = view.locator(".rnn-graph-collected")
        assert strips.count() == len(expected) == (8 if len(text) == 3 else 0)
        limit = max(abs(grad).max() for _, _, grad in edges if grad is not None)
        for strip, (first, last, values, word) in zip(strips.all(), expected, strict=True):
            for move in {0, first - 1, first, last, min(last + 1, end)}:
                go(view, move)
                assert strip.is_visible() == (first <= move <= last)
            assert strip.text_content().endswith(word)  # after its numbers, where there are any
            fills = strip.locator("rect:not(.rnn-graph-frame)").evaluate_all(
                "ns => ns.map((n) => n.getAttribute('fill'))"
            )
            places = np.clip(np.floor(40 * np.ravel(values) / limit + 0.5), -40, 40).astype(int) + 40
            colours = [[int(part) for part in re.findall(r"\d+", fill)] for fill in fills]
            assert abs(np.array(colours) - 255 * plots.STATE_COLOURS(places)[:, :3]).max() <= 1


def test_a_leaf_says_why_it_comes_before_others(view):
    show(view, "aba", 2, 0)
    tape = tape_of("aba", 2, 0)
    for i, each in enumerate(tape):
        if not each.parents:
            go(view, i)
            child = next(later for later in tape if each in later.parents)
            sentence = view.locator(".rnn-summary").inner_text()
            assert "leaf" in sentence and re.search(f"need.*{label(child.name)}|{label(child.name)} need", sentence)


@pytest.mark.parametrize(("width", "most"), [(704, 640), (344, 760)])  # px: as wide as on a page and on a phone
def test_the_drawing_is_near_its_controls_and_all_its_words_can_be_read(alone, width, most):
    view = alone(width=width, reduced_motion="reduce")
    top, (legend, picture, summary) = (
        view.bounding_box()["y"],
        (view.locator(f".rnn-{name}").bounding_box() for name in ("foot", "graph", "summary")),
    )
    assert 0 <= legend["y"] - picture["y"] - picture["height"] < 16
    assert summary["y"] + summary["height"] - top < most
    pressed = view.get_by_role("button", name="Next move of the graph").bounding_box()
    nodes = [each.bounding_box() for each in view.locator(".rnn-graph-node").all()]
    assert max(box["y"] + box["height"] for box in nodes) - pressed["y"] < 400
    for text, H in (("aba", 2), ("abc", 3)):
        show(view, text, H, 0)
        go(view, 33)
        sizes = view.locator(".rnn-graph").evaluate(
            """(graph) => {
              const walker = document.createTreeWalker(graph.closest(".rnn"), NodeFilter.SHOW_TEXT);
              const sizes = [];
              while (walker.nextNode()) {
                const node = walker.currentNode.parentElement;
                const box = node.getBoundingClientRect();
                if (!walker.currentNode.data.trim() || !box.width) continue;
                const drawn = node.closest("svg"); // scaled where it is not as wide as it is laid out
                const scale = drawn ? drawn.getBoundingClientRect().width / drawn.width.baseVal.value : 1;
                sizes.push([scale * parseFloat(getComputedStyle(node).fontSize), node.textContent]);
              }
              return sizes;
            }"""
        )
        assert len(sizes) > 100 and min(sizes)[0] >= 11


def test_axe_finds_nothing_in_the_midst_of_the_walk(alone):
    from audit import violations

    rules = {"page-has-heading-one": {"enabled": False}}  # a page of one figure and nothing else has none
    for theme in ("light", "dark"):
        view = alone(width=360, theme=theme)
        for move in (5, 33):
            go(view, move)
            assert violations(view.page, rules=rules) == []


def test_the_current_node_is_kept_in_sight_where_the_drawing_is_wider_than_its_window(alone):
    view = alone(width=330, reduced_motion="reduce")
    graph = view.locator(".rnn-graph")
    seen = """(graph) => {
      const [current] = graph.querySelectorAll("[aria-current]");
      const [window, node] = [graph, current].map((n) => n.getBoundingClientRect());
      return [node.left - window.left, window.right - node.right];
    }"""
    for move in (*range(42), 0, 41, 20):
        go(view, move)
        assert min(graph.evaluate(seen)) >= 0, move
    graph.evaluate("n => { n.scrollLeft = 0; }")
    view.page.set_viewport_size({"width": 300, "height": 800})
    view.page.wait_for_function("() => document.querySelector('.rnn-graph').scrollLeft > 0")


# (move, cells) of each move at which a number of the panel is broken or cut off, or the panel too wide.
CRAMPED = """(figure, moves) => {
  const slider = [...figure.querySelectorAll("input[type=range]")].find((n) => Number(n.max) === moves - 1);
  const panel = figure.querySelector(".rnn-graph-panel");
  const cramped = [];
  for (let move = 0; move < moves; move++) {
    slider.value = move;
    slider.dispatchEvent(new Event("input", { bubbles: true }));
    const cells = [...panel.querySelectorAll(".rnn-array-cell")].filter((cell) => {
      const text = document.createRange();
      text.selectNodeContents(cell);
      const [line, ...more] = text.getClientRects();
      const box = cell.getBoundingClientRect();
      return more.length || line.left < box.left - 0.1 || line.right > box.right + 0.1;
    });
    if (cells.length || panel.scrollWidth > panel.clientWidth) cramped.push([move, cells.map((n) => n.textContent)]);
  }
  return cramped;
}"""


@pytest.mark.parametrize("width", [1280, 360])
def test_a_number_in_the_panel_takes_one_line_inside_its_cell(specimen, visit, width):
    page, _ = visit(specimen, "pages/hostile.html", width=width)
    view = page.locator(".rnn-grapher").first
    for text, H, seed in (*NETWORKS, ("aba", 3, 1), ("abc", 1, 0)):
        show(view, text, H, seed)
        painted(page)
        moves = 2 * len(tape_of(text, H, seed))
        assert view.get_by_role("slider", name="Move", exact=True).get_attribute("max") == str(moves - 1)
        assert view.evaluate(CRAMPED, moves) == [], (text, H)


def test_the_text_of_an_array_has_its_rows_and_columns(view):
    show(view, "abc", 3, 7)
    tape = tape_of("abc", 3, 7)
    go(view, 2 * len(tape) - 1 - [node.name for node in tape].index("W"))
    texts = view.locator(".rnn-graph-panel .rnn-array-cells").all_text_contents()
    found = [np.array([[float(n.replace("−", "-")) for n in line.split()] for line in t.splitlines()]) for t in texts]
    weight = tape[[node.name for node in tape].index("W")]
    assert any(array.shape == (3, 3) and np.allclose(array, weight.data, atol=5e-4) for array in found)
    assert any(array.shape == (3, 3) and np.allclose(array, weight.grad, atol=5e-4) for array in found)


def test_a_number_on_an_edge_stays_inside_its_cell(view):
    for seed in range(4):
        show(view, "aba", 2, seed)
        go(view, 41)
        wrong = view.locator(".rnn-graph-strip").evaluate_all(
            """strips => strips.flatMap((strip) => {
              const frame = strip.querySelector(".rnn-graph-frame").getBoundingClientRect();
              return [...strip.querySelectorAll("text:not(.rnn-graph-sum)")].filter((text) => {
                const { left, right } = text.getBoundingClientRect();
                return left < frame.left || right > frame.right;
              }).map((text) => text.textContent);
            })"""
        )
        assert not wrong


def test_the_focus_stays_in_the_picture_when_its_node_goes(view):
    show(view, "aba", 2, 0)
    go(view, 0)
    node(view, "L").focus()
    view.get_by_label("Text", exact=True).evaluate(
        "n => { n.value = 'ab'; n.dispatchEvent(new Event('input', { bubbles: true })); }"
    )
    assert view.locator(".rnn-graph-node").count() == 13
    assert view.page.evaluate("document.activeElement.firstElementChild.ariaLabel") == "L, add: not computed yet"


def test_play_walks_forward_and_back_stops_and_starts_again(view):
    page = view.page
    show(view, "ab", 2, 0)
    page.clock.install(time=0)
    page.clock.pause_at(1000)
    play = view.locator(".rnn-play")
    play.click()
    for move in range(1, 26):
        assert play.inner_text() == "Pause"
        page.clock.run_for(900)
        assert where(view) == move
    page.clock.run_for(900)
    assert play.inner_text() == "Play" and play.get_attribute("aria-pressed") == "false"
    play.click()
    assert where(view) == 0
    play.click()
    page.clock.run_for(2700)
    assert where(view) == 0


def test_previous_and_next_stop_at_the_ends(view):
    previous, following = (
        view.get_by_role("button", name=f"{name} move of the graph") for name in ("Previous", "Next")
    )
    show(view, "ab", 2, 0)
    go(view, 0)
    assert previous.get_attribute("aria-disabled") == "true"
    previous.click(force=True)
    assert where(view) == 0
    go(view, 12)
    following.click()  # from the way forward to the way back
    assert where(view) == 13 and "back 1 of 13: L" in view.inner_text()
    go(view, 25)
    following.focus()
    following.press("Enter")
    assert where(view) == 25 and following.evaluate("n => n === document.activeElement")


def test_the_keys_of_the_drawing(view):
    page = view.page
    show(view, "aba", 2, 0)
    names = [label(each.name) for each in tape_of("aba", 2, 0)]
    go(view, 0)
    node(view, names[0]).focus()
    top = page.evaluate("scrollY")
    at = "document.activeElement.firstElementChild.ariaLabel.split(',')[0]"
    for key, move in (
        *(("ArrowRight", 1), ("ArrowRight", 2), ("ArrowLeft", 1), ("ArrowDown", 2), ("ArrowUp", 1)),
        *(("Home", 0), ("ArrowLeft", 0), ("ArrowUp", 0), ("End", 20), ("ArrowRight", 20)),
        *(("ArrowDown", 21), ("ArrowDown", 22), ("ArrowLeft", 23), ("ArrowRight", 22)),  # back: the last node is first
        *(("Home", 41), ("ArrowDown", 41), ("ArrowUp", 40)),
    ):
        page.keyboard.press(key)
        assert where(view) == move, key
        assert page.evaluate(at) == names[41 - move if move > 20 else move]
    page.keyboard.press("Control+ArrowUp")
    assert where(view) == 40 and page.evaluate("scrollY") == top


def test_space_plays(view):
    show(view, "ab", 2, 0)
    node(view, "x₁").click()
    view.page.keyboard.press("Space")
    play = view.locator(".rnn-play")
    assert play.inner_text() == "Pause"
    view.page.keyboard.press("ArrowDown")
    assert play.inner_text() == "Play", "a move by hand stops it"


def test_the_keyboard_alone_reaches_every_control(view):
    page, names = view.page, []
    view.get_by_role("button", name="Play", exact=True).focus()
    while view.evaluate("view => view.contains(document.activeElement)"):
        names.append(
            page.evaluate(
                "(n => n.ariaLabel ?? n.querySelector('[role=img]')?.ariaLabel ?? n.labels?.[0]?.firstChild.textContent"
                " ?? n.textContent)(document.activeElement)"
            )
        )
        page.keyboard.press("Tab")
        assert len(names) < 20
    assert names[:5] == ["Play", "Previous move of the graph", "Next move of the graph", "Start backward pass", "Move"]
    assert "," in names[5]  # the nodes are one stop
    assert names[6:] == ["Text", "Hidden size H", "Seed", "Share this figure"]


# Web animations, kept and stopped at their beginning, so that no test depends on how long one lasts.
HELD = """() => {
  const { animate } = Element.prototype;
  window.held = [];
  Element.prototype.animate = function (...given) {
    const animation = animate.apply(this, given);
    animation.pause();
    window.held.push(animation);
    return animation;
  };
}"""
TRAVELS = """() => window.held.filter(({ effect }) => effect.target.matches(".rnn-graph-dot")).map((animation) => {
  const { duration } = animation.effect.getTiming();
  const at = (time) => {
    animation.currentTime = time;
    const { left, right, top, bottom } = animation.effect.target.getBoundingClientRect();
    return [(left + right) / 2, (top + bottom) / 2];
  };
  return { duration, ends: [at(0), at(duration - 0.01)] };
})"""


def test_a_gradient_travels_from_the_child_to_its_parents(view):
    show(view, "aba", 2, 0)
    tape = tape_of("aba", 2, 0)
    view.page.evaluate(HELD)
    o_1, h_1, V = (node(view, name).bounding_box() for name in ("o₁", "h₁", "V"))
    go(view, 31)
    go(view, 32)  # o_1 sends one to V and one to h_1, where another one waits
    assert tape[41 - 32].name == "o_1"
    travels = view.page.evaluate(TRAVELS)
    assert len(travels) == 2 and all(300 <= each["duration"] <= 500 for each in travels)

    def away(point, box):
        return max(
            box["x"] - point[0], point[0] - box["x"] - box["width"], box["y"] - point[1],
            point[1] - box["y"] - box["height"],
        )  # fmt: skip

    for travel in travels:
        start, end = travel["ends"]
        assert abs(away(start, o_1)) < 1.5
        assert min(abs(away(end, h_1)), abs(away(end, V))) < 1.5
    seen = """(n) => {
      const { visibility, opacity, display } = getComputedStyle(n);
      return display !== "none" && visibility === "visible" && opacity === "1";
    }"""
    sums = [each for each in view.locator(".rnn-graph-collected").all() if each.text_content().startswith("−0.")]
    for share, first in ((0.5, True), (0.99, False)):  # h_1 shows what has come
        view.page.evaluate("(share) => window.held.forEach((each) => { each.currentTime = 400 * share; })", share)
        assert [each.evaluate(seen) for each in sums] == [first, False]
    view.page.evaluate("() => window.held.forEach((animation) => animation.finish())")
    assert [each.evaluate(seen) for each in sums] == [False, True]
    go(view, 10)
    states = view.page.evaluate("() => window.held.map((animation) => animation.playState)")
    assert len(states) == 8 and set(states) == {"idle"}, "any control reaches its state at once"


def test_a_gradient_travels_only_with_the_next_move_back_and_where_motion_is_wanted(view):
    show(view, "aba", 2, 0)
    sent = [len([grad for grad in each.to_parents(each.grad) if grad is not None]) for each in tape_of("aba", 2, 0)]
    view.page.evaluate(HELD)
    travels = 0
    for move, calm, next_back in (
        *((25, False, False), (26, False, True), (24, False, False), (12, False, False), (13, False, False)),
        *((20, False, False), (21, False, True), (33, False, False), (34, True, False), (35, False, True)),
    ):
        view.page.emulate_media(reduced_motion="reduce" if calm else "no-preference")
        go(view, move)
        travels += sent[41 - move] if next_back else 0
        assert len(view.page.evaluate(TRAVELS)) == travels, move


def test_every_control_changes_what_is_shown(view):
    show(view, "abc", 2, 0)
    go(view, 25)
    for control in view.locator(".rnn-top input, .rnn-steps input, .rnn-steps button:not(.rnn-play)").all():
        before = snapshot(view)
        change(view.page, control)
        assert snapshot(view) != before
        show(view, "abc", 2, 0)
        go(view, 25)


def test_another_length_starts_again_and_another_network_goes_on(view):
    show(view, "aba", 2, 0)
    go(view, 30)
    show(view, "abc", 3, 4)
    assert where(view) == 30
    view.get_by_label("Text", exact=True).fill("ab")
    assert where(view) == 0 and view.locator(".rnn-graph-node").count() == 13
    assert view.get_by_role("slider", name="Move", exact=True).get_attribute("max") == "25"


@pytest.mark.parametrize(
    ("field", "typed", "message"),
    [
        ("Text", "a", "at least two characters"),
        ("Text", "abcd", "Of 4 characters, the first 3 are used"),
        ("Seed", "-1", "whole number from 0"),
        ("Seed", "", "whole number from 0"),
    ],
)
def test_what_cannot_be_shown_gets_a_message_and_the_figure_goes_on(view, field, typed, message):
    view.get_by_label(field, exact=True).fill(typed)
    assert message in view.locator(f".rnn-control-{field.lower()} .rnn-message").inner_text()
    go(view, 3)
    assert where(view) == 3
    assert view.locator(".rnn-graph-node").count() == 21


def test_a_size_that_does_not_fit_the_picture_gets_a_message_wherever_it_comes_from(view):
    show(view, "aba", 2, 0)
    go(view, 41)
    before = view.evaluate(STATE)
    view.get_by_role("slider", name="Hidden size H", exact=True).evaluate("n => { n.max = 9; }")
    set_range(view, "Hidden size H", 4)
    message = view.locator(".rnn-control-hidden_size .rnn-message").inner_text()
    assert message == said("bad_size", limit=3, value=4)
    assert view.evaluate(STATE) == before
    set_range(view, "Hidden size H", 3)
    assert view.locator(".rnn-control-hidden_size .rnn-message").inner_text() == ""


def test_a_finger_can_do_it_on_a_phone(alone):
    view = alone(width=360, has_touch=True, is_mobile=True)
    show(view, "abc", 3, 0)
    view.get_by_role("button", name="Start backward pass").tap()
    node(view, "W h₁").tap()
    tape = tape_of("abc", 3, 0)
    assert where(view) == 41 - [each.name for each in tape].index("W h_1")
    assert view.page.evaluate("document.documentElement.scrollWidth") <= 360
    for move in range(42):
        go(view, move)
        panel = view.locator(".rnn-graph-panel")
        assert panel.evaluate("n => n.scrollWidth <= n.clientWidth")
    sizes = view.locator(".rnn-graph-node").evaluate_all("ns => ns.map((n) => [n.offsetWidth, n.offsetHeight])")
    assert np.min(sizes) >= 24


@pytest.mark.parametrize("width", [1280, 360])
def test_nothing_below_jumps_while_it_walks(book, visit, width):
    page, _ = visit(book, PAGE, width=width)
    view = page.locator(".rnn-grapher").first
    heights = set()
    for move in range(42):
        go(view, move)
        heights.add(view.evaluate("n => n.offsetHeight"))
    assert len(heights) == 1, heights


def test_dark_mode_repaints_at_once(view):
    def fills():
        return view.locator(".rnn-graph-strip rect, .rnn-array-cell").evaluate_all(
            "ns => ns.map((n) => n.getAttribute('fill') ?? n.style.backgroundColor)"
        )

    before = fills()
    view.page.evaluate("document.documentElement.dataset.theme = 'dark'")
    painted(view.page)
    assert fills() != before
