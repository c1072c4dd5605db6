"""What every figure has besides its traits: the picture and the words for readers who cannot run it."""

import base64
import io

import anywidget
from IPython.display import publish_display_data

from ._bundle import words
from ._still import still


class Figure(anywidget.AnyWidget):
    """A figure that says in words and as a picture what it shows."""

    def _repr_mimebundle_(self, **kwargs):
        """The widget where it can run; elsewhere the same state as a static image and in words."""
        data, metadata = super()._repr_mimebundle_(**kwargs)
        key, values = self._said()
        data["text/plain"] = words()["en"][key].format(**values)
        try:
            from .. import plots
        except ModuleNotFoundError as error:
            if error.name != "matplotlib":
                raise
        else:
            buffer = io.BytesIO()
            self._figure(plots).savefig(buffer, format="png", dpi=100, bbox_inches="tight")
            data["image/png"] = base64.b64encode(buffer.getvalue()).decode("ascii")
        return data, metadata

    def _ipython_display_(self):
        """Show the figure, and in an output of its own what a saved notebook shows where the figure is dead."""
        data, metadata = self._repr_mimebundle_()
        publish_display_data(data, metadata)
        png = data.get("image/png")
        publish_display_data({"text/html": still(data["text/plain"], base64.b64decode(png) if png else None)})

    def _said(self):
        """The key of the words that stand for this figure, and the values in them."""
        raise NotImplementedError  # every figure has its own

    def _figure(self, plots):
        """The matplotlib figure that stands for this one."""
        raise NotImplementedError  # every figure has its own
