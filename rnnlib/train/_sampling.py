"""Writing: characters drawn one after another from the predictions of a network."""

from __future__ import annotations  # naming `np.random` would import it, which takes a while

import numpy as np

from .. import _check
from ..loss import softmax
from ..rnn import Params, forward
from ..text import Vocabulary
from ._run import check_network


def sample(
    params: Params,
    vocab: Vocabulary,
    prompt: str,
    length: int,
    *,
    temperature: float = 1.0,
    top_k: int | None = None,
    rng: np.random.Generator,
) -> str:
    """`prompt` followed by `length` characters, each drawn from softmax(o / temperature): a string.

    The network reads the prompt from a state of zeros. temperature: below 1 makes likely characters likelier, above 1
    less so. top_k: only the k most likely characters are drawn from; 1 always takes the most likely one. `rng` is a
    `numpy.random.Generator`.

    Raises ValueError for an empty prompt, for characters that the vocabulary lacks and for a vocabulary of another
    size; TypeError or ValueError for an invalid length, temperature, top_k or rng.
    """
    params, rng = check_network(params), _check.generator("rng", rng)
    length, temperature = _check.positive_int("length", length), _check.positive("temperature", temperature)
    V = len(params.by)
    if not isinstance(vocab, Vocabulary):
        raise TypeError(f"vocab: expected a Vocabulary, got {_check.describe(vocab)}")
    if len(vocab) != V:
        raise ValueError(f"vocab: expected the {V} characters of params, got {len(vocab)}")
    k = V if top_k is None else _check.whole("top_k", top_k, 1, V)
    try:
        ids = vocab.encode(prompt)
    except (TypeError, ValueError) as error:  # it calls its argument `text`
        raise type(error)("prompt" + str(error).removeprefix("text")) from None
    if not len(ids):
        raise ValueError("prompt: expected at least one character, got an empty string")
    draw = _drawer(params, forward(params, ids).h[-1], temperature, k)
    drawn = []
    for u in rng.random(length).tolist():
        drawn.append(draw(drawn[-1] if drawn else None, u))
    return prompt + vocab.decode(drawn)


def _drawer(params, h, temperature, k):
    """draw(symbol, u): update the state h (H,) with the symbol, unless that is None, and pick the next by u in [0, 1).

    It is picked from softmax(o / temperature) over the k most likely symbols, in float64 whatever the type of the
    weights. Buffers are allocated once, as in `workspace.py`. One product computes the logits and, next to them, the
    recurrent term h Whh of the next state.
    """
    dot, add, tanh, exp = np.dot, np.add, np.tanh, np.exp
    H, V = params.Why.shape
    with np.errstate(over="ignore"):  # |h| < 1 bounds the logits; at a very low temperature the bound is inf
        bound = (np.abs(params.Why).sum(axis=0) + np.abs(params.by)).max().astype(float) / temperature
    plain = k == V and bound < 80  # e^bound fits into float32, so nothing need be subtracted
    Why, by = (p / temperature if plain else p for p in (params.Why, params.by))
    rows, state = list(params.Wxh + params.bh), np.append(h, h.dtype.type(1))  # a 1 after the state, for the biases
    both = np.block([[Why, params.Whh], [by, np.zeros(H, by.dtype)]])
    products, odds = np.empty(V + H, by.dtype), np.empty(V)
    h, o, recurrent = state[:-1], products[:V], products[V:]
    accumulate, search = add.accumulate, odds[:-1].searchsorted
    dot(state, both, products)

    def draw(symbol, u):
        if symbol is not None:
            add(recurrent, rows[symbol], recurrent)
            tanh(recurrent, h)
            dot(state, both, products)
        if plain:
            exp(o, odds)
            accumulate(odds, 0, None, odds)
            return int(search(u * odds[-1], "right"))
        logits = o.astype(float)
        kept = np.sort(np.argsort(-logits, kind="stable")[:k])
        with np.errstate(over="ignore"):  # all but the largest may become -inf, as they should
            sums = softmax((logits[kept] - logits.max()) / temperature).cumsum()
        return int(kept[min(sums.searchsorted(u * sums[-1], side="right"), k - 1)])

    return draw
