"""Files of word vectors: against a slow reader that keeps everything, and mistakes in them."""

import gzip
import math
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.text.embeddings.lookup import look_up
from tasks.text.embeddings.reader import read_vectors
from tasks.text.vocabulary import Vocabulary
from unroll.contract import UserError

Vectors = Sequence[tuple[str, Sequence[float]]]
Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a file of some content; ``name`` is its name."""

    def write(content: str | bytes, *, name: str = "vectors.txt") -> Path:
        file = tmp_path / name
        file.write_bytes(content.encode() if isinstance(content, str) else content)
        return file

    return write


def spelled(vectors: Vectors, *, header: bool, ending: str = "\n") -> str:
    """Word vectors as GloVe, or with a header word2vec, writes them."""
    lines = [" ".join([word, *map(repr, values)]) for word, values in vectors]
    return "".join(f"{line}{ending}" for line in ([f"{len(vectors)} {len(vectors[0][1])}"] if header else []) + lines)


def slow(vectors: Vectors) -> dict[str, list[float]]:
    """The first vector of each word."""
    table: dict[str, list[float]] = {}
    for word, values in vectors:
        table.setdefault(word, list(values))
    return table


def assert_same(found: Mapping[str, np.ndarray], expected: Mapping[str, Sequence[float]]) -> None:
    assert found.keys() == expected.keys()
    for word, values in expected.items():
        np.testing.assert_array_equal(found[word], np.array(values, np.float32))


def refusal(file: Path, *wanted: str) -> str:
    with pytest.raises(UserError) as caught:
        read_vectors(file, wanted or ["a"])
    return str(caught.value).replace(f"{file.parent}/", "")


VECTORS: Vectors = [
    ("the", [0.418, 0.24968, -0.41242]),
    (",", [1.0, -2.5e-3, 3.0]),
    (". . .", [-0.1, 0.2, 0.3]),
    ("at name@domain.com", [0.0, 0.5, 0.25]),
    ("häuser", [1.5, 2.5, 3.5]),
    ("\u00a0", [4.0, 5.0, 6.0]),
    ("the", [9.0, 9.0, 9.0]),
    ("7", [7.0, 8.0, 9.0]),
    ("nan", [0.1, 0.1, 0.2]),
]


@pytest.mark.parametrize("ending", ["\n", "\r\n", " \n"])
@pytest.mark.parametrize("header", [False, True])
@pytest.mark.parametrize("name", ["vectors.txt", "vectors.vec.gz"])
def test_every_form_gives_the_vectors_of_a_slow_reader(write: Write, name: str, header: bool, ending: str) -> None:
    text = spelled(VECTORS, header=header, ending=ending).encode()
    file = write(gzip.compress(text) if name.endswith(".gz") else text, name=name)
    found = read_vectors(file, [word for word, _ in VECTORS])
    assert_same(found.vectors, slow(VECTORS))
    assert (found.size, found.lines, found.repeated, found.undecodable) == (3, 9, 1, 0)


@given(
    st.lists(
        st.tuples(
            st.text(st.characters(exclude_categories=["Cs"], exclude_characters=" \r\n"), min_size=1),
            st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=2, max_size=2),
        ),
        min_size=1,
    ),
    st.booleans(),
)
@settings(max_examples=100, deadline=None)
def test_whatever_words_and_numbers_are_there(
    tmp_path_factory: pytest.TempPathFactory, rows: Vectors, header: bool
) -> None:
    file = tmp_path_factory.getbasetemp() / "vectors.txt"
    file.write_bytes(spelled(rows, header=header).encode())
    if b"\0" in file.read_bytes()[:4096] or (not header and rows[0][0].startswith("\ufeff")):
        return  # told as binary; a mark at the start of a file is no part of its first word
    assert_same(read_vectors(file, {word for word, _ in rows}).vectors, slow(rows))


def test_only_what_is_looked_for_is_kept(write: Write) -> None:
    found = read_vectors(write(spelled(VECTORS, header=False)), ["the", "absent"])
    assert_same(found.vectors, {"the": VECTORS[0][1]})
    assert found.lines == 9


def test_values_of_other_words_are_not_looked_at(write: Write) -> None:
    assert read_vectors(write("a 1 2\nb x y\n"), ["a"]).lines == 2


def test_blank_lines_a_byte_order_mark_and_a_missing_line_end_are_no_vectors(write: Write) -> None:
    found = read_vectors(write("\ufeffa 1 2\n\n \nb 3 4"), ["a", "b"])
    assert_same(found.vectors, {"a": [1, 2], "b": [3, 4]})
    assert found.lines == 2


def test_words_that_are_not_utf_8_are_counted_and_passed_over(write: Write) -> None:
    found = read_vectors(write(b"a 1 2\nh\xe4user 3 4\nh\xc3\xa4user 5 6\n"), ["a", "häuser"])
    assert_same(found.vectors, {"a": [1, 2], "häuser": [5, 6]})
    assert (found.lines, found.undecodable) == (3, 1)


def test_a_word_of_digits_stands_in_the_first_line(write: Write) -> None:
    assert_same(read_vectors(write("5 1 2\na 3 4\n"), ["5"]).vectors, {"5": [1, 2]})


MISTAKES = {
    "a 1 2\nb 1\n": "vectors.txt, line 2: a line must have 2 values, as many as the first one says (received 1 in "
    "'b 1'); this line or the first one is damaged: fetch the file again",
    "a 1 2\nb 1 2 3\n": "vectors.txt, line 2: a line must have 2 values, as many as the first one says (received 3 in "
    "'b 1 2 3'); this line or the first one is damaged: fetch the file again",
    "2 2\nb 1 2\na 1\n": "vectors.txt, line 3: a line must have 2 values, as many as the first one says (received 1 in "
    "'a 1'); this line or the first one is damaged: fetch the file again",
    "b 1 2\na 1 x\n": "vectors.txt, line 2: the values of a word vector must be finite numbers (received 'x'); is the "
    "file damaged?",
    "b 1 2\na 1 1_0\n": "vectors.txt, line 2: the values of a word vector must be finite numbers (received '1_0'); is "
    "the file damaged?",
    "a 1 nan\n": "vectors.txt, line 1: the values of a word vector must be finite numbers (received 'nan'); is the "
    "file damaged?",
    "a -inf 1\n": "vectors.txt, line 1: the values of a word vector must be finite numbers (received '-inf'); is the "
    "file damaged?",
    "a 1 1e39\n": "vectors.txt, line 1: the values of a word vector must be finite numbers (received '1e39'); is the "
    "file damaged?",
    "3 2\na 1 2\nb 1 2\n": "vectors.txt: a file must have as many vectors as its first line says (received 2 of 3); "
    "was it cut off? fetch it again",
    "3 0\n": "vectors.txt, line 1: a vector must have at least one value (received '3 0')",
    "": "vectors.txt, line 1: a line must hold a word and its values, with one space before each value (received ''); "
    "word vectors are read as GloVe and word2vec write them as text",
    "a\t1\t2\n": "vectors.txt, line 1: a line must hold a word and its values, with one space before each value "
    "(received 'a\\t1\\t2'); word vectors are read as GloVe and word2vec write them as text",
    "\0\0": "vectors.txt: word vectors must be text (received NUL); is it binary, or UTF-16?",
    "PK\x03\x04rest": "vectors.txt: a file of word vectors must be text, or packed by gzip and named .gz (received a "
    "zip archive); unpack it",
}


@pytest.mark.parametrize("text", MISTAKES)
def test_mistakes_are_told_with_file_and_line(write: Write, text: str) -> None:
    assert refusal(write(text)) == MISTAKES[text]


def test_the_binary_form_of_word2vec_is_known(write: Write) -> None:
    values = np.array([0.1, -0.2, 0.3], np.float32).tobytes()
    told = refusal(write(b"2 3\na " + values + b"\nb " + values + b"\n", name="GoogleNews.bin"))
    assert told.startswith("GoogleNews.bin: word vectors must be text (received word2vec's binary form); write it as ")


def test_packed_files_are_whole_and_named_so(write: Write) -> None:
    packed = gzip.compress(b"a 1 2\n" * 1000)
    assert "received gzip data); unpack it" in refusal(write(packed))
    for broken in (packed[:-12], b"a 1 2\n", b"", packed[:20] + b"\0\0\0\0" + packed[24:]):
        told = refusal(write(broken, name="vectors.gz"))
        assert told.startswith("vectors.gz"), told


def test_what_cannot_be_opened_is_named(tmp_path: Path) -> None:
    assert refusal(tmp_path / "none.txt").startswith(
        "none.txt: the file of word vectors must be readable (received No "
    )
    assert "must be readable (received Is a directory" in refusal(tmp_path)


def test_a_pipe_is_refused_before_it_is_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for place in (tmp_path, tmp_path / "pipe"):
        with pytest.raises(UserError, match="must lie in a regular file"):
            look_up(place, Vocabulary(("the",)), tmp_path / "cache")


@given(st.binary(max_size=300), st.sampled_from(["", ".gz"]), st.sampled_from([b"", b"2 2\n", b"a 1 2\n"]))
@settings(max_examples=300, deadline=None)
def test_no_bytes_end_in_a_traceback(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, ending: str, beginning: bytes
) -> None:
    file = tmp_path_factory.getbasetemp() / f"vectors{ending}"
    whole = beginning + content
    for written in (whole, gzip.compress(whole)):
        file.write_bytes(written)
        with suppress(UserError):
            found = read_vectors(file, ["a", "1", "", "0"])
            assert all(math.isfinite(value) for vector in found.vectors.values() for value in vector)
