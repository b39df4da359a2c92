"""Which file of a corpus belongs to which split."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any, Final, TypeVar

from tasks.text.lines import is_packed, refuse_special, refusing_unreadable
from tasks.text.store import hash_file
from unroll.contract import UserError, derive_seed

ItemT = TypeVar("ItemT")

SPLITS: Final = ("train", "validation", "test")

_STEMS: Final = {
    "train": ("train", "training"),
    "validation": ("validation", "valid", "val", "dev", "devel", "development", "testa"),
    "test": ("test", "testing", "testb"),
}
"""Parts of names that name a split; ``testa`` and ``testb`` are those of the CoNLL shared tasks."""
_SHOWN: Final = 6
"""Most files of a folder that an error names."""


def find_files(path: Path, *, ending: str = "", optional: Collection[str] = ()) -> dict[str, Path]:
    """Files by split; a single file, which is yet to be split, is called ``all``.

    Args:
        path: a file, or a folder with one file for each split, known by a part of its name: ``ptb.train.txt``,
            ``valid.txt.gz``, ``eng.testb``.
        ending: what the name of a folder's file must end with, ``.gz`` aside; others are left alone.
        optional: splits that a folder may lack.

    Raises:
        UserError: nothing is there or what is neither file nor folder, a file's name names two splits, or there is not
            exactly one file for each split.
    """
    with refusing_unreadable(path):
        if path.is_file():
            return {"all": path}
        refuse_special(path, "the corpus must lie in regular files")
        if path.is_dir():
            files = sorted(file for file in path.iterdir() if file.is_file() and not file.name.startswith("."))
            found = {
                file: splits_of_name(file.name) for file in files if file.name.removesuffix(".gz").endswith(ending)
            }
            refuse_two_splits(path, found)
            wanted = [split for split in SPLITS if split not in optional or (split,) in found.values()]
            return {split: _only(path, split, found, ending or ".txt") for split in wanted}
    raise UserError("the corpus must exist", where=str(path), advice="set data.path to a text file or a folder")


def splits_of_name(name: str) -> tuple[str, ...]:
    """The splits that parts of a file's name name; one is right, none is some other file."""
    # A digit separates as a dot does: test2016 names the test text.
    parts = set(re.split(r"[^a-z]+", name.lower()))  # whole parts: "latest" and "trainee" name no split
    return tuple(split for split in SPLITS if not parts.isdisjoint(_STEMS[split]))


def name_sources(files: Mapping[str, Path]) -> dict[str, str]:
    """For each split the file that its text comes from, as errors call it."""
    whole = files["all"] if "all" in files else files["train"]
    return {split: str(files.get(split, whole)) for split in SPLITS}


def skipped_files(path: Path, files: Mapping[str, Path]) -> list[str]:
    """A folder's files that end like those of its splits, but belong to none by their names, so that they are not read.

    Args:
        path: what :func:`find_files` looked at.
        files: what it found.
    """
    if not path.is_dir():
        return []
    endings = {_ending(file) for file in files.values()}
    others = sorted(set(path.iterdir()).difference(files.values()))
    return [
        each.name
        for each in others
        if each.is_file() and each.name[0] != "." and _ending(each) in endings and not splits_of_name(each.name)
    ]


def _ending(file: Path) -> str:
    return Path(file.name.removesuffix(".gz")).suffix


def split_items(items: Sequence[ItemT], validation_fraction: float, test_fraction: float) -> dict[str, Sequence[ItemT]]:
    """Three runs of neighbouring lines or sentences: training, then validation, then test."""
    test = round(len(items) * test_fraction)
    validation = round(len(items) * validation_fraction)
    train = len(items) - validation - test  # whatever rounding left
    return {
        "train": items[:train],
        "validation": items[train : train + validation],
        "test": items[train + validation :],
    }


def split_line(line: str, level: str, validation_fraction: float, test_fraction: float) -> dict[str, Sequence[str]]:
    """Three runs of the words, or of the characters, of a text without line ends (text8): one line each, if any."""
    if level == "character":
        texts = {split: "".join(run) for split, run in split_items(line, validation_fraction, test_fraction).items()}
    else:
        texts = {
            split: " ".join(run) for split, run in split_items(line.split(), validation_fraction, test_fraction).items()
        }
    return {split: [text] if text else [] for split, text in texts.items()}


def only_line(lines: Sequence[str]) -> str | None:
    """The one line of a text that is not blank; None where there are more, or none."""
    found = list(islice((line for line in lines if line.strip()), 2))
    return found[0] if len(found) == 1 else None


def keep_some(splits: Mapping[str, Sequence[ItemT]], training_sentences: int | None) -> dict[str, Sequence[ItemT]]:
    """The splits with at most so many training sentences, drawn once for all, in their order; None: all.

    Many a file is sorted by its labels or its genres. Fewer sentences are some of more.
    """
    if training_sentences is None:
        return dict(splits)
    # A prefix of one fixed permutation: a smaller part is in every larger one.
    places = list(range(len(splits["train"])))
    # No seed of a trial: all trials of a study learn from the same sentences.
    Random(derive_seed("training sentences")).shuffle(places)  # noqa: S311 - no secret
    return {**splits, "train": [splits["train"][place] for place in sorted(places[:training_sentences])]}


def describe_file(file: Path, what: str = "corpus") -> dict[str, Any]:
    """What the content of a file is known by: not its bytes alone, for a name that ends in .gz changes their meaning.

    Args:
        file: to be read.
        what: what errors call it.

    Raises:
        UserError: the file cannot be read.
    """
    with refusing_unreadable(file, what):
        return {"sha256": hash_file(file), "packed": is_packed(file)}


def refuse_two_splits(folder: Path, found: Mapping[Path, tuple[str, ...]]) -> None:
    """``train_dev.tsv`` may hold both texts or one of them.

    Args:
        folder: in which the files are.
        found: the splits that each file's name names.

    Raises:
        UserError: a name names two.
    """
    if double := [file for file, splits in found.items() if len(splits) > 1]:
        files = double + [file for file, splits in found.items() if len(splits) == 1]
        raise UserError(
            "each file of a folder must be one split's by its name",
            where=str(folder),
            received=", ".join(f"{file.name}: {' and '.join(found[file])}" for file in files[:_SHOWN]),
            advice=f"move {double[0].name} to another folder, or give it the name of one split: {known_names()}",
        )


def _only(folder: Path, split: str, found: Mapping[Path, tuple[str, ...]], ending: str) -> Path:
    files = [file for file, splits in found.items() if splits == (split,)]
    if len(files) == 1:
        return files[0]
    names = [file.name for file in files or found]
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN and not files else ""
    received = ", ".join(names if files else names[:_SHOWN]) + more
    raise UserError(
        f"a folder must hold exactly one {split} file, known by a part of its name",
        where=str(folder),
        received=received if files else f"none among {received}" if found else "none",
        advice=f"name it {split}{ending}, or a link to it (known are {known_names()}), or set data.path to a single "
        "file, which is split by lines",
    )


def known_names() -> str:
    """The parts of names that name a split, as errors list them."""
    return "; ".join(f"{split}: {', '.join(stems)}" for split, stems in _STEMS.items())
