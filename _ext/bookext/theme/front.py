"""The map of the book on its first page: a card for each chapter, with a small river.

It is written as lists of definitions whose terms are links to pages, so that a notebook shows a list. A page shows
cards, in the book's order. The rivers are drawn from a network that learns: they reach further in each list, and the
loss that is lit comes later with each card.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from docutils import nodes
from sphinx import addnodes
from sphinx.transforms.post_transforms import SphinxPostTransform

from rnnlib import Params, Vocabulary, backward, contributions, forward, init_params

from ..maths.notation import reading_order

TEXT, HIDDEN, SEED, RATE = "I am learning RNN", 8, 1, 0.2
UPDATES = (0, 30, 60, 120)  # of the network that each list shows; further lists show the last
STEP, BAR, HEIGHT = 20, 10, 120  # units of the drawing: from one step to the next, the width of a bar, and all of it


class Rivers(NamedTuple):
    """What is drawn of a network: the same for each of its losses, and the strand of each."""

    ribbons: str
    bars: str
    strands: list[str]


class BookMap(SphinxPostTransform):
    """Make cards of the first page's lists of pages."""

    default_priority = 5  # before links are resolved
    formats = ("html",)

    def run(self, **kwargs):
        if self.env.docname != self.config.root_doc:
            return
        order = {name: place for place, name in enumerate(reading_order(self.env))}
        lists = [found for found in self.document.findall(nodes.definition_list) if all(map(page_of, found.children))]
        for number, found in enumerate(lists):
            items = sorted(found.children, key=lambda item: order.get(page_of(item), len(order)))
            drawn = rivers(UPDATES[min(number, len(UPDATES) - 1)])
            cards = [card(item, drawing(drawn, (i + 1) / len(items))) for i, item in enumerate(items)]
            found.replace_self(nodes.bullet_list("", *cards, classes=["book-map"]))


def page_of(item):
    """The page that a definition is about: its term is a link to that page and nothing else; "" if it is about none."""
    link = item[0][0] if len(item[0]) == 1 else None
    about_page = isinstance(link, addnodes.pending_xref) and link["refdomain"] == "doc"
    return link["reftarget"] if about_page else ""


def card(item, picture):
    title = nodes.paragraph("", "", *item[0].children, classes=["book-map-title"])
    words = nodes.paragraph("", "", *item[-1][0].children, classes=["book-map-words"])
    return nodes.list_item("", nodes.raw("", picture, format="html"), title, words, *item[-1].children[1:])


def drawing(drawn, part):
    """The river of a network with one loss lit, that of the step after this part of the text; as SVG."""
    T = len(drawn.strands)
    shapes = {"ribbons": drawn.ribbons, "bars": drawn.bars, "lit": drawn.strands[round(part * T) - 1]}
    paths = "".join(f'<path class="book-map-{name}" d="{d}"/>' for name, d in shapes.items())
    return f'<svg viewBox="0 0 {T * STEP - BAR} {HEIGHT}" aria-hidden="true">{paths}</svg>'


@lru_cache
def rivers(updates):
    """The lengths of the gradients of all losses after so many updates, stacked under each step and joined."""
    vocab = Vocabulary(TEXT)
    ids = vocab.encode(TEXT)
    x, y = ids[:-1], ids[1:]
    params = init_params(len(vocab), HIDDEN, rng=np.random.default_rng(SEED))
    for _ in range(updates):
        grads = backward(params, forward(params, x), y)
        params = Params(*(weight - RATE * slope for weight, slope in zip(params, grads[:5], strict=True)))
    lengths = contributions(params, forward(params, x), y, reduction="sum")
    tops = np.vstack([np.zeros(len(x)), np.cumsum(lengths, axis=0)])  # (T + 1, T): where each segment begins and ends
    tops = np.rint(tops * (HEIGHT / tops.max())).astype(int)
    steps = range(len(x))
    return Rivers(
        "".join(ribbon(s, (0, tops[-1, s]), (tops[s, s - 1], tops[-1, s - 1])) for s in steps[1:]),
        "".join(bar(s, 0, tops[-1, s]) for s in steps),
        [strand(tops[t], tops[t + 1], t) for t in steps],
    )


def strand(top, bottom, t):
    """The segments of one loss under the steps that it reaches, and the ribbons between them."""
    reached = [s for s in range(t + 1) if bottom[s] > top[s]]
    joined = (ribbon(s, (top[s], bottom[s]), (top[s - 1], bottom[s - 1])) for s in reached if s - 1 in reached)
    return "".join([*(bar(s, top[s], bottom[s]) for s in reached), *joined])


def bar(s, top, bottom):
    return f"M{s * STEP} {top}h{BAR}V{bottom}h-{BAR}z"


def ribbon(s, near, far):
    """From the near edge of step s to the far edge of step s - 1."""
    (a, b), (c, d), start, end = near, far, s * STEP, s * STEP - STEP + BAR
    half = (start + end) // 2
    return f"M{start} {a}C{half} {a} {half} {c} {end} {c}V{d}C{half} {d} {half} {b} {start} {b}z"


def setup(app):
    app.add_post_transform(BookMap)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
