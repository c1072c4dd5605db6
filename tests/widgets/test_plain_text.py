"""Numbers as figures print them, and as they are copied."""

import math

import pytest
from javascript import bundled, entry_of

from rnnlib.widgets._bundle import words


@pytest.fixture(scope="module")
def texts():
    entry = entry_of("model/format.js", "ui/plain_copy.js")
    with bundled("entry.js", {"entry.js": entry}) as engine:
        yield engine


@pytest.mark.parametrize(
    ("value", "printed"),
    [("NaN", "–"), ("undefined", "–"), ("Infinity", "∞"), ("-Infinity", "−∞"), ("-0", "0")],
)
def test_what_is_no_number_is_never_printed_as_a_word_of_the_language(texts, value, printed):
    found = texts.call(f"({{ number, slight, percent }}) => [number({value}), slight({value}), percent({value})]")
    assert all(text.startswith(printed) and not any(map(str.isalpha, text)) for text in found), found


@pytest.mark.parametrize("value", [-0.133, -1e-7, -123456.0, 0.5, -99.99, 3e-12, 0.0])
def test_a_printed_number_is_one_for_python_when_it_is_copied(texts, value):
    for name, digits in (("number", 5e-4), ("slight", 0.06)):
        copied = texts.call(f"(all, value) => all.plain(all.{name}(value))", value)
        assert math.isclose(float(copied), value, rel_tol=digits if name == "slight" else 0.06, abs_tol=digits)


def test_signs_for_the_eye_are_not_copied(texts):
    assert texts.call("({ plain }, text) => plain(text)", "“\u2068␣\u2069” −0.5, 12\u202f345") == "“␣” -0.5, 12345"
    quoted = texts.call("({ plain, quoted }) => plain(quoted('\u05d0'))")
    assert quoted == "“\u05d0”"


def test_no_text_of_a_figure_holds_isolates_of_its_own():
    """They are put around what the reader typed, where `plain` takes them off again."""
    for table in words().values():
        assert not any(set(text) & set("\u2066\u2067\u2068\u2069") for text in table.values())
