"""The peers of `training.py`: one network, one update, written by each in its own way. One process runs one peer.

A peer is a function (job, params, windows, uniforms) -> `Ready`. All start from the same weights, read the same windows
from a state of zeros, report the loss of each update, and draw their samples with the same uniform numbers, so that all
of them can be held to the same results. `training.py` starts this file and speaks with it in pickles.
"""

import importlib
import json
import os
import pickle
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np

import rnnlib
from rnnlib import Params, Vocabulary, init_params, one_hot
from rnnlib.formulations import cells, equations, frameworks, gates, layers, matrices
from rnnlib.optim import SGD, Adam, clip_by_norm
from rnnlib.train import sample, shuffled, train
from rnnlib.workspace import Workspace

WINDOWS = 4
NUMPY = f"NumPy {np.__version__}"


class Job(NamedTuple):
    """What is measured: sizes, precision, and what is done there."""

    V: int
    H: int
    T: int
    B: int
    dtype: str
    kind: (
        str  # "gradient": loss and gradient; "sgd", with clipping, and "adam": with the update; "sample": T characters
    )
    rate: float = 0.001
    clip: float = 1.0


class Ready(NamedTuple):
    """A peer that is ready: `once(i)` does the work of window i, the rest tells what came out."""

    once: object
    loss_and_gradient: object = None  # () -> the loss and `Params` of gradients of window 0; None where there is none
    weights: object = None  # () -> `Params` after the updates so far
    drawn: object = None  # () -> the ids of the last sample
    timed: object = None  # seconds -> what `timed` returns, where `once` cannot be timed from here
    version: str = ""  # of the library that computes


def start_of(job):
    """The weights that all begin with: rounded to the type, biases zero."""
    return init_params(job.V, job.H, rng=np.random.default_rng(0), dtype=job.dtype)


def text_of(job):
    """Ids that come out even: WINDOWS windows of T steps of B sequences, and the last target."""
    return np.random.default_rng(1).integers(job.V, size=WINDOWS * job.T * job.B + 1)


def windows_of(job):
    """The windows (x, y) that `train(..., carry=False, seed=0)` reads in its first epoch, cut beforehand."""
    return list(shuffled(text_of(job), job.B, job.T, np.random.default_rng([0, 0])))


def uniforms_of(job):
    return np.random.default_rng(0).random(job.T)


# In NumPy


def update_rule(job):
    """(params, grads) -> params, array by array as in the textbook; a gradient that is None leaves its array alone."""
    slots = None

    def update(params, grads, t=[0]):  # noqa: B006, the number of the update
        nonlocal slots
        t[0] += 1
        pairs = list(zip(params, grads, strict=True))
        if job.kind == "sgd":
            length = np.sqrt(sum((g * g).sum() for g in grads if g is not None))
            scale = job.rate * min(1, job.clip / length)
            return Params(*(p if g is None else p - (scale * g).astype(p.dtype) for p, g in pairs))
        slots = slots or [(np.zeros_like(p), np.zeros_like(p)) for p in params]
        new = []
        for p, g, (m, s) in zip(params, grads, slots, strict=True):
            if g is not None:
                m[:] = 0.9 * m + 0.1 * g
                s[:] = 0.999 * s + 0.001 * g**2
                m_hat, s_hat = m / (1 - 0.9 ** t[0]), s / (1 - 0.999 ** t[0])
                p = p - job.rate * m_hat / (np.sqrt(s_hat) + 1e-8)
            new.append(p)
        return Params(*new)

    return update


def in_numpy(gradient_of):
    """A peer from a function (params, x, y) -> the mean loss and `Params` of its gradients."""

    def peer(job, params, windows, uniforms):
        now, update = [params], update_rule(job)

        def once(i):
            _, grads = gradient_of(now[0], *windows[i % len(windows)])
            if job.kind != "gradient":
                now[0] = update(now[0], grads)

        return Ready(once, lambda: gradient_of(params, *windows[0]), lambda: now[0], version=NUMPY)

    return peer


def one_by_one(gradient_of):
    """A gradient over a batch (T, B), by a function for a single sequence: the mean over the sequences."""

    def mean(params, x, y):
        B = x.shape[1]
        loss, grads = gradient_of(params, x[:, 0], y[:, 0])
        for b in range(1, B):
            loss_b, grads_b = gradient_of(params, x[:, b], y[:, b])
            loss += loss_b
            grads = Params(*(g if g is None else g + g_b for g, g_b in zip(grads, grads_b, strict=True)))
        return loss / B, Params(*(g if g is None else g / B for g in grads))

    return mean


def sampler(step, params, uniforms):
    """A peer that draws one character after the other; step(id, h) -> (softmax row, h)."""
    ids = []

    def once(_):
        ids.clear()
        h, symbol = np.zeros_like(params.bh), 0
        for u in uniforms:
            yhat, h = step(symbol, h)
            odds = yhat.cumsum()
            symbol = int(odds.searchsorted(u * odds[-1], side="right"))
            ids.append(symbol)

    return Ready(once, drawn=lambda: list(ids), version=NUMPY)


def in_rnnlib(job, params, windows, uniforms):
    """`Workspace` and the optimisers, as `train` calls them; `sample`."""
    if job.kind == "sample":
        vocab, text = Vocabulary("".join(chr(0x4E00 + i) for i in range(job.V))), []

        def draw(_):
            rng = np.random.default_rng(0)
            text[:] = [sample(params, vocab, vocab.characters[0], job.T, rng=rng)[1:]]

        return Ready(draw, drawn=lambda: vocab.encode(text[0]).tolist(), version=NUMPY)
    space = Workspace(job.V, job.H, job.T, job.B, dtype=job.dtype)
    space.weights[:] = np.concatenate([array.ravel() for array in params])
    optimizer = SGD() if job.kind == "sgd" else Adam()
    slots, update, done = [np.zeros_like(space.weights) for _ in optimizer.slots], np.empty_like(space.weights), [0]

    def once(i):
        space.loss_and_gradient(*windows[i % len(windows)])
        if job.kind != "gradient":
            done[0] += 1
            if job.kind == "sgd":
                clip_by_norm(space.gradient, job.clip)
            optimizer.step(space.gradient, slots, job.rate, done[0], update)
            np.subtract(space.weights, update, space.weights)

    def first():
        return space.loss_and_gradient(*windows[0]), Params(*(g.copy() for g in space.grads))

    return Ready(once, first, lambda: Params(*(p.copy() for p in space.params)), version=NUMPY)


def whole_train(job, params, windows, uniforms):
    """`train` itself, with all that it watches over."""
    options = {"steps": job.T, "batch": job.B, "carry": False, "rate": job.rate, "progress": False}
    options |= {"clip": job.clip} if job.kind == "sgd" else {}

    def run(epochs):
        return train(params, text_of(job), SGD() if job.kind == "sgd" else Adam(), epochs=epochs, **options)

    def epochs(seconds):
        one = timed(lambda _: run(1), 0)  # with all that is done once for a run
        count = 1 + int(seconds / one[1])
        more, updates = timed(lambda _: run(1 + count), 0), count * WINDOWS
        return (more[0] - one[0]) / updates, (more[1] - one[1]) / updates, updates

    return Ready(lambda i: None, weights=lambda: run(1).params, timed=epochs, version=NUMPY)


def readable(params, x, y):
    """`forward`, `cross_entropy`, `backward`: what the book explains."""
    trace = rnnlib.forward(params, x)
    return rnnlib.cross_entropy(trace.o, y), Params(*rnnlib.backward(params, trace, y)[:5])


def readable_peer(job, params, windows, uniforms):
    if job.kind != "sample":
        return in_numpy(readable)(job, params, windows, uniforms)

    def step(symbol, h):
        h = np.tanh(params.Wxh[symbol] + h @ params.Whh + params.bh)
        return rnnlib.softmax(h @ params.Why + params.by), h

    return sampler(step, params, uniforms)


def step_by_step(params, x, y):
    """In the manner of min-char-rnn: columns, one-hot inputs, a dict for each quantity, everything inside the loop."""
    Wxh, Whh, Why = (np.ascontiguousarray(w.T) for w in params[:3])
    bh, by = params.bh[:, None], params.by[:, None]
    T, B = x.shape
    rows, xs, hs, ps, loss = np.arange(B), {}, {-1: np.zeros((len(bh), B), bh.dtype)}, {}, 0
    for t in range(T):
        xs[t] = np.zeros((len(by), B), by.dtype)
        xs[t][x[t], rows] = 1
        hs[t] = np.tanh(np.dot(Wxh, xs[t]) + np.dot(Whh, hs[t - 1]) + bh)
        e = np.exp(np.dot(Why, hs[t]) + by)
        ps[t] = e / np.sum(e, axis=0)
        loss += -np.log(ps[t][y[t], rows]).sum()
    dWxh, dWhh, dWhy, dbh, dby = (np.zeros_like(w) for w in (Wxh, Whh, Why, bh, by))
    dh_next = np.zeros_like(hs[0])
    for t in reversed(range(T)):
        do = np.copy(ps[t])
        do[y[t], rows] -= 1
        dWhy += np.dot(do, hs[t].T)
        dby += do.sum(axis=1, keepdims=True)
        da = (1 - hs[t] * hs[t]) * (np.dot(Why.T, do) + dh_next)
        dbh += da.sum(axis=1, keepdims=True)
        dWxh += np.dot(da, xs[t].T)
        dWhh += np.dot(da, hs[t - 1].T)
        dh_next = np.dot(Whh.T, da)
    grads = dWxh.T, dWhh.T, dWhy.T, dbh[:, 0], dby[:, 0]
    return loss / (T * B), Params(*(g / (T * B) for g in grads))


def step_by_step_peer(job, params, windows, uniforms):
    if job.kind != "sample":
        return in_numpy(step_by_step)(job, params, windows, uniforms)
    Wxh, Whh, Why = (np.ascontiguousarray(w.T) for w in params[:3])
    bh, by = params.bh[:, None], params.by[:, None]

    def step(symbol, h):
        x = np.zeros((job.V, 1), h.dtype)
        x[symbol] = 1
        h = np.tanh(np.dot(Wxh, x) + np.dot(Whh, h.reshape(-1, 1)) + bh)
        e = np.exp(np.dot(Why, h) + by)
        return (e / np.sum(e)).ravel(), h

    return sampler(step, params, uniforms)


def in_equations(params, x, y):
    V, weights = len(params.by), params._asdict()
    states = equations.forward(weights, one_hot(x, V))
    y = one_hot(y, V)
    grads = equations.backward(weights, states, y)
    return equations.cross_entropy(states["o"], y), Params(*(grads["d" + name] for name in equations.NAMES))


def in_cells(params, x, y):
    Wxh, Whh, Why, bh, by = params
    parameters = {"Wax": Wxh.T, "Waa": Whh.T, "Wya": Why.T, "ba": bh[:, None], "by": by[:, None]}
    x, y = (cells.to_columns(one_hot(ids, len(by), bh.dtype)) for ids in (x, y))
    loss, grads = cells.loss_and_gradients(x, y, np.zeros((len(bh), x.shape[1])), parameters)
    return loss, Params(*(grads["d" + name].T.reshape(w.shape) for name, w in zip(cells.NAMES, params, strict=True)))


def in_matrices(params, x, y):
    model = matrices.RNN(params.Wxh.T, params.Why.T, params.Whh.T)
    dU, dV, dW = model.bptt(x, y)
    return model.loss([x], [y]), Params(dU.T / len(x), dW.T / len(x), dV.T / len(x), None, None)


def in_layers(params, x, y):
    zeros = np.zeros_like(params.bh)
    network = layers.network_of(*params[:3], params.bh[None], zeros[None], params.by[None])
    network.forward(x)
    loss = network.loss(y)
    network.backward(y)
    grads = network.xh.dw, network.hh.dw, network.hy.dw, network.xh.db[0], network.hy.db[0]
    return loss / len(x), Params(*(g / len(x) for g in grads))


def layers_peer(job, params, windows, uniforms):
    if job.kind != "sample":
        return in_numpy(one_by_one(in_layers))(job, params, windows, uniforms)
    vocab, text = Vocabulary("".join(chr(0x4E00 + i) for i in range(job.V))), []
    network = layers.from_params(params)

    def once(_):
        rng = np.random.default_rng(0)
        text[:] = [layers.sample(network, vocab, vocab.characters[0], job.T + 1, rng=rng)[1:]]

    return Ready(once, drawn=lambda: vocab.encode(text[0]).tolist(), version=NUMPY)


def in_gates(params, x, y):
    loss = gates.rnn_loss(gates.Parameters(params.Wxh.T, params.Whh.T, params.Why.T), x, y)
    grads = loss.backward()
    U, W, V = (grads[name].T / len(x) for name in ("U", "W", "V"))
    return float(loss.data) / len(x), Params(U, W, V, None, None)


def products_alone(job, params, windows, uniforms):
    """The matrix products that no program can do without, and nothing else: the bound."""
    V, H, T, B = job[:4]
    rng, N = np.random.default_rng(0), T * B
    Whh, Why = params[1:3]
    back = np.ascontiguousarray(Whh.T)
    dot, shape = np.dot, (H,) if B == 1 else (B, H)
    h, da, do = (rng.random((N, n)).astype(job.dtype) / n for n in (H, H, V))
    o, dWhh, dWhy, spare = np.empty((N, V), job.dtype), np.empty_like(Whh), np.empty_like(Why), np.empty(shape, h.dtype)
    steps, steps_back = list(h.reshape(T, *shape)), list(da.reshape(T, *shape))
    if job.kind == "sample":
        row = np.empty(V, job.dtype)

        def draw(_):
            for _ in uniforms:
                dot(h[0], Whh, spare)
                dot(h[0], Why, row)

        return Ready(draw, version=NUMPY)

    def once(_):
        for step in steps[1:]:
            dot(step, Whh, spare)
        dot(h, Why, o)
        dot(do, Why.T, da)
        for step in steps_back[1:]:
            dot(step, back, spare)
        dot(h.T, da, dWhh)
        dot(h.T, do, dWhy)

    return Ready(once, version=NUMPY)


# In frameworks


def in_torch(style):
    """PyTorch: `nn.RNN` on one-hot rows, the same compiled, or rows fetched from Wxh and a loop of one's own."""

    def peer(job, params, windows, uniforms):
        torch = importlib.import_module("torch")
        functional = torch.nn.functional
        torch.set_num_threads(1)
        dtype = getattr(torch, job.dtype)
        V = job.V
        names = frameworks.to_pytorch(params)
        if style == "own loop":
            leaves = [torch.tensor(array, requires_grad=True) for array in params]

            def loss_of(x, y):
                Wxh, Whh, Why, bh, by = leaves
                inputs = functional.embedding(x, Wxh) + bh
                h, states = torch.zeros(job.B, job.H, dtype=dtype), []
                for row in inputs:
                    h = torch.tanh(row + h @ Whh)
                    states.append(h)
                o = torch.stack(states) @ Why + by
                return functional.cross_entropy(o.flatten(0, 1), y.flatten())

            def as_params(of):
                return Params(*(of(leaf).numpy().copy() for leaf in leaves))

        else:
            model = torch.nn.ModuleDict({"rnn": torch.nn.RNN(V, job.H), "linear": torch.nn.Linear(job.H, V)}).to(dtype)
            model.load_state_dict({name: torch.tensor(array) for name, array in names.items()})
            model["rnn"].bias_hh_l0.requires_grad_(False)  # one bias, as the others have
            leaves = [leaf for leaf in model.parameters() if leaf.requires_grad]

            def loss_of(x, y):
                h, _ = model["rnn"](functional.one_hot(x, V).to(dtype))
                return functional.cross_entropy(model["linear"](h).flatten(0, 1), y.flatten())

            def as_params(of):
                arrays = {name: of(leaf) for name, leaf in model.named_parameters() if leaf.requires_grad}
                arrays = {name: array.numpy() for name, array in arrays.items()}
                arrays["rnn.bias_hh_l0"] = np.zeros_like(params.bh)
                return frameworks.from_pytorch(arrays)

        if job.kind == "sample":
            return sampling(torch, model, params, job, uniforms)
        if style == "compiled":
            loss_of = torch.compile(loss_of)
        windows = [(torch.tensor(x), torch.tensor(y)) for x, y in windows]
        optimizer = (torch.optim.SGD if job.kind == "sgd" else torch.optim.Adam)(leaves, lr=job.rate)

        def gradient(i):
            optimizer.zero_grad()
            loss = loss_of(*windows[i % len(windows)])
            loss.backward()
            return loss.item()

        def once(i):
            gradient(i)
            if job.kind == "sgd":
                torch.nn.utils.clip_grad_norm_(leaves, job.clip)
            if job.kind != "gradient":
                optimizer.step()

        def first():
            return gradient(0), as_params(lambda leaf: leaf.grad)

        return Ready(once, first, lambda: as_params(lambda leaf: leaf.detach()), version=f"PyTorch {torch.__version__}")

    def sampling(torch, model, params, job, uniforms):
        dtype, ids = getattr(torch, job.dtype), []
        rows, numbers = torch.eye(job.V, dtype=dtype), torch.tensor(uniforms, dtype=dtype)

        @torch.no_grad()
        def once(_):
            ids.clear()
            h, symbol = None, 0
            for u in numbers:
                out, h = model["rnn"](rows[symbol][None], h)
                odds = torch.softmax(model["linear"](out[0]), 0).cumsum(0)
                symbol = int(torch.searchsorted(odds, u * odds[-1], right=True))
                ids.append(symbol)

        return Ready(once, drawn=lambda: list(ids), version=f"PyTorch {torch.__version__}")

    return peer


def in_jax(job, params, windows, uniforms):
    """JAX: `lax.scan` over the steps, loss, gradient and update compiled as one."""
    jax = importlib.import_module("jax")
    jnp = jax.numpy
    jax.config.update("jax_enable_x64", job.dtype == "float64")
    params = Params(*(jnp.asarray(array) for array in params))

    def move(params, h, row):
        h = jnp.tanh(row + h @ params.Whh)
        return h, h

    def loss_of(params, x, y):
        zeros = jnp.zeros((job.B, job.H), params.bh.dtype)
        _, h = jax.lax.scan(lambda h, row: move(params, h, row), zeros, params.Wxh[x] + params.bh)
        log_yhat = jax.nn.log_softmax(h @ params.Why + params.by)
        return -jnp.take_along_axis(log_yhat, y[..., None], axis=-1).mean()

    def update(params, slots, grads, t):
        if job.kind == "sgd":
            length = jnp.sqrt(sum((g * g).sum() for g in grads))
            scale = job.rate * jnp.minimum(1, job.clip / length)
            return Params(*(p - scale * g for p, g in zip(params, grads, strict=True))), slots
        m = [0.9 * m + 0.1 * g for m, g in zip(slots[0], grads, strict=True)]
        s = [0.999 * s + 0.001 * g * g for s, g in zip(slots[1], grads, strict=True)]
        m_hat, s_hat = ([a / (1 - b**t) for a in slot] for slot, b in ((m, 0.9), (s, 0.999)))
        new = (p - job.rate * m / (jnp.sqrt(s) + 1e-8) for p, m, s in zip(params, m_hat, s_hat, strict=True))
        return Params(*new), (m, s)

    @jax.jit
    def draw(params, uniforms):
        def one(carry, u):
            h, symbol = carry
            h = jnp.tanh(params.Wxh[symbol] + h @ params.Whh + params.bh)
            odds = jnp.cumsum(jax.nn.softmax(h @ params.Why + params.by))
            symbol = jnp.searchsorted(odds, u * odds[-1], side="right").astype(jnp.int32)
            return (h, symbol), symbol

        start = jnp.zeros_like(params.bh), jnp.zeros((), jnp.int32)
        return jax.lax.scan(one, start, uniforms)[1]

    gradient = jax.jit(jax.value_and_grad(loss_of))
    if job.kind == "sample":
        ids, numbers = [None], uniforms.astype(job.dtype)

        def sample_once(_):
            ids[0] = draw(params, numbers).block_until_ready()

        return Ready(sample_once, drawn=lambda: ids[0].tolist(), version=f"JAX {jax.__version__}")

    def learn(params, slots, x, y, t):
        loss, grads = jax.value_and_grad(loss_of)(params, x, y)
        return loss, *update(params, slots, grads, t)

    learn = jax.jit(learn, donate_argnums=(0, 1))
    slots = tuple([jnp.zeros_like(p) for p in params] for _ in range(2)) if job.kind == "adam" else ()
    state = [Params(*(jnp.array(p) for p in params)), slots, 0]
    windows = [(x.astype(np.int32), y.astype(np.int32)) for x, y in windows]

    def once(i):
        x, y = windows[i % len(windows)]
        if job.kind == "gradient":
            loss, _ = jax.block_until_ready(gradient(params, x, y))
        else:
            state[2] += 1
            loss, state[0], state[1] = learn(state[0], state[1], x, y, np.asarray(state[2], job.dtype))
            jax.block_until_ready(state[0])
        return float(loss)

    def first():
        loss, grads = gradient(params, *windows[0])
        return float(loss), Params(*map(np.asarray, grads))

    return Ready(once, first, lambda: Params(*map(np.asarray, state[0])), version=f"JAX {jax.__version__}")


def in_javascript(job, params, windows, uniforms):
    """The engine of the book's figures, in Node, whose JavaScript is that of Chromium."""
    node = shutil.which("node")
    if node is None:
        raise ModuleNotFoundError("node")
    if job.dtype != "float64":
        raise NotImplementedError("computes in float64")  # as all of JavaScript does; the table says so
    folder = Path(tempfile.mkdtemp())
    shutil.copytree(Path(rnnlib.__file__).parent / "widgets" / "engine", folder / "engine")
    shutil.copy(Path(__file__).with_name("engine_peer.js"), folder)
    (folder / "package.json").write_text('{"type": "module"}')
    process = subprocess.Popen([node, folder / "engine_peer.js"], stdin=-1, stdout=-1, text=True)

    def ask(**message):
        process.stdin.write(json.dumps(message) + "\n")
        process.stdin.flush()
        return json.loads(process.stdout.readline())

    arrays = {name: array.ravel().tolist() for name, array in params._asdict().items()}
    columns = [[[x[:, b].tolist(), y[:, b].tolist()] for b in range(job.B)] for x, y in windows]
    version = ask(job=job._asdict(), params=arrays, windows=columns)["version"]
    shutil.rmtree(folder)

    def as_params(arrays):
        return Params(*(np.reshape(arrays[name], p.shape) for name, p in params._asdict().items()))

    def first():
        answer = ask(gradient=True)
        return answer["loss"], as_params(answer["grads"])

    def timed_there(seconds):
        answer = ask(timed=seconds)
        return answer["cpu"], answer["wall"], answer["calls"]

    def weights():
        return as_params(ask(weights=True))

    return Ready(lambda i: ask(once=True), first, weights, timed=timed_there, version=f"Node {version}")


PEERS = {
    "products alone": products_alone,
    "rnnlib": in_rnnlib,
    "rnnlib, train": whole_train,
    "readable NumPy": readable_peer,
    "step by step": step_by_step_peer,
    "equations": in_numpy(one_by_one(in_equations)),
    "cells": in_numpy(in_cells),
    "matrices": in_numpy(one_by_one(in_matrices)),
    "layers": layers_peer,
    "gates": in_numpy(one_by_one(in_gates)),
    "PyTorch nn.RNN": in_torch("eager"),
    "PyTorch, own loop": in_torch("own loop"),
    "PyTorch, compiled": in_torch("compiled"),
    "JAX, lax.scan": in_jax,
    "engine.js": in_javascript,
}
WITHOUT_BIASES = ("matrices", "gates")
SAMPLERS = ("products alone", "rnnlib", "readable NumPy", "step by step", "layers", "PyTorch nn.RNN", "JAX, lax.scan")


# One process


def peak():
    """The largest memory that this process has had, in MB; None where the system does not tell."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM")), None)


def timed(once, seconds, start=0):
    """(processor seconds per call, seconds per call, calls) of calls that take about `seconds` in all."""
    cpu, wall, calls = time.process_time(), time.perf_counter(), 0
    while calls == 0 or time.perf_counter() - wall < seconds:
        once(start + calls)
        calls += 1
    return (time.process_time() - cpu) / calls, (time.perf_counter() - wall) / calls, calls


def main():
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is no answer

    def answer(value):
        pickle.dump(value, answers)
        answers.flush()

    name, job = pickle.load(sys.stdin.buffer)
    try:
        peer = PEERS[name](job, start_of(job), windows_of(job), uniforms_of(job))
        result = {"version": peer.version}
        if peer.loss_and_gradient:
            result["loss"], result["grads"] = peer.loss_and_gradient()
        for i in range(WINDOWS if job.kind in ("sgd", "adam") else 1):
            peer.once(i)
        if peer.weights and job.kind in ("sgd", "adam"):
            result["weights"] = peer.weights()
        if peer.drawn:
            result["drawn"] = peer.drawn()
    except (ModuleNotFoundError, FileNotFoundError) as error:
        answer(f"not installed: {getattr(error, 'name', None) or error}")
        return
    except NotImplementedError as error:
        answer(str(error))
        return
    answer(result)
    done = WINDOWS
    while seconds := pickle.load(sys.stdin.buffer):
        cpu, wall, calls = peer.timed(seconds) if peer.timed else timed(peer.once, seconds, done)
        done += calls
        answer((cpu, wall, peak()))


if __name__ == "__main__":
    main()
