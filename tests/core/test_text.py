"""Characters to ids and back, windows, one-hot rows."""

import tracemalloc
import unicodedata
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from models import refuses

from rnnlib import Vocabulary, one_hot, windows

any_text = st.text(st.characters(), min_size=1)  # every code point, astral ones and lone surrogates included


def test_vocabulary_of_the_book_s_sentence_has_twelve_characters_by_code_point():
    vocab = Vocabulary("I am learning RNN")
    assert vocab.characters == (" ", "I", "N", "R", "a", "e", "g", "i", "l", "m", "n", "r")
    assert len(vocab) == 12


@given(any_text)
def test_characters_are_distinct_and_rise_by_code_point(text):
    vocab = Vocabulary(text)
    points = [ord(character) for character in vocab.characters]
    assert all(low < high for low, high in pairwise(points))
    assert set(vocab.characters) == set(text)


def test_astral_characters_sort_after_the_basic_plane_as_code_points_do_and_utf16_does_not():
    assert Vocabulary("😀｡a").characters == ("a", "｡", "😀")


@given(any_text)
def test_decode_undoes_encode(text):
    vocab = Vocabulary(text)
    ids = vocab.encode(text)
    assert ids.shape == (len(text),) and ids.dtype.kind == "i"
    assert vocab.decode(ids) == text


def test_encode_gives_places_in_the_sorted_order():
    assert Vocabulary("hello").encode("hello").tolist() == [1, 0, 2, 2, 3]


def test_nothing_encodes_to_no_ids_and_back():
    vocab = Vocabulary("ab")
    ids = vocab.encode("")
    assert ids.shape == (0,) and ids.dtype.kind == "i"
    assert vocab.decode(ids) == ""


@given(any_text)
def test_vocabularies_of_the_same_characters_are_equal_in_any_order(text):
    first, second = Vocabulary(text), Vocabulary(text[::-1] + text)
    assert first == second and hash(first) == hash(second)


def test_vocabularies_of_other_characters_differ():
    assert Vocabulary("ab") != Vocabulary("abc")
    assert Vocabulary("ab") != "ab"


def test_windows_of_hello_pair_each_three_letters_with_the_three_one_ahead():
    vocab = Vocabulary("hello")
    x, y = windows(vocab.encode("hello"), 3)
    pairs = [(vocab.decode(x[:, n]), vocab.decode(y[:, n])) for n in range(x.shape[1])]
    assert pairs == [("hel", "ell"), ("ell", "llo")]


def test_windows_of_the_book_s_sentence_count_one_fewer_than_its_places():
    text = "I am learning RNN"  # 17 characters
    x, y = windows(Vocabulary(text).encode(text), 4)
    assert x.shape == y.shape == (4, 13)


@given(st.data())
def test_windows_hold_every_window_up_to_the_last(data):
    ids = np.array(data.draw(st.lists(st.integers(0, 99), min_size=2, max_size=30)))
    length = data.draw(st.integers(1, len(ids) - 1))
    x, y = windows(ids, length)
    samples = range(len(ids) - length)
    assert x.T.tolist() == [ids[n : n + length].tolist() for n in samples]
    assert y.T.tolist() == [ids[n + 1 : n + 1 + length].tolist() for n in samples]
    assert y[-1, -1] == ids[-1]


def test_windows_cannot_be_written_through_into_the_text():
    ids = np.arange(5)
    for view in windows(ids, 2):
        with pytest.raises(ValueError, match="read-only"):
            view[0, 0] = 7


def test_one_hot_puts_a_single_one_at_each_id():
    assert one_hot([[2, 0], [1, 1]], 3).tolist() == [[[0, 0, 1], [1, 0, 0]], [[0, 1, 0], [0, 1, 0]]]


@pytest.mark.parametrize("ids", [2, [], np.zeros((0, 3), int), np.uint64(1)])
def test_one_hot_takes_ids_of_any_shape(ids):
    expected = np.equal.outer(np.asarray(ids), np.arange(3))
    assert np.array_equal(one_hot(np.asarray(ids, np.uint64), 3), expected)


def test_one_hot_needs_memory_for_its_rows_alone():
    tracemalloc.start()
    rows = one_hot([0, 99_999], 100_000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1.1 * rows.nbytes and rows.sum() == rows[0, 0] + rows[1, -1] == 2


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_one_hot_has_the_type_asked_for(dtype):
    assert one_hot([0], 2, dtype).dtype == dtype


@pytest.mark.parametrize("text, got", [(5, "int 5"), (None, "NoneType None"), (b"ab", "bytes b'ab'"), (["a"], "['a']")])
def test_a_text_that_is_no_string_is_refused(text, got):
    with refuses(TypeError, "text", got, expected="a string"):
        Vocabulary(text)
    with refuses(TypeError, "text", got, expected="a string"):
        Vocabulary("ab").encode(text)


def test_a_vocabulary_of_nothing_is_refused():
    with refuses(ValueError, "text", "empty string", expected="at least one character"):
        Vocabulary("")


def test_every_unknown_character_is_named():
    with refuses(ValueError, "text", "'z', 'é', '😀'", expected="characters of"):
        Vocabulary("ab").encode("a😀zébz")


def test_of_hundreds_of_unknown_characters_the_first_are_named_and_the_others_counted():
    text = "".join(map(chr, range(0x4E00, 0x4E00 + 300)))
    named = ", ".join(map(repr, text[:20]))
    with refuses(ValueError, "text", f"the unknown {named} and 280 more", expected="1 characters"):
        Vocabulary("a").encode(text)
    with pytest.raises(ValueError, match=r"'丁'$"):
        Vocabulary("a").encode(text[:2])


def test_a_combining_mark_is_named_by_its_code():
    with refuses(ValueError, "text", "the unknown U+0301, U+0940, U+20DD"):
        Vocabulary("ab").encode("a\u0301b\u0940a\u20dd")


@pytest.mark.parametrize(
    "known, text, form",
    [
        ("é", "e\u0301", "NFC"),
        ("e\u0301", "é", "NFD"),
        ("abc", "ａｂｃ", "NFKC"),
        ("e\u0301fi", "ﬁé", "NFKD"),
        ("Å", "\u212b", "NFC"),  # the ångström sign
    ],
)
def test_a_text_in_another_unicode_form_is_told_so(known, text, form):
    vocab = Vocabulary(known)
    with refuses(ValueError, "text", f"unicodedata.normalize({form!r}, text)"):
        vocab.encode(text)
    vocab.encode(unicodedata.normalize(form, text))  # the advice helps


def test_no_unicode_form_is_named_where_none_helps():
    with pytest.raises(ValueError, match=r"^text: [^;]*$"):
        Vocabulary("é").encode("e\u0301z")


def test_an_unknown_character_is_named_briefly_even_by_a_vocabulary_of_thousands():
    with pytest.raises(ValueError, match="'a'") as caught:
        Vocabulary("".join(map(chr, range(0x4E00, 0x4E00 + 3000)))).encode("a")
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(
    "ids, error, got",
    [
        ([0, 0.5], TypeError, "float64"),
        (["a"], TypeError, "<U1"),
        ([True], TypeError, "bool"),
        ([0, -1], ValueError, "-1"),
        ([0, 2], ValueError, "2"),
        ([[0, 1]], ValueError, "(1, 2)"),
        (1, ValueError, "()"),
        pytest.param(np.zeros((2, 0), int), ValueError, "(2, 0)"),
    ],
)
def test_decode_refuses_what_encode_cannot_have_given(ids, error, got):
    with refuses(error, "ids", got):
        Vocabulary("ab").decode(ids)


@pytest.mark.parametrize(
    "size, error, got",
    [
        (0, ValueError, "0"),
        (-3, ValueError, "-3"),
        (2.5, TypeError, "float 2.5"),
        (True, TypeError, "bool True"),
        ("4", TypeError, "str '4'"),
        (None, TypeError, "NoneType None"),
    ],
)
def test_a_length_or_size_that_is_no_whole_number_of_at_least_one_is_refused(size, error, got):
    with refuses(error, "length", got, expected="at least 1"):
        windows([0, 1, 2], size)
    with refuses(error, "size", got, expected="at least 1"):
        one_hot([0], size)


@pytest.mark.parametrize(
    "ids, error, got, expected",
    [
        ([0.0, 1.0, 2.0], TypeError, "float64", "integer ids"),
        ([[0, 1], [1, 0]], ValueError, "(2, 2)", "(n,)"),
        (3, ValueError, "()", "(n,)"),
        ([0, 1], ValueError, "2", "length + 1 = 3"),
    ],
)
def test_windows_refuses_ids_of_another_type_or_shape_or_too_few(ids, error, got, expected):
    with refuses(error, "ids", got, expected=expected):
        windows(ids, 2)


def test_a_text_where_its_ids_belong_is_told_so():
    for function in (lambda: windows("abcabc", 2), lambda: one_hot("abc", 3)):
        with refuses(TypeError, "ids", "str 'abc", expected="vocab.encode(text)"):
            function()


@pytest.mark.parametrize(
    "ids, error, got",
    [([0.5], TypeError, "0.5"), ([True], TypeError, "True"), ([0, -1], ValueError, "-1"), ([3], ValueError, "3")],
)
def test_one_hot_refuses_ids_that_are_not_integers_from_zero_up_to_the_size(ids, error, got):
    with refuses(error, "ids", got):
        one_hot(ids, 3)


@pytest.mark.parametrize("dtype", [str, object, "x", "M8[D]"])
def test_one_hot_rows_are_of_a_type_of_numbers(dtype):
    with refuses(TypeError, "dtype", expected="numbers"):
        one_hot([0], 2, dtype)
    assert one_hot([1], 2, bool).tolist() == [[False, True]]
