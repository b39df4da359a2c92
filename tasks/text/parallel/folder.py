"""Which files of a folder hold which split of parallel text: two for each, which differ in the language's ending."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from tasks.text.lines import refusing_unreadable
from tasks.text.splits import SPLITS, known_names, refuse_two_splits, splits_of_name
from unroll.contract import UserError

_SHOWN: Final = 6
"""Most names that an error lists."""


def find_pairs(path: Path, sides: Mapping[str, str], chosen: Mapping[str, str | None]) -> dict[str, Path]:
    """Files by split and side: ``train source``. The only two files of a folder are yet to be split: ``all source``.

    Args:
        path: a folder with ``train.de`` and ``train.en``, say, each perhaps packed (``.gz``).
        sides: what the names of each side's files end in, without the dot: ``{"source": "de", "target": "en"}``.
        chosen: for each split the name of its files without the ending; None: known by a part of the name.

    Raises:
        UserError: there is no folder, a split does not have exactly one file for each side, or a name names two splits.
    """
    with refusing_unreadable(path):
        if not path.is_dir():
            raise UserError(
                "parallel text must be a folder with two files for each split",
                where=str(path),
                received="a file" if path.exists() else "nothing",
                advice="set data.path to the folder",
            )
        files = sorted(file for file in path.iterdir() if file.is_file() and not file.name.startswith("."))
    found = {side: _by_name(path, files, ending) for side, ending in sides.items()}
    names = {name: file for named in found.values() for name, file in named.items()}
    for side, ending in sides.items():
        if not found[side]:
            raise UserError(
                f"the folder must hold files of the {side} language, whose names end in .{ending}",
                where=str(path),
                received=_list([file.name for file in files]),
                advice=f"set data.{side} to what their names end in",
            )
    free = [name for name in names if name not in chosen.values()]
    refuse_two_splits(path, {names[name]: splits_of_name(name) for name in free})
    if len(names) == 1 and not splits_of_name(*names) and not any(chosen.values()):
        wanted = {"all": next(iter(names))}
    else:
        wanted = {split: chosen[split] or _only(path, split, free) for split in SPLITS}
    return {
        f"{split} {side}": _of_side(path, name, side, ending, found)
        for split, name in wanted.items()
        for side, ending in sides.items()
    }


def endings(path: Path | None) -> list[str]:
    """What the names of a folder's files end in, ``.gz`` aside, without the dot; none where there is no folder."""
    if path is None or not path.is_dir():
        return []
    names = [file.name.removesuffix(".gz") for file in path.iterdir() if file.name[0] != "."]
    return sorted({Path(name).suffix[1:] for name in names if Path(name).suffix})


def _by_name(folder: Path, files: Sequence[Path], ending: str) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for file in files:
        name = file.name.removesuffix(".gz")
        if not name.endswith(f".{ending}"):
            continue
        name = name.removesuffix(f".{ending}")
        if name in found:
            rule, advice = "a text must be there once, packed or not", "move one of them to another folder"
            raise UserError(rule, where=str(folder), received=f"{found[name].name}, {file.name}", advice=advice)
        found[name] = file
    return found


def _only(folder: Path, split: str, names: Sequence[str]) -> str:
    """The one name that names a split."""
    of_split = [name for name in names if splits_of_name(name) == (split,)]
    if len(of_split) == 1:
        return of_split[0]
    raise UserError(
        f"a folder must hold one {split} text for each language, known by a part of its name",
        where=str(folder),
        received=_list(of_split) if of_split else f"none among {_list(names)}",
        advice=f"choose one: data.{split}={of_split[0]}"
        if of_split
        else f"set data.{split} to a file's name without the language's ending (known are {known_names()})",
    )


def _of_side(folder: Path, name: str, side: str, ending: str, found: Mapping[str, Mapping[str, Path]]) -> Path:
    if name in found[side]:
        return found[side][name]
    others = [file.name for other in found.values() for each, file in other.items() if each == name]
    if others:
        rule, advice = "a text must be there in both languages", f"add {name}.{ending}, or {name}.{ending}.gz"
        raise UserError(rule, where=str(folder), received=f"{others[0]} alone", advice=advice)
    raise UserError(
        f"the folder must hold {name}.{ending}, perhaps with .gz behind it",
        where=str(folder),
        received=_list(sorted(found[side])),
        advice="names are given without the language's ending",
    )


def _list(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more if names else "none"
