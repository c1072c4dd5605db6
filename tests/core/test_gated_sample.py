"""Writing with any cell, and texts side by side: each draw is held against `forward` over the whole text so far."""

import numpy as np
import pytest
from gated import CELLS
from models import refuses

import rnnlib
from rnnlib import Vocabulary, softmax
from rnnlib.train import _sampling, sample

VOCAB = Vocabulary("abcdefgh")
V = len(VOCAB)
every_cell = pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS)
PROMPTS = ["a", "bad", "cabbage", "a"]


@pytest.fixture(params=["at once", "in blocks"])
def either_way(request, monkeypatch):
    """Symbols are picked in both ways, as from few odds or as from many."""
    monkeypatch.setattr(_sampling, "MANY", np.inf if request.param == "at once" else 0)


def fresh(cell, seed=0, size=2.0, dtype=np.float64):
    """Weights large enough for predictions that are far from uniform."""
    params = cell.init_params(V, 6, rng=np.random.default_rng(seed))
    return cell.Params(*((size * array).astype(dtype) for array in params))


def picked(cell, params, text, u, temperature=1.0, k=V):
    """The character that u in [0, 1) picks after the whole text."""
    o = cell.forward(params, VOCAB.encode(text)).o[-1].astype(float)
    kept = np.sort(np.argsort(-o, kind="stable")[:k])
    odds = softmax((o[kept] - o.max()) / temperature)
    return VOCAB.characters[kept[min(np.searchsorted(odds.cumsum(), u, side="right"), k - 1)]]


@every_cell
@pytest.mark.parametrize("temperature, top_k", [(1.0, None), (0.3, None), (3.0, 4), (0.5, 1), (1e-9, None), (0.01, 3)])
@pytest.mark.parametrize("size", [2.0, 40.0])  # of 40, the logits are too large for exp without a shift
def test_each_text_side_by_side_is_drawn_after_the_whole_text_before_it(either_way, cell, temperature, top_k, size):
    params, texts = fresh(cell, size=size), list(PROMPTS)
    options = {"temperature": temperature, "top_k": top_k}
    found = sample(params, VOCAB, PROMPTS, 15, rng=np.random.default_rng(7), **options)
    for row in np.random.default_rng(7).random((15, 4)):
        with np.errstate(over="ignore"):
            texts = [
                text + picked(cell, params, text, u, temperature, top_k or V)
                for text, u in zip(texts, row, strict=True)
            ]
    assert found == texts


@every_cell
def test_one_text_is_that_of_a_list_of_one(cell):
    params = fresh(cell)
    alone = sample(params, VOCAB, "cab", 40, rng=np.random.default_rng(5))
    assert isinstance(alone, str) and len(alone) == 43
    assert sample(params, VOCAB, ["cab"], 40, rng=np.random.default_rng(5)) == [alone]
    assert sample(params, VOCAB, "cab", 40, rng=np.random.default_rng(5), count=1) == [alone]


@every_cell
def test_count_texts_begin_alike_and_go_on_as_from_a_list(cell):
    params = fresh(cell)
    found = sample(params, VOCAB, "bad", 20, rng=np.random.default_rng(5), count=7)
    assert found == sample(params, VOCAB, ["bad"] * 7, 20, rng=np.random.default_rng(5))
    assert len(set(found)) == 7 and all(text.startswith("bad") and len(text) == 23 for text in found)


@every_cell
def test_float32_writes_nearly_the_same(cell):
    """In these 60 draws no number is so near to a border that rounding decides."""
    texts = [
        sample(fresh(cell, dtype=dtype), VOCAB, PROMPTS, 15, rng=np.random.default_rng(7))
        for dtype in (np.float64, np.float32)
    ]
    assert texts[0] == texts[1]


@pytest.mark.parametrize("temperature, top_k", [(1.0, None), (0.5, None), (2.0, 4)])
def test_texts_side_by_side_are_distributed_as_the_softmax(either_way, temperature, top_k):
    """by alone makes the logits, so that each draw is from one distribution; 1 in 10 000 would exceed the bound."""
    by = np.array([0.0, 1.0, -0.5, 0.3, 0.8, -1.0, 0.1, 0.2])
    params = rnnlib.Params(np.zeros((V, 2)), np.zeros((2, 2)), np.zeros((2, V)), np.zeros(2), by)
    options = {"temperature": temperature, "top_k": top_k, "count": 50}
    texts = sample(params, VOCAB, "a", 100, rng=np.random.default_rng(1), **options)
    kept = np.sort(np.argsort(-by)[: top_k or V])
    counts = np.bincount(VOCAB.encode("".join(text[1:] for text in texts)), minlength=V)
    assert counts.sum() == counts[kept].sum() == 5000
    odds = softmax(by[kept] / temperature) * 5000
    assert ((counts[kept] - odds) ** 2 / odds).sum() < {8: 29.9, 4: 21.1}[len(kept)]


def test_the_highest_number_below_one_picks_a_symbol_that_is_kept(either_way):
    params, highest = fresh(rnnlib, size=40.0), np.nextafter(1.0, 0)
    rng = np.random.default_rng(0)

    class Generator(np.random.Generator):
        def random(self, shape):
            return np.full(shape, highest)

    given = Generator(rng.bit_generator)
    for k in (1, 3, None):
        texts = sample(params, VOCAB, PROMPTS, 6, rng=given, top_k=k)
        for text, prompt in zip(texts, PROMPTS, strict=True):
            for n in range(len(prompt), len(text)):
                o = rnnlib.forward(params, VOCAB.encode(text[:n])).o[-1]
                assert VOCAB.encode(text[n])[0] in np.argsort(-o, kind="stable")[: k or V]


@every_cell
@pytest.mark.parametrize(
    "error, name, got, change",
    [
        (ValueError, "prompt", "'Z'", {"prompt": "baZ"}),
        (ValueError, "prompt", "empty", {"prompt": ""}),
        (ValueError, "prompt", "an empty list", {"prompt": []}),
        (ValueError, "prompt[1]", "empty", {"prompt": ["a", ""]}),
        (ValueError, "prompt[2]", "'Z'", {"prompt": ["a", "b", "Z"]}),
        (TypeError, "prompt[0]", "3", {"prompt": [3]}),
        (TypeError, "prompt", "3", {"prompt": 3}),
        (ValueError, "count", "0", {"count": 0}),
        (TypeError, "count", "2.0", {"count": 2.0}),
        (TypeError, "count", "True", {"count": True}),
        (ValueError, "count", "2", {"prompt": ["a", "b"], "count": 2}),
        (ValueError, "length", "0", {"length": 0, "count": 2}),
        (ValueError, "temperature", "0", {"temperature": 0, "count": 2}),
        (ValueError, "top_k", "9", {"top_k": 9, "count": 2}),
        (ValueError, "vocab", "2", {"vocab": Vocabulary("ab"), "count": 2}),
        (TypeError, "rng", "0", {"rng": 0, "count": 2}),
    ],
)
def test_sample_names_what_does_not_fit(cell, error, name, got, change):
    options = {"params": fresh(cell), "vocab": VOCAB, "prompt": "bad", "length": 3, "rng": np.random.default_rng(0)}
    with refuses(error, name, got):
        sample(**options | change)
