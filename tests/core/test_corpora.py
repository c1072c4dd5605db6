"""The corpora of rnnlib/data are what the note of their origin says."""

import re
from pathlib import Path

import pytest

import rnnlib

DATA = Path(rnnlib.__file__).parent / "data"


def note(name):
    """What the README says of one corpus."""
    notes = (DATA / "README.md").read_text(encoding="utf-8")
    return re.search(rf"^## {re.escape(name)}\n(.*?)(?=^## |\Z)", notes, re.M | re.S)[1]


def stated(name, words):
    """The number before these words in a corpus's note."""
    return int(re.search(rf"([\d,]+) {words}", note(name))[1].replace(",", ""))


@pytest.mark.parametrize("path", sorted(DATA.glob("*.txt")), ids=lambda path: path.stem)
def test_every_corpus_has_a_note_of_its_origin_and_clean_lines(path):
    assert "public domain" in note(path.name)
    text = path.read_bytes().decode("utf-8")
    assert text.endswith("\n") and not text.endswith("\n\n") and "\r" not in text
    assert all(line == line.strip() for line in text.splitlines())


def test_the_rhymes_have_the_sizes_that_the_note_tells():
    name = "nursery_rhymes.txt"
    text = (DATA / name).read_text(encoding="utf-8")
    assert text.isascii() and "\n\n\n" not in text and "\t" not in text
    assert len(text.split("\n\n")) == stated(name, "rhymes")
    assert sum(map(bool, text.splitlines())) == stated(name, "lines of verse")
    assert (len(text), len(set(text))) == (stated(name, "characters and"), stated(name, "different ones"))


def test_the_classic_has_the_sizes_that_the_note_tells():
    name = "three_character_classic.txt"
    lines = (DATA / name).read_text(encoding="utf-8").splitlines()
    characters = "".join(lines).replace("，", "").replace("。", "")
    assert len(lines) == stated(name, "lines")
    assert (len(characters), len(set(characters))) == (stated(name, "characters and"), stated(name, "different ones"))
