"""A vanilla recurrent network and backpropagation through time, in NumPy, to be read and stepped through.

    text -> ids -> forward -> Trace -> loss -> backward -> gradients

The plots are in `rnnlib.plots` (needs matplotlib), the interactive figures in `rnnlib.widgets` (needs anywidget);
neither is imported here.
"""

from .bptt import Grads, Path, backward, contributions, path, shares
from .gradcheck import check_gradients
from .loss import cross_entropy, log_softmax, softmax, step_losses
from .rnn import Params, Trace, forward, init_params
from .text import Vocabulary, one_hot, windows

__version__ = "0.1.0"

__all__ = [
    "Grads",
    "Params",
    "Path",
    "Trace",
    "Vocabulary",
    "backward",
    "check_gradients",
    "contributions",
    "cross_entropy",
    "forward",
    "init_params",
    "log_softmax",
    "one_hot",
    "path",
    "shares",
    "softmax",
    "step_losses",
    "windows",
]
