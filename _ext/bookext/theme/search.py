"""The index of the search finds mathematical signs, too, and those that an equation writes in LaTeX."""

import re
import unicodedata

from sphinx.search.en import SearchEnglish

# The signs that LaTeX has names for; elsewhere a sign is found as it is.
SIGNS = {
    "partial": "∂", "dplus": "∂", "nabla": "∇", "sum": "∑", "prod": "∏", "odot": "⊙", "otimes": "⊗", "infty": "∞",
    "approx": "≈", "leq": "≤", "le": "≤", "geq": "≥", "ge": "≥", "to": "→", "pm": "±", "times": "×",
}  # fmt: skip
COMMAND = re.compile(r"\\([a-z]+)")


def split(text):
    """The words of a text, and its mathematical signs one by one; static/search.js splits a question so."""
    text = COMMAND.sub(lambda match: f" {SIGNS.get(match[1], match[1])} ", text)
    signs = (sign for sign in text if ord(sign) > 127 and unicodedata.category(sign) == "Sm")
    return [*re.findall(r"\w+", text), *signs]


class English(SearchEnglish):
    def split(self, text):
        return split(text)


def setup(app):
    app.add_search_language(English)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
