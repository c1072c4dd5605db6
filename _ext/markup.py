"""HTML that folds without a script and that a screen reader can follow, where Sphinx's own does not."""

import re
from html import escape

from docutils import nodes
from sphinx.transforms.post_transforms import SphinxPostTransform


class fold(nodes.General, nodes.Element):
    """A box that opens and shuts."""


class FoldBoxes(SphinxPostTransform):
    """Boxes of class ``dropdown`` or ``toggle`` fold with the browser's own <details>, no script."""

    default_priority = 210
    formats = ("html",)

    def run(self, **kwargs):
        def folds(node):
            return isinstance(node, (nodes.Admonition, nodes.container)) and {"dropdown", "toggle"} & {*node["classes"]}

        for box in list(self.document.findall(folds)):
            title = box.children.pop(0) if isinstance(box.children[0], nodes.title) else None
            kind = "Show" if isinstance(box, nodes.container) else box.tagname.capitalize()
            words = title.astext() if title else kind
            box.replace_self(fold("", *box.children, words=words))


def visit_fold(self, node):
    kinds = [c for c in node["classes"] if c not in ("dropdown", "toggle")]
    attributes = {"open": "open"} if "toggle-shown" in kinds else {}
    node["classes"] = []
    self.body.append(self.starttag(node, "details", CLASS=" ".join(["admonition", "folded", *kinds]), **attributes))
    self.body.append(f'<summary class="admonition-title">{escape(node["words"])}</summary>\n')


def depart_fold(self, node):
    self.body.append("</details>\n")


class KeepPunctuation(SphinxPostTransform):
    """A full stop or comma after inline mathematics never begins a line."""

    default_priority = 220
    formats = ("html",)

    def run(self, **kwargs):
        for node in list(self.document.findall(nodes.math)):
            after = neighbour(node, 1)
            mark = re.match(r"[.,;:!?)\]]+", after.astext()) if isinstance(after, nodes.Text) else None
            if mark:
                rest = nodes.Text(after.astext()[mark.end() :])
                node.parent[node.parent.index(node) + 1] = rest  # replace() would find another text of the same words
                node.replace_self(nodes.inline("", "", node.deepcopy(), nodes.Text(mark[0]), classes=["with-math"]))


def is_citation(node):
    return isinstance(node, nodes.citation)


def neighbour(node, step):
    siblings, place = node.parent.children, node.parent.index(node) + step
    return siblings[place] if 0 <= place < len(siblings) else None


def visit_citation(self, node):
    """A list of citations, without docutils' roles: list items that are no items, and a role since given up."""
    if not is_citation(neighbour(node, -1)):
        self.body.append('<div class="citation-list">\n')
    self.body.append(self.starttag(node, "div", CLASS="citation"))


def depart_citation(self, node):
    self.body.append("</div>\n" if is_citation(neighbour(node, 1)) else "</div>\n</div>\n")


def setup(app):
    app.add_node(fold, html=(visit_fold, depart_fold))
    app.add_post_transform(FoldBoxes)
    app.add_post_transform(KeepPunctuation)
    app.add_node(nodes.citation, override=True, html=(visit_citation, depart_citation))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
