"""The maths font: of Latin Modern Math the glyphs that this book's equations use, cut out at each build.

``static/latin-modern-math.woff2``, from which it is cut, is itself a part of the whole font, large enough for any
equation of this kind, and committed, so that building the book needs no font. It is made by

    python -m bookext.maths.font [path/to/latinmodern-math.otf]

Debian has the whole font in the package fonts-lmodern. The MATH table stays, and with it the larger variants and the
stretchy pieces of brackets, sums, roots and accents.
"""

import re
import sys
from html import unescape
from pathlib import Path

from fontTools import subset

SOURCE = "/usr/share/texmf/fonts/opentype/public/lm-math/latinmodern-math.otf"
TARGET = Path(__file__).parent / "static" / "latin-modern-math.woff2"

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
    """Every character of a page's MathML, and its italic form where it has one: a lone letter is set so."""
    equations = re.sub(r"<annotation.*?</annotation>", "", " ".join(re.findall(r"<math\b.*?</math>", html, re.S)))
    return with_italics(unescape(re.sub(r"<[^>]*>", "", equations)))


def with_italics(text):
    return set(text) | {ITALIC[c] for c in text if c in ITALIC}


def cut(source, target, text):
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
    subset.save_font(font, str(target), options)


def finish(app, exception):
    """Latin letters, digits and common signs stay for the equations that figures write; the rest is what pages show."""
    static = Path(app.outdir, "_static")
    if exception or app.builder.format != "html" or not (static / TARGET.name).exists():
        return
    used = with_italics(letters(0x41, 26) + letters(0x61, 26) + "0123456789+−=()[]|^~.,")
    for path in static.glob("widgets/*.js"):
        used |= with_italics(re.sub(r"[\x00-\x7f]", "", path.read_text(encoding="utf-8")))
    for path in Path(app.outdir).rglob("*.html"):
        used |= in_equations(path.read_text(encoding="utf-8"))
    cut(TARGET, static / TARGET.name, "".join(sorted(used)))


def setup(app):
    app.connect("build-finished", finish, priority=850)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def main(source=SOURCE):
    cut(source, TARGET, characters())
    print(f"{TARGET}: {TARGET.stat().st_size} bytes")


if __name__ == "__main__":
    main(*sys.argv[1:])
