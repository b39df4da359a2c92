"""Check what a study searches: settings of its task that nothing else decides, and draws that its arms can have."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import ValidationError

from unroll.contract import VALIDATION, UserError, find_locations, find_measurements
from unroll.study._arms import draft_arms
from unroll.study._document import KeyPath
from unroll.study._error_collector import ErrorCollector, details, plain_loc
from unroll.study._factors import Factor
from unroll.study._settings import dumped, put, setting_fields
from unroll.study.declaration import Declaration, Tune, every_seed
from unroll.study.project import AnyTask, suggestion
from unroll.study.tuning import draw_values, with_values

MOST_TRIALS = 100_000
"""Of one tuning: whoever asks for more made a mistake."""


def check_tune(
    draft: Declaration, tune: Tune, factors: Sequence[Factor], task: AnyTask | None, errors: ErrorCollector
) -> None:
    """Note every mistake of ``tune``, whose shape pydantic has checked."""
    before = len(errors.found)
    if shared := sorted({*tune.seeds} & {*every_seed(draft.seeds)}):
        errors.add(
            ("tune", "seeds"),
            "tuning seeds must not be seeds of the study: what was chosen by them would be confirmed by them",
            received=shared[0] if len(shared) == 1 else shared,
        )
    if tune.scheduler == "asha" and len(tune.seeds) > 1:
        rule = "asha judges single trials, so each draw must be trained with one seed"
        errors.add(("tune", "seeds"), rule, received=len(tune.seeds), advice="seeds: 1, or scheduler: none")
    if task is None:
        return
    _check_metric(draft, tune, task, errors)
    for path in tune.search:
        _check_path(path, draft, factors, task, errors)
    if len(errors.found) == before:
        _check_draws(draft, tune, task, errors)


def default_metric(metric: str) -> str:
    """The validation twin of a study's metric; a metric of validation is its own."""
    return VALIDATION + metric.partition("/")[2]


def _check_metric(draft: Declaration, tune: Tune, task: AnyTask, errors: ErrorCollector) -> None:
    known = [name for name in task.metrics if name.startswith(VALIDATION)]
    if tune.metric is not None:
        if tune.metric not in known:
            rule = "the metric that chooses among draws must be one of validation: the test is sealed until then"
            errors.add(("tune", "metric"), rule, received=tune.metric, advice=suggestion(tune.metric, known))
        return
    study = draft.metric or next(iter(task.metrics))
    if study in task.metrics and default_metric(study) not in known:
        advice = f"name one: metric: {known[0]}" if known else ""
        errors.add(("tune",), f"the study's metric {study} has no twin of validation that could choose", advice=advice)


def _check_path(
    path: str, draft: Declaration, factors: Sequence[Factor], task: AnyTask, errors: ErrorCollector
) -> None:
    keys: KeyPath = ("tune", "search", path)
    known = setting_fields(task.settings)
    if path not in known:
        errors.add(keys, f"'{path}' is no setting of this task", advice=suggestion(path, known))
        return
    if path in find_locations(task.settings):
        errors.add(keys, "says where data lie, which is not searched")
    if path in find_measurements(task.settings):
        errors.add(keys, "says how a result is measured, which is not searched")
    if factor := next((each.name for each in factors if any(path in level.sets for level in each.levels)), None):
        of = "" if factor == path else f" by the factor '{factor}'"
        errors.add(keys, f"is varied by compare{of}, so it must not be searched", advice="leave one of them out")
    if draft.match and path == task.size_setting:
        errors.add(keys, f"match solves '{path}', so it must not be searched", advice="leave one of them out")


def _check_draws(draft: Declaration, tune: Tune, task: AnyTask, errors: ErrorCollector) -> None:
    """Whether every draw gives settings, in every arm; each value that is wrong is told once."""
    try:
        arms = draft_arms(draft, task)[1]
    except (ValidationError, UserError):  # mistakes in settings are told elsewhere
        return
    number = len(arms) * tune.draws * len(tune.seeds)
    if number > MOST_TRIALS:
        errors.add(("tune", "draws"), f"must come to at most {MOST_TRIALS:,} trials", received=number)
        return
    told: set[tuple[str, str]] = set()
    for draw in range(1, tune.draws):
        values = draw_values(tune, draw)
        for arm in arms:
            try:
                with_values(arm.settings, values, task)
            except ValidationError as error:
                nested = dumped(arm.settings)
                for path, value in values.items():
                    put(nested, path, value)
                for detail in details(error):
                    keys = plain_loc(detail["loc"], nested)
                    path = next((p for p in values if ".".join(map(str, keys)).startswith(p)), "")
                    if (path, detail["msg"]) not in told:
                        told.add((path, detail["msg"]))
                        note = f" [draw {draw} of the arm {arm.name}]"
                        place = ("tune", "search", path) if path else ("tune", "search")
                        errors.add_pydantic(place, detail, task.settings, note)
