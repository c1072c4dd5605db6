"""Which symbols stand in an equation: the table ``symbols.yml``, held against MathML."""

import re
from functools import lru_cache
from pathlib import Path
from xml.etree import ElementTree

import yaml

from ..words import table_of, word

TABLE = Path(__file__).with_suffix(".yml")
TIME = re.compile(r"[tskrjT0-9+\u2212]+")
POWER = re.compile(r"\u22a4|[0-9]*")
ROWS = ("math", "semantics", "mrow", "mtd", "mstyle", "mpadded")  # elements with any number of children


@lru_cache
def groups():
    return {group["group"]: group["symbols"] for group in yaml.safe_load(TABLE.read_text(encoding="utf-8"))}


@lru_cache
def symbols():
    return {entry["id"]: entry for entries in groups().values() for entry in entries}


def meaning(name, language):
    """What a symbol means; ``name`` is an id, or "d" and an id for the gradient in that symbol."""
    texts = symbols()[name.split()[-1]]["meaning"]
    text = table_of(texts, language)
    return word("gradient", language).format(of=text) if " " in name else text


def spoken(element, language):
    """The letters of a single symbol, for a screen reader's list of links: "y hat t"."""
    words = word("spoken", language)
    return " ".join(words.get(sign, sign) for text in element.itertext() for sign in text.split() if words.get(sign, 1))


def target(name):
    """Where on the notation page a symbol stands; a gradient has the place of its d."""
    return "symbol-" + name.split()[0].replace("_", "-")


def parse(mathml):
    return ElementTree.fromstring(mathml.replace("&ApplyFunction;", "\u2061"))


def core(tree):
    """What an equation consists of, below all that only wraps it; a row if that is more than one thing."""
    root = tree
    while root.tag in ROWS and "data-symbol" not in root.attrib:
        inner = [child for child in root if child.tag not in ("annotation", "mspace")]
        if len(inner) != 1:
            break
        root = inner[0]
    return root


def look(element):
    """(letter, index) of an element that may be a symbol, else None; powers and a transpose's sign are no index."""
    text = ["".join(child.itertext()) for child in element]
    if element.tag in ("mi", "mo"):
        return element.text, ""
    if element.tag == "mover":
        return "".join(text), ""
    if element.tag in ("msub", "msup"):
        return text[0], text[1]
    if element.tag == "msubsup":
        return text[0], text[1] + ("" if POWER.fullmatch(text[2]) else text[2])
    return None


class Finder:
    """Finds symbols on one page: the letters of the table as that page uses them."""

    def __init__(self, docname, convert):
        self.exact, self.timed = {}, {}
        for entry in sorted(symbols().values(), key=lambda entry: "only" in entry):  # a chapter's own win
            if docname in entry.get("not", ()) or docname not in entry.get("only", [docname]):
                continue
            for latex in (entry.get("match", entry["symbol"]), *entry.get("also", ())):
                seen = look(core(parse(convert(latex))))
                if seen is None:  # dz: not a letter but a way to make names
                    continue
                self.exact[seen] = entry["id"]
                letter, index = seen
                if entry.get("time") and TIME.fullmatch(index.strip("⟨⟩")):
                    self.timed[letter, index.startswith("⟨")] = entry["id"]

    def symbol(self, element):
        seen = look(element)
        if seen is None or seen in self.exact:
            return self.exact.get(seen)
        letter, index = seen
        return self.timed.get((letter, index.startswith("⟨"))) if TIME.fullmatch(index.strip("⟨⟩")) else None

    def mark(self, element):
        """Name every symbol in the tree in its ``data-symbol``; a gradient is a d and a symbol, and has two names."""
        name = self.symbol(element)
        if name:
            element.set("data-symbol", name)
            if element.tag == "msubsup":
                self.mark(element[2])
            return
        for child in element:
            if child.tag not in ("annotation", "mtext"):
                self.mark(child)
        if element.tag not in ROWS:
            return
        for place in range(len(element) - 1, 0, -1):
            d, name = element[place - 1], element[place].get("data-symbol")
            if d.tag == "mi" and d.text == "d" and name in symbols() and symbols()[name].get("gradient", True):
                pair = ElementTree.Element("mrow", {"data-symbol": f"d {name}"})
                pair.extend(element[place - 1 : place + 1])
                del pair[1].attrib["data-symbol"]
                element[place - 1 : place + 1] = [pair]
