"""Which file of a corpus belongs to which split."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any, Final, TypeVar

from tasks.text.corpus import SPLITS
from tasks.text.lines import is_packed, read_lines, refusing_unreadable
from tasks.text.store import hash_file
from unroll.contract import UserError, derive_seed

ItemT = TypeVar("ItemT")

_STEMS: Final = {
    "train": frozenset({"train", "training"}),
    "validation": frozenset({"validation", "valid", "val", "dev", "development"}),
    "test": frozenset({"test", "testing"}),
}


def find_files(path: Path, *, ending: str = "", optional: Collection[str] = ()) -> dict[str, Path]:
    """Files by split; a single file, which is yet to be split, is called ``all``.

    Args:
        path: a file, or a folder with one file for each split, known by a part of its name: ``ptb.train.txt``,
            ``valid.txt.gz``, ``en.test``.
        ending: what the name of a folder's file must end with, ``.gz`` aside; others are left alone.
        optional: splits that a folder may lack.

    Raises:
        UserError: nothing is there, or not exactly one file for each split.
    """
    with refusing_unreadable(path):
        if path.is_file():
            return {"all": path}
        if path.is_dir():
            files = sorted(file for file in path.iterdir() if file.is_file() and not file.name.startswith("."))
            files = [file for file in files if file.name.removesuffix(".gz").endswith(ending)]
            wanted = [
                split for split in SPLITS if split not in optional or any(_belongs(file, split) for file in files)
            ]
            return {split: _only(path, split, files, ending or ".txt") for split in wanted}
    raise UserError("the corpus must exist", where=str(path), advice="set data.path to a text file or a folder")


def name_sources(files: Mapping[str, Path]) -> dict[str, str]:
    """For each split the file that its text comes from, whatever :func:`find_files` found, as errors call it."""
    whole = files["all"] if "all" in files else files["train"]
    return {split: str(files.get(split, whole)) for split in SPLITS}


def split_items(items: Sequence[ItemT], validation_fraction: float, test_fraction: float) -> dict[str, Sequence[ItemT]]:
    """Three runs of neighbouring lines or sentences: training, then validation, then test."""
    test = round(len(items) * test_fraction)
    validation = round(len(items) * validation_fraction)
    train = len(items) - validation - test
    return {
        "train": items[:train],
        "validation": items[train : train + validation],
        "test": items[train + validation :],
    }


def keep_first(splits: Mapping[str, Sequence[ItemT]], training_sentences: int | None) -> dict[str, Sequence[ItemT]]:
    """The splits with at most so many lines of training text, its first ones: they go on from each other; None: all."""
    return {**splits, "train": splits["train"][:training_sentences]}


def keep_some(splits: Mapping[str, Sequence[ItemT]], training_sentences: int | None) -> dict[str, Sequence[ItemT]]:
    """The splits with at most so many training sentences, drawn once for all, in their order; None: all.

    Many a file is sorted by its labels or its genres. Fewer sentences are some of more.
    """
    if training_sentences is None:
        return dict(splits)
    places = list(range(len(splits["train"])))
    Random(derive_seed("training sentences")).shuffle(places)  # noqa: S311 - no secret
    return {**splits, "train": [splits["train"][place] for place in sorted(places[:training_sentences])]}


def describe_file(file: Path) -> dict[str, Any]:
    """What the content of a file is known by: not its bytes alone, for a name that ends in .gz changes their meaning.

    Raises:
        UserError: the file cannot be read.
    """
    with refusing_unreadable(file):
        return {"sha256": hash_file(file), "packed": is_packed(file)}


def read_unchanged(file: Path, described: dict[str, Any], encoding: str) -> list[str]:
    """Lines of a file that is still what :func:`describe_file` gave.

    Raises:
        UserError: the file cannot be read, is not text in this encoding, or was changed meanwhile.
    """
    lines = read_lines(file, encoding)
    if describe_file(file) != described:
        raise UserError("a file must not change while it is read", where=str(file), advice="run the command again")
    return lines


def _belongs(file: Path, split: str) -> bool:
    return not _STEMS[split].isdisjoint(re.split(r"[^a-z]+", file.name.lower()))


def _only(folder: Path, split: str, files: Sequence[Path], ending: str) -> Path:
    found = [file for file in files if _belongs(file, split)]
    if len(found) == 1:
        return found[0]
    raise UserError(
        f"a folder must hold exactly one {split} file, known by a part of its name",
        where=str(folder),
        received=", ".join(file.name for file in found) or "none",
        advice=f"name it {split}{ending}, or set data.path to a single file, which is split by lines",
    )
