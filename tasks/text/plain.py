"""Plain text: one file that is split, or a folder with a file for each split."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tasks.text.cache import Prepared, cached, hash_file
from tasks.text.corpus import SPLITS, TokenCorpus
from tasks.text.lines import DEFAULT_ENCODING, is_packed, read_lines, refusing_unreadable
from tasks.text.streams import Level, prepare_streams
from tasks.text.vocabulary import EOS
from unroll.contract import UserError

_VERSION: Final = 1
"""Raised when the same files and options give another corpus."""
_STEMS: Final = {
    "train": frozenset({"train", "training"}),
    "validation": frozenset({"validation", "valid", "val", "dev", "development"}),
    "test": frozenset({"test", "testing"}),
}


def read_plain(
    path: Path,
    *,
    level: Level,
    encoding: str,
    validation_fraction: float,
    test_fraction: float,
    vocabulary_size: int | None,
    minimum_count: int,
    cache: Path,
) -> TokenCorpus:
    """A corpus of plain text; tokens are those of :func:`~tasks.text.streams.tokenize`.

    Args:
        path: a file, whose lines are split in their order (training, validation, test), or a folder with one file
            for each split, known by a part of its name: ``ptb.train.txt``, ``valid.txt.gz``, ``en.test``.
        level: what a token is.
        encoding: of all files; a name of Python.
        validation_fraction: share of the lines of a single file that is validation text.
        test_fraction: share of the lines of a single file, its last ones, that is test text.
        vocabulary_size: most words to keep, ``<eos>`` and ``<unk>`` included; None keeps all.
        minimum_count: words that the training text has less often become ``<unk>``.
        cache: folder of prepared texts.

    Raises:
        UserError: a file is missing or malformed (names file, line and byte), or a split has no token.
    """
    files = find_files(path)
    fractions = (validation_fraction, test_fraction) if "all" in files else None
    hashes = {split: _hash(file) for split, file in files.items()}
    options = {"level": level, "vocabulary_size": vocabulary_size, "minimum_count": minimum_count}

    def build() -> Prepared:
        lines = {split: _read(file, hashes[split], encoding, level) for split, file in files.items()}
        if fractions is not None:
            lines = split_lines(lines["all"], *fractions)
        return prepare_streams(
            lines,
            level=level,
            vocabulary_size=vocabulary_size,
            minimum_count=minimum_count,
            where=str(path),
            doubt="" if encoding == DEFAULT_ENCODING else f"is the text really {encoding} (data.encoding)?",
        )

    # Not the bytes alone: a name that ends in .gz changes how they are read.
    sources = {split: {"sha256": hashes[split], "packed": is_packed(file)} for split, file in files.items()}
    content = {"reader": "plain", "version": _VERSION, "encoding": encoding, "files": sources, "fractions": fractions}
    return cached(cache, {**content, **options}, build)


def find_files(path: Path) -> dict[str, Path]:
    """Files by split; a single file, which is yet to be split, is called ``all``.

    Raises:
        UserError: nothing is there, or not exactly one file for each split.
    """
    with refusing_unreadable(path):
        if path.is_file():
            return {"all": path}
        if path.is_dir():
            files = sorted(file for file in path.iterdir() if file.is_file() and not file.name.startswith("."))
            return {split: _only(path, split, [file for file in files if _belongs(file, split)]) for split in SPLITS}
    raise UserError("the corpus must exist", where=str(path), advice="set data.path to a text file or a folder")


def split_lines(lines: Sequence[str], validation_fraction: float, test_fraction: float) -> dict[str, Sequence[str]]:
    """Three runs of neighbouring lines: training, then validation, then test."""
    test = round(len(lines) * test_fraction)
    validation = round(len(lines) * validation_fraction)
    train = len(lines) - validation - test
    return {
        "train": lines[:train],
        "validation": lines[train : train + validation],
        "test": lines[train + validation :],
    }


def _belongs(file: Path, split: str) -> bool:
    return not _STEMS[split].isdisjoint(re.split(r"[^a-z]+", file.name.lower()))


def _only(folder: Path, split: str, files: Sequence[Path]) -> Path:
    if len(files) == 1:
        return files[0]
    raise UserError(
        f"a folder must hold exactly one {split} file, known by a part of its name",
        where=str(folder),
        received=", ".join(file.name for file in files) or "none",
        advice=f"name it {split}.txt, or set data.path to a single file, which is split by lines",
    )


def _read(file: Path, checksum: str, encoding: str, level: Level) -> Sequence[str]:
    lines = read_lines(file, encoding)
    if _hash(file) != checksum:
        raise UserError("a file must not change while it is read", where=str(file), advice="run the command again")
    if level == "word":
        _refuse_marks(file, lines)
    return lines


def _hash(file: Path) -> str:
    with refusing_unreadable(file):
        return hash_file(file)


def _refuse_marks(file: Path, lines: Sequence[str]) -> None:
    """Refuse a text that brings its own end marks: every line would end twice."""
    for number, line in enumerate(lines, start=1):
        if EOS in line and EOS in line.split():
            raise UserError(
                f"the text must not hold the word {EOS}, which is added to every line",
                where=f"{file}, line {number}",
                advice="remove it",
            )
