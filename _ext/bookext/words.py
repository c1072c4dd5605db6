"""The words of the page's frame, from the one table ``words.yml``."""

from functools import lru_cache
from pathlib import Path

import yaml


@lru_cache
def table():
    return yaml.safe_load(Path(__file__).with_name("words.yml").read_text(encoding="utf-8"))


def word(key, language):
    return table().get(language, {}).get(key, table()["en"][key])
