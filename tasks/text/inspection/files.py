"""From the files of a corpus to the tables of its inspection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tasks.text.format import Sentence
from tasks.text.formats import build_format
from tasks.text.inspection.oddities import doubtful_things, odd_things
from tasks.text.inspection.pairs import odd_pairs
from tasks.text.inspection.tables import label_rows, length_rows, split_rows
from tasks.text.inspection.tags import odd_tags
from tasks.text.lines import read_lines
from tasks.text.parallel.doubts import uneven
from tasks.text.splits import SPLITS, split_items, split_line
from unroll.contract import Inspection, UserError

Sides = Mapping[str, Mapping[str, Path]]
"""Name of a side (one language of parallel text; empty where there is one side) -> split -> file."""


def inspect_files(sides: Sides, format_name: str, options: Mapping[str, Any]) -> Inspection:
    """Read every file and describe it.

    Args:
        sides: the files; a split ``all`` is one that is yet to be split.
        format_name: one of :data:`tasks.text.formats.FORMATS`.
        options: settings of the ``data`` section: encoding, fractions of a single file, columns.

    Raises:
        UserError: a file is missing or malformed, or the sides of parallel text differ in their lines.
    """
    encoding = str(options.get("encoding", "utf-8"))
    lines = {file: read_lines(file, encoding) for files in sides.values() for file in files.values()}
    together = _paired(sides)
    _refuse_uneven(together, lines)
    chosen = build_format(format_name, options)
    # Whole files first: what is refused does not depend on how a single one would be cut.
    items = {file: chosen.parse(found, str(file)) for file, found in lines.items()}
    if options.get("lowercase"):
        items = {
            file: [each._replace(words=tuple(map(str.lower, each.words))) for each in found]
            for file, found in items.items()
        }
    in_lines = chosen.labels in ("none", "sentence")
    # Without fractions `_split` leaves a single file whole.
    cut = {} if chosen.labels == "sentence" else options  # a study would shuffle them first
    corpora = {
        side: _split({split: items[file] for split, file in files.items()}, cut) for side, files in sides.items()
    }
    named = {f"{split} {side}".strip(): items for side, splits in corpora.items() for split, items in splits.items()}
    _refuse_empty(named, sides)
    return Inspection(
        splits=[row for side, splits in corpora.items() for row in split_rows(splits, side)],
        lengths=length_rows(named),
        labels=label_rows(named),
        oddities=[
            row
            for file, found in lines.items()
            for row in (
                *odd_things(file, encoding, found, between=not in_lines),
                *doubtful_things(file, items[file], labelled=in_lines),
            )
        ]
        + [row for files in together for row in odd_pairs(files, lines)]
        + (odd_tags(items, options) if chosen.labels == "entity" else []),
    )


def _split(found: Mapping[str, Sequence[Sentence]], options: Mapping[str, Any]) -> dict[str, Sequence[Sentence]]:
    """Cut a single file as a study does, if the options have its fractions; else it stays whole."""
    if "all" in found and {"validation_fraction", "test_fraction"} <= options.keys():
        fractions = options["validation_fraction"], options["test_fraction"]
        if len(whole := found["all"]) == 1:
            cut = split_line(" ".join(whole[0].words), str(options.get("level", "word")), *fractions)
            return {split: [Sentence(tuple(line.split())) for line in lines] for split, lines in cut.items()}
        return split_items(whole, *fractions)
    return {split: found[split] for split in (*SPLITS, "all") if split in found}


def _paired(sides: Sides) -> list[dict[str, tuple[Path, Path]]]:
    """For each side but the first, the files of each split of the first side and of this one."""
    first, *others = sides.values()
    return [{split: (first[split], file) for split, file in files.items()} for files in others]


def _refuse_uneven(together: Sequence[Mapping[str, tuple[Path, Path]]], lines: Mapping[Path, Sequence[str]]) -> None:
    for files in together:
        for one, other in files.values():
            if error := uneven(lines[one], lines[other], f"{one} and {other}"):
                raise error


def _refuse_empty(splits: Mapping[str, Sequence[Sentence]], sides: Sides) -> None:
    for split, items in splits.items():
        if not items:
            file = next(iter(next(iter(sides.values())).values()))
            raise UserError(f"the {split} text must have a sentence", where=str(file.parent))
