"""HTML that folds without a script and works with a screen reader, in place of Sphinx's."""

import re
from html import escape

from docutils import nodes
from sphinx import addnodes
from sphinx.transforms import SphinxTransform
from sphinx.transforms.post_transforms import SphinxPostTransform

from . import compat
from .maths.notation import reading_order


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


class IndexTerms(SphinxTransform):
    """Wherever a chapter leads to the glossary, the index leads back to the chapter."""

    default_priority = 800  # before the domains collect what they find

    def apply(self, **kwargs):
        if any(self.document.findall(addnodes.glossary)):
            return
        terms = [node for node in self.document.findall(addnodes.pending_xref) if node["reftype"] == "term"]
        for number, node in enumerate(terms):
            place = f"term-{number}"
            entry = addnodes.index(entries=[("single", node["reftarget"], place, "", None)])
            position = node.parent.index(node)
            node.parent[position:position] = [entry, nodes.target("", "", ids=[place])]


def index_page(app, pagename, templatename, context, doctree):
    """The index names the pages that its links lead to, in the book's order."""
    if pagename == "genindex":
        pages = {app.builder.get_target_uri(name): app.env.titles[name].astext() for name in reading_order(app.env)}
        order = list(pages)
        context["pages_of"] = lambda links: sorted(
            ((uri, pages[uri.partition("#")[0]]) for _main, uri in links),
            key=lambda link: order.index(link[0].partition("#")[0]),
        )


def is_citation(node):
    return isinstance(node, nodes.citation)


def neighbour(node, step):
    siblings, place = node.parent.children, node.parent.index(node) + step
    return siblings[place] if 0 <= place < len(siblings) else None


def visit_citation(self, node):
    """A list of citations, without docutils' roles: list items that are no items, and a role since given up.

    And without labels: the text cites by author and year, and so the entry is found by its author.
    """
    node.children = [child for child in node.children if not isinstance(child, nodes.label)]
    if not is_citation(neighbour(node, -1)):
        self.body.append('<div class="citation-list">\n')
    self.body.append(self.starttag(node, "div", CLASS="citation"))


def depart_citation(self, node):
    self.body.append("</div>\n" if is_citation(neighbour(node, 1)) else "</div>\n</div>\n")


def setup(app):
    compat.find_plugins_once()
    app.add_node(fold, html=(visit_fold, depart_fold))
    app.add_post_transform(FoldBoxes)
    app.add_post_transform(KeepPunctuation)
    app.add_transform(IndexTerms)
    app.connect("html-page-context", index_page)
    app.add_node(nodes.citation, override=True, html=(visit_citation, depart_citation))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
