"""Check a declaration against its task: factors, settings of every arm, and what refers to them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod

from pydantic import ValidationError

from unroll.study._document import Trail
from unroll.study._factors import Factor, Level, arm_name, arm_settings, combine, level_name, read_factors
from unroll.study._mistakes import Mistakes, details
from unroll.study._settings import get, has, setting_fields, validated
from unroll.study._size import with_any_size
from unroll.study.declaration import CLAIM, LEVEL, Declaration, is_safe
from unroll.study.project import AnyTask, suggestion

MOST_ARMS = 1_000
"""More arms than anybody compares: whoever writes a larger product made a mistake."""


def check_study(draft: Declaration, broken: set[str], task: AnyTask | None, mistakes: Mistakes) -> None:
    """Note every mistake; ``broken`` names the keys that were noted already and hold stand-ins."""
    _check_not_yet(draft, mistakes)
    if task and draft.metric and draft.metric not in task.metrics:
        advice = suggestion(draft.metric, task.metrics)
        mistakes.add(("metric",), "the task has no such metric", received=draft.metric, advice=advice)
    factors = read_factors(draft.compare) if "compare" not in broken else []
    if not _check_factors(factors, task, mistakes) or not factors:
        factors = []
    _check_match(draft, factors, task, mistakes)
    _check_exclude(draft, factors, mistakes)
    if factors:
        _check_arms(draft, factors, mistakes)
    if task:
        _check_settings(draft, factors, task, mistakes)


def _check_not_yet(draft: Declaration, mistakes: Mistakes) -> None:
    if draft.tune:
        mistakes.add(("tune",), "not yet: hyper-parameter search comes with a later version", advice="leave it out")
    malformed = [index for index, claim in enumerate(draft.claims) if not CLAIM.fullmatch(claim)]
    for index in malformed:
        advice = "write 'A better than B', 'A better than B by 2%' or 'A within 3% of B'"
        mistakes.add(("claims", index), "is no claim", received=draft.claims[index], advice=advice)
    if draft.claims and not malformed:
        mistakes.add(("claims",), "not yet: verdicts on claims come with a later version", advice="leave them out")


def _check_factors(factors: Sequence[Factor], task: AnyTask | None, mistakes: Mistakes) -> bool:
    """Whether all factors are sound enough to build arms from."""
    before = len(mistakes.errors)
    owner: dict[str, str] = {}
    for factor in factors:
        _check_levels(factor, mistakes)
        for path in dict.fromkeys(path for level in factor.levels for path in level.sets):
            _check_path(factor, path, task, mistakes)
            if (other := owner.setdefault(path, factor.name)) != factor.name:
                mistakes.add(("compare", factor.name), f"'{path}' is varied by the factor '{other}' too")
    return len(mistakes.errors) == before


def _check_levels(factor: Factor, mistakes: Mistakes) -> None:
    trail = ("compare", factor.name)
    if not factor.levels:
        mistakes.add(trail, "a factor must have at least one level")
    if factor.named and not is_safe(LEVEL, factor.name):
        mistakes.add(trail, "a factor's name must be letters, digits, '_', '-', '+' or '.'", received=factor.name)
    seen: set[str] = set()
    for index, level in enumerate(factor.levels):
        if not is_safe(LEVEL, level.name):
            rule = "a level's name must be letters, digits, '_', '-', '+' or '.'"
            advice = "" if factor.named else "name the factor and its levels: name: {level: {path: value}}"
            mistakes.add(_level_trail(factor, index), rule, received=level.name, advice=advice)
        if level.name in seen:
            mistakes.add(_level_trail(factor, index), "a level may stand only once", received=level.written)
        seen.add(level.name)


def _check_path(factor: Factor, path: str, task: AnyTask | None, mistakes: Mistakes) -> None:
    if task and path not in (known := setting_fields(task.settings)):
        trails = [
            ("compare", factor.name, level.name, path) if factor.named else ("compare", factor.name)
            for level in factor.levels
            if path in level.sets
        ]
        mistakes.add(trails[0], f"'{path}' is no setting of this task", advice=suggestion(path, known))


def _check_match(draft: Declaration, factors: Sequence[Factor], task: AnyTask | None, mistakes: Mistakes) -> None:
    if not (draft.match and task):
        return
    size = task.size_setting
    rule = f"match solves '{size}', so it must not be set"
    if has(draft.settings, size):
        trail: Trail = ("settings", *size.split("."))
        mistakes.add(trail, rule, received=get(draft.settings, size), advice="leave one of them out (match=null)")
    for factor in factors:
        if any(size in level.sets for level in factor.levels):
            mistakes.add(("compare", factor.name), rule, advice="leave one of them out (match=null)")


def _check_exclude(draft: Declaration, factors: Sequence[Factor], mistakes: Mistakes) -> None:
    levels = {factor.name: [level.name for level in factor.levels] for factor in factors}
    for index, rule in enumerate(draft.exclude if factors else ()):
        if not rule:
            mistakes.add(("exclude", index), "must name at least one level")
        for factor, value in rule.items():
            trail = ("exclude", index, factor)
            if factor not in levels:
                mistakes.add(trail, "is no factor of compare", advice=suggestion(factor, levels))
            elif level_name(value) not in levels[factor]:
                advice = suggestion(level_name(value), levels[factor])
                mistakes.add(trail, "matches no arm: it is no level of this factor", received=value, advice=advice)


def _check_arms(draft: Declaration, factors: Sequence[Factor], mistakes: Mistakes) -> None:
    number = prod(len(factor.levels) for factor in factors)
    if number > MOST_ARMS:
        mistakes.add(("compare",), f"must come to at most {MOST_ARMS} arms", received=number)
        return
    names = [arm_name(factors, levels) for levels in combine(factors, draft.exclude)]
    if not names:
        mistakes.add(("exclude",), "leaves no arm")
    if draft.baseline is not None and names and draft.baseline not in names:
        advice = suggestion(draft.baseline, names)
        mistakes.add(("baseline",), "must be the name of an arm", received=draft.baseline, advice=advice)


def _check_settings(draft: Declaration, factors: Sequence[Factor], task: AnyTask, mistakes: Mistakes) -> None:
    """Validate the settings of every arm; a mistake is told once, where it was written."""
    for factor in factors:
        path = factor.name
        if not factor.named and has(draft.settings, path):
            trail: Trail = ("settings", *path.split("."))
            mistakes.add(
                trail, "is varied by compare, so it must not be set for all arms", advice="leave one of them out"
            )
    for levels in _some_arms(draft, factors):
        settings = arm_settings(draft.settings, levels)
        try:
            validated(task.settings, with_any_size(settings, task) if draft.match else settings)
        except ValidationError as error:
            for detail in details(error):
                trail = _origin(detail["loc"], factors, levels)
                mistakes.add_pydantic(trail, detail, task.settings, _note(detail["loc"], factors, levels, task))


def _some_arms(draft: Declaration, factors: Sequence[Factor]) -> Iterator[tuple[Level, ...]]:
    if prod(len(factor.levels) for factor in factors) <= MOST_ARMS:
        yield from combine(factors, draft.exclude)


def _origin(loc: Sequence[str | int], factors: Sequence[Factor], levels: Sequence[Level]) -> Trail:
    """Where the author wrote the value that is wrong: in a level, or in the shared settings."""
    path = ".".join(str(part) for part in loc)
    for factor, level in zip(factors, levels, strict=True):
        if any(path == own or path.startswith(f"{own}.") for own in level.sets):
            return _level_trail(factor, factor.levels.index(level), path)
    return ("settings", *loc)


def _level_trail(factor: Factor, index: int, path: str = "") -> Trail:
    if not factor.named:
        return ("compare", factor.name, index)
    trail: Trail = ("compare", factor.name, factor.levels[index].name)
    return (*trail, path) if path else trail


def _note(loc: Sequence[str | int], factors: Sequence[Factor], levels: Sequence[Level], task: AnyTask) -> str:
    """Name the arm where a mistake concerns a whole section and so may depend on levels."""
    whole = ".".join(str(part) for part in loc) not in setting_fields(task.settings)
    section = str(loc[0]) if loc else ""
    varied = any(path.startswith(section) for level in levels for path in level.sets)
    return f" [arm {arm_name(factors, levels)}]" if whole and varied and len(loc) < 2 else ""
