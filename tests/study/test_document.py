"""YAML 1.2, strictly: what other readers guess at is taken as written, and what could hurt is refused."""

from pathlib import Path

import pytest

from unroll.contract import UserError
from unroll.study._document import parse_document, read_document


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 0.001),
        ("2.5e+2", 250.0),
        ("no", "no"),
        ("on", "on"),
        ("12:30:45", "12:30:45"),
        ("2026-01-31", "2026-01-31"),
        ("010", 10),
        ("200_000", 200_000),
        ("true", True),
        ("~", None),
        ("'1'", "1"),
        (".inf", float("inf")),
        ("[1, [a, {b: c}]]", [1, ["a", {"b": "c"}]]),
        ("", None),
    ],
)
def test_values_mean_what_they_mean_in_yaml_1_2(text: str, value: object) -> None:
    data = parse_document(text.encode(), "f").data
    assert data == value
    assert type(data) is type(value)


def test_a_byte_order_mark_is_no_content() -> None:
    assert parse_document(b"\xef\xbb\xbfa: 1", "f").data == {"a": 1}


def test_every_value_knows_its_line() -> None:
    document = parse_document(b"a:\n  b.c: [1,\n    {d: 2}]\n", "f")
    assert document.where(("a", "b.c", 1, "d")) == "f:3: a.b.c[1].d"
    assert document.where(("a", "absent")) == "f:1: a.absent"
    assert document.where(()) == "f"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"a: 1\nb: 2\na: 3\n", "f:3: a key may stand only once (received 'a'); first in line 1"),
        (b"x:\n  a: 1\n  a: 1\n", "f:3: a key may stand only once (received 'a'); first in line 2"),
        (b"a: &x 1\nb: *x\n", "f:1: an anchor (&name) is not allowed: write the value out"),
        (b"a: *x\n", "f:1: an alias (*name) is not allowed: write the value out"),
        (
            b"a:\n  !!python/object/apply:os.system [id]\n",
            "f:2: a tag (!name) is not allowed: a study holds plain values only",
        ),
        (b"a: !!str 1\n", "f:1: a tag (!name) is not allowed: a study holds plain values only"),
        (b"%YAML 1.1\n---\na: no\n", "f:1: a directive (%) is not allowed: studies are YAML 1.2"),
        (
            b"question: Gates: do they help?\n",
            "f:1: not valid YAML: mapping values are not allowed here; quote a text that holds a colon: "
            "question: 'Gates: do they help?'",
        ),
        (
            b"a:\n\tb: 1\n",
            "f:2: not valid YAML: found character '\\t' that cannot start any token; indent with blanks, not with tabs",
        ),
        (
            b'a: "\\ud800"\n',
            "f:1: text must be whole characters, without half of a surrogate pair (received '\\ud800')",
        ),
        (
            b'"\\udfff": 1\n',
            "f:1: text must be whole characters, without half of a surrogate pair (received '\\udfff')",
        ),
        (b"a:\n- 1" + b"0" * 5000, f"f:2: a whole number must fit into 64 bits (received '1{'0' * 55}...)"),
        (b"a: 18446744073709551616", "f:1: a whole number must fit into 64 bits (received '18446744073709551616')"),
        (b"a: 1\n---\nb: 1\n", "f:2: not valid YAML: but found another document"),
        (b"a: [1\n", "f:2: not valid YAML: expected ',' or ']', but got '<stream end>'"),
        (b"[1]: 2\n", "f:1: a key must be text"),
        (b"\n\ncaf\xe9: 1\n", "f:3: must be UTF-8 text (received byte 0xe9 at offset 5)"),
        (b"#" * 70_000, "f: must be at most 64 KiB (received 70000 bytes)"),
    ],
)
def test_what_is_refused_is_refused_with_its_line(content: bytes, told: str) -> None:
    with pytest.raises(UserError) as raised:
        parse_document(content, "f")
    assert str(raised.value) == told


def test_a_bomb_of_aliases_is_refused_before_it_grows() -> None:
    levels = [b"a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    levels += [b"a%d: &a%d [%s]" % (n, n, b", ".join([b"*a%d" % (n - 1)] * 10)) for n in range(1, 12)]
    with pytest.raises(UserError, match="an anchor"):
        parse_document(b"\n".join(levels), "f")


@pytest.mark.parametrize("content", [b"[" * 60_000, b"{a: " * 15_000, b"- " * 30_000, b"? " * 30_000])
def test_deep_nesting_is_refused_at_once(content: bytes) -> None:
    with pytest.raises(UserError, match="f:1: must be nested at most 20 deep"):
        parse_document(content, "f")


@pytest.mark.parametrize("content", [b"a: \x00", b"a: \x1b[31m", b"\xff\xfea", b"\t", b"{", b"'", b"a: 'b\n", b"@"])
def test_junk_is_refused_with_its_place(content: bytes) -> None:
    with pytest.raises(UserError, match=r"^f(:\d+)?: "):
        parse_document(content, "f")


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="the study file cannot be read"):
        read_document(tmp_path)
