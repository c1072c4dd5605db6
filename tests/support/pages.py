"""What the browser tests of figures share: reading what a page shows, and doing what a reader does."""

import re
from decimal import Decimal

from rnnlib.widgets._bundle import HERE, words

# All that a reader can perceive of a view: words, values, states, and the pixels of its canvases.
SNAPSHOT = """root => JSON.stringify([
  root.innerText,
  [...root.querySelectorAll("input, select")].map((n) => [n.value, n.max, n.getAttribute("aria-valuetext")]),
  [...root.querySelectorAll("button")].map((n) => [n.disabled, n.ariaPressed, n.ariaLabel, n.ariaCurrent]),
  [...root.querySelectorAll("[role=img]")].map((n) => n.ariaLabel),
  [...root.querySelectorAll("canvas")].map((n) => n.toDataURL()),
])"""


def share(view, name):
    """Choose an entry of the figure's menu, by its words."""
    opener = view.get_by_role("button", name=words()["en"]["share_name"], exact=True)
    opener.click()
    view.get_by_role("button", name=name, exact=True).click()


def snapshot(view):
    return view.evaluate(SNAPSHOT)


def shown(value, digits=3):
    """A number as the page prints it."""
    text = f"{abs(value):.{digits}f}"
    return f"−{text}" if value < 0 and float(text) else text


def slight(value):
    """A gradient as the page prints it: small ones in powers of ten, and 0 for nothing but zero."""
    size = abs(value)
    if size == 0 or size >= 0.1:
        return shown(value) if size else "0"
    text = f"{size:.4f}" if size >= 0.001 else f"{size:.1e}".replace("e-0", "e-").replace("-", "−")
    return f"−{text}" if value < 0 else text


def rows(view, table):
    """The cells of all rows of a table. Only those in sight exist, so it is scrolled from end to end and back."""
    found = view.locator(f".rnn-{table}").evaluate(
        """async (grid) => {
          const scroller = grid.parentElement;
          const found = new Map();
          const painted = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
          for (let top = 0; top === 0 || found.size < grid.ariaRowCount - 1; top += 150) {
            if (top > 5000) break;
            scroller.scrollTop = top;
            await painted();
            for (const row of grid.querySelectorAll(":scope > :last-child > .rnn-row")) {
              found.set(Number(row.ariaRowIndex), [...row.children].map((cell) => cell.textContent.trim()));
            }
          }
          scroller.scrollTop = 0;
          await painted();
          return [...found].sort((a, b) => a[0] - b[0]);
        }"""
    )
    assert [index for index, _ in found] == list(range(2, len(found) + 2))
    return [cells for _, cells in found]


def matrix(view, table):
    """The heads of all columns of a matrix, the heads of all rows, and its numbers. Only cells in sight exist."""
    cells, size = view.locator(f".rnn-{table}").evaluate(
        """async (grid) => {
          const scroller = grid.parentElement;
          const cells = new Map();
          const painted = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
          const scroll = async (left, top) => {
            const before = [scroller.scrollLeft, scroller.scrollTop];
            scroller.scrollTo(left, top);
            if (before[0] !== scroller.scrollLeft || before[1] !== scroller.scrollTop) await painted();
          };
          for (let top = 0; top === 0 || top < scroller.scrollHeight; top += Math.max(26, scroller.clientHeight - 60)) {
            for (let left = 0; left === 0 || left < scroller.scrollWidth; left += scroller.clientWidth - 120) {
              await scroll(left, top);
              for (const row of grid.querySelectorAll("[role=row]")) {
                for (const cell of row.querySelectorAll("[role]")) {
                  const [i, j] = [row.ariaRowIndex ?? 1, cell.ariaColIndex ?? 1];
                  cells.set(`${i} ${j}`, [Number(i) - 1, Number(j) - 1, cell.textContent.trim()]);
                }
              }
            }
          }
          await scroll(0, 0);
          return [[...cells.values()], [Number(grid.ariaRowCount), Number(grid.ariaColCount)]];
        }"""
    )
    found = [[None] * size[1] for _ in range(size[0])]
    for i, j, text in cells:
        found[i][j] = text
    return found[0][1:], [row[0] for row in found[1:]], [row[1:] for row in found[1:]]


def set_range(scope, name, value):
    scope.get_by_role("slider", name=name, exact=True).evaluate(
        "(n, value) => { n.value = value; n.dispatchEvent(new Event('input', { bubbles: true })); }", str(value)
    )


def code_of_moves(reduction):
    """The lines of Python that the backward stepper shows beside its five moves, from its source."""
    source = (HERE / "backward_stepper" / "moves.js").read_text(encoding="utf-8")
    body = source[source.index("function movesOf") : source.index("function buildMoves")]
    chosen = 1 if reduction == "mean" else 2
    return [
        re.sub(r'\$\{mean \? "(.*?)" : "(.*?)"\}', lambda match: match[chosen], line)
        for _, line in re.findall(r'^ +(["`])(.+)\1\],$', body, re.MULTILINE)
    ]


def change(page, control):
    """Do to a control what a reader would do."""
    kind = control.evaluate("n => n.tagName === 'INPUT' ? n.type : n.tagName.toLowerCase()")
    if kind == "range":
        control.focus()
        low, value = control.evaluate("n => [Number(n.min), Number(n.value)]")
        page.keyboard.press("ArrowUp" if value == low else "ArrowDown")  # whichever way the slider runs
    elif kind == "number":
        control.fill(str(Decimal(control.input_value()) + 1))
    elif kind == "text":
        control.fill(control.input_value()[:-1])
    elif kind == "select":
        control.select_option(index=control.evaluate("n => (n.selectedIndex + 1) % n.options.length"))
    elif "rnn-river-step" in (control.get_attribute("class") or ""):
        control.scroll_into_view_if_needed()
        box = control.bounding_box()
        page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)  # through a handle that lies there
    else:
        control.click()
