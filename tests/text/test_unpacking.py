"""A small file that unpacks to gigabytes is given up on, by every reader; what is packed well is read."""

from __future__ import annotations

import gzip
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tasks.agreement.data import AgreementData
from tasks.agreement.data import load as load_agreement
from tasks.text.embeddings.lookup import look_up
from tasks.text.inspection import inspect_files
from tasks.text.labelled import LabelledData
from tasks.text.labelled import load as load_labelled
from tasks.text.lines import read_bytes
from tasks.text.running import TextData
from tasks.text.running import load as load_text
from tasks.text.tagged import TaggedData
from tasks.text.tagged import load as load_tagged
from tasks.text.unpacking import MOST_RATIO, SMALL, VARIABLE, allowance
from tasks.text.vocabulary import Vocabulary
from unroll.contract import UserError

READERS: dict[str, Callable[[Path], Any]] = {
    "text": lambda file: load_text(TextData(corpus="text", path=file), file.parent),
    "columns": lambda file: load_tagged(TaggedData(corpus="columns", path=file), file.parent),
    "conllu": lambda file: load_tagged(TaggedData(corpus="conllu", path=file), file.parent),
    "agreement": lambda file: load_agreement(AgreementData(corpus="conllu", path=file), file.parent),
    "label text": lambda file: load_labelled(LabelledData(corpus="label_text", path=file), file.parent),
    "csv": lambda file: load_labelled(LabelledData(corpus="csv", path=file), file.parent),
    "word vectors": lambda file: look_up(file, Vocabulary(("a", "b")), file.parent),
    "inspection": lambda file: inspect_files({"": {"all": file}}, "text", {}),
}


def bomb(file: Path, megabytes: int, line: bytes = b"a 1.0\n") -> Path:
    """Gzip data of so many equal megabytes, made a megabyte at a time."""
    packer, chunk = zlib.compressobj(9, zlib.DEFLATED, 31), (line * 2**20)[: 2**20]
    file.write_bytes(b"".join(packer.compress(chunk) for _ in range(megabytes)) + packer.flush())
    return file


@pytest.mark.parametrize("reader", READERS)
def test_every_reader_gives_up_on_a_bomb(reader: str, tmp_path: Path) -> None:
    file = bomb(tmp_path / "train.gz", 24)
    with pytest.raises(UserError) as caught:
        READERS[reader](file)
    told, packed = str(caught.value), file.stat().st_size
    assert told.startswith(
        f"{file}: a file named .gz must unpack to at most {SMALL:,} bytes (received {packed:,} bytes that are "
    )
    assert told.endswith(
        "unpacked, and more to come); is it damaged, or made to fill memory? else set UNROLL_MOST_UNPACKED to the "
        "bytes that it may have"
    )


def test_a_bomb_never_fills_memory(tmp_path: Path) -> None:
    file = bomb(tmp_path / "train.gz", 256)
    assert file.stat().st_size < 2**19
    tracemalloc.start()
    try:
        with pytest.raises(UserError, match="must unpack to at most"):
            read_bytes(file)
        assert tracemalloc.get_traced_memory()[1] < 5 * max(SMALL, MOST_RATIO * file.stat().st_size) / 2
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("members", [1, 3])
def test_whoever_knows_better_says_so(members: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = bomb(tmp_path / "train.gz", 24)
    file.write_bytes(file.read_bytes() * members)
    monkeypatch.setenv(VARIABLE, "100_000_000")
    assert len(read_bytes(file)) == 24 * 2**20 * members
    monkeypatch.setenv(VARIABLE, "1000")
    with pytest.raises(UserError, match="must unpack to at most 1,000 bytes"):
        read_bytes(file)


def test_what_is_not_far_beyond_its_size_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.text.unpacking.SMALL", 10)
    text = "".join(f"line {number}\n" for number in range(5000)).encode()
    file = tmp_path / "train.gz"
    file.write_bytes(gzip.compress(text))
    assert read_bytes(file) == text


@pytest.mark.parametrize("value", ["1e9", "-1", "0", "16GB", " 5"])
def test_a_limit_is_a_number_of_bytes(value: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = bomb(tmp_path / "train.gz", 1)
    monkeypatch.setenv(VARIABLE, value)
    with pytest.raises(UserError) as caught:
        read_bytes(file)
    assert str(caught.value) == f"UNROLL_MOST_UNPACKED: must be a whole number of bytes (received {value!r})"


@pytest.mark.parametrize(
    ("packed", "unpacked"), [(1, SMALL), (10**6, 2 * 10**8), (10**9, 2**33), (SMALL // MOST_RATIO, SMALL)]
)
def test_the_allowance_grows_with_the_size_up_to_an_end(packed: int, unpacked: int) -> None:
    assert allowance(packed) == unpacked
