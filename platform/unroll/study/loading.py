"""Read a study: file, overrides, checks; either a sound ``Study`` or all its mistakes at once."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from unroll.contract import Settings, Task, UserError, find_locations
from unroll.study._arms import draft_arms
from unroll.study._check import check_study
from unroll.study._check_tune import default_metric
from unroll.study._document import COMMAND_LINE, Document, KeyPath, read_document
from unroll.study._error_collector import ErrorCollector, details, plain_loc, without_echoes
from unroll.study._factors import arm_name, combine, read_factors
from unroll.study._falling import let_fall
from unroll.study._overrides import (
    broken_overrides,
    own_overrides,
    repeated_overrides,
    setting_overrides,
    split_override,
)
from unroll.study._settings import anchor_locations, anchored, get, validated
from unroll.study.declaration import Declaration, Looks, Study, every_seed
from unroll.study.project import AnyTask, discover_tasks, find_study, load_task, nearest

_REQUIRED: dict[str, Any] = {"question": "?", "task": "unknown", "compare": {"unknown": []}}
"""Stand-ins for required keys that are broken, so that the checks of the others can go on."""


def load_study(target: str | Path, overrides: Sequence[str] = ()) -> Study:
    """Read a study and check it against its task.

    Args:
        target: file, folder, or bare name of a study under ``studies/``.
        overrides: ``key=value`` or ``key=a,b``, as on the command line.

    Raises:
        UserErrors: all mistakes together, one line each.
        UserError: the study was not found, or its file is no YAML.
    """
    name, file = find_study(target)
    document = read_document(file)
    if not isinstance(document.data, dict):
        raise UserError("a study must be a mapping of keys", where=document.where(()))
    overrides, broken_words = broken_overrides(overrides)
    errors = ErrorCollector(document, broken_words + repeated_overrides(overrides) + own_overrides(document, overrides))
    task = _find_task(document, errors)
    locations = _anchor(document, task, file.parent) if task else {}
    if task:
        errors.found += setting_overrides(document, overrides, task)
    draft, broken = _declared(document, task, errors)
    fallen: tuple[str, ...] = ()
    if task and not broken & {"settings", "compare"}:
        draft, fallen = let_fall(draft, document, task)
    check_study(draft, broken, task, errors)
    errors.raise_any()
    assert task is not None  # noqa: S101  # a missing task is a mistake
    return _study(draft, name, file, task, locations).model_copy(
        update={"overrides": tuple(overrides), "fallen": fallen}
    )


def load_settings(task: str, overrides: Sequence[str]) -> Settings:
    """Settings of a task without a study: its defaults and the overrides, one value for each.

    Args:
        task: name of the task.
        overrides: ``key=value``, as on the command line.

    Raises:
        UserErrors: all mistakes together, one line each.
        UserError: there is no such task.
    """
    loaded = load_task(task)
    document = Document({"settings": {}, "compare": {}}, {(): COMMAND_LINE})
    overrides, broken_words = broken_overrides(overrides)
    errors = ErrorCollector(document, broken_words + repeated_overrides(overrides) + own_overrides(document, overrides))
    errors.found += setting_overrides(document, overrides, loaded)
    for key in [*document.data["compare"], *(document.data.keys() - {"settings", "compare"})]:
        errors.add_error(UserError("must be a setting with one value", where=f"{COMMAND_LINE}: {key}"))
    return _checked(loaded.settings, document, errors)


def load_options(model: type[Settings], overrides: Sequence[str]) -> Settings:
    """Options that are part of no study: the model's defaults and the overrides, one value for each.

    Args:
        model: flat settings.
        overrides: ``key=value``, as on the command line.

    Raises:
        UserErrors: all mistakes together, one line each.
    """
    document = Document({"settings": {}}, {(): COMMAND_LINE})
    overrides, broken_words = broken_overrides(overrides)
    errors = ErrorCollector(document, broken_words + repeated_overrides(overrides))
    for override in overrides:
        try:
            key, values = split_override(override)
        except UserError as error:
            errors.add_error(error)
            continue
        if len(values) > 1:
            errors.add(("settings", key), "must be an option with one value")
        document.data["settings"][key] = values[0]
    return _checked(model, document, errors)


def _checked(model: type[Settings], document: Document, errors: ErrorCollector) -> Settings:
    """The settings of a document without a study, unless something is wrong with them or was before."""
    errors.raise_any()
    try:
        return validated(model, document.data["settings"])
    except ValidationError as error:
        for detail in without_echoes(details(error), model):
            errors.add_pydantic(("settings", *plain_loc(detail["loc"], document.data["settings"])), detail, model)
    errors.raise_any()
    raise AssertionError("a validation error is a mistake")


def _find_task(document: Document, errors: ErrorCollector) -> AnyTask | None:
    """The task; where there is none of this name, the one that was probably meant, to check the rest against."""
    name = document.data.get("task")
    if not isinstance(name, str):
        return None
    try:
        return load_task(name)
    except UserError as error:
        error.where = error.where if error.where != "task" else document.where(("task",))
        errors.add_error(error)
    known = discover_tasks()
    with suppress(UserError):
        return load_task(meant) if name not in known and (meant := nearest(name, known)) else None
    return None


def _anchor(document: Document, task: AnyTask, folder: Path) -> dict[str, str]:
    """Make locations that the file names absolute (they are relative to its folder), and note where each stands."""
    locations = find_locations(task.settings)
    places = {}
    if isinstance(settings := document.data.get("settings"), dict):
        anchor_locations(settings, task.settings, folder)
        places = {str(get(settings, path)): document.where(("settings", *path.split("."))) for path in locations}
    for keys, sets in _named_levels(document.data.get("compare")):
        for path in locations & sets.keys():
            sets[path] = anchored(sets[path], folder)
            places[str(sets[path])] = document.where((*keys, path))
    return places


def _named_levels(compare: Any) -> Iterator[tuple[KeyPath, dict[str, Any]]]:
    for factor, levels in compare.items() if isinstance(compare, dict) else ():
        for level, sets in levels.items() if isinstance(levels, dict) else ():
            if isinstance(sets, dict):
                yield ("compare", factor, level), sets


def _declared(document: Document, task: AnyTask | None, errors: ErrorCollector) -> tuple[Declaration, set[str]]:
    """Validate the study's own keys; broken ones are noted and replaced, and their names returned."""
    written = {key: value for key, value in document.data.items() if value is not None}
    try:
        return _validated(written), set()
    except ValidationError as error:
        found = details(error)
    for detail in without_echoes(found, Declaration):
        keys = plain_loc(detail["loc"], written)
        if task and detail["type"] == "extra_forbidden" and len(keys) == 1 and keys[0] in task.settings.model_fields:
            errors.add(keys, "unknown key", advice=f"write it nested: settings: {{{keys[0]}: ...}}")
        else:
            errors.add_pydantic(keys, detail, Declaration)
    broken = {str(detail["loc"][0]) for detail in found}
    healthy = {key: value for key, value in written.items() if key not in broken}
    return _validated(_REQUIRED | healthy), broken


def _validated(written: dict[str, Any]) -> Declaration:
    return Declaration.model_validate_json(json.dumps(written), strict=True)


def _study(draft: Declaration, name: str, file: Path, task: AnyTask, locations: dict[str, str]) -> Study:
    factors = read_factors(draft.compare)
    first = next(combine(factors, draft.exclude))
    chosen: dict[str, Any] = {
        "metric": draft.metric or next(iter(task.metrics)),
        "baseline": arm_name(factors, first) if draft.baseline is None else draft.baseline,
        "seeds": every_seed(draft.seeds),
        "looks": draft.seeds if isinstance(draft.seeds, Looks) else None,
    }
    if tune := draft.tune:
        metric = tune.metric or default_metric(chosen["metric"])
        chosen |= {"tune": tune.model_copy(update={"metric": metric})}
    study = Study(**{**dict(draft), **chosen}, name=name, file=file, locations=locations)
    if draft.baseline is None and type(task).control is not Task.control:
        controls = [arm.name for arm in draft_arms(study, task)[1] if arm.control]
        return study.model_copy(update={"baseline": controls[0]}) if len(controls) == 1 else study
    return study
