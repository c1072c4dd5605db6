"""Make ``assets/latin-modern-math.woff2``: the part of Latin Modern Math that the book's equations use.

    python _ext/make_font.py [path/to/latinmodern-math.otf]

Debian has the font in the package fonts-lmodern. The result is committed, so that building the book needs no font.
The MATH table stays, and with it the larger variants and the stretchy pieces of brackets, sums, roots and accents.
"""

import sys
from pathlib import Path

from fontTools import subset

SOURCE = "/usr/share/texmf/fonts/opentype/public/lm-math/latinmodern-math.otf"
TARGET = Path(__file__).parent / "assets" / "latin-modern-math.woff2"

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


def main(source=SOURCE):
    options = subset.Options()
    options.flavor = "woff2"
    options.layout_features = ["dtls"]  # dotless i and j under accents; script sizes are scaled by the browser
    options.hinting = False
    options.desubroutinize = False
    options.name_IDs = [0, 1, 2, 13, 14]  # the copyright and licence lines stay in the file
    options.notdef_outline = True
    font = subset.load_font(source, options)
    subsetter = subset.Subsetter(options)
    subsetter.populate(text=characters())
    subsetter.subset(font)
    subset.save_font(font, str(TARGET), options)
    print(f"{TARGET}: {TARGET.stat().st_size} bytes")


if __name__ == "__main__":
    main(*sys.argv[1:])
