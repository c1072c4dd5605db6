"""The words of the page's frame, from the one table ``words.yml``, and the rule by which a language finds its table."""

from functools import lru_cache
from pathlib import Path

import yaml


def tag(language):
    """A language as HTML names it: zh-CN for zh_CN, which is Sphinx's way."""
    return language.replace("_", "-")


def table_of(tables, language):
    """The table of a language as a whole: that of zh-CN, else that of zh, else the English one.

    Neither case nor ``_`` for ``-`` makes a difference. ``ui/messages.js`` has the same rule for the words of figures.
    """
    known = {tag(key).lower(): table for key, table in tables.items()}
    key = tag(language).lower()
    while key and key not in known:
        key = key.rpartition("-")[0]
    return known[key or "en"]


@lru_cache
def tables():
    return yaml.safe_load(Path(__file__).with_name("words.yml").read_text(encoding="utf-8"))


def words_in(language):
    """key -> word, of the frame."""
    return table_of(tables(), language)


def word(key, language):
    return words_in(language)[key]
