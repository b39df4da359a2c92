"""What a choice on the command line leaves without a use falls away, as far as the study's file has set it."""

from __future__ import annotations

import copy
from collections.abc import Iterator

from pydantic import ValidationError

from unroll.contract import UnusedSettings, UserError
from unroll.study._document import Document
from unroll.study._error_collector import details
from unroll.study._factors import MOST_ARMS, arm_settings, combine, count_arms, level_name, read_factors
from unroll.study._settings import Nested, drop, get, has, validated
from unroll.study._size import with_any_size
from unroll.study.declaration import Declaration
from unroll.study.project import AnyTask

Unused = tuple[str, str]
"""Dotted paths of a setting without a use and of the choice that made it so."""


def let_fall(draft: Declaration, document: Document, task: AnyTask) -> tuple[Declaration, tuple[str, ...]]:
    """Leave out the settings that no arm has a use for, where the choice behind that was typed and they were not.

    A study on the toy language sets its size; with ``data.corpus=text`` that has no use, and who types it should not
    have to take back each setting. What was typed itself is never left out, nor what some arm uses.

    Returns:
        The declaration, and one sentence for each choice.
    """
    factors = read_factors(draft.compare)
    arms = list(combine(factors, draft.exclude)) if count_arms(factors) <= MOST_ARMS else []
    shared = copy.deepcopy(draft.settings)
    fallen: dict[str, list[str]] = {}
    while arms:
        found = [set(_unused(arm_settings(shared, levels), draft, task)) for levels in arms]
        falling = sorted(each for each in set.intersection(*found) if _may_fall(each, shared, document))
        if not falling:
            break
        for path, choice in falling:
            drop(shared, path)
            fallen.setdefault(choice, []).append(path)
    sentences = tuple(_sentence(paths, choice, shared, draft) for choice, paths in fallen.items())
    return draft.model_copy(update={"settings": shared}), sentences


def _unused(settings: Nested, draft: Declaration, task: AnyTask) -> Iterator[Unused]:
    """What an arm's settings hold without a use; a section reports one choice at a time."""
    try:
        validated(task.settings, with_any_size(settings, task) if draft.match else settings)
    except ValidationError as error:
        for detail in details(error):
            cause = detail.get("ctx", {}).get("error")
            if isinstance(cause, UnusedSettings):
                section = [str(part) for part in detail["loc"]]
                yield from ((".".join([*section, name]), ".".join([*section, cause.choice])) for name in cause.unused)
    except UserError:
        return


def _may_fall(unused: Unused, shared: Nested, document: Document) -> bool:
    path, choice = unused
    chosen = any(document.is_typed(keys) for keys in (("settings", *choice.split(".")), ("compare", choice)))
    return chosen and has(shared, path) and not document.is_typed(("settings", *path.split(".")))


def _sentence(paths: list[str], choice: str, shared: Nested, draft: Declaration) -> str:
    levels = draft.compare.get(choice)
    chosen = levels if isinstance(levels, list) else [get(shared, choice)]
    *others, last = paths
    which = f"{', '.join(others)} and {last} mean" if others else f"{last} means"
    fall = "fall" if others else "falls"
    return f"{which} nothing with {choice}={','.join(map(level_name, chosen))} and {fall} away"
