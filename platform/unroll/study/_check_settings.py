"""Check the settings of every arm against the task, and name for each mistake the place where it was written."""

from __future__ import annotations

import json
from collections.abc import Sequence

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from unroll.contract import UserError
from unroll.study._document import KeyPath
from unroll.study._error_collector import ErrorCollector, details, plain_loc, without_echoes
from unroll.study._factors import (
    MOST_ARMS,
    Factor,
    Level,
    arm_name,
    arm_settings,
    combine,
    count_arms,
    level_keys,
    number_copy,
)
from unroll.study._settings import dumped, has, validated
from unroll.study._size import with_any_size
from unroll.study.declaration import Declaration
from unroll.study.project import AnyTask

Found = dict[tuple[KeyPath, str], tuple[ErrorDetails, list[str]]]
"""Place and message -> pydantic's finding and the arms that it was found in."""


def check_settings(draft: Declaration, factors: Sequence[Factor], task: AnyTask, errors: ErrorCollector) -> None:
    """Validate the settings of every arm; each mistake is reported once, at the place where it was written."""
    for factor in factors:
        if not factor.named and has(draft.settings, factor.name):
            shared: KeyPath = ("settings", *factor.name.split("."))
            errors.add(shared, "is varied by compare, so it must not be set for all", advice="leave one of them out")
    seen: dict[str, str] = {}
    found: Found = {}
    arms = list(combine(factors, draft.exclude)) if count_arms(factors) <= MOST_ARMS else []
    for levels in arms:
        settings, arm = arm_settings(draft.settings, levels), arm_name(factors, levels)
        try:
            complete = validated(task.settings, with_any_size(settings, task) if draft.match else settings)
        except ValidationError as error:
            for detail in without_echoes(details(error), task.settings):
                keys = _origin(plain_loc(detail["loc"], settings), factors, levels)
                found.setdefault((keys, detail["msg"]), (detail, []))[1].append(arm)
        except UserError as error:
            errors.add_error(error)
        else:
            content = json.dumps([dumped(complete), number_copy(factors, levels)])
            if (other := seen.setdefault(content, arm)) != arm:
                errors.add(("compare",), "two arms have the same settings", received=f"{other} and {arm}")
    for (keys, _), (detail, concerned) in found.items():
        depends = keys[0] == "settings" and len(concerned) < len(arms)  # only some arms make a shared setting wrong
        errors.add_pydantic(keys, detail, task.settings, f" [arm {'; '.join(concerned)}]" if depends else "")


def _origin(loc: KeyPath, factors: Sequence[Factor], levels: Sequence[Level]) -> KeyPath:
    """Where the author wrote the value that is wrong: in a level, or in the shared settings."""
    path = ".".join(str(part) for part in loc)
    for factor, level in zip(factors, levels, strict=True):
        if any(path == own or path.startswith(f"{own}.") for own in level.sets):
            return level_keys(factor, factor.levels.index(level), path)
    return ("settings", *loc)
