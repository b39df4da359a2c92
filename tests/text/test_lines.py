import gzip
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.text.lines import canonical_encoding, read_lines
from unroll.contract import UserError


def written(folder: Path, content: bytes, name: str = "text.txt") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        (b"a b\nc\n", "utf-8"),
        (b"a b\nc", "utf-8"),
        (b"a b\r\nc\r\n", "utf-8"),
        (b"\xef\xbb\xbfa b\nc\n", "utf-8"),
        ("a b\nc\n".encode("utf-16"), "utf-16"),
        ("\ufeffa b\nc\n".encode("utf-16-le"), "utf-16-le"),
        ("a b\nc\n".encode("utf-32"), "utf-32"),
        (b"a b\nc\n", "iso8859-1"),
    ],
)
def test_line_ends_and_byte_order_marks_are_no_text(tmp_path: Path, content: bytes, encoding: str) -> None:
    assert read_lines(written(tmp_path, content), encoding) == ["a b", "c"]


def test_what_unicode_calls_a_line_break_stays_in_its_line(tmp_path: Path) -> None:
    text = "a\u2028b\u2029c\x85d\x0be\x0cf\x1cg"
    assert len(text.splitlines()) == 7
    assert read_lines(written(tmp_path, text.encode()), "utf-8") == [text]


def test_gzip_is_unpacked(tmp_path: Path) -> None:
    assert read_lines(written(tmp_path, gzip.compress(b"a\nb\n"), "text.txt.gz"), "utf-8") == ["a", "b"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "text.txt: a text must not be empty"),
        (b"\xef\xbb\xbf", "text.txt: a text must not be empty"),
        (
            b"one\ntwo\xf0 three\n",
            "text.txt, line 2, byte 7: the text must be utf-8 (received byte 0xF0); "
            "set data.encoding to the file's encoding, for instance latin-1",
        ),
        (
            "one\n".encode("utf-16"),
            "text.txt, byte 0: the text must be utf-8 (received the byte-order mark of utf-16); "
            "set data.encoding=utf-16",
        ),
        (
            "one\n".encode("utf-32"),
            "text.txt, byte 0: the text must be utf-8 (received the byte-order mark of utf-32); "
            "set data.encoding=utf-32",
        ),
        (
            b"one\ntw\0o\n",
            r"text.txt, line 2, character 3: NUL is no text (received '\x00'); "
            "is it a binary file, or UTF-16 (data.encoding=utf-16)?",
        ),
        (
            b"one\ntwo\rthree\r\n",
            r"text.txt, line 2, character 4: lines must end with \n or \r\n (received '\r'); replace each lone \r",
        ),
    ],
)
def test_what_is_not_clearly_text_is_refused_with_its_place(tmp_path: Path, content: bytes, message: str) -> None:
    path = written(tmp_path, content)
    with pytest.raises(UserError) as caught:
        read_lines(path, "utf-8")
    assert str(caught.value) == f"{tmp_path}/{message}"


@pytest.mark.parametrize(
    ("encoding", "where"), [("utf-8", "line 1, byte 1, and 2 more lines"), ("utf-16-le", "line 2, byte 8")]
)
def test_lines_that_are_no_text_are_counted(tmp_path: Path, encoding: str, where: str) -> None:
    wide = "ab\na".encode("utf-16-le") + b"\x00\xd8" if encoding != "utf-8" else b""
    path = written(tmp_path, wide or b"a\xf0 \xf0\n\xc3\xa4\n\xf0\nb\n\xe9\n")
    with pytest.raises(UserError) as caught:
        read_lines(path, encoding)
    assert str(caught.value).startswith(f"{path}, {where}: the text must be {encoding} (received byte 0x")


def test_a_line_is_counted_in_the_encoding_of_the_file(tmp_path: Path) -> None:
    path = written(tmp_path, "one\ntwo\n".encode("utf-16-be") + b"\xd8")
    with pytest.raises(UserError, match="line 3, byte 16"):
        read_lines(path, "utf-16-be")


@pytest.mark.parametrize(
    "content", [b"plain text", gzip.compress(b"a\n" * 99, mtime=0)[:-9], b"", b"\x1f\x8b\x08\x00broken....."]
)
def test_broken_gzip_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(UserError, match=r"text\.gz: "):
        read_lines(written(tmp_path, content, "text.gz"), "utf-8")


@settings(deadline=None, max_examples=200)
@given(st.text(st.one_of(st.sampled_from("ab \n\r\u2028\x85\x0b\0"), st.characters(codec="utf-8"))))
def test_lines_against_a_regular_expression(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = written(tmp_path_factory.mktemp("lines"), text.encode())
    body = text.removeprefix("\ufeff")
    if not body or "\0" in body or re.search(r"\r(?!\n)", body):
        with pytest.raises(UserError):
            read_lines(path, "utf-8")
    else:
        ends = re.findall(r"\r\n|\n", body)
        lines = re.split(r"\r\n|\n", body)
        assert read_lines(path, "utf-8") == (lines[:-1] if ends and not lines[-1] else lines)


@pytest.mark.parametrize(
    ("name", "expected"),
    [("UTF8", "utf-8"), ("utf-8-sig", "utf-8"), ("latin1", "iso8859-1"), ("utf-16", "utf-16"), ("utf_32", "utf-32")],
)
def test_an_encoding_has_one_name(name: str, expected: str) -> None:
    assert canonical_encoding(name) == expected


@pytest.mark.parametrize("name", ["", "utf-9", "hex", "rot13", "zip", "utf-7", "idna", "unicode_escape", "a\0b", "ü"])
def test_what_is_no_encoding_of_text_files_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="must be a text encoding that Python knows, such as utf-8"):
        canonical_encoding(name)
