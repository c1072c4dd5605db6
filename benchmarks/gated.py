"""How long a training step of an LSTM and a GRU takes, and a character of many texts drawn side by side.

    pip install -e . -r benchmarks/requirements.txt
    python benchmarks/gated.py             # about ten minutes; --quick: two
    python benchmarks/gated.py --growth    # how the time of a step follows T, B, H and V: ten minutes; --quick: two

Every peer runs in a process of its own, on one thread, and they take turns. Told are medians of the processor's time,
and how many times as long as rnnlib each takes. "products" are the matrix products of a step alone, without anything
between them; "readable" are the pure functions of `rnnlib.lstm` and `rnnlib.gru`. A peer that is not installed is left
out. All learn with Adam from weights of the same distribution.
"""

import argparse
import importlib
import os
import statistics
import subprocess
import sys
import time

ONE_THREAD = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "NPROC"), "1")
ONE_THREAD |= {"XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false", "JAX_PLATFORMS": "cpu"}
STEPS = {"batch": (65, 128, 64, 32), "one stream": (500, 100, 40, 1)}  # V, H, T, B
TEXTS = {"B = 1": (500, 100, 1000, 1), "B = 32": (500, 100, 1000, 32)}
GROWTH = {"V": (65, 130, 260, 520), "H": (32, 64, 128, 256), "T": (32, 64, 128, 256), "B": (8, 16, 32, 64)}
RATE = 1e-3


def in_rnnlib(np, cell, dtype, V, H, T, B):
    from rnnlib import optim
    from rnnlib.gated_workspace import workspace_of

    module = importlib.import_module(f"rnnlib.{cell}")
    rng = np.random.default_rng(0)
    x, y = rng.integers(V, size=(2, T, B))
    space = workspace_of(module.Params)(V, H, T, B, dtype=np.dtype(dtype))
    space.weights[:] = optim.flatten(module.init_params(V, H, rng=rng, dtype=dtype))
    rule = optim.Adam()
    slots, out = [np.zeros_like(space.weights) for _ in rule.slots], np.empty_like(space.weights)

    def step(t):
        space.loss_and_gradient(x, y)
        rule.step(space.gradient, slots, RATE, t, out)
        np.subtract(space.weights, out, space.weights)

    return step


def readable(np, cell, dtype, V, H, T, B):
    from rnnlib import cross_entropy

    module = importlib.import_module(f"rnnlib.{cell}")
    rng = np.random.default_rng(0)
    x, y = rng.integers(V, size=(2, T, B))
    params = module.init_params(V, H, rng=rng, dtype=dtype)

    def step(t):
        trace = module.forward(params, x)
        cross_entropy(trace.o, y)
        module.backward(params, trace, y)

    return step


def products(np, cell, dtype, V, H, T, B):
    rng, G, N = np.random.default_rng(0), {"lstm": 4, "gru": 3}[cell] * H, T * B

    def some(*shape):
        return rng.normal(size=shape).astype(dtype)

    h, da, do, Whh, back, Why = some(N, H), some(N, G), some(N, V), some(H, G), some(G, H), some(H, V)
    steps, steps_back = h.reshape(T, B, H), da.reshape(T, B, G)

    def step(t):
        for row in steps:
            np.dot(row, Whh)
        np.dot(h, Why)
        np.dot(h.T, do)
        np.dot(do, Why.T)
        for row in steps_back:
            np.dot(row, back)
        np.dot(h.T, da)

    return step


def in_pytorch(np, cell, dtype, V, H, T, B):
    import torch

    torch.set_num_threads(1)
    torch.set_default_dtype(getattr(torch, dtype))
    layer, output = {"lstm": torch.nn.LSTM, "gru": torch.nn.GRU}[cell](V, H), torch.nn.Linear(H, V)
    rule = torch.optim.Adam([*layer.parameters(), *output.parameters()], lr=RATE)
    x, y = torch.tensor(np.random.default_rng(0).integers(V, size=(2, T, B)))

    def step(t):
        rule.zero_grad()
        h, _ = layer(torch.nn.functional.one_hot(x, V).to(torch.get_default_dtype()))
        torch.nn.functional.cross_entropy(output(h).flatten(0, 1), y.flatten()).backward()
        rule.step()

    return step


def jax_cell(jax, cell, H):
    """(p, states, what x_t brings to the gates) -> states, of which h is the first."""
    jnp, sigma = jax.numpy, jax.nn.sigmoid

    def move(p, states, row):
        if cell == "lstm":
            h, c = states
            i, f, g, q = jnp.split(row + h @ p["Whh"], 4, -1)
            c = sigma(f) * c + sigma(i) * jnp.tanh(g)
            return sigma(q) * jnp.tanh(c), c
        (h,) = states
        k = h @ p["Whh"]
        r, z = sigma(row[..., :H] + k[..., :H]), sigma(row[..., H : 2 * H] + k[..., H : 2 * H])
        n = jnp.tanh(row[..., 2 * H :] + r * (k[..., 2 * H :] + p["bn"]))
        return ((1 - z) * n + z * h,)

    return move


def jax_params(np, jnp, cell, dtype, V, H):
    G, rng = {"lstm": 4, "gru": 3}[cell] * H, np.random.default_rng(0)
    shapes = {"Wxh": (V, G), "Whh": (H, G), "Why": (H, V), "bh": (G,), "bn": (H,), "by": (V,)}
    return {name: jnp.asarray(rng.uniform(-0.1, 0.1, size=shape).astype(dtype)) for name, shape in shapes.items()}


def in_jax(np, cell, dtype, V, H, T, B):
    import jax

    jnp = jax.numpy
    jax.config.update("jax_enable_x64", dtype == "float64")
    x, y = np.random.default_rng(0).integers(V, size=(2, T, B))
    move, p = jax_cell(jax, cell, H), jax_params(np, jnp, cell, dtype, V, H)
    zeros = (jnp.zeros((B, H), dtype),) * (2 if cell == "lstm" else 1)

    def loss_of(p):
        def one(states, row):
            states = move(p, states, row)
            return states, states[0]

        _, h = jax.lax.scan(one, zeros, p["Wxh"][x] + p["bh"])
        return -jnp.take_along_axis(jax.nn.log_softmax(h @ p["Why"] + p["by"]), y[..., None], -1).mean()

    def learn(p, m, s, t):
        g = jax.grad(loss_of)(p)
        m = jax.tree.map(lambda old, new: 0.9 * old + 0.1 * new, m, g)
        s = jax.tree.map(lambda old, new: 0.999 * old + 0.001 * new * new, s, g)
        one, two = 1 - 0.9**t, 1 - 0.999**t
        return jax.tree.map(lambda w, a, b: w - RATE * (a / one) / (jnp.sqrt(b / two) + 1e-8), p, m, s), m, s

    learn = jax.jit(learn, donate_argnums=(0, 1, 2))
    state = [p, jax.tree.map(jnp.zeros_like, p), jax.tree.map(jnp.zeros_like, p)]

    def step(t):
        state[:] = jax.block_until_ready(learn(*state, t))

    return step


def sample_in_rnnlib(np, cell, dtype, V, H, T, B):
    from rnnlib import Vocabulary
    from rnnlib.train import sample

    module = importlib.import_module(f"rnnlib.{cell}")
    vocab = Vocabulary("".join(chr(0x4E00 + i) for i in range(V)))
    params = module.init_params(V, H, rng=np.random.default_rng(0), dtype=dtype)
    count = {} if B == 1 else {"count": B}
    return lambda t: sample(params, vocab, vocab.characters[0], T, rng=np.random.default_rng(t), **count)


def sample_in_jax(np, cell, dtype, V, H, T, B):
    import jax

    jnp = jax.numpy
    jax.config.update("jax_enable_x64", dtype == "float64")
    move, p = jax_cell(jax, cell, H), jax_params(np, jnp, cell, dtype, V, H)
    states = (jnp.zeros((B, H), dtype),) * (2 if cell == "lstm" else 1)

    @jax.jit
    def drawn(p, uniforms):
        def one(carried, u):
            states, symbols = carried
            states = move(p, states, p["Wxh"][symbols] + p["bh"])
            odds = jnp.cumsum(jax.nn.softmax(states[0] @ p["Why"] + p["by"]), axis=-1)
            symbols = jnp.minimum((odds < u[:, None]).sum(axis=-1), V - 1)
            return (states, symbols), symbols

        return jax.lax.scan(one, (states, jnp.zeros(B, int)), uniforms)[1]

    return lambda t: drawn(p, np.random.default_rng(t).random((T, B)).astype(dtype)).block_until_ready()


PEERS = {"rnnlib": in_rnnlib, "products": products, "readable": readable, "PyTorch": in_pytorch, "JAX": in_jax}
SAMPLERS = {"rnnlib": sample_in_rnnlib, "JAX": sample_in_jax}
GROWING = "rnnlib", "PyTorch", "JAX"


def work(kind, peer, cell, dtype, *sizes):
    """Time a peer for as many seconds as each line of the input says, and write the median in milliseconds."""
    import numpy as np

    step = (SAMPLERS if kind == "sample" else PEERS)[peer](np, cell, dtype, *map(int, sizes))
    for t in range(1, 4):
        step(t)
    print("ready", flush=True)
    for line in sys.stdin:
        times, end = [], time.perf_counter() + float(line)
        while time.perf_counter() < end:
            t += 1
            begin = time.process_time()
            step(t)
            times.append(time.process_time() - begin)
        print(statistics.median(times) * 1e3, flush=True)


def compare(kind, peers, cell, dtype, sizes, rounds, seconds):
    """peer -> the median of its times over the rounds, in which all peers take turns."""
    processes = {}
    for peer in peers:
        command = [sys.executable, __file__, "--work", kind, peer, cell, dtype, *map(str, sizes)]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
        process = subprocess.Popen(command, env=os.environ | ONE_THREAD, text=True, **pipes)
        if process.stdout.readline().strip() == "ready":
            processes[peer] = process
    times = {peer: [] for peer in processes}
    for _ in range(rounds):
        for peer, process in processes.items():
            process.stdin.write(f"{seconds}\n")
            process.stdin.flush()
            times[peer].append(float(process.stdout.readline()))
    for process in processes.values():
        process.communicate()
    return {peer: statistics.median(each) for peer, each in times.items()}


def growth(cell, rounds, seconds):
    """How the time of a step follows each size, the others being those of the batch: time ∝ sizeᵖ."""
    import numpy as np

    for axis, sizes in GROWTH.items():
        base = dict(zip("VHTB", STEPS["batch"], strict=True))
        found = [compare("step", GROWING, cell, "float64", (base | {axis: n}).values(), rounds, seconds) for n in sizes]
        for peer in found[0]:
            ms = [times[peer] for times in found]
            power = np.polyfit(np.log(sizes), np.log(ms), 1)[0]
            told = ", ".join(f"{n}: {each:.2f} ms" for n, each in zip(sizes, ms, strict=True))
            print(f"  {cell:4} {peer:7} {axis} = {told}; exponent {power:.2f}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer rounds, for a rough result")
    parser.add_argument("--growth", action="store_true", help="the time against each size in place of the table")
    parser.add_argument("--work", nargs="+", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.work:
        return work(*given.work)
    rounds, seconds = (2, 0.4) if given.quick else (9, 1.0)
    if given.growth:
        for cell in ("lstm", "gru"):
            growth(cell, rounds, seconds)
        return None
    for kind, sizes, peers in (("step", STEPS, PEERS), ("sample", TEXTS, SAMPLERS)):
        print("training step" if kind == "step" else "1000 characters each of B texts")
        for name, of in sizes.items():
            for cell in ("lstm", "gru"):
                for dtype in ("float64", "float32"):
                    times = compare(kind, peers, cell, dtype, of, rounds, seconds)
                    told = ", ".join(f"{peer} {ms:.2f} ms ({ms / times['rnnlib']:.2f})" for peer, ms in times.items())
                    print(f"  {name:10} V={of[0]} H={of[1]} T={of[2]} B={of[3]} {cell:4} {dtype}: {told}", flush=True)


if __name__ == "__main__":
    main()
