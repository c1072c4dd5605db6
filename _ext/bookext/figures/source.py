"""The code of a figure folds into its foot: on a page the figure comes first, and below it what made it.

In a notebook code stays above what it gives.
"""

from html import escape

from docutils import nodes
from sphinx.transforms.post_transforms import SphinxPostTransform

from ..words import word
from .collect import widget_view


class figure_source(nodes.General, nodes.Element):
    """The code of a cell that gave a figure."""


class FoldSources(SphinxPostTransform):
    """Put the code of each cell that gave nothing but a figure below the figure."""

    default_priority = 211  # myst-nb has chosen among a cell's outputs, and hidden what its tags hide
    formats = ("html",)

    def run(self, **kwargs):
        for cell in list(self.document.findall(nodes.container)):
            if cell.get("nb_element") != "cell_code" or cell.get("hide_mode"):
                continue
            parts = {child.get("nb_element"): child for child in cell.children if isinstance(child, nodes.container)}
            source, output = parts.get("cell_code_source"), parts.get("cell_code_output")
            if source and output and all(isinstance(given, widget_view) for given in output.children):
                cell.remove(source)
                cell += figure_source("", source)


def visit_figure_source(self, node):
    said = escape(word("figure_source", self.config.language))
    self.body.append(f'<details class="figure-source"><summary>{said}</summary>\n')


def depart_figure_source(self, node):
    self.body.append("</details>\n")


def setup(app):
    app.add_node(figure_source, html=(visit_figure_source, depart_figure_source))
    app.add_post_transform(FoldSources)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
