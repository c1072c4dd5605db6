"""Writing: characters drawn one after another from the predictions of a network."""

from __future__ import annotations  # naming `np.random` would import it, which takes a while

import math
from collections.abc import Callable, Sequence
from typing import Any, overload

import numpy as np

from .. import _cell, _check, gru, lstm, rnn
from ..loss import softmax
from ..rnn import Params
from ..text import Vocabulary
from ._run import check_trainable

MANY = 3000  # odds from which on symbols are picked in blocks: below, the calls cost more than they save


@overload
def sample(
    params: Params,
    vocab: Vocabulary,
    prompt: str,
    length: int,
    *,
    temperature: float = 1.0,
    top_k: int | None = None,
    rng: np.random.Generator,
    count: None = None,
) -> str: ...


@overload
def sample(
    params: Params,
    vocab: Vocabulary,
    prompt: str | Sequence[str],
    length: int,
    *,
    temperature: float = 1.0,
    top_k: int | None = None,
    rng: np.random.Generator,
    count: int | None = None,
) -> list[str]: ...


def sample(
    params: Params,
    vocab: Vocabulary,
    prompt: str | Sequence[str],
    length: int,
    *,
    temperature: float = 1.0,
    top_k: int | None = None,
    rng: np.random.Generator,
    count: int | None = None,
) -> str | list[str]:
    """`prompt` followed by `length` characters, each drawn from softmax(o / temperature): a string.

    The network, of any cell, reads the prompt from a state of zeros. temperature: below 1 makes likely characters
    likelier, above 1 less so. top_k: only the k most likely characters are drawn from; 1 always takes the most likely
    one. `rng` is a `numpy.random.Generator`.

    Several texts side by side cost far less than one after another: with a list of prompts, or with `count` texts
    that begin with the same prompt, the result is a list of strings. Step t draws one random number for each text, in
    the order of the texts.

    Raises ValueError for an empty prompt, for characters that the vocabulary lacks and for a vocabulary of a different
    size; TypeError or ValueError for an invalid length, temperature, top_k, rng or count, and for a count with a list
    of prompts.
    """
    params, rng = check_trainable(params), _check.generator("rng", rng)
    length, temperature = _check.positive_int("length", length), _check.positive("temperature", temperature)
    V = len(params.by)
    if not isinstance(vocab, Vocabulary):
        raise TypeError(f"vocab: expected a Vocabulary, got {_check.describe(vocab)}")
    if len(vocab) != V:
        raise ValueError(f"vocab: expected the {V} characters of params, got {len(vocab)}")
    k = V if top_k is None else _check.whole("top_k", top_k, 1, V)
    single = not isinstance(prompt, (list, tuple)) and count is None
    prompts = _prompts(prompt, count)
    names = [f"prompt[{i}]" if isinstance(prompt, (list, tuple)) else "prompt" for i in range(len(prompts))]
    read = {text: _ids(name, text, vocab) for name, text in zip(names, prompts, strict=True)}
    last = {text: _last_states(params, ids) for text, ids in read.items()}
    if single and isinstance(params, rnn.Params):
        draw = _drawer(params, *last[prompt], temperature, k)
        drawn = []
        for u in rng.random(length).tolist():
            drawn.append(draw(drawn[-1] if drawn else None, u))
        return prompt + vocab.decode(drawn)
    states = [np.stack(state) for state in zip(*(last[text] for text in prompts), strict=True)]
    symbols = _drawn(params, states, temperature, k, rng.random((length, len(prompts))))
    texts = [text + vocab.decode(ids) for text, ids in zip(prompts, symbols.T, strict=True)]
    return texts[0] if single else texts


def _prompts(prompt, count):
    """The beginning of each text, as a list."""
    if not isinstance(prompt, (list, tuple)):
        return [prompt] * (1 if count is None else _check.positive_int("count", count))
    if count is not None:
        raise ValueError(f"count: expected None with a list of prompts, got {_check.describe(count)}")
    if not prompt:
        raise ValueError("prompt: expected a string, or a list of at least one, got an empty list")
    return list(prompt)


def _ids(name, text, vocab):
    """A prompt as ids; `name` is what it is called in an error."""
    try:
        ids = vocab.encode(text)
    except (TypeError, ValueError) as error:  # it calls its argument `text`
        raise type(error)(name + str(error).removeprefix("text")) from None
    if not len(ids):
        raise ValueError(f"{name}: expected at least one character, got an empty string")
    return ids


def _last_states(params, ids):
    """The states after a prompt, each (H,)."""
    trace = _cell.cell_of(params).forward(params, ids)
    return [getattr(trace, name)[-1] for name in params.states]


def _drawn(params, states, temperature, k, uniforms):
    """The symbols (T, B) that numbers (T, B) from [0, 1) pick, one text a column, from the states (B, H) on.

    Each is picked from softmax(o / temperature) over the k most likely symbols, in float64. As in `_drawer`, one
    product computes the logits and, next to them, the recurrent terms of the next gates.
    """
    V, H, _ = _cell.sizes(params)
    plain = _needs_no_shift(params, temperature, k)
    Why, by = _output_layer(params, temperature if plain else 1)
    G, dtype, (T, B) = params.Whh.shape[1], by.dtype, uniforms.shape
    bias = np.zeros(G, dtype)
    if isinstance(params, gru.Params):
        bias[2 * H :] = params.bn
    both, table = np.block([[Why, params.Whh], [by, bias]]), params.Wxh + params.bh
    rows, products = np.empty((B, G), dtype), np.empty((B, V + G), dtype)
    state = np.ones((B, H + 1), dtype)  # a 1 after h, for the biases
    state[:, :H] = states[0]
    o, recurrent = products[:, :V], products[:, V:]
    update = _UPDATES[type(params)](rows, recurrent, state[:, :H], *states[1:])
    odds, pick = (_picked_in_blocks if B * V > MANY else _picked_at_once)(B, V)
    symbols = np.empty((T, B), np.intp)
    with np.errstate(over="ignore"):  # of exp(-a) in a gate, and of a quotient by a very low temperature
        for t in range(T):
            if t:
                table.take(symbols[t - 1], 0, rows, "clip")
                update()
            np.dot(state, both, products)
            if plain:
                np.exp(o, odds)
            else:
                np.subtract(o, np.maximum.reduce(o, 1, None, None, True), odds)
                np.divide(odds, temperature, odds)
                np.exp(odds, odds)
                if k < V:
                    np.put_along_axis(odds, np.argsort(-o, axis=1, kind="stable")[:, k:], 0, axis=1)
            symbols[t] = pick(uniforms[t, :, None])
    return symbols


def _picked_at_once(B, V):
    """odds (B, V), to be filled, and pick(u), u (B, 1) in [0, 1): the first symbol of each row up to which the odds add
    up to more than u times the sum of all."""
    odds, above, largest = np.empty((B, V)), np.empty((B, V), bool), np.empty((B, 1))

    def pick(u):
        np.add.accumulate(odds, 1, None, odds)
        total = odds[:, -1:]
        np.multiply(total, u, largest)
        np.minimum(largest, np.nextafter(total, 0), out=largest)  # rounding must not reach the total itself
        return np.greater(odds, largest, above).argmax(1)

    return odds, pick


def _picked_in_blocks(B, V):
    """The same, first for blocks of about √V symbols, then in one of them: a sum takes less time than running sums."""
    size = math.ceil(math.sqrt(V))
    n = math.ceil(V / size)
    odds = np.zeros((B, n * size))  # what fills up the last block stays zero
    sums, below = np.empty((B, n)), np.zeros((B, n + 1))  # of each block, and of all before it
    blocks, ones, flat_sums, flat_below = odds.reshape(-1, size), np.ones(size), sums.reshape(-1), below.reshape(-1)
    so_far, of_all, row = below[:, 1:], below[:, -1:], np.arange(B)
    inside, largest, rest = np.empty((B, size)), np.empty((B, 1)), np.empty(B)
    of_block, rest_column = inside[:, -1:], rest[:, None]

    def pick(u):
        np.dot(blocks, ones, flat_sums)
        np.add.accumulate(sums, 1, None, so_far)
        np.multiply(of_all, u, largest)
        np.minimum(largest, np.nextafter(of_all, 0), out=largest)
        block = np.greater(so_far, largest).argmax(1)
        blocks.take(row * n + block, 0, inside, "clip")
        np.add.accumulate(inside, 1, None, inside)
        np.subtract(largest[:, 0], flat_below.take(row * (n + 1) + block), rest)
        np.minimum(rest_column, np.nextafter(of_block, 0), out=rest_column)
        return block * size + np.greater(inside, rest_column).argmax(1)

    return odds[:, :V], pick


def _rnn_update(rows, recurrent, h):
    def update():
        np.add(recurrent, rows, recurrent)
        np.tanh(recurrent, h)

    return update


def _lstm_update(rows, recurrent, h, c):
    i, f, g, q = np.split(rows, 4, axis=1)
    candidate, c = np.empty_like(c), c.copy()

    def update():
        np.add(recurrent, rows, rows)
        np.tanh(g, candidate)
        _to_gates(rows)
        np.multiply(c, f, c)
        np.multiply(candidate, i, candidate)
        np.add(c, candidate, c)
        np.tanh(c, candidate)
        np.multiply(candidate, q, h)

    return update


def _gru_update(rows, recurrent, h):
    H = h.shape[1]
    r, z, n = np.split(rows, 3, axis=1)
    m, spare = recurrent[:, 2 * H :], np.empty(h.shape, h.dtype)

    def update():
        np.add(recurrent[:, : 2 * H], rows[:, : 2 * H], rows[:, : 2 * H])
        _to_gates(rows[:, : 2 * H])
        np.multiply(m, r, m)
        np.add(m, n, m)
        np.tanh(m, m)
        np.subtract(h, m, spare)  # h = n + z (h - n)
        np.multiply(spare, z, spare)
        np.add(spare, m, h)

    return update


def _to_gates(a):
    """a ← σ(a) = 1 / (1 + exp(-a))."""
    np.negative(a, a)
    np.exp(a, a)
    np.add(a, 1, a)
    np.divide(1, a, a)  # much faster than reciprocal


# (rows, recurrent, h, ...) -> a function that makes the next states, in place, of what the gates read
_UPDATES: dict[Any, Callable[..., Callable[[], None]]] = {
    rnn.Params: _rnn_update,
    lstm.Params: _lstm_update,
    gru.Params: _gru_update,
}


def _output_layer(params, temperature):
    """Why and by, both divided by the temperature; in float32 all numbers are zero at one above the largest."""
    with np.errstate(over="ignore"):
        return params.Why / temperature, params.by / temperature


def _needs_no_shift(params, temperature, k):
    """Whether e^(o / temperature) fits into float32 whatever the state, so that nothing need be subtracted before."""
    with np.errstate(over="ignore"):  # |h| <= 1 bounds the logits; at a very low temperature the bound is inf
        bound = (np.abs(params.Why).sum(axis=0) + np.abs(params.by)).max().astype(float) / temperature
    return k == len(params.by) and bound < 80


def _drawer(params, h, temperature, k):
    """draw(symbol, u): update the state h (H,) with the symbol, unless that is None, and pick the next by u in [0, 1).

    It is picked from softmax(o / temperature) over the k most likely symbols, in float64 whatever the type of the
    weights. Buffers are allocated once, as in `workspace.py`. One product computes the logits and, next to them, the
    recurrent term h Whh of the next state.
    """
    dot, add, tanh, exp = np.dot, np.add, np.tanh, np.exp
    H, V = params.Why.shape
    plain = _needs_no_shift(params, temperature, k)
    Why, by = _output_layer(params, temperature if plain else 1)
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
