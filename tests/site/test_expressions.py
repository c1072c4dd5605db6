"""The build reads long texts in a time that grows as they do: given weights stand in a page as megabytes of base64."""

import ast
import re
import time
from collections import deque

import pytest
from books import ROOT

SHORT, TIMES = 10_000, 8
# Texts that many expressions begin to match, again and again, and never end.
PIECES = [
    "a", "0", " ", "\n", " \n", "<", ">", "/", ".", '"', "'", "\\", "(", "{", "-", "--", "`", "$", "#", "&", ";",
    "/*", "<!--", "<a ", "<img ", "<svg ", "<script", "<style ", "<math ", "<title>", "url(", "var(", "--x:", "@media ",
    "a.", "1.", "a/", "a@", "src=\"", "class='", "## a - 2026-01-01\n", "1) ", "\\\\ [", "M 1 ", "_", "ab-",
]  # fmt: skip


def expressions():
    """name -> (pattern, function that looks for it in a text) of every expression that the extension's code has."""
    found = {}
    for path in sorted((ROOT / "_ext" / "bookext").rglob("*.py")):
        source = path.read_text(encoding="utf-8")
        tree = ast.parse(source)
        named = {node.value: node.targets[0].id for node in tree.body if is_named(node)}
        for node in ast.walk(tree):
            of_re = isinstance(node, ast.Call) and ast.unparse(node.func).startswith("re.")
            if of_re and node.args and isinstance(node.args[0], ast.Constant):
                flags = [
                    part.attr for part in ast.walk(node) if isinstance(part, ast.Attribute) and part.attr.isupper()
                ]
                expression = re.compile(node.args[0].value, sum(getattr(re, flag) for flag in flags))
                whole = f"{named.get(node)}.fullmatch" in source
                found[f"{path.name}:{node.lineno}"] = expression.pattern, looking(expression, whole)
    return found


def looking(expression, whole):
    """As the code does: for a match of the whole text, or for all matches in it.

    The matches are not kept: a list of many sets the garbage collector to work on all that the process holds.
    """
    return expression.fullmatch if whole else lambda text: deque(expression.finditer(text), maxlen=0)


def is_named(node):
    return isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)


EXPRESSIONS = expressions()


def beginning(pattern):
    """The plain characters that an expression begins with."""
    plain = re.match(r"(?:\\?[^\w\\\[\](){}.*+?|^$]|\w(?![*?{]))*", re.sub(r"^(?:\\b|\(\?m\)|\^)+", "", pattern))
    return plain[0].replace("\\", "")


def seconds(look, text):
    began = time.process_time()
    look(text)
    return time.process_time() - began


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_an_expression_takes_time_that_grows_as_the_text_does(name):
    """Eight times the text: where an expression starts anew at each place, it takes 64 times as long."""
    pattern, look = EXPRESSIONS[name]
    for piece in [*PIECES, *filter(None, [beginning(pattern)])]:
        for text in (piece, f"{piece} ", f"{piece}x"):
            long = text * (TIMES * SHORT // len(text))
            took = seconds(look, long)
            if took > 0.1:  # else there is nothing to compare
                short = max(seconds(look, long[: len(long) // TIMES]) for _ in range(2))
                assert took < 3 * TIMES * short, (pattern, text)


def test_the_expressions_are_all_there():
    assert len(EXPRESSIONS) > 40


def test_an_expression_that_starts_anew_is_seen(monkeypatch):
    monkeypatch.setitem(EXPRESSIONS, "quadratic", ("<svg ", looking(re.compile("<svg [^>]*width"), False)))
    with pytest.raises(AssertionError, match="svg"):
        test_an_expression_takes_time_that_grows_as_the_text_does("quadratic")
