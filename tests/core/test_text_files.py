"""Texts in files: ids on the disk, whatever the borders of the chunks cut in two; and texts too short to train on."""

import gc
import os
import stat
import tempfile
import threading
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from models import refuses

from rnnlib import Vocabulary, init_params
from rnnlib.optim import SGD
from rnnlib.text import encode_file
from rnnlib.train import evaluate, sample, train

ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32-be", "gb18030")
LETTERS = "aé字😀\r\n\t "


@pytest.fixture
def corpus(tmp_path):
    """corpus(bytes) -> the path of a file of them."""

    def write(data):
        path = tmp_path / "corpus.txt"
        path.write_bytes(data)
        return path

    return write


@given(
    st.text(st.sampled_from(LETTERS) | st.characters(codec="utf-8"), min_size=1),
    st.integers(1, 9),
    st.sampled_from(ENCODINGS),
)
def test_a_file_is_encoded_as_its_text_is_wherever_the_chunks_end(text, chunk, encoding):
    with tempfile.TemporaryDirectory() as folder:
        path, out = Path(folder) / "corpus.txt", Path(folder) / "ids.npy"
        path.write_bytes(text.encode(encoding))
        expected = path.read_text(encoding).removeprefix("\ufeff")
        if not expected:
            with refuses(ValueError, "path", "empty"):
                encode_file(path, encoding=encoding, chunk=chunk)
            return
        ids, vocab = encode_file(path, encoding=encoding, chunk=chunk, out=out)
        assert vocab == Vocabulary(expected)
        assert ids.tolist() == vocab.encode(expected).tolist()


def test_a_byte_order_mark_is_left_out_only_at_the_beginning(corpus):
    ids, vocab = encode_file(corpus("\ufeffa\ufeffb".encode()))
    assert vocab.decode(ids) == "a\ufeffb"


def test_the_three_ends_of_a_line_are_one(corpus):
    ids, vocab = encode_file(corpus(b"a\r\nb\rc\n\r"), chunk=2)
    assert vocab.decode(ids) == "a\nb\nc\n\n"


@pytest.mark.parametrize("size, dtype", [(1, np.uint8), (256, np.uint8), (257, np.uint16), (65537, np.uint32)])
def test_the_ids_have_the_smallest_type(corpus, size, dtype):
    text = "".join(chr(0x10000 + n) for n in range(size))
    ids, vocab = encode_file(corpus(text.encode()))
    assert ids.dtype == dtype and len(vocab) == size and ids.tolist() == list(range(size))


def test_the_ids_are_those_of_a_given_vocabulary(corpus):
    vocab = Vocabulary("abcxyz字")
    ids, same = encode_file(corpus("字ab".encode()), vocab=vocab)
    assert same is vocab and ids.tolist() == vocab.encode("字ab").tolist()
    with refuses(ValueError, "path", "'d', '😀'", expected="the 7 characters"):
        encode_file(corpus("abd😀".encode()), vocab=vocab)


def test_out_is_an_npy_file_and_stays(corpus, tmp_path):
    out = tmp_path / "ids.npy"
    ids, vocab = encode_file(corpus(b"hello"), out=out)
    assert not ids.flags.writeable
    del ids
    gc.collect()
    assert vocab.decode(np.load(out)) == "hello"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["corpus.txt", "ids.npy"]


def test_the_temporary_file_lives_as_long_as_any_view_of_the_ids(corpus, tmp_path, monkeypatch):
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    ids, _ = encode_file(corpus(b"hello"))
    view = np.asarray(ids)[2:]
    del ids
    gc.collect()
    assert len(list(folder.iterdir())) == 1 and view.tolist() == [2, 2, 3]
    del view
    gc.collect()
    assert not list(folder.iterdir())


@pytest.mark.parametrize(
    "data, at, reason",
    [
        (b"\xff", 0, "invalid start byte"),
        (b"abc\x80", 3, "invalid start byte"),
        (b"ab\xe5\xadc", 2, "invalid continuation byte"),
        (b"ab\xe5\xad", 2, "unexpected end of data"),
        (b"ab\xed\xa0\x80", 2, "invalid continuation byte"),  # a surrogate
        (b"\xef\xbb\xbfab\xff", 5, "invalid start byte"),
        (b"a" * 1234 + b"\xff", 1234, "invalid start byte"),
    ],
)
@pytest.mark.parametrize("chunk", [1, 2, 3, 4, 2**20])
def test_the_first_byte_that_is_no_text_is_told(corpus, data, at, reason, chunk):
    path = corpus(data)
    told = f"byte 0x{data[at]:02x} at offset {at} of {str(path)!r} ({reason})"
    with refuses(ValueError, "path", told, expected="utf-8 text"):
        encode_file(path, chunk=chunk)


@given(st.binary(max_size=40), st.integers(1, 9))
def test_what_is_not_text_is_told_where_python_finds_it(data, chunk):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "corpus.txt"
        path.write_bytes(b"a" + data)
        try:
            (b"a" + data).decode()
        except UnicodeDecodeError as error:
            with refuses(ValueError, "path", f" at offset {error.start} of "):
                encode_file(path, chunk=chunk)
        else:
            encode_file(path, chunk=chunk, out=Path(folder) / "ids.npy")


def test_a_wrong_byte_in_another_encoding_is_told_too(corpus):
    with refuses(ValueError, "path", "byte 0xe9 at offset 1 of", expected="ascii text"):
        encode_file(corpus(b"a\xe9"), encoding="ascii")
    with refuses(ValueError, "path", "at offset 4 of", expected="utf-16-le text"):
        encode_file(corpus("ab".encode("utf-16-le") + b"c"), encoding="utf-16-le", chunk=3)


@pytest.mark.parametrize("data", [b"", b"\xef\xbb\xbf"])
def test_an_empty_file_is_refused(corpus, data):
    path = corpus(data)
    for vocab in (None, Vocabulary("ab")):
        with refuses(ValueError, "path", repr(str(path)), expected="at least one character"):
            encode_file(path, vocab=vocab)


def test_what_cannot_be_read_is_named(tmp_path):
    missing = tmp_path / "missing.txt"
    with refuses(FileNotFoundError, "path", repr(str(missing)), expected="a file to read"):
        encode_file(missing)
    with refuses(IsADirectoryError, "path", repr(str(tmp_path)), expected="a file to read"):
        encode_file(tmp_path)
    with refuses(ValueError, "path", "'a\\x00b'"):
        encode_file("a\0b")
    for wrong in (3, None, b"corpus.txt"):
        with refuses(TypeError, "path"):
            encode_file(wrong)


def test_pipes_and_devices_are_refused_at_once_to_read_and_to_write(corpus, tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)  # opening it plainly would wait for a writer
    for path in (pipe, Path("/dev/zero")):
        with refuses(ValueError, "path", repr(str(path)), expected="a regular file"):
            encode_file(path)
    for out in (pipe, Path("/dev/null")):
        with refuses(OSError, "out", repr(str(out)), expected="a file to write"):
            encode_file(corpus(b"hello"), out=out)
    assert pipe.is_fifo() and Path("/dev/null").is_char_device()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["corpus.txt", "pipe"]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32"])
def test_an_encoding_that_needs_a_byte_order_mark_says_so(corpus, encoding):
    path = corpus("天地".encode(encoding + "-be"))
    with refuses(ValueError, "path", repr(str(path)), expected=f"{encoding} text"):
        encode_file(path, encoding=encoding)


def test_a_text_without_its_byte_order_mark_is_told_what_to_do(corpus):
    with refuses(ValueError, "path", "does not start with BOM; 'utf-16-le'"):
        encode_file(corpus("ab".encode("utf-16-le")), encoding="utf-16")


def test_threads_that_write_to_one_file_each_get_their_own_ids(tmp_path):
    """Each file is complete whoever is last, and no thread gets the ids of another."""
    out, texts = tmp_path / "ids.npy", ["ab" * 40, "cd" * 50, "efg" * 60]
    for n, text in enumerate(texts):
        (tmp_path / f"{n}.txt").write_text(text)
    begin, wrong = threading.Barrier(len(texts)), []

    def work(n):
        begin.wait()
        for _ in range(50):
            ids, vocab = encode_file(tmp_path / f"{n}.txt", out=out)
            if vocab.decode(ids) != texts[n] or len(np.load(out)) not in map(len, texts):
                wrong.append(n)

    with ThreadPoolExecutor() as pool:
        list(pool.map(work, range(len(texts))))
    assert wrong == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0.txt", "1.txt", "2.txt", "ids.npy"]


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o666])
def test_a_file_that_is_replaced_keeps_its_permissions(corpus, tmp_path, mode):
    out, usual = tmp_path / "ids.npy", tmp_path / "usual"
    usual.touch()
    encode_file(corpus(b"hello"), out=out)
    assert out.stat().st_mode == usual.stat().st_mode
    out.chmod(mode)
    encode_file(corpus(b"hell"), out=out)
    assert stat.S_IMODE(out.stat().st_mode) == mode and len(np.load(out)) == 4


def test_a_symbolic_link_stays_one_and_none_is_followed_from_the_temporary_name(corpus, tmp_path, monkeypatch):
    target, link = tmp_path / "target.npy", tmp_path / "link.npy"
    link.symlink_to(target)
    encode_file(corpus(b"hello"), out=link)
    assert link.is_symlink() and np.load(target).tolist() == [1, 0, 2, 2, 3]
    victim = tmp_path / "victim"
    victim.write_text("untouched")
    monkeypatch.setattr("os.urandom", bytes)  # zeros, as if somebody had guessed the name
    (tmp_path / f".rnnlib-{'0' * 16}.tmp").symlink_to(victim)
    with refuses(FileExistsError, "out", expected="a file to write"):
        encode_file(corpus(b"hell"), out=target)
    assert victim.read_text() == "untouched" and np.load(target).tolist() == [1, 0, 2, 2, 3]


def test_what_killed_processes_left_is_deleted_and_nothing_else(corpus, tmp_path):
    names = {name: tmp_path / f".rnnlib-{name * 16}.tmp" for name in "0123"}
    others = [tmp_path / ".rnnlib-notes.tmp", tmp_path / f"rnnlib-{'0' * 16}.tmp"]
    for path in (*list(names.values())[:3], *others):
        path.write_bytes(b"half")
        os.utime(path, (0, 0))
    os.utime(names["1"])  # another process is writing to it now
    names["3"].mkdir()
    os.utime(names["3"], (0, 0))
    encode_file(corpus(b"hello"), out=tmp_path / "ids.npy")
    assert not names["0"].exists() and not names["2"].exists()
    assert names["1"].exists() and names["3"].exists() and all(path.exists() for path in others)


def test_what_cannot_be_written_is_named_and_leaves_nothing_behind(corpus, tmp_path):
    path, folder = corpus(b"hello"), tmp_path / "folder"
    folder.mkdir()
    with refuses(FileNotFoundError, "out", "missing", expected="a file to write"):
        encode_file(path, out=tmp_path / "missing" / "ids.npy")
    with refuses(IsADirectoryError, "out", repr(str(folder)), expected="a file to write"):
        encode_file(path, out=folder)
    with refuses(ValueError, "out", repr(str(path)), expected="another file than path"):
        encode_file(path, out=tmp_path / "folder" / ".." / "corpus.txt")
    with refuses(TypeError, "out", "int 3"):
        encode_file(path, out=3)
    assert path.read_bytes() == b"hello"
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["corpus.txt", "folder"]


def test_a_failure_keeps_the_older_file(corpus, tmp_path):
    out = tmp_path / "ids.npy"
    encode_file(corpus(b"hello"), out=out)
    with refuses(ValueError, "path"):
        encode_file(corpus(b"hello\xff"), out=out)
    assert np.load(out).tolist() == [1, 0, 2, 2, 3]


@pytest.mark.parametrize("where", ["os.fsync", "os.replace"])
def test_a_failure_to_write_keeps_the_older_file_and_leaves_nothing_else(corpus, tmp_path, monkeypatch, where):
    out = tmp_path / "ids.npy"
    encode_file(corpus(b"hello"), out=out)
    old = out.read_bytes()

    def fail(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(where, fail)
    with refuses(OSError, "out", repr(str(out)), expected="a file to write"):
        encode_file(corpus(b"hell"), out=out)
    monkeypatch.undo()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["corpus.txt", "ids.npy"]
    assert out.read_bytes() == old


def test_a_file_that_grows_while_it_is_read_is_refused(corpus, tmp_path, monkeypatch):
    path, mkdtemp = corpus(b"hello"), tempfile.mkdtemp

    def grow(**options):  # asked for between the two readings
        with path.open("ab") as file:
            file.write("😀".encode())
        return mkdtemp(dir=tmp_path, **options)

    monkeypatch.setattr(tempfile, "mkdtemp", grow)
    with refuses(ValueError, "path", repr(str(path)), expected="stays as it is"):
        encode_file(path)
    assert [found.name for found in tmp_path.iterdir()] == ["corpus.txt"]


def test_an_encoding_that_is_none_is_refused(corpus):
    for wrong in ("utf-9", "hex", "rot13", "undefined", "a\0b", None, 8):
        with refuses(ValueError, "encoding", expected="an encoding of text"):
            encode_file(corpus(b"hello"), encoding=wrong)


def test_a_vocab_and_a_chunk_that_are_none_are_refused(corpus):
    with refuses(TypeError, "vocab", "str 'abc'"):
        encode_file(corpus(b"hello"), vocab="abc")
    with refuses(ValueError, "chunk", "0"):
        encode_file(corpus(b"hello"), chunk=0)
    with refuses(TypeError, "chunk"):
        encode_file(corpus(b"hello"), chunk=1e6)


def test_ten_megabytes_need_memory_for_a_few_chunks_only(corpus):
    line = "The quick brown fox, 天地玄黃 宇宙洪荒, jumps over the lazy dog.\n"
    data = (line * (10_000_000 // len(line.encode()) + 1)).encode()
    path, size = corpus(data), len(data)
    del data
    tracemalloc.start()
    ids, vocab = encode_file(path, chunk=2**16)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert ids.dtype == np.uint8 and len(ids) * len(line.encode()) == size * len(line)
    assert vocab.decode(ids[-len(line) :]) == line
    assert peak < 2e6 + 20 * 2**16  # 1.1 MB of it are one flag for each code point there is


def test_the_ids_of_a_file_train_as_those_of_its_text_do(corpus):
    text = "I am learning RNN. " * 20
    ids, vocab = encode_file(corpus(text.encode()))
    start = init_params(len(vocab), 4, rng=np.random.default_rng(0))
    one, other = (train(start, given, rate=0.1, steps=7, validation=given) for given in (ids, vocab.encode(text)))
    assert one.losses.tolist() == other.losses.tolist()
    assert one.evaluations.tolist() == other.evaluations.tolist()


def test_a_text_of_one_distinct_character_goes_all_the_way(corpus):
    ids, vocab = encode_file(corpus(b"aaaaaaaa"))
    assert ids.tolist() == [0] * 8 and len(vocab) == 1
    start = init_params(1, 3, rng=np.random.default_rng(0))
    for carry in (True, False):
        run = train(start, ids, rate=0.1, steps=3, epochs=2, carry=carry, validation=ids)
        assert not run.losses.any() and not run.norms.any()  # softmax of one logit is 1 whatever it is
        assert run.evaluations.tolist() == [0, 0] and not run.stopped
        assert sample(run.params, vocab, "a", 4, rng=np.random.default_rng(0)) == "aaaaa"


def test_a_text_without_a_single_prediction_is_refused():
    start = init_params(2, 3, rng=np.random.default_rng(0))
    for ids in (np.zeros(0, int), np.zeros(1, int)):
        with refuses(ValueError, "ids", str(ids.shape)):
            train(start, ids, rate=0.1, steps=3)
        with refuses(ValueError, "ids", str(ids.shape)):
            evaluate(start, ids)
        with refuses(ValueError, "validation", str(ids.shape)):
            train(start, np.zeros(9, int), rate=0.1, steps=3, validation=ids)


def test_a_text_shorter_than_the_window_is_one_short_window_of_a_stream_and_none_of_its_own():
    ids, start = np.array([0, 1, 1]), init_params(2, 3, rng=np.random.default_rng(0))
    short, fitting = (train(start, ids, SGD(), rate=0.1, steps=steps) for steps in (50, 2))
    assert len(short.losses) == 1 and short.losses.tolist() == fitting.losses.tolist()
    for one, other in zip(short.params, fitting.params, strict=True):
        np.testing.assert_array_equal(one, other)
    with refuses(ValueError, "ids", "3", expected="steps + 1 = 51"):
        train(start, ids, SGD(), rate=0.1, steps=50, carry=False)
