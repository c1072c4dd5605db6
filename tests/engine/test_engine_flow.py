"""The gradient's way back through plain, leaky and gated cells in V8, held against Python."""

import numpy as np
import pytest
from javascript import bundled, entry_of

from rnnlib import Vocabulary, gru, init_params, lstm
from rnnlib.widgets import GradientFlow
from rnnlib.widgets.gradient_flow import flow, start_matrix

TEXT = "to be, or not to be: that is the question"


@pytest.fixture(scope="module")
def engine():
    with bundled("entry.js", {"entry.js": entry_of("model/flow.js", "engine/params.js")}) as v8:
        yield v8


# A rounding grows along with the gradient; at gain 2.5 the states are still far from chaos over 40 steps
@pytest.mark.parametrize("start", ["uniform", "orthogonal", "identity"])
@pytest.mark.parametrize("gain, alpha, inputs", [(0.5, 1, True), (1, 0.1, True), (2.5, 1, True), (2.5, 0.2, False)])
@pytest.mark.parametrize("H", [1, 8, 32])
def test_the_flow_is_that_of_python(engine, start, gain, alpha, inputs, H):
    vocab = Vocabulary(TEXT)
    ids = vocab.encode(TEXT)
    params = init_params(len(vocab), H, rng=np.random.default_rng(3))
    Wxh = params.Wxh if inputs else 0 * params.Wxh
    changed = params._replace(Wxh=Wxh, Whh=gain * start_matrix(params.Whh, start))
    shares, slopes = flow(changed, ids[:-1], ids[-1], alpha=alpha)
    got = engine.call(
        """(b, V, H, x, last, { start, gain, alpha, inputs }) => {
          const params = b.initParams(V, H, 3);
          const Whh = b.startMatrix(params, start).map((w) => gain * w);
          return b.flow({ params: { ...params, Whh }, x, last, alpha, inputs });
        }""",
        len(vocab), H, ids[:-1].tolist(), int(ids[-1]),
        {"start": start, "gain": gain, "alpha": alpha, "inputs": inputs},
    )  # fmt: skip
    np.testing.assert_allclose(got["shares"], shares, rtol=1e-9)
    np.testing.assert_allclose(got["slopes"], slopes, rtol=0, atol=1e-10)


@pytest.mark.parametrize("start", ["uniform", "orthogonal", "identity"])
@pytest.mark.parametrize("cell, bias, gain, inputs, T", [
    ("lstm", 1.0, 1, True, 40), ("lstm", 4.5, 2.5, True, 40), ("lstm", 0.0, 1, False, 1), ("gru", None, 2.5, True, 40),
    ("gru", None, 1, False, 7),
])  # fmt: skip
def test_the_flow_through_gates_is_that_of_python(engine, start, cell, bias, gain, inputs, T):
    vocab, H = Vocabulary(TEXT), 8
    ids = vocab.encode(TEXT)
    rng, options = np.random.default_rng(3), {} if bias is None else {"forget_bias": bias}
    params = (lstm if cell == "lstm" else gru).init_params(len(vocab), H, rng=rng, **options)
    changed = params._replace(Wxh=params.Wxh * inputs, Whh=gain * start_matrix(params.Whh, start))
    shares, slopes = flow(changed, ids[:T], ids[T])
    got = engine.call(
        """(b, V, H, x, y, { cell, bias, start, gain, inputs }) => {
          const params = b.GATED[cell].initParams(V, H, 3, bias ?? undefined);
          const Whh = b.startMatrix(params, start).map((w) => gain * w);
          return b.gatedFlow({ params: { ...params, Whh }, x, y, inputs });
        }""",
        len(vocab), H, ids[:T].tolist(), ids[1 : T + 1].tolist(),
        {"cell": cell, "bias": bias, "start": start, "gain": gain, "inputs": inputs},
    )  # fmt: skip
    np.testing.assert_allclose(got["shares"], shares, rtol=1e-9)
    np.testing.assert_allclose(got["slopes"], slopes, rtol=0, atol=1e-10)


def test_a_kept_generator_gives_the_bits_of_a_fresh_one_at_every_size(engine):
    sizes = [("lstm", 5), ("rnn", 9), ("gru", 2), ("lstm", 12)]
    got = engine.call(
        """(b, sizes) => {
          const rngOf = b.keptGenerators(2);
          return sizes.flatMap(([cell, H]) => [3n, 4n, 3n, 5n].map((seed) => {
            const [kept, fresh] = [rngOf(seed), seed].map((of) => JSON.stringify(b.freshParams(cell, 7, H, of)));
            return kept === fresh && kept.length > 100;
          }));
        }""",
        sizes,
    )
    assert got == [True] * 16


# At H = 32 and T = 64, uniform weights times 0.5 leave 10^-34 of the largest one
@pytest.mark.parametrize("start", ["uniform", "orthogonal", "identity"])
@pytest.mark.parametrize("gain, inputs", [(0.5, "on"), (1, "off"), (2.5, "on")])
@pytest.mark.parametrize("H, T", [(1, 40), (7, 1), (8, 40), (32, 64)])
def test_the_singular_values_of_the_product_are_those_of_python(engine, start, gain, inputs, H, T):
    text = (TEXT + TEXT)[: T + 1]
    widget = GradientFlow(text=text, hidden_size=H, seed=3, gain=gain, start=start, inputs=inputs, product="on")
    largest, smallest = widget.singular_values
    ids = widget.vocab.encode(text)
    got = engine.call(
        """(b, V, H, x, { start, gain, inputs }) => {
          const params = b.initParams(V, H, 3);
          params.Whh = b.startMatrix(params, start).map((w) => gain * w);
          const { slope } = b.flow({ params, x, last: 0, alpha: 1, inputs });
          const { lags, largest, smallest } = b.productFlow(params, slope);
          return { lags, largest, smallest: Array.from(smallest, (value) => (Number.isNaN(value) ? null : value)) };
        }""",
        len(widget.vocab), H, ids[:-1].tolist(), {"start": start, "gain": gain, "inputs": inputs == "on"},
    )  # fmt: skip
    lags = np.array(got["lags"])
    assert set(range(min(7, T))) <= set(lags) and lags[-1] == T - 1 and len(lags) <= 27
    np.testing.assert_allclose(got["largest"], largest[lags], rtol=1e-9)
    # Both find the smallest one to some roundings of the largest, which the page shows no nearer than 10^12 of them
    exact = smallest[lags] > 1e-6 * largest[lags]
    found = np.array(got["smallest"], dtype=float)
    np.testing.assert_allclose(found[exact], smallest[lags][exact], rtol=1e-9)
    assert (np.abs(np.nan_to_num(found) - smallest[lags]) <= 2e-12 * largest[lags]).all()
    # and between both is every gradient of this network, whatever its loss
    shares = widget.plain.shares[0, lags]
    assert (shares <= largest[lags] * (1 + 1e-9)).all() and (shares >= smallest[lags] * (1 - 1e-9)).all()


def test_the_product_is_told_after_as_many_steps_as_the_gradients(engine):
    lags = engine.call("({ lagsOf }) => Array.from({ length: 65 }, (_, T) => lagsOf(T))")
    assert all(10 in lags[T] and lags[T] == sorted(set(lags[T])) for T in range(11, 65))


def test_the_median_is_that_of_numpy(engine):
    for n in (1, 2, 7, 8):
        rows = np.random.default_rng(n).normal(size=(n, 5))
        got = engine.call("(b, rows) => b.medians(rows.map((row) => Float64Array.from(row)))", rows.tolist())
        np.testing.assert_allclose(got, np.median(rows, axis=0), rtol=0, atol=1e-16)


@pytest.mark.parametrize("share, text", [
    (0, "0 %"), (1, "100 %"), (0.611, "61 %"), (0.0071, "0.7 %"), (0.00071, "10^−3.1"), (2e5, "10^5.3"), (3.2, "320 %"),
])  # fmt: skip
def test_a_share_in_words(engine, share, text):
    assert engine.call("(b, share) => b.shareText(share)", share) == text


@pytest.mark.parametrize("factor, text", [(0, "0.00"), (1.234, "1.23"), (0.0071, "10^−2.1"), (2e5, "10^5.3")])
def test_a_factor_in_words(engine, factor, text):
    assert engine.call("(b, factor) => b.factorText(factor)", factor) == text


def test_a_loss_without_a_gradient_leaves_nothing(engine):
    params = init_params(1, 3, rng=np.random.default_rng(0))
    assert (flow(params, [0, 0], 0)[0] == 0).all()
    got = engine.call(
        "(b) => b.flow({ params: b.initParams(1, 3, 0), x: [0, 0], last: 0, alpha: 1, inputs: true }).shares"
    )
    assert got == [0, 0, 0]
