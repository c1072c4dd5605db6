"""The notation page, made from ``symbols.yml``, and what the tips of all equations say.

``{notation} group`` writes the table of one group, with the section in which each symbol first stands.
``_static/symbols.json`` holds the words of the tips; a page fetches it when its reader asks for the first one.
"""

import json

from docutils import nodes
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.docutils import SphinxDirective

from ..words import word
from .mathml import LatexError, typeset
from .symbols import groups, meaning, symbols, target


class first_place(nodes.General, nodes.Inline, nodes.Element):
    """To become a link to the section where a symbol first stands, when all pages have been read."""


class Notation(SphinxDirective):
    """``{notation} group``: a table of that group's symbols, each row a target of its own."""

    required_arguments = 1

    def run(self):
        language = self.config.language
        rows = [self.row(entry, language) for entry in groups()[self.arguments[0]]]
        heads = word("heads", language)
        head = nodes.row("", *(nodes.entry("", nodes.paragraph("", head)) for head in heads))
        spec = nodes.tgroup("", *(nodes.colspec(colwidth=1) for _ in heads), cols=len(heads))
        spec += [nodes.thead("", head), nodes.tbody("", *rows)]
        return [nodes.table("", spec, classes=["notation"])]

    def row(self, entry, language):
        code, shape = entry.get("code"), entry.get("shape")
        cells = (
            nodes.math("", entry["symbol"]),
            nodes.Text(meaning(entry["id"], language)),
            nodes.literal("", code) if code else None,
            nodes.Text(shape) if shape else None,
            first_place(symbol=entry["id"]),
        )
        columns = (
            nodes.entry("", nodes.paragraph("", "", cell or nodes.Text("–")), classes=[] if cell else ["empty"])
            for cell in cells
        )
        return nodes.row("", *columns, ids=[target(entry["id"])])


class FirstPlaces(SphinxPostTransform):
    """Where each symbol first stands, found by reading all pages in the book's order."""

    default_priority = 200

    def run(self, **kwargs):
        for node in list(self.document.findall(first_place)):
            docname, section, title = places(self.env).get(node["symbol"], (None, None, "–"))
            link = nodes.Text(title)
            if docname:
                uri = self.app.builder.get_relative_uri(self.env.docname, docname)
                link = nodes.reference("", title, internal=True, refuri=f"{uri}#{section}")
            node.replace_self(link)


def places(env):
    """symbol -> (page, id of the section, the page's title); once for a build."""
    if not hasattr(env.app, "symbol_places"):
        found = env.app.symbol_places = {}
        for docname in reading_order(env):
            if docname == env.config.notation_page:
                continue
            for node in env.get_doctree(docname).findall(lambda n: isinstance(n, (nodes.math, nodes.math_block))):
                section = node.parent
                while not isinstance(section, nodes.section):
                    section = section.parent
                for name in names(env.config, docname, node):
                    found.setdefault(name, (docname, section["ids"][0], env.titles[docname].astext()))
    return env.app.symbol_places


def names(config, docname, node):
    try:
        tree = typeset(config, docname, node.astext(), isinstance(node, nodes.math_block))
    except LatexError:  # told when the page is written
        return []
    return [name for e in tree.iter() for name in e.get("data-symbol", "").split()]


def reading_order(env, docname=None):
    docname = docname or env.config.root_doc
    yield docname
    for child in env.toctree_includes.get(docname, ()):
        yield from reading_order(env, child)


def add_tips(site, app):
    """Write ``_static/symbols.json``, where the book has a page of notation."""
    if app.config.notation_page not in app.env.all_docs:
        return
    tips = {name: meaning(name, app.config.language) for name in symbols()}
    page = app.builder.get_target_uri(app.config.notation_page)
    said = {key: word(key, app.config.language) for key in ("notation", "gradient")}
    text = {"page": page, **said, "symbols": tips}
    site.write("_static/symbols.json", json.dumps(text, ensure_ascii=False, separators=(",", ":")))


def setup(app):
    app.add_node(first_place)
    app.add_directive("notation", Notation)
    app.add_post_transform(FirstPlaces)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
