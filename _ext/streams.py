"""What a cell prints, in one piece: myst-nb ends a line wherever the kernel happened to hand over what there was."""

from myst_nb.core import render
from nbformat import NotebookNode


def joined(outputs):
    """The outputs, with all that went to one stream put together where its first piece stood."""
    result, streams = [], {}
    for output in outputs:
        if output["output_type"] == "stream" and output["name"] in streams:
            streams[output["name"]]["text"] += output["text"]
        else:
            result.append(NotebookNode(output))  # a copy: the outputs are asked for more than once
            if output["output_type"] == "stream":
                streams[output["name"]] = result[-1]
    return result


def setup(app):
    render.coalesce_streams = joined
    return {"parallel_read_safe": True, "parallel_write_safe": True}
