"""What figures have in common whose network learns its text while the reader watches."""

from ..bptt import backward
from ..rnn import Params, forward
from ._network import NetworkWidget
from ._traits import TRAINING, Whole

UPDATES, RATE = TRAINING["UPDATES"], TRAINING["RATE"]


class TrainedWidget(NetworkWidget):
    """A figure of the network after `updates` updates of gradient descent on its text: the mean loss, the rate 0.2."""

    updates = Whole(0, UPDATES, default_value=0).tag(sync=True)

    @property
    def params(self):
        """The `Params` shown: the given ones or those drawn from the seed, after `updates` updates."""
        return self._params_after(self.updates)

    def _params_after(self, updates):
        params, x, y = super().params, self.vocab.encode(self.text[:-1]), self.targets
        for _ in range(updates):
            grads = backward(params, forward(params, x), y)
            params = Params(*(p - RATE * g for p, g in zip(params, grads[:5], strict=True)))
        return params
