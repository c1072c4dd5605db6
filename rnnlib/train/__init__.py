"""Training: from a text in ids to weights that predict it, update by update."""

from ._loop import Run, Windows, bits, check_run, evaluate, perplexity, sample, shuffled, smoothed, streams, train

__all__ = [
    "Run",
    "Windows",
    "bits",
    "check_run",
    "evaluate",
    "perplexity",
    "sample",
    "shuffled",
    "smoothed",
    "streams",
    "train",
]
