"""The weights of an LSTM and a GRU in the layouts of PyTorch, Keras and ONNX.

ONNX's reference evaluator runs those of ONNX. For the other two the formulas of their documentation are written out
here, one step and one gate at a time, on the arrays as they store them.
"""

import numpy as np
import pytest
from gated import GATED, make_model, onnx_states, rows_of
from models import assert_close, refuses

from rnnlib import gru, lstm
from rnnlib.formulations import frameworks

gated_cell = pytest.mark.parametrize("cell", GATED.values(), ids=GATED)
PAIRS = {
    "pytorch": (frameworks.to_pytorch, frameworks.from_pytorch),
    "keras": (frameworks.to_keras, frameworks.from_keras),
    "onnx": (frameworks.to_onnx, frameworks.from_onnx),
}
every_pair = pytest.mark.parametrize("pair", PAIRS.values(), ids=PAIRS)
NAMES = {lstm: "lstm", gru: "gru"}


def model_of(cell, seed=0, T=5, B=2, **other):
    return make_model(cell, seed, T=T, B=B, V=4, H=3, **({"D": 5} | other))


def same(one, other):
    return type(one) is type(other) and all(
        np.array_equal(a, b) and a.dtype == b.dtype for a, b in zip(one, other, strict=True)
    )


def sigma(a):
    return 1 / (1 + np.exp(-a))


def pytorch_states(cell, arrays, rows, h, c=None):
    """As the pages of nn.LSTM and nn.GRU have it: every matrix out × in, gates i f g o and r z n."""
    name = NAMES[cell]
    W, U, b, d = (arrays[f"{name}.{key}_l0"] for key in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"))
    H, states = len(U.T), []
    parts = [slice(k * H, (k + 1) * H) for k in range(len(U) // H)]
    for x in rows:
        xs, hs = ([M[p] @ v.T + bias[p, None] for p in parts] for M, v, bias in ((W, x, b), (U, h, d)))
        if cell is lstm:
            i, f, g, o = (xk + hk for xk, hk in zip(xs, hs, strict=True))
            c = (sigma(f) * c.T + sigma(i) * np.tanh(g)).T
            h = sigma(o).T * np.tanh(c)
        else:
            r, z = sigma(xs[0] + hs[0]), sigma(xs[1] + hs[1])
            n = np.tanh(xs[2] + r * hs[2])
            h = ((1 - z) * n + z * h.T).T
        states.append(h)
    return np.array(states)


def keras_states(cell, arrays, rows, h, c=None):
    """As Keras's LSTM and GRU with reset_after=True have it: every matrix in × out, gates i f c o and z r h."""
    name = NAMES[cell]
    kernel, recurrent, bias = (arrays[f"{name}/{key}"] for key in ("kernel", "recurrent_kernel", "bias"))
    gates, states = recurrent.shape[1] // len(recurrent), []
    for x in rows:
        if cell is lstm:
            z0, z1, z2, z3 = np.split(x @ kernel + h @ recurrent + bias, gates, axis=1)
            c = sigma(z1) * c + sigma(z0) * np.tanh(z2)
            h = sigma(z3) * np.tanh(c)
        else:
            x_z, x_r, x_h = np.split(x @ kernel + bias[0], gates, axis=1)
            h_z, h_r, h_h = np.split(h @ recurrent + bias[1], gates, axis=1)
            z = sigma(x_z + h_z)
            h = z * h + (1 - z) * np.tanh(x_h + sigma(x_r + h_r) * h_h)
        states.append(h)
    return np.array(states)


def split_biases(cell, arrays, rng):
    """The same network with its bias shared out between the two biases, where they are added."""
    arrays = {name: array.copy() for name, array in arrays.items()}
    if cell is lstm:
        ends = {"lstm.bias_ih_l0", "lstm.bias_hh_l0"} & arrays.keys()
        if ends:
            part = rng.normal(size=12)
            arrays["lstm.bias_ih_l0"] -= part
            arrays["lstm.bias_hh_l0"] += part
        elif "B" in arrays:
            part = rng.normal(size=12)
            arrays["B"][0] += np.concatenate([-part, part])
    elif "B" in arrays:
        part = rng.normal(size=6)  # of z and r; the two biases of n are two
        arrays["B"][0, :6] -= part
        arrays["B"][0, 9:15] += part
    elif "gru/bias" in arrays:
        part = rng.normal(size=6)
        arrays["gru/bias"][:, :6] += [-part, part]
    else:
        part = rng.normal(size=6)
        arrays["gru.bias_ih_l0"][:6] -= part
        arrays["gru.bias_hh_l0"][:6] += part
    return arrays


@gated_cell
@pytest.mark.parametrize("framework", PAIRS)
@pytest.mark.parametrize("seed", range(8))
def test_the_formulas_of_the_framework_on_its_arrays_give_the_same_states(cell, framework, seed):
    model = model_of(cell, seed, features=seed % 2 == 1)
    rows, states, trace = rows_of(model.x, 5), list(model.states.values()), model.forward()
    arrays = split_biases(cell, PAIRS[framework][0](model.params), np.random.default_rng(seed))
    if framework == "onnx":
        h = onnx_states(cell, arrays, rows, states)[0]
    else:
        h = {"pytorch": pytorch_states, "keras": keras_states}[framework](cell, arrays, rows, *states)
    assert_close(h, trace.h, 1e-13, scale=1)
    back = PAIRS[framework][1](arrays)
    assert type(back) is cell.Params
    assert_close(cell.forward(back, model.x, **model.states).o, trace.o, 1e-13)


@gated_cell
@every_pair
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_there_and_back_is_the_same_to_the_last_bit_and_a_copy(cell, pair, dtype):
    to, back = pair
    params = cell.Params(*(array.astype(dtype) for array in model_of(cell).params))
    arrays = to(params)
    kept = {name: array.copy() for name, array in arrays.items()}
    assert same(back(arrays), params)
    for array in (*to(params).values(), *back(arrays)):
        array += 1
    assert all(np.array_equal(arrays[name], kept[name]) for name in kept) and same(back(arrays), params)


@gated_cell
def test_a_layer_of_pytorch_may_be_called_rnn_and_its_shapes_say_which_it_is(cell):
    params, name = model_of(cell).params, NAMES[cell]
    arrays = {f"net.{key.replace(name, 'rnn', 1)}": array for key, array in frameworks.to_pytorch(params).items()}
    assert same(frameworks.from_pytorch(arrays), params)
    assert list(frameworks.to_pytorch(params, like=arrays)) == list(arrays)
    assert same(frameworks.from_pytorch(frameworks.to_pytorch(params, like=arrays)), params)


@gated_cell
def test_the_gradient_of_two_biases_that_are_added_is_that_of_their_sum(cell):
    model = model_of(cell)
    grads = model.backward()
    arrays = frameworks.to_pytorch(cell.Params(*grads[: len(model.params)]))
    name = NAMES[cell]
    # what autograd leaves in the bias of the recurrent product: the same as in the other, but of n through r
    arrays[f"{name}.bias_hh_l0"] = grads.bh.copy()
    if cell is gru:
        arrays[f"{name}.bias_hh_l0"][6:] = grads.bn
    found = frameworks.from_pytorch(arrays, gradients=True)
    assert all(np.array_equal(getattr(found, key), getattr(grads, key)) for key in cell.Params._fields)
    without = {key: array for key, array in arrays.items() if "bias" not in key}
    found = frameworks.from_pytorch(without, gradients=True)
    biases = [key for key in cell.Params._fields if key[0] == "b"]
    assert all(getattr(found, key) is None for key in biases) and np.array_equal(found.Whh, grads.Whh)


@gated_cell
@every_pair
def test_a_missing_bias_is_zero(cell, pair):
    to, back = pair
    params = model_of(cell).params
    arrays = {key: a for key, a in to(params).items() if "bias" not in key and key not in ("B", "by")}
    found = back(arrays)
    for name, array in params._asdict().items():
        assert np.array_equal(getattr(found, name), 0 * array if name[0] == "b" else array)


@gated_cell
@every_pair
def test_wrong_names_and_shapes_are_refused_by_name(cell, pair):
    to, back = pair
    arrays = to(model_of(cell).params)
    first, second, *_ = arrays
    for missing in (first, second):
        with refuses(TypeError, "arrays", "a dict of"):
            back({key: array for key, array in arrays.items() if key != missing})
    with refuses(TypeError, "arrays", "P"):  # peepholes, or a projection
        back(arrays | {"P": np.zeros((1, 9))})
    for key, array in arrays.items():
        shorter = array[..., :-1, :] if key.endswith(("weight_ih_l0", "W")) else array[..., :-1]  # not in D
        for wrong in (array[..., None], shorter, array[:0]):
            with pytest.raises(ValueError, match=r"arrays\['[\w./]+'\]: expected shape \(.*\), got \("):
                back({**arrays, key: wrong})
        with pytest.raises(ValueError, match="expected finite numbers, got nan"):
            back({**arrays, key: array * np.nan})


def test_a_name_that_says_one_cell_with_the_shapes_of_another_is_refused():
    for name, cell, other in (("lstm", lstm, "gru"), ("gru", gru, "lstm")):
        arrays = frameworks.to_pytorch(model_of(cell).params)
        renamed = {key.replace(name, other, 1): array for key, array in arrays.items()}
        with pytest.raises(ValueError, match=rf"arrays\['{other}.weight_hh_l0'\]|arrays\['{other}.weight_ih_l0'\]"):
            frameworks.from_pytorch(renamed)
        with pytest.raises(ValueError, match=f"like: expected .* with {cell.Params.cell}, as in params, got that of"):
            frameworks.to_pytorch(model_of(cell).params, like=renamed)


def test_a_gru_of_keras_that_resets_before_the_product_is_refused():
    arrays = frameworks.to_keras(model_of(gru).params)
    with pytest.raises(ValueError, match=r"arrays\['gru/bias'\]: expected shape \(2, 9\), got \(9,\)"):
        frameworks.from_keras(arrays | {"gru/bias": arrays["gru/bias"][0]})


@gated_cell
def test_a_module_without_a_bias_takes_zeros_only(cell):
    params, name = model_of(cell).params, NAMES[cell]
    like = {key: a for key, a in frameworks.to_pytorch(params).items() if not key.startswith(f"{name}.bias")}
    with refuses(ValueError, "like", expected=f"{name}.bias_ih_l0, for that bias is not zero"):
        frameworks.to_pytorch(params, like=like)
    with refuses(TypeError, "arrays", expected=f"both biases of {name} or neither"):
        frameworks.from_pytorch(like | {f"{name}.bias_ih_l0": params.bh})
