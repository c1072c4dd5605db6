"""GraphStepper in a real browser, on its chapter's page: every move of every tape, by mouse, by key and by touch."""

import re

import numpy as np
import pytest
from browsing import painted
from matplotlib.patches import FancyBboxPatch
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
    ]),
    summary: view.querySelector(".rnn-summary").textContent,
  };
}"""


@pytest.fixture
def view(visit_alone):
    """The figure of the chapter."""
    page, watch = visit_alone(GraphStepper(text="aba", hidden_size=2, seed=0))
    view = page.locator(".rnn-grapher").first
    view.wait_for()
    yield view
    assert not watch.complaints


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
        for (child, _, grad), (values, grads, arrows, active) in zip(edges, found["edges"], strict=True):
            assert values == (back or child <= current)
            assert grads == arrows == (back and child >= current and grad is not None)
            assert active == (child == current)
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
    roomy = view.locator(".rnn-graph").bounding_box()["width"] >= 415
    for arrays, strips in zip(carried, found, strict=True):
        assert len(arrays) == len(strips)
        for values, limit, (fills, texts) in zip(arrays, limits, strips, strict=False):
            if values.dtype.kind == "i":
                assert (fills, texts) == (["none"], [sorted(set(text))[int(values)]])
                continue
            places = np.clip(np.floor(40 * np.ravel(values) / limit + 0.5), -40, 40).astype(int) + 40
            colours = [[int(part) for part in re.findall(r"\d+", fill)] for fill in fills]
            assert abs(np.array(colours) - 255 * plots.STATE_COLOURS(places)[:, :3]).max() <= 1
            assert len(texts) == (values.size if roomy and values.shape[1:] in ((), (1,)) else 0)
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


def test_the_picture_is_arranged_as_the_one_in_print(view):
    for text, H in (("aba", 2), ("ab", 3)):
        show(view, text, H, 0)
        tape = tape_of(text, H, 0)
        figure = plots.plot_graph(tape)
        boxes = [patch for patch in figure.axes[0].patches if isinstance(patch, FancyBboxPatch)]
        drawn = np.array([(box.get_x() + box.get_width() / 2, box.get_y() + box.get_height() / 2) for box in boxes])
        seen = np.array(
            view.locator(".rnn-graph-node").evaluate_all(
                "ns => ns.map((n) => [n.offsetLeft + n.offsetWidth / 2, n.offsetTop + n.offsetHeight / 2])"
            )
        )
        rows = [(points[:, 1] - points[:, 1].min()) / np.ptp(points[:, 1]) for points in (drawn, seen)]
        assert np.allclose(*rows, atol=0.005)
        columns = [np.unique(points[:, 0].round(3), return_inverse=True)[1] for points in (drawn, seen)]
        assert (columns[0] == columns[1]).all() and columns[0].max() == 3


def boxes_of(view, selector):
    return view.locator(selector).evaluate_all(
        """ns => ns.filter((n) => getComputedStyle(n.parentNode).display !== "none").map((n) => {
             const { left, top, right, bottom } = n.getBoundingClientRect();
             return [left, top, right, bottom];
           })"""
    )


@pytest.mark.parametrize(("width", "room"), [(1280, ""), (360, ""), (1280, "1200px")])
def test_nothing_in_the_picture_covers_anything_else(book, visit, width, room):
    page, _ = visit(book, PAGE, width=width)
    view = page.locator(".rnn-grapher").first
    view.evaluate("(view, room) => { view.style.width = room; view.style.maxWidth = 'none'; }", room)
    painted(page)
    for text, H in (("aba", 2), ("abc", 3), ("ab", 3), ("aa", 1), ("aba", 3), ("abc", 1)):
        show(view, text, H, 0)
        go(view, 100)
        taken = boxes_of(view, ".rnn-graph-frame") + boxes_of(view, ".rnn-graph-node")
        assert len(taken) == (24 + 20 + 3 + 21 if len(text) == 3 else 12 + 10 + 13)
        for i, one in enumerate(taken):
            for other in taken[:i]:
                across, down = (
                    min(one[2], other[2]) - max(one[0], other[0]),
                    min(one[3], other[3]) - max(one[1], other[1]),
                )
                assert min(across, down) <= 2.5, (text, H, one, other)
        outer = view.bounding_box()
        assert all(outer["x"] + 4 <= box[0] and box[2] <= outer["x"] + outer["width"] - 4 for box in taken)


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


def test_the_sum_of_two_gradients_stands_beside_a_weight_when_both_have_come(view):
    sums = view.locator(".rnn-graph-edges > .rnn-graph-gradient")
    for text, H, seed in NETWORKS:
        show(view, text, H, seed)
        tape, N = tape_of(text, H, seed), len(tape_of(text, H, seed))
        shared = [i for i, each in enumerate(tape) if each.name in "UWV" and len(text) == 3]
        assert sums.count() == len(shared)
        limit = max(abs(grad).max() for _, _, grad in edges_of(tape) if grad is not None)
        for i, strip in zip(shared, sums.all(), strict=True):
            whole = 2 * N - 1 - min(child for child, parent, _ in edges_of(tape) if parent == i)
            for move, visible in ((i, False), (whole - 1, False), (whole, True), (2 * N - 1, True)):
                go(view, move)
                assert strip.is_visible() == visible
            assert strip.text_content().endswith(said("graph_sum"))  # after its numbers, where there is room for them
            fills = strip.locator("rect:not(.rnn-graph-frame)").evaluate_all(
                "ns => ns.map((n) => n.getAttribute('fill'))"
            )
            places = np.clip(np.floor(40 * np.ravel(tape[i].grad) / limit + 0.5), -40, 40).astype(int) + 40
            colours = [[int(part) for part in re.findall(r"\d+", fill)] for fill in fills]
            assert abs(np.array(colours) - 255 * plots.STATE_COLOURS(places)[:, :3]).max() <= 1


def test_a_node_that_is_given_says_why_it_comes_before_others(view):
    show(view, "aba", 2, 0)
    tape = tape_of("aba", 2, 0)
    for i, each in enumerate(tape):
        if not each.parents:
            go(view, i)
            child = next(later for later in tape if each in later.parents)
            sentence = view.locator(".rnn-summary").inner_text()
            assert "given" in sentence and re.search(f"need.*{label(child.name)}|{label(child.name)} need", sentence)


@pytest.mark.parametrize("width", [1280, 360])
def test_the_legend_stands_directly_under_the_picture(book, visit, width):
    page, _ = visit(book, PAGE, width=width)
    view = page.locator(".rnn-grapher").first
    below = view.locator(".rnn-foot").bounding_box()["y"]
    picture = view.locator(".rnn-graph").bounding_box()
    assert 0 <= below - picture["y"] - picture["height"] < 16


@pytest.mark.parametrize("width", [1280, 360])
def test_a_number_in_the_panel_takes_one_line_inside_its_cell(book, visit, width):
    page, _ = visit(book, PAGE, width=width)
    view = page.locator(".rnn-grapher").first
    for text, H, seed in (*NETWORKS, ("aba", 3, 1), ("abc", 1, 0)):
        show(view, text, H, seed)
        for move in range(2 * len(tape_of(text, H, seed))):
            go(view, move)
            panel = view.locator(".rnn-graph-panel")
            wrong = panel.locator(".rnn-array-cell").evaluate_all(
                """cells => cells.filter((cell) => {
                  const text = document.createRange();
                  text.selectNodeContents(cell);
                  const [line, ...more] = text.getClientRects();
                  const box = cell.getBoundingClientRect();
                  return more.length || line.left < box.left - 0.1 || line.right > box.right + 0.1;
                }).map((cell) => cell.textContent)"""
            )
            assert not wrong and panel.evaluate("n => n.scrollWidth <= n.clientWidth"), (text, H, move)


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


def test_arrow_keys_look_around_and_enter_goes(view):
    page = view.page
    show(view, "aba", 2, 0)
    names = [label(each.name) for each in tape_of("aba", 2, 0)]
    go(view, 0)
    node(view, "V").focus()
    top = page.evaluate("scrollY")
    at = "document.activeElement.firstElementChild.ariaLabel.split(',')[0]"
    for key, name in (
        *(("ArrowRight", names[1]), ("ArrowDown", names[2]), ("ArrowLeft", names[1]), ("End", "L"), ("ArrowDown", "L")),
        *(("Home", "V"), ("ArrowUp", "V")),
    ):
        page.keyboard.press(key)
        assert page.evaluate(at) == name and where(view) == 0
    page.keyboard.press("End")
    page.keyboard.press("Space")
    assert where(view) == 20
    assert page.evaluate(at) == "L" and page.evaluate("scrollY") >= top


def test_the_keyboard_alone_reaches_every_control(view):
    page, names = view.page, []
    view.get_by_label("Text", exact=True).focus()
    while view.evaluate("view => view.contains(document.activeElement)"):
        names.append(
            page.evaluate(
                "(n => n.ariaLabel ?? n.querySelector('[role=img]')?.ariaLabel ?? n.labels?.[0]?.firstChild.textContent"
                " ?? n.textContent)(document.activeElement)"
            )
        )
        page.keyboard.press("Tab")
        assert len(names) < 20
    assert names[:8] == [
        *("Text", "Hidden size H", "Seed", "Play", "Previous move of the graph", "Next move of the graph"),
        *("Start backward pass", "Move"),
    ]
    assert "," in names[8]  # the nodes are one stop
    assert names[9:] == ["Share this figure"]


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
        ("Text", "abcd", "4 characters came; the first 3 are used"),
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


def test_a_finger_can_do_it_on_a_phone(book, visit):
    page, watch = visit(book, PAGE, width=360, has_touch=True, is_mobile=True)
    view = page.locator(".rnn-grapher").first
    show(view, "abc", 3, 0)
    view.get_by_role("button", name="Start backward pass").tap()
    node(view, "W h₁").tap()
    tape = tape_of("abc", 3, 0)
    assert where(view) == 41 - [each.name for each in tape].index("W h_1")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    for move in range(42):
        go(view, move)
        panel = view.locator(".rnn-graph-panel")
        assert panel.evaluate("n => n.scrollWidth <= n.clientWidth")
    sizes = view.locator(".rnn-graph-node").evaluate_all("ns => ns.map((n) => [n.offsetWidth, n.offsetHeight])")
    assert np.min(sizes) >= 24
    assert not watch.complaints


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
