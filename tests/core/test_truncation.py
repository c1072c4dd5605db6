"""Which loss moves which step: the shares, the matrix made of them, and truncation as a band of it."""

import numpy as np
import pytest
from models import STEP, assert_close, make_case, refuses

from rnnlib import backward, contributions, forward
from rnnlib.bptt import shares

CASES = [(1, None), (2, 1), (7, None), (6, 3)]


def run(case, **options):
    trace = forward(case.params, case.x, case.h0)
    return backward(case.params, trace, case.y, reduction=case.reduction, **options)


def shares_of(case):
    return shares(case.params, forward(case.params, case.x, case.h0), case.y, reduction=case.reduction)


def losses_after(case, s, nudge):
    """The loss of every step, summed over a batch, when `nudge` is added to a_s: loops of its own, complex."""
    Wxh, Whh, Why, bh, by = case.params
    h, losses = case.h0, []
    for t in range(len(case.x)):
        a = Wxh[case.x[t]] + h @ Whh + bh + (nudge if t == s else 0)
        h = (np.exp(2 * a) - 1) / (np.exp(2 * a) + 1)
        o = h @ Why + by
        losses.append((np.log(np.exp(o).sum(axis=-1)) - (np.eye(len(by))[case.y[t]] * o).sum(axis=-1)).sum())
    return np.array(losses) / (case.y.size if case.reduction == "mean" else 1)


@pytest.mark.parametrize("reduction", ["sum", "mean"])
@pytest.mark.parametrize("T, B", CASES)
def test_a_share_is_what_a_nudge_of_one_step_does_to_the_loss_of_another(T, B, reduction):
    case = make_case(T, T=T, B=B, V=4, H=3, reduction=reduction)
    expected = np.zeros((T, *case.y.shape, 3))
    for s in range(T):
        for at in np.ndindex(expected.shape[2:]):
            nudge = np.zeros(expected.shape[2:], complex)
            nudge[at] = STEP * 1j
            expected[(slice(None), s, *at)] = losses_after(case, s, nudge).imag / STEP
    assert_close(shares_of(case), expected, 1e-13)
    assert not shares_of(case)[np.triu_indices(T, 1)].any()  # a loss moves no later step


@pytest.mark.parametrize("T, B", CASES)
def test_all_shares_together_are_the_full_gradient(T, B):
    case = make_case(T, T=T, B=B, V=4, H=5)
    assert_close(shares_of(case).sum(axis=0), run(case).da, 1e-14)


@pytest.mark.parametrize("features", [False, True])
@pytest.mark.parametrize("T, B", CASES)
def test_truncation_is_the_band_of_the_shares(T, B, features):
    case = make_case(T, T=T, B=B, V=4, H=5, features=features)
    trace = forward(case.params, case.x, case.h0)
    array = shares_of(case)
    rows = case.x if features else np.eye(4)[case.x]
    before = np.concatenate([trace.h0[None], trace.h[:-1]])
    over = (list(range(case.y.ndim)),) * 2  # the steps, and the sequences of a batch
    for k in range(1, T + 1):
        late = np.subtract.outer(np.arange(T), np.arange(T)) >= k
        band = np.where(late.reshape(T, T, *[1] * (array.ndim - 2)), 0, array)
        da = band.sum(axis=0)
        grads = run(case, truncate=k)
        assert_close(grads.da, da, 1e-13)
        assert_close(grads.Wxh, np.tensordot(rows, da, axes=over), 1e-13)
        assert_close(grads.Whh, np.tensordot(before, da, axes=over), 1e-13)
        assert_close(grads.bh, da.reshape(-1, 5).sum(axis=0), 1e-13)
        assert_close(grads.h0, da[0] @ case.params.Whh.T, 1e-13)
        assert_close(grads.da, grads.dh * (1 - trace.h**2), 1e-14)


def test_truncation_leaves_the_gradients_of_the_output_alone():
    case = make_case(3, T=6, B=2, V=4, H=5)
    full, cut = run(case), run(case, truncate=1)
    for name in ("Why", "by", "do"):
        assert np.array_equal(getattr(full, name), getattr(cut, name))
    assert not np.allclose(full.Whh, cut.Whh)


@pytest.mark.parametrize("k", [6, 7, 10**9])
def test_a_truncation_as_long_as_the_sequence_cuts_nothing(k):
    case = make_case(4, T=6, B=2, V=4, H=5)
    for full, cut in zip(run(case), run(case, truncate=k), strict=True):
        assert np.array_equal(full, cut)


def test_contributions_are_the_lengths_of_the_shares():
    case = make_case(5, T=5, B=2, V=4, H=3)
    trace = forward(case.params, case.x, case.h0)
    matrix = contributions(case.params, trace, case.y)
    assert matrix.shape == (5, 5)
    array = shares(case.params, trace, case.y)
    for t, s in np.ndindex(5, 5):
        assert matrix[t, s] == pytest.approx(np.linalg.norm(array[t, s].ravel()), rel=1e-14, abs=0)
    assert (np.tril(matrix) == matrix).all() and (np.diag(matrix) > 0).all()


def test_float32_stays_float32():
    case = make_case(6, T=5, B=None, V=4, H=3)
    params = type(case.params)(*(p.astype(np.float32) for p in case.params))
    trace = forward(params, case.x)
    assert backward(params, trace, case.y, truncate=2).Whh.dtype == np.float32
    assert contributions(params, trace, case.y).dtype == np.float32


@pytest.mark.parametrize(
    "truncate, error, got",
    [(0, ValueError, "0"), (-3, ValueError, "-3"), (2.0, TypeError, "float 2.0"), (True, TypeError, "bool True")],
)
def test_a_truncation_that_is_no_whole_number_from_one_is_refused(truncate, error, got):
    case = make_case(0, T=3, B=None, V=4, H=3)
    with refuses(error, "truncate", got):
        run(case, truncate=truncate)


def test_shares_and_contributions_refuse_what_backward_refuses():
    case = make_case(0, T=3, B=None, V=4, H=3)
    trace = forward(case.params, case.x)
    for function in (shares, contributions):
        with refuses(TypeError, "trace", "Params", expected="Trace"):
            function(case.params, case.params, case.y)
        with refuses(ValueError, "reduction", "'average'"):
            function(case.params, trace, case.y, reduction="average")
