"""Equations as MathML, written at build time: no script, no request, the LaTeX kept for copying.

Numbers, labels and ``{eq}`` references stay Sphinx's own. LaTeX that cannot be converted is a build warning with
file and line, so that ``-W`` stops the build. ``mathml_macros`` in ``_config.yml`` is the one table of macros.
"""

import re
from functools import lru_cache
from html import escape

from docutils.nodes import SkipNode
from math_core import LatexError, LatexToMathML
from sphinx.util import logging
from sphinx.util.math import get_node_equation_number

logger = logging.getLogger(__name__)

ENVIRONMENT = re.compile(r"\\(begin|end)\{(\w+\*?)\}")
# Browsers hang a radical sign from its bar, so that over a low letter it sinks below the line; this lifts the bar.
STRUT = '<mpadded width="0"><mphantom><mo stretchy="false">(</mo></mphantom></mpadded>'


@lru_cache
def converter(macros):
    return LatexToMathML(macros=dict(macros), annotation=True, fancy_error=False)


def to_mathml(translator, node, latex, display):
    convert = converter(tuple(sorted(translator.config.mathml_macros.items())))
    try:
        mathml = convert.convert_with_local_state(latex, displaystyle=display)
        if "<mroot>" in mathml:
            logger.warning("only square roots are set well, got: %s", latex, location=node, type="math")
        mathml = mathml.replace(">\u20d7</mo>", ">→</mo>")  # browsers set the combining arrow beside its letter
        return mathml.replace("<msqrt>", "<msqrt>" + STRUT)
    except LatexError as error:
        logger.warning("equation cannot be shown: %s in: %s", error, latex, location=node, type="math")
        return f"<code>{escape(latex)}</code>"


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
    self.body.append(self.starttag(node, "span", "", CLASS="math notranslate nohighlight"))
    self.body.append(to_mathml(self, node, node.astext(), False) + "</span>")
    raise SkipNode


def visit_math_block(self, node):
    # the block scrolls inside itself on a narrow screen; the number stays beside it
    self.body.append(self.starttag(node, "div", CLASS="math math-block notranslate nohighlight"))
    self.body.append('<div class="math-scroll">' + to_mathml(self, node, as_display(node.astext()), True) + "</div>")
    if node["number"]:
        self.body.append(f'<span class="eqno">({get_node_equation_number(self, node)})')
        self.add_permalink_ref(node, "Link to this equation")
        self.body.append("</span>")
    self.body.append("</div>\n")
    raise SkipNode


def choose(app, config):
    """A renderer has to be named, or Sphinx takes whichever was registered."""
    config.html_math_renderer = "mathml"


def setup(app):
    app.add_html_math_renderer("mathml", (visit_math, None), (visit_math_block, None))
    app.add_config_value("mathml_macros", {}, "env", dict)
    app.connect("config-inited", choose)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
