"""From the files of a corpus to the tables of its inspection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any, Final, Protocol, cast

from tasks.text.inspection import forms
from tasks.text.inspection.item import Item
from tasks.text.inspection.oddities import doubtful_things, odd_things
from tasks.text.inspection.tables import label_rows, length_rows, split_rows
from tasks.text.inspection.tags import odd_tags
from tasks.text.lines import read_lines
from tasks.text.splits import SPLITS, split_items, split_line
from unroll.contract import Inspection, UserError

FORMS: Final = tuple(sorted(module.name for module in iter_modules(forms.__path__)))
"""Forms that can be read: the modules of ``tasks/text/inspection/forms``."""

Sides = Mapping[str, Mapping[str, Path]]
"""Name of a side (one language of parallel text; empty where there is one side) -> split -> file."""


class Form(Protocol):
    """What a module of ``tasks/text/inspection/forms`` offers."""

    ENDING: str
    """What the names of a folder's files end in."""
    BETWEEN: bool
    """Whether blank lines stand between sentences."""
    IN_ORDER: bool
    """Whether a study cuts a single file in its order; else it shuffles first, and an inspection looks at the whole."""

    ENTITIES: bool
    """Whether labels may be the tags of entities, each word on a line of its own."""

    def read(self, lines: Sequence[str], where: str, options: Mapping[str, Any]) -> list[Item]:
        """The sentences of a file.

        Raises:
            UserError: the lines break the form.
        """


def load_form(name: str) -> Form:
    """The module that reads a form, one of :data:`FORMS`."""
    return cast("Form", import_module(f"{forms.__name__}.{name}"))


def inspect_files(sides: Sides, form: str, options: Mapping[str, Any]) -> Inspection:
    """Read every file and describe it.

    Args:
        sides: the files; a split ``all`` is one that is yet to be split.
        form: one of :data:`FORMS`.
        options: settings of the ``data`` section: encoding, fractions of a single file, columns.

    Raises:
        UserError: a file is missing or malformed, or the sides of parallel text differ in their lines.
    """
    encoding = str(options.get("encoding", "utf-8"))
    lines = {file: read_lines(file, encoding) for files in sides.values() for file in files.values()}
    _refuse_uneven(sides, lines)
    module = load_form(form)
    cut = options if module.IN_ORDER else {}
    items = {file: module.read(lines[file], str(file), options) for files in sides.values() for file in files.values()}
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
                *odd_things(file, encoding, found, between=module.BETWEEN),
                *doubtful_things(file, items[file], labelled=not module.BETWEEN),
            )
        ]
        + (odd_tags(items, options) if module.ENTITIES else []),
    )


def _split(found: Mapping[str, Sequence[Item]], options: Mapping[str, Any]) -> dict[str, Sequence[Item]]:
    """Cut a single file as a study does, if the options say how; else it stays whole."""
    if "all" in found and {"validation_fraction", "test_fraction"} <= options.keys():
        fractions = options["validation_fraction"], options["test_fraction"]
        if len(whole := found["all"]) == 1:
            cut = split_line(" ".join(whole[0].words), str(options.get("level", "word")), *fractions)
            return {split: [Item(tuple(line.split())) for line in lines] for split, lines in cut.items()}
        return split_items(whole, *fractions)
    return {split: found[split] for split in (*SPLITS, "all") if split in found}


def _refuse_uneven(sides: Sides, lines: Mapping[Path, Sequence[str]]) -> None:
    first, *others = sides.values()
    for files in others:
        for split, file in files.items():
            one, other = len(lines[first[split]]), len(lines[file])
            if one != other:
                rule = "parallel files must have equally many lines"
                raise UserError(rule, where=str(file), received=f"{other} against {one} of {first[split].name}")


def _refuse_empty(splits: Mapping[str, Sequence[Item]], sides: Sides) -> None:
    for split, items in splits.items():
        if not items:
            file = next(iter(next(iter(sides.values())).values()))
            raise UserError(f"the {split} text must have a sentence", where=str(file.parent))
