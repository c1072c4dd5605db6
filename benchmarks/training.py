"""How long one update takes in rnnlib, in plainer NumPy, in PyTorch, in JAX and in the page, side by side.

    pip install -e . -r benchmarks/requirements.txt
    python benchmarks/training.py                # about an hour; --quick: some minutes, for a look
    python benchmarks/training.py --record rnnlib/data/training.json

Every peer runs in a process of its own, on one thread. First all are held to the loss, the gradient and the weights
after four updates that the pure functions of rnnlib give, or to the characters that a sample draws. Then they take
turns, round after round in a new order, so that what else the machine does falls on all alike. What is told is the
median of the processor's time, which other programs do not lengthen by making a peer wait; the clock's stands beside it
in the CSV. Then T, B, H and V grow, and at last H again, beside two frameworks, up to where they may catch up. Tables
and a picture go to the folder of `--output`.
"""

import argparse
import csv
import itertools
import json
import os
import pickle
import platform
import random
import select
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from peers import (
    PEERS,
    SAMPLERS,
    WINDOWS,
    WITHOUT_BIASES,
    Job,
    in_numpy,
    readable,
    readable_peer,
    start_of,
    uniforms_of,
    windows_of,
)

JOBS = {
    "W1": (Job(12, 4, 3, 1, "", "gradient"), "a sentence: loss and gradient"),
    "W2": (Job(500, 100, 40, 1, "", "sgd", rate=0.01), "500 characters, one stream: clipping and SGD"),
    "W3": (Job(65, 128, 64, 32, "", "adam"), "65 characters, a batch: Adam"),
    "W4": (Job(65, 512, 128, 64, "", "adam"), "the same, larger"),
    "W5": (Job(500, 100, 1000, 1, "", "sample"), "1000 characters drawn from the network of W2"),
}
DTYPES = ("float64", "float32")
# Relative to the largest number; for weights to how far they have moved: Adam makes a full step of the least gradient
TOLERANCE = {"float64": {"gradient": 1e-11, "weights": 1e-7}, "float32": {"gradient": 1e-4, "weights": 2e-2}}
GROWTH = {
    "T": (16, 32, 64, 128, 256),
    "B": (8, 16, 32, 64, 128),
    "H": (64, 128, 256, 512),
    "V": (64, 128, 256, 512, 1024),
}
GROWING = Job(64, 128, 64, 32, "float64", "adam")
CROSSING = "rnnlib", "PyTorch nn.RNN", "JAX, lax.scan"
CROSSING_SIZES = 32, 64, 128, 256, 512, 1024


class Failure(Exception):
    """Why a peer has no time in the table."""


class Worker:
    """A peer in its own process."""

    def __init__(self, name, job, limit):
        # What would choose another kernel or more threads for some of the peers only
        unset = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE", "XLA_FLAGS")
        environment = {key: value for key, value in os.environ.items() if key not in unset}
        environment |= dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "NPROC"), "1")
        environment |= {"XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false", "JAX_PLATFORMS": "cpu"}
        command = [sys.executable, Path(__file__).with_name("peers.py")]
        self.process = subprocess.Popen(command, stdin=-1, stdout=-1, stderr=-1, env=environment)
        self.send((name, job))
        try:
            self.result = self.receive(limit)
            if isinstance(self.result, str):
                raise Failure(self.result)
        except Failure:
            self.close()
            raise

    def send(self, value):
        pickle.dump(value, self.process.stdin)
        self.process.stdin.flush()

    def receive(self, limit=None):
        if not select.select([self.process.stdout], [], [], limit)[0]:
            raise Failure(f"not ready after {limit:.0f} s")
        try:
            return pickle.load(self.process.stdout)
        except EOFError:
            told = self.process.stderr.read().decode().strip().splitlines() or ["without a word"]
            raise Failure(f"failed: {next((line for line in reversed(told) if 'Error' in line), told[-1])}") from None

    def time(self, seconds):
        self.send(seconds)
        return self.receive()

    def close(self):
        self.process.kill()
        self.process.communicate()


def reference(job):
    """What the pure functions of rnnlib give, in float64 from the same rounded weights; and without biases to learn."""
    exact = job._replace(dtype="float64")
    params = type(start_of(job))(*(array.astype(float) for array in start_of(job)))
    given = exact, params, windows_of(job), uniforms_of(job)
    if job.kind == "sample":
        peer = readable_peer(*given)
        peer.once(0)
        return {"drawn": peer.drawn()}
    results = {}
    for biases in (True, False) if job.kind != "gradient" else (True,):
        peer = readable_peer(*given) if biases else unbiased(*given)
        loss, grads = peer.loss_and_gradient()
        for i in range(WINDOWS if job.kind != "gradient" else 0):
            peer.once(i)
        results[biases] = {"loss": loss, "grads": grads, "weights": peer.weights(), "start": params}
    return results


def unbiased(*given):
    """The peer of the pure functions whose biases stay what they are."""

    def gradient_of(params, x, y):
        loss, grads = readable(params, x, y)
        return loss, grads._replace(bh=None, by=None)

    return in_numpy(gradient_of)(*given)


def error(name, job, result, expected):
    """The worst relative error of all that the peer computed. Raises Failure where it is too large."""
    if "drawn" in result:
        # Rounding can move the border between two characters, and from there on the texts differ
        drawn, right = result["drawn"], expected["drawn"]
        same = next((i for i, (a, b) in enumerate(zip(drawn, right, strict=True)) if a != b), len(right))
        if same < (len(right) if job.dtype == "float64" else 50):
            raise Failure(f"wrong: character {same + 1} of the sample")
        return 0.0
    if "loss" not in result and "weights" not in result:
        return None  # the products alone compute nothing
    expected, worst = expected.get(name not in WITHOUT_BIASES, expected[True]), 0.0
    if "loss" in result:
        pairs = [(result["loss"], expected["loss"], abs(expected["loss"]))]
        largest = max(abs(g).max() for g in expected["grads"] if g is not None)
        pairs += [(g, e, largest) for g, e in zip(result["grads"], expected["grads"], strict=True) if g is not None]
        worst = max(float(np.max(np.abs(np.subtract(one, other)))) / scale for one, other, scale in pairs)
        if not worst <= TOLERANCE[job.dtype]["gradient"]:
            raise Failure(f"wrong: loss or gradient off by {worst:.1e}")
    if "weights" in result:
        w, right, start = (np.concatenate([p.ravel() for p in ps]) for ps in (result["weights"], *last(expected)))
        moved = np.linalg.norm(w - right) / np.linalg.norm(right - start)
        if not moved <= TOLERANCE[job.dtype]["weights"]:
            raise Failure(f"wrong: weights after {WINDOWS} updates off by {moved:.1e} of their way")
    return worst


def last(expected):
    return expected["weights"], expected["start"]


def in_turns(workers, rounds, seconds):
    """name -> (seconds of the processor, seconds of the clock, peak memory) of a call, round by round."""
    shuffle, times = random.Random(0), {name: [] for name in workers}
    for worker in workers.values():
        worker.time(0.2)  # what is compiled while it runs needs some runs first
    for _ in range(rounds):
        for name in shuffle.sample(list(workers), len(workers)):
            times[name].append(workers[name].time(seconds))
    return times


def compare(name, dtype, options):
    """The rows of one workload in one precision."""
    job = JOBS[name][0]._replace(dtype=dtype)
    expected, workers, rows = reference(job), {}, {}
    for peer in PEERS:
        if (job.kind == "sample" and peer not in SAMPLERS) or (job.kind == "gradient" and peer == "rnnlib, train"):
            continue
        row = rows[peer] = {"workload": name, "dtype": dtype, "peer": peer, "note": ""}
        try:
            worker = Worker(peer, job, options.limit)
            row["version"] = worker.result["version"]
            row["error"] = error(peer, job, worker.result, expected)
            workers[peer] = worker
        except Failure as failure:
            row["note"] = str(failure)
        print(f"{name} {dtype} {peer:18} {row['note'] or 'ready'}", flush=True)
    for peer, measured in in_turns(workers, options.rounds, options.seconds).items():
        cpu, wall, peaks = zip(*measured, strict=True)
        low, middle, high = (1000 * q for q in statistics.quantiles(cpu, n=4))
        rows[peer] |= {"ms": middle, "low": low, "high": high, "clock_ms": 1000 * statistics.median(wall)}
        rows[peer] |= {"cores": max(c / w for c, w in zip(cpu, wall, strict=True)), "peak_mb": peaks[-1]}
        workers[peer].close()
    for row in rows.values():
        for other in ("rnnlib", "products alone"):
            if "ms" in row and "ms" in rows[other]:
                row[f"to {other}"] = row["ms"] / rows[other]["ms"]
    return list(rows.values())


def growth(options):
    """How the time of an update in rnnlib follows each size: time ∝ sizeᵖ."""
    found = []
    for axis, sizes in GROWTH.items():
        jobs = {size: GROWING._replace(**{axis: size}) for size in sizes[: 3 if options.quick else None]}
        workers = {size: Worker("rnnlib", job, options.limit) for size, job in jobs.items()}
        measured = in_turns(workers, options.rounds, options.seconds)
        ms = [1000 * statistics.median(cpu for cpu, _, _ in times) for times in measured.values()]
        for worker in workers.values():
            worker.close()
        exponent = np.polyfit(np.log(list(jobs)), np.log(ms), 1)[0]
        found.append({"axis": axis, "sizes": list(jobs), "ms": ms, "exponent": float(exponent)})
        print(f"growth with {axis}: exponent {exponent:.2f}", flush=True)
    return found


def crossing(options):
    """How the frameworks catch up as H grows, in float32: ms of an update of each, None where one is not installed."""
    sizes, ms = CROSSING_SIZES[: 2 if options.quick else None], {peer: [] for peer in CROSSING}
    for size in sizes:
        job, workers = GROWING._replace(H=size, dtype="float32"), {}
        for peer in CROSSING:
            try:
                workers[peer] = Worker(peer, job, options.limit)
            except Failure as failure:
                print(f"H = {size}, {peer}: {failure}", flush=True)
        measured = in_turns(workers, options.rounds, options.seconds)
        for peer, found in ms.items():
            times = measured.get(peer)
            found.append(1000 * statistics.median(cpu for cpu, _, _ in times) if times else None)
        for worker in workers.values():
            worker.close()
        print(f"crossing: H = {size}", flush=True)
    return {"job": job._replace(H=list(sizes))._asdict(), "ms": ms}


def rounded(record):
    """The record with four digits of every measured number: more are not known."""
    if isinstance(record, dict):
        return {key: rounded(value) for key, value in record.items()}
    if isinstance(record, list):
        return [rounded(value) for value in record]
    return float(f"{record:.4g}") if isinstance(record, float) else record


def processor():
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def markdown(record):
    """All tables, a column for each precision."""
    machine = record["machine"]
    lines = [f"{machine['processor']}, {machine['cores']} cores, one thread for each peer; {machine['system']}."]
    lines += ["", ", ".join(record["versions"]) + ".", ""]
    for name, (job, what) in JOBS.items():
        table = [row for row in record["rows"] if row["workload"] == name]
        if not table:
            continue
        lines += [f"## {name}: {what}", "", f"V = {job.V}, H = {job.H}, T = {job.T}, B = {job.B}", ""]
        head = [f"{column} {dtype}" for dtype in DTYPES for column in ("ms", "÷ rnnlib", "÷ products", "MB", "cores")]
        lines += ["| peer | " + " | ".join(head) + " |", "|---" + "|---:" * len(head) + "|"]
        for peer in dict.fromkeys(row["peer"] for row in table):
            cells = []
            for dtype in DTYPES:
                row = next((row for row in table if (row["peer"], row["dtype"]) == (peer, dtype)), {"note": "–"})
                if "ms" not in row:
                    cells += [row["note"], "", "", "", ""]
                    continue
                ratios = [f"{row[f'to {k}']:.2f}" if f"to {k}" in row else "" for k in ("rnnlib", "products alone")]
                memory = f"{row['peak_mb']:.0f}" if row["peak_mb"] else ""
                cells += [
                    f"{row['ms']:.0f}" if row["ms"] >= 100 else f"{row['ms']:.3g}",
                    *ratios,
                    memory,
                    f"{row['cores']:.2f}",
                ]
            lines.append(f"| {peer} | " + " | ".join(cells) + " |")
        lines.append("")
    if record["growth"]:
        lines += ["## Growth of an update in rnnlib", "", "| size | exponent | ms |", "|---|---:|---|"]
        for found in record["growth"]:
            pairs = ", ".join(f"{size}: {ms:.2f}" for size, ms in zip(found["sizes"], found["ms"], strict=True))
            lines.append(f"| {found['axis']} | {found['exponent']:.2f} | {pairs} |")
    sizes, ms = record["crossing"]["job"]["H"], record["crossing"]["ms"]
    lines += ["", "## Frameworks ÷ rnnlib as H grows, float32", "", "| H | " + " | ".join(map(str, sizes)) + " |"]
    lines.append("|---" * (len(sizes) + 1) + "|")
    for peer in CROSSING[1:]:
        ratios = [f"{a / b:.2f}" if a else "–" for a, b in zip(ms[peer], ms["rnnlib"], strict=True)]
        lines.append(f"| {peer} | " + " | ".join(ratios) + " |")
    return "\n".join(lines) + "\n"


def picture(record, path):
    """A bar for each peer, as a multiple of rnnlib's time."""
    try:
        import matplotlib.pyplot as plt
    except ModuleNotFoundError:
        return "no picture: matplotlib is not installed"
    names = list(dict.fromkeys(row["workload"] for row in record["rows"]))
    fig, axes = plt.subplots(1, len(names), figsize=(3 * len(names), 4), sharey=True, squeeze=False)
    peers = [peer for peer in PEERS if any(row["peer"] == peer for row in record["rows"])]
    for ax, name in zip(axes[0], names, strict=True):
        for dtype, shift in zip(DTYPES, (-0.2, 0.2), strict=True):
            rows = {row["peer"]: row for row in record["rows"] if (row["workload"], row["dtype"]) == (name, dtype)}
            known = {i: rows[p]["to rnnlib"] for i, p in enumerate(peers) if "to rnnlib" in rows.get(p, {})}
            ax.barh([i + shift for i in known], known.values(), height=0.4, label=dtype)
        ax.axvline(1, color="0.5", linewidth=0.8)
        ax.set(xscale="log", title=name, xlabel="times as long as rnnlib")
        ax.set_xlim(right=max(12, ax.get_xlim()[1]))  # at least one power of ten beside the 1
        ax.xaxis.set(major_formatter="{x:g}", minor_formatter="")
    axes[0, 0].set_yticks(range(len(peers)), peers)
    axes[0, 0].invert_yaxis()
    axes[0, 0].legend()
    fig.savefig(path, bbox_inches="tight", dpi=150)
    return f"picture: {path}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="few and short rounds: does everything run?")
    parser.add_argument("--rounds", type=int, default=21, help="how often each peer has its turn")
    parser.add_argument("--only", nargs="+", choices=JOBS, default=list(JOBS), help="some of the workloads")
    parser.add_argument("--output", type=Path, default=Path("_build/benchmarks"), help="folder of tables and picture")
    parser.add_argument("--record", type=Path, help="file for the chapter: everything measured, as JSON")
    options = parser.parse_args()
    options.rounds, options.seconds, options.limit = (3, 0.03, 60) if options.quick else (options.rounds, 0.2, 180)
    begin = time.perf_counter()
    system = f"{platform.system()}, Python {platform.python_version()}"
    record = {
        "machine": {"processor": processor(), "cores": os.cpu_count(), "threads": 1, "system": system},
        "jobs": {name: job._asdict() | {"what": what} for name, (job, what) in JOBS.items()},
        "rows": [
            row for name, dtype in itertools.product(options.only, DTYPES) for row in compare(name, dtype, options)
        ],
        "growth": growth(options),
        "crossing": crossing(options),
    }
    record["versions"] = sorted({row["version"] for row in record["rows"] if row.get("version")})
    options.output.mkdir(parents=True, exist_ok=True)
    (options.output / "training.md").write_text(markdown(record), encoding="utf-8")
    with open(options.output / "training.csv", "w", newline="", encoding="utf-8") as file:
        fields = list(dict.fromkeys(key for row in record["rows"] for key in row))
        writer = csv.DictWriter(file, fields)
        writer.writeheader()
        writer.writerows(record["rows"])
    if options.record:
        options.record.parent.mkdir(parents=True, exist_ok=True)
        options.record.write_text(json.dumps(rounded(record), indent=1) + "\n", encoding="utf-8")
    print(picture(record, options.output / "training.png"))
    print(f"tables: {options.output}; {time.perf_counter() - begin:.0f} s")
    wrong = [row for row in record["rows"] if row["note"].startswith(("wrong", "failed"))]
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
