"""Training: from a text in ids, or many sequences, to weights that predict it, update by update.

A text is read in one of two ways. Stateful (`carry=True`): B streams of it side by side, each read from beginning to
end in windows of T steps; the state is carried from one window to the next. The gradient stops at the beginning of its
window. This is a truncation of its own; `backward`'s `truncate` cuts within a window.
Or stateless (`carry=False`): the windows come in a new random order each epoch, each from a state of zeros.

Of a list of sequences each is read from a state of zeros, and what is too short for its window is padded. `weights` say
how much each prediction counts.

The loss of an update is the mean over its window, in nats. `train` returns a `Run`, which holds everything about a
training run, also after an interrupt or a divergence; given to `train` again, it resumes bit for bit.
"""

from ._loop import train
from ._metrics import bits, bits_per_character, ema, evaluate, perplexity, smoothed
from ._run import Run, check_run
from ._sampling import sample
from ._windows import Windows, shuffled, streams

__all__ = [
    "Run",
    "Windows",
    "bits",
    "bits_per_character",
    "check_run",
    "ema",
    "evaluate",
    "perplexity",
    "sample",
    "shuffled",
    "smoothed",
    "streams",
    "train",
]
