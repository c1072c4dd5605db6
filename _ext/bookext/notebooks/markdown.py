"""Plain Markdown from a resolved page, for Jupyter: nothing of MyST's own syntax is left.

sphinx-markdown-builder knows lists, tables and emphasis. What Jupyter shows in a way of its own is written here: maths
as ``$…$`` and ``$$…$$`` with the book's equation numbers, links to headings, notes and folded boxes.
"""

import base64
import mimetypes
import re
from html import escape
from pathlib import Path
from urllib.parse import quote

from docutils import nodes
from sphinx import addnodes
from sphinx.util import logging
from sphinx.util.math import get_node_equation_number
from sphinx_markdown_builder.contexts import IndentContext, SubContext, SubContextParams, WrappedContext
from sphinx_markdown_builder.escape import escape_markdown_chars
from sphinx_markdown_builder.translator import MarkdownTranslator, pushing_context

from ..maths.mathml import as_display

BULLET = "- "
# What begins a list, a quotation or a heading where it begins a line, and what could end a link's text or open a tag.
BLOCK_START = re.compile(r"(?m)^([^\S\n]*)(?:([-+>]|#+)|(\d+)([.)]))(?=\s)")
IN_TEXT = re.compile(r"\](?=[(\[:])|<(?=[A-Za-z/!?])|\$")
# Environments that may not stand between dollars, where MathJax 3 is strict.
ALIGNED = re.compile(r"\\(begin|end)\{(align|gather)\*\}")
UNWRAPPED = re.compile(r"\\(?:begin|end)\{(?:equation|multline)\*\}")

logger = logging.getLogger(__name__)


class Emphasis(WrappedContext):
    """Content between two marks, without a space of its own in front."""

    def make(self):
        text = SubContext.make(self)
        inner = text.strip()
        return text.replace(inner, f"{self.prefix}{inner}{self.suffix}", 1) if inner else text


def expand(latex, macros):
    r"""LaTeX without the book's own macros, which take no arguments: ``\softmax`` is ``\operatorname{softmax}``."""
    for name, meaning in macros.items():
        latex = re.sub(rf"\\{name}(?![A-Za-z])", lambda _, text=meaning: text, latex)
    return latex


class NotebookMarkdown(MarkdownTranslator):
    """Writes Markdown for Jupyter.

    ``builder.link(docname, id)`` says where a link within the book leads, None where it leads nowhere. Attachments of
    the cell, file name -> {type: base64}, are collected in ``attachments``.
    """

    def __init__(self, document, builder):
        super().__init__(document, builder)
        self.attachments = {}

    def write(self, node, level):
        """Add a block of the page, which belongs to a section of this level."""
        self._push_status(section_level=level)
        node.walkabout(self)
        self._pop_status()

    def unknown_visit(self, node):
        kind = node.get("design_component", type(node).__name__)
        logger.warning("no Markdown is known for: %s", kind, location=node, type="notebooks", subtype="unknown")
        raise nodes.SkipNode

    def unknown_departure(self, node):
        """Nothing was opened."""

    # Text

    def visit_Text(self, node):
        text = node.astext()
        if self.status.escape_text:
            text = escape_markdown_chars(text)
            text = BLOCK_START.sub(lambda m: f"{m[1]}\\{m[2]}" if m[2] else f"{m[1]}{m[3]}\\{m[4]}", text)
            text = IN_TEXT.sub(r"\\\g<0>", text)
        self.add(text)

    @pushing_context
    def visit_emphasis(self, _node):
        self._push_context(Emphasis("*"))

    @pushing_context
    def visit_strong(self, _node):
        self._push_context(Emphasis("**"))

    def visit_literal(self, node):
        text = node.astext().replace("\n", " ")
        text = text.replace("|", r"\|") if in_table(node) else text
        fence = "`" * (1 + max(map(len, re.findall("`+", text)), default=0))
        space = " " if text.startswith("`") or text.endswith("`") else ""
        self.add(f"{fence}{space}{text}{space}{fence}")
        raise nodes.SkipNode

    # Maths

    def latex(self, node):
        text = expand(node.astext(), self.config.mathml_macros)
        if in_table(node):  # a bar would end the cell
            text = re.sub(r"(?<!\\)\|", r"\\vert ", text.replace(r"\|", r"\Vert "))
        return text

    def visit_math(self, node):
        self.add(f"${' '.join(self.latex(node).split())}$")
        raise nodes.SkipNode

    def visit_math_block(self, node):
        latex = ALIGNED.sub(r"\\\1{\2ed}", UNWRAPPED.sub("", as_display(self.latex(node))))
        number = rf"{chr(10)}\tag{{{get_node_equation_number(self, node)}}}" if node["number"] else ""
        self.add(f"$$\n{latex.strip()}{number}\n$$", prefix_eol=2, suffix_eol=2)
        raise nodes.SkipNode

    # Links

    @pushing_context
    def visit_reference(self, node):
        address = node.get("refuri", "")
        if "refid" in node or address.startswith("doc:"):
            docname, _, place = address.removeprefix("doc:").partition("#")
            address = self.builder.link(docname or self.builder.current_doc_name, node.get("refid", place))
        self._push_context(SubContext() if address is None else Emphasis("[", f"]({quote(address, safe=':/#?&=%~')})"))

    # Images

    def visit_image(self, node):
        path = Path(self.builder.srcdir, node["uri"])
        kind = mimetypes.guess_type(path.name)[0]
        self.attachments[path.name] = {kind: base64.b64encode(path.read_bytes()).decode("ascii")}
        self.add(f"![{node.get('alt', '')}](attachment:{quote(path.name)})")
        raise nodes.SkipNode

    def visit_caption(self, _node):
        self.ensure_eol(2)

    # Lists of definitions

    def visit_definition_list_item(self, node):
        if not in_glossary(node):
            self._start_list(BULLET)
            self._start_list_item()

    def depart_definition_list_item(self, node):
        if not in_glossary(node):
            self._end_list_item()
            self._end_list()

    def visit_term(self, node):
        if in_glossary(node):  # a heading, for links lead to headings
            self.add("#" * (self.status.section_level + 1) + " ", prefix_eol=2)
            self._push_context(SubContext(SubContextParams(0, 2)))
        else:
            self._push_context(Emphasis("**"))

    def depart_term(self, node):
        self._pop_context()
        if not in_glossary(node):
            self.add(": ")

    def visit_definition(self, node):
        """Below its term in the glossary, else beside it."""

    def visit_paragraph(self, node):
        beside = isinstance(node.parent, nodes.definition) and not in_glossary(node) and node.parent.index(node) == 0
        if beside:
            self._push_context(SubContext())
        else:
            super().visit_paragraph(node)

    def depart_paragraph(self, _node):
        self._pop_context()

    # Boxes

    @pushing_context
    def visit_admonition(self, node):
        title = node.next_node(nodes.title, descend=True) if isinstance(node, nodes.admonition) else None
        self.box(node, title.astext() if title else type(node).__name__.capitalize())

    def visit_title(self, node):
        if isinstance(node.parent, nodes.admonition):  # the box has it already
            raise nodes.SkipNode
        super().visit_title(node)

    def depart_title(self, _node):
        self._pop_context()

    visit_note = visit_important = visit_warning = visit_seealso = visit_attention = visit_admonition
    visit_hint = visit_tip = visit_caution = visit_danger = visit_error = visit_admonition

    def box(self, node, title):
        if {"dropdown", "toggle"} & {*node["classes"]}:
            summary = f"<details><summary>{escape(title)}</summary>\n\n"
            self._push_context(Emphasis(summary, "\n\n</details>", params=SubContextParams(2, 2)))
        else:
            self._push_context(IndentContext("> ", empty=True, params=SubContextParams(2, 2)))
            self.add(f"**{title}.**", suffix_eol=2)

    def visit_container(self, node):
        """A box without a title."""
        if "design_component" in node:
            self.unknown_visit(node)

    # The list of the cited works

    def visit_citation(self, _node):
        self._start_list(BULLET)
        self._start_list_item()

    def depart_citation(self, _node):
        self._end_list_item()
        self._end_list()

    def visit_label(self, node):
        if isinstance(node.parent, nodes.citation):
            raise nodes.SkipNode  # the text cites by author and year
        super().visit_label(node)

    # What is nothing to read, and what no notebook can show

    def skip(self, node):
        raise nodes.SkipNode

    visit_index = visit_target = visit_toctree = visit_comment = visit_substitution_definition = skip

    def visit_raw(self, node):
        self.unknown_visit(node)


def in_table(node):
    return inside(node, nodes.entry)


def in_glossary(node):
    return inside(node, addnodes.glossary)


def inside(node, kind):
    while node is not None and not isinstance(node, kind):
        node = node.parent
    return node is not None
