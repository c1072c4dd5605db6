"""The maths font: of Latin Modern Math the glyphs that this book's equations use, cut out at each build.

``static/latin-modern-math.woff2``, from which it is cut, is itself a part of the whole font, large enough for any
equation of this kind, and committed, so that building the book needs no font. It is made by

    python -m bookext.maths.font [path/to/latinmodern-math.otf]

Debian has the whole font in the package fonts-lmodern. The MATH table stays, and with it the larger variants and the
stretchy pieces of brackets, sums, roots and accents.
"""

import io
import re
import sys
from html import unescape
from pathlib import Path

from fontTools import subset

from ..spans import TAG, spans, without

SOURCE = "/usr/share/texmf/fonts/opentype/public/lm-math/latinmodern-math.otf"
TARGET = Path(__file__).parent / "static" / "latin-modern-math.woff2"

MATH, ANNOTATION, ROOT = re.compile(r"<math\b"), re.compile(r"<annotation\b"), re.compile(r"<m(?:sqrt|root)\b")
OPERATORS = "+-−±×÷·∗∘⊙⊗⊕∕/\\=≠≈≡∼∝<>≤≥≪≫∈∉⊂⊆∪∩∅∀∃¬∧∨∣⊥⊤!?,.:;'′″∂∇∞∫∑∏√…⋯⋮⋱←→↔⇐⇒⇔↦↑↓|‖()[]{}⟨⟩⌈⌉⌊⌋%&#@*†‡ℓ⏞⏟"
ACCENTS = "^~`´¯˙¨ˆ˜ˇ˘_\u0302\u0303\u0304\u0305\u0307\u0308\u0332\u20d7"
DOUBLE_STRUCK = "ℝℕℤ𝔼𝟙"
SCRIPT = "ℒ𝒩𝒪𝒟𝒱"


def letters(first, count):
    return "".join(chr(first + i) for i in range(count))


def characters():
    greek = "".join(c for c in letters(0x391, 25) if c in "ΓΔΘΛΞΠΣΦΨΩ")
    plain = "".join(map(chr, range(0x20, 0x7F))) + "\u00a0"
    italic = letters(0x1D434, 52) + "ℎ" + letters(0x1D6FC, 31) + "𝚤𝚥"
    bold = "𝐇𝐔𝐕𝐖𝐗𝐘𝐚𝐛𝐜𝐝𝐞𝐟𝐠𝐡𝐨𝐬𝐮𝐯𝐰𝐱𝐲𝐳𝟎𝟏"
    return plain + greek + italic + bold + "𝖳" + DOUBLE_STRUCK + SCRIPT + OPERATORS + ACCENTS


ITALIC = {**dict(zip(letters(0x41, 26) + letters(0x61, 26), letters(0x1D434, 52), strict=True)), "h": "ℎ"}
ITALIC |= dict(zip(letters(0x3B1, 25) + "∂ϵ", letters(0x1D6FC, 27), strict=True))


def in_equations(html):
    """Every character of a page's MathML, and its italic form where it has one: a lone letter is set so.

    A root is an element, for which the browser takes the sign from the font.
    """
    equations = " ".join(html[start:end] for start, end in spans(html, MATH, "</math>"))
    root = {"√"} if ROOT.search(equations) else set()
    return root | with_italics(unescape(TAG.sub("", without(equations, ANNOTATION, "</annotation>"))))


def with_italics(text):
    return set(text) | {ITALIC[c] for c in text if c in ITALIC}


def cut(source, target, text):
    """Write to `target`, a path or a file, the part of the font `source` that a text needs."""
    options = subset.Options()
    options.flavor = "woff2"
    options.layout_features = ["dtls"]  # dotless i and j under accents; script sizes are scaled by the browser
    options.hinting = False
    options.desubroutinize = True  # lighter once compressed
    options.name_IDs = [0, 1, 2, 13, 14]  # the copyright and licence lines stay in the file
    options.notdef_outline = True
    font = subset.load_font(source, options)
    subsetter = subset.Subsetter(options)
    subsetter.populate(text=text)
    subsetter.subset(font)
    subset.save_font(font, target, options)


def subset_font(site, app):
    """Latin letters, digits and common signs stay for the equations that figures write; the rest is what pages show."""
    name = f"_static/{TARGET.name}"
    if name not in site:
        return
    used = with_italics(letters(0x41, 26) + letters(0x61, 26) + "0123456789+−=()[]|^~.,")
    for module in site.find("_static/widgets/*.js"):
        used |= with_italics(re.sub(r"[\x00-\x7f]", "", site.text(module)))
    for html in site.pages().values():
        used |= in_equations(html)
    made = io.BytesIO()
    cut(TARGET, made, "".join(sorted(used)))
    site.write(name, made.getvalue())


def main(source=SOURCE):
    cut(source, TARGET, characters())
    print(f"{TARGET}: {TARGET.stat().st_size} bytes")


if __name__ == "__main__":
    main(*sys.argv[1:])
