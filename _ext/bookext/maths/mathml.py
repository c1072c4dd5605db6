"""Equations as MathML, written at build time: no script, no request, the LaTeX kept for copying.

Known symbols lead to the notation page: a formula that is a single symbol is a link, with the meaning as its title;
inside longer ones ``data-symbol`` tells static/equations.js. On each page the first link to a symbol can be reached
with the Tab key, the others with a pointer only: hundreds of stops would be a nuisance.

Numbers, labels and ``{eq}`` references stay Sphinx's own. LaTeX that cannot be converted is a build warning with
file and line, so that ``-W`` stops the build. ``mathml_macros`` in ``_config.yml`` is the one table of macros.
"""

import re
from functools import lru_cache
from html import escape
from xml.etree import ElementTree

from docutils import nodes
from docutils.nodes import SkipNode
from math_core import LatexError, LatexToMathML
from sphinx.util import logging
from sphinx.util.math import get_node_equation_number

from ..words import word
from .symbols import Finder, core, meaning, parse, spoken, target

logger = logging.getLogger(__name__)

ENVIRONMENT = re.compile(r"\\(begin|end)\{(\w+\*?)\}")
# Browsers hang a radical sign from its bar, so that over a low letter it sinks below the line; this lifts the bar.
STRUT = '<mpadded width="0"><mphantom><mo stretchy="false">(</mo></mphantom></mpadded>'


@lru_cache
def converter(macros):
    return LatexToMathML(macros=dict(macros), annotation=True, fancy_error=False)


@lru_cache
def finder(docname, macros):
    convert = converter(macros).convert_with_local_state
    return Finder(docname, lambda latex: convert(latex, displaystyle=False))


def typeset(config, docname, latex, display):
    """The equation's MathML as a tree, with its symbols named."""
    macros = tuple(sorted(config.mathml_macros.items()))
    latex = as_display(latex) if display else latex
    mathml = converter(macros).convert_with_local_state(latex, displaystyle=display)
    mathml = mathml.replace(">\u20d7</mo>", ">→</mo>")  # browsers set the combining arrow beside its letter
    mathml = mathml.replace(">⊙</mo>", ' largeop="false">⊙</mo>')  # Firefox would make it as large as a sum's sign
    tree = parse(mathml.replace("<msqrt>", "<msqrt>" + STRUT))
    if docname != config.notation_page:
        finder(docname, macros).mark(tree)
    return tree


def to_mathml(translator, node, display):
    """The equation's HTML, and the element of the symbol that it consists of, if it is a single one."""
    latex = node.astext()
    try:
        tree = typeset(translator.config, translator.builder.current_docname, latex, display)
    except LatexError as error:
        logger.warning("equation cannot be shown: %s in: %s", error, latex, location=node, type="math")
        return f"<code>{escape(latex)}</code>", None
    if tree.find(".//mroot") is not None:
        logger.warning("only square roots are set well, got: %s", latex, location=node, type="math")
    symbol = core(tree)
    return ElementTree.tostring(tree, encoding="unicode"), symbol if "data-symbol" in symbol.attrib else None


def as_display(latex):
    """One display environment for whatever stands between dollars.

    Numbers are Sphinx's, so numbered environments become their starred forms; rows that stand in no environment
    get an ``aligned`` around them, and blank lines separate rows.
    """
    parts = [part.strip() for part in re.split(r"\n\s*\n", latex) if part.strip()]
    text = r" \\ ".join(parts)
    text = re.sub(r"\\\\\s*\[-?[\d.]+\s*[a-z]+\]", r"\\\\", text)  # MathML has no space between rows to widen
    text = re.sub(r"\\(begin|end)\{(align|gather|multline|equation)\}", r"\\\1{\2*}", text)
    text = re.sub(r"\\(begin|end)\{split\}", r"\\\1{aligned}", text)
    outside, depth, last = "", 0, 0
    for match in ENVIRONMENT.finditer(text):
        outside += text[last : match.start()] if depth == 0 else ""
        depth += 1 if match[1] == "begin" else -1
        last = match.end()
    outside += text[last:]
    return rf"\begin{{aligned}}{text}\end{{aligned}}" if r"\\" in outside else text


def visit_math(self, node):
    mathml, symbol = to_mathml(self, node, False)
    self.body.append(self.starttag(node, "span", "", CLASS="math notranslate nohighlight"))
    self.body.append(f"{link_to(self, symbol)}{mathml}</span></a>" if leads(self, node, symbol) else mathml)
    self.body.append("</span>")
    raise SkipNode


def leads(self, node, symbol):
    """Whether a symbol becomes a link: not in a heading, which is copied into lists of links, nor in another link."""
    around = node.parent
    while around is not None:
        if isinstance(around, (nodes.reference, nodes.title)):
            return False
        around = around.parent
    page = self.config.notation_page
    return symbol is not None and page in self.builder.env.all_docs and self.builder.current_docname != page


def link_to(self, symbol):
    name, language = symbol.get("data-symbol"), self.config.language
    uri = self.builder.get_relative_uri(self.builder.current_docname, self.config.notation_page)
    met = self.__dict__.setdefault("symbols_met", set())
    stop = ' tabindex="-1"' if name in met else ""
    met.add(name)
    link = f'<a class="symbol" href="{uri}#{target(name)}" title="{escape(meaning(name, language))}"{stop}>'
    # a picture with a name: a label of the link itself would have to repeat its letters as they are seen
    return f'{link}<span role="img" aria-label="{escape(spoken(symbol, language))}">'


def visit_math_block(self, node):
    # the block scrolls inside itself on a narrow screen; the number stays beside it
    language = self.config.language
    self.body.append(self.starttag(node, "div", CLASS="math math-block notranslate nohighlight"))
    self.body.append('<div class="math-scroll">' + to_mathml(self, node, True)[0] + "</div>")
    self.body.append(f'<button type="button" class="copy-latex pst-js-only" data-copied="{word("copied", language)}">')
    self.body.append(f"{word('copy_latex', language)}</button>")
    if node["number"]:
        self.body.append(f'<span class="eqno">({get_node_equation_number(self, node)})')
        self.add_permalink_ref(node, word("equation_link", language))
        self.body.append("</span>")
    self.body.append("</div>\n")
    raise SkipNode


def choose(app, config):
    """A renderer has to be named, or Sphinx takes whichever was registered."""
    config.html_math_renderer = "mathml"


def setup(app):
    app.add_html_math_renderer("mathml", (visit_math, None), (visit_math_block, None))
    app.add_config_value("mathml_macros", {}, "env", dict)
    app.add_config_value("notation_page", "", "env", str)
    app.connect("config-inited", choose)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
