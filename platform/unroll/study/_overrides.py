"""``key=value`` and ``key=a,b`` on the command line, written into a study's document.

A key is a study's own (``seeds=2``, ``resources.gpus=0.25``, ``baseline.network.cell=gru``), a setting
(``training.epochs=1``), or a named factor (``remedy=none,sampling`` keeps these levels). A comma makes a factor of a
setting, or replaces the levels of one. A single value for a setting that ``compare`` varies leaves that factor with
this one level, so arms keep their names.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, get_args, get_origin

from unroll.contract import UserError, find_locations
from unroll.study._document import COMMAND_LINE, Document, KeyPath, parse_document, shown
from unroll.study._factors import level_name
from unroll.study._settings import anchored, drop, put, setting_fields
from unroll.study.declaration import Declaration
from unroll.study.project import AnyTask, suggestion

_OPENING, _CLOSING, _QUOTES = "[{", "]}", "'\""


def spell_overrides(values: Mapping[str, Any], prefix: str = "") -> list[str]:
    """Overrides for Python values, as the command line would have them; a mapping gives one for each of its keys.

    >>> spell_overrides({"seeds": 2, "training": {"epochs": 1}, "data.corpus": "text"})
    ['seeds=2', 'training.epochs=1', 'data.corpus="text"']

    Raises:
        UserError: a value is none that YAML could hold.
    """
    words = []
    for key, value in values.items():
        if isinstance(value, Mapping) and prefix + key != "compare":
            words += spell_overrides(value, f"{prefix}{key}.")
            continue
        try:
            text = json.dumps(str(value) if isinstance(value, Path) else value)  # which is YAML, and strings are quoted
        except (TypeError, ValueError) as error:
            raise UserError("a value must be one that YAML can hold", where=prefix + key, received=str(error)) from None
        words.append(f"{prefix}{key}={text}")
    return words


def broken_overrides(overrides: Sequence[str]) -> tuple[list[str], list[UserError]]:
    """Overrides that are whole, and a mistake for each that blanks have cut into several words (``a=1, 2``)."""
    groups: list[list[str]] = []
    for word in overrides:
        goes_on = "=" not in word and groups and groups[-1][-1].endswith((",", "="))
        if groups and (goes_on or word.startswith((",", "="))):
            groups[-1].append(word)
        else:
            groups.append([word])
    whole = [words[0] for words in groups if len(words) == 1]
    return whole, [
        UserError(
            "an override must be one word",
            where=COMMAND_LINE,
            received=shown(" ".join(words)),
            advice=f"write it without blanks: {''.join(words)}",
        )
        for words in groups
        if len(words) > 1
    ]


def repeated_overrides(overrides: Sequence[str]) -> list[UserError]:
    """Keys that are given more than once: which one is meant is ambiguous."""
    given = Counter(override.partition("=")[0].strip() for override in overrides if "=" in override)
    return [
        UserError("a key must be given once", where=f"{COMMAND_LINE}: {key}", received=f"{times} times")
        for key, times in given.items()
        if times > 1
    ]


def own_overrides(document: Document, overrides: Sequence[str]) -> list[UserError]:
    """Apply the overrides of the study's own keys, which decide what the others mean (``task=...``)."""
    errors = []
    for override in overrides:
        try:
            key, values = split_override(override)
            if key.split(".")[0] in Declaration.model_fields:
                _apply_own(document, key, values)
        except UserError as error:
            errors.append(error)
    return errors


def setting_overrides(document: Document, overrides: Sequence[str], task: AnyTask) -> list[UserError]:
    """Apply the overrides of settings and named factors; own keys were applied, unreadable ones reported before."""
    errors = []
    for override in overrides:
        try:
            key, values = split_override(override)
        except UserError:
            continue
        if key.split(".")[0] not in Declaration.model_fields:
            try:
                _apply_setting(document, key, values, task)
            except UserError as error:
                errors.append(error)
    return errors


def split_commas(text: str) -> list[str]:
    """Split at commas outside of brackets and quotes.

    >>> split_commas("a,[1, 2],'x,y'")
    ['a', '[1, 2]', "'x,y'"]
    """
    parts, depth, quote = [""], 0, ""
    for character in text:
        if quote:
            quote = "" if character == quote else quote
        elif character in _QUOTES:
            quote = character
        depth += (character in _OPENING) - (character in _CLOSING) if not quote else 0
        if character == "," and depth <= 0 and not quote:
            parts.append("")
        else:
            parts[-1] += character
    return parts


def split_override(override: str) -> tuple[str, list[Any]]:
    """Key and values of ``key=value`` or ``key=a,b``.

    Raises:
        UserError: it is not written so, or a value is none of YAML.
    """
    key, equals, text = override.partition("=")
    key = key.strip()
    if not equals or not key:
        rule, advice = "an override must be written key=value", "" if equals else "several values are written key=a,b"
        raise UserError(rule, where=COMMAND_LINE, received=shown(override), advice=advice)
    return key, [_read(key, part.strip()) for part in split_commas(text)]


def _read(key: str, text: str) -> Any:
    where = f"{COMMAND_LINE}: {key}"
    if not text:
        raise UserError("a value is missing", where=where, advice="write null for none")
    try:
        return parse_document(text.encode(), where).data
    except UserError as error:
        raise UserError(error.rule, where=where, received=shown(text)) from None


def _apply_own(document: Document, key: str, values: list[Any]) -> None:
    first, _, rest = key.partition(".")
    if rest and first in ("settings", "compare"):
        raise UserError(
            f"a setting is named without '{first}.'", where=f"{COMMAND_LINE}: {key}", advice=f"write {rest}=..."
        )
    if rest and not isinstance(document.data.get(first), dict):
        document.data[first] = {}
        _mark(document, (first,))
    value = values if len(values) > 1 else values[0]
    if rest and first == "baseline":  # its keys are factors, which are paths themselves
        document.data[first][rest] = value
        _mark(document, (first, rest))
        return
    put(document.data, key, value)
    _mark(document, tuple(key.split(".")))


def _apply_setting(document: Document, key: str, values: list[Any], task: AnyTask) -> None:
    compare = document.data.setdefault("compare", {})
    known = [*setting_fields(task.settings), *Declaration.model_fields]
    if not isinstance(compare, dict):
        return
    values = _unlisted(key, values, task)
    if isinstance(compare.get(key), dict):
        _choose_levels(document, key, values)
    elif key not in known:
        advice = suggestion(key, [*known, *compare])
        raise UserError("unknown key", where=f"{COMMAND_LINE}: {key}", advice=advice)
    else:
        if key in find_locations(task.settings):
            values = [anchored(value, Path.cwd()) for value in values]
        _set(document, key, values)


def _unlisted(key: str, values: list[Any], task: AnyTask) -> list[Any]:
    """A list is one value; where a setting takes none, or key is a factor, it holds values to compare."""
    field = setting_fields(task.settings).get(key)
    one_list = len(values) == 1 and isinstance(values[0], list)
    if not one_list or (field and _takes_lists(field.annotation)):
        return values
    if not values[0]:
        raise UserError("values to compare must be at least one", where=f"{COMMAND_LINE}: {key}", received="[]")
    return list(values[0])


def _takes_lists(annotation: Any) -> bool:
    kinds = (annotation, *get_args(annotation))
    return any(kind in (Any, list, tuple) or get_origin(kind) in (list, tuple) for kind in kinds)


def _choose_levels(document: Document, factor: str, values: list[Any]) -> None:
    levels = document.data["compare"][factor]
    names = [level_name(value) for value in values]
    for name in names:
        if name not in levels:
            advice = suggestion(name, levels)
            raise UserError("unknown level", where=f"{COMMAND_LINE}: {factor}", received=shown(name), advice=advice)
    document.data["compare"][factor] = {name: levels[name] for name in names}


def _set(document: Document, path: str, values: list[Any]) -> None:
    compare, settings = document.data["compare"], document.data.get("settings")
    if len(values) > 1 or path in compare:
        compare[path] = values
        drop(settings, path)
        _mark(document, ("compare", path))
        return
    for factor, levels in compare.items():
        if isinstance(levels, dict) and any(isinstance(sets, dict) and path in sets for sets in levels.values()):
            rule = f"'{path}' is set by the factor '{factor}'"
            raise UserError(
                rule, where=f"{COMMAND_LINE}: {path}", advice=f"choose its levels: {factor}={','.join(levels)}"
            )
    if not isinstance(settings, dict):
        settings = document.data["settings"] = {}
    put(settings, path, values[0])
    _mark(document, ("settings", *path.split(".")))


def _mark(document: Document, keys: KeyPath) -> None:
    for known in [known for known in document.places if known[: len(keys)] == keys]:
        del document.places[known]
    document.places[keys] = COMMAND_LINE
