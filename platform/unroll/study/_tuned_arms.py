"""The trials of a study's tuning, and the arms once it has chosen."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import ValidationError

from unroll.contract import Settings, UserError
from unroll.study._arms import draft_arms
from unroll.study._error_collector import details
from unroll.study._parts import count_arm, make_trial, placed, refuse_absent
from unroll.study._settings import dumped, validated
from unroll.study._size import solve_size
from unroll.study._warm_starts import Sized
from unroll.study.declaration import Study, Tune
from unroll.study.plan import Arm, Plan
from unroll.study.project import AnyTask, load_task
from unroll.study.sources import digest_sources, find_sources
from unroll.study.trial import Trial
from unroll.study.tuning import Winner, decided_trial, draw_values, name_tuning, winner_settings, with_values


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuned:
    """What a study's tuning comes to.

    Args:
        arms: those of the study; those that are tuned know their draws.
        trials: of the phase ``tune``.
        sources: trial -> source files that it runs, with their hashes.
    """

    arms: list[Arm]
    trials: list[Trial] = field(default_factory=list)
    sources: dict[str, dict[str, str]] = field(default_factory=dict)


def plan_tuning(study: Study, task: AnyTask, arms: Sequence[Sized], cache: Path) -> Tuned:
    """Make the draws of every arm; one that trains nothing, or uses no searched setting, is not tuned.

    Raises:
        UserError: a draw is no setting of the task, changes the data, or never logs what chooses; or arms begin with
            the weights of others.
    """
    tune = study.tune
    if tune is None:
        return Tuned(arms=[arm for arm, _ in arms])
    if warm := next((arm for arm, _ in arms if arm.warm_start is not None), None):
        raise UserError(
            "arms that begin with another trial's weights cannot be tuned",
            where="tune",
            received=f"'{warm.name}' begins with '{warm.warm_start}'",
            advice="leave tune out (tune=null), or set what a tuning of a study without these arms has chosen",
        )
    found = Tuned(arms=[])
    for arm, settings in arms:
        found.arms.append(arm if arm.steps == 0 else _tuned(study, tune, task, arm, settings, cache, found))
    return found


def _tuned(study: Study, tune: Tune, task: AnyTask, arm: Arm, settings: Settings, cache: Path, found: Tuned) -> Arm:
    """An arm with its draws, whose trials are added to what was found."""
    trials: dict[str, Trial] = {}
    draws: list[tuple[str, ...]] = []
    sources: dict[str, dict[str, str]] = {}
    counted: dict[str, Arm] = {}
    for draw in range(tune.draws):
        drawn = _draw(study, tune, task, arm, settings, draw, cache)
        content = json.dumps(dumped(drawn), sort_keys=True)
        if content not in counted:
            counted[content] = _counted(study, tune, task, arm, drawn, draw, cache)
        of_draw = [
            make_trial(study, task, counted[content], drawn, seed, phase="tune", draw=draw) for seed in tune.seeds
        ]
        for trial in of_draw:
            trials.setdefault(trial.id, trial)
            sources.setdefault(trial.id, find_sources(study.task, trial.settings))
        draws.append(tuple(trial.id for trial in of_draw))
    if len(set(draws)) == 1:
        return arm
    found.trials.extend(trials.values())
    found.sources.update(sources)
    update: dict[str, object] = {"tuning": name_tuning(tune, draws[0][0]), "draws": tuple(draws)}
    if arm.seed_varies == ():  # one draw that depends on its seed, and so may the winner
        update["seed_varies"] = next((each.seed_varies for each in counted.values() if each.seed_varies != ()), ())
    return arm.model_copy(update=update)


def _draw(study: Study, tune: Tune, task: AnyTask, arm: Arm, settings: Settings, draw: int, cache: Path) -> Settings:
    try:
        drawn = with_values(settings, draw_values(tune, draw), task)
    except ValidationError as error:
        reason = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in details(error))
        raise UserError(
            f"each draw must be settings of the task (arm '{arm.name}', draw {draw})", where="tune", received=reason
        ) from None
    if study.match is None or drawn == settings:
        return drawn
    with placed(study.locations):
        dataset = task.prepare(drawn, cache)
    return validated(task.settings, solve_size(task, dumped(drawn), dataset, study.match, arm.name))


def _counted(study: Study, tune: Tune, task: AnyTask, arm: Arm, drawn: Settings, draw: int, cache: Path) -> Arm:
    """The arm as one draw has it."""
    with placed(study.locations):
        dataset = task.prepare(drawn, cache)
    if dataset.fingerprint != arm.fingerprint:
        raise UserError(
            "a searched setting must not change the data: scores on different data cannot be compared",
            where="tune.search",
            received=f"draw {draw} of the arm '{arm.name}' has the fingerprint {dataset.fingerprint}, the arm "
            f"{arm.fingerprint}",
        )
    counted = count_arm(study, task, arm.name, drawn, dataset).model_copy(update={"copy_number": arm.copy_number})
    rule = "the metric that chooses among draws must be one that every tuned arm logs"
    refuse_absent(rule, tune.metric or "", [counted], task, where="tune.metric")
    return counted


def decide(plan: Plan, study: Study, winners: Mapping[str, Winner], *, cache: Path) -> Plan:
    """The plan with the settings that tunings have chosen: of an arm with a winner, no trial is pending any more.

    Args:
        plan: made from ``study``.
        study: where the locations are.
        winners: by the id of their tuning, those of other plans among them.
        cache: folder for prepared data on this node.
    """
    waiting = {arm.name: arm.tuning for arm in plan.arms if arm.tuning is not None and arm.draw is None}
    chosen = {name: winners[tuning] for name, tuning in waiting.items() if tuning in winners}
    if not chosen:
        return plan
    task = load_task(study.task)
    located = {arm.name: dumped(arm.settings) for arm in draft_arms(study, task)[1]}
    settings = {name: winner_settings(winner, located[name], task) for name, winner in chosen.items()}
    sources = {name: find_sources(study.task, winner.settings) for name, winner in chosen.items()}
    arms = [
        _decided(study, task, arm, settings[arm.name], cache).model_copy(
            update={"draw": chosen[arm.name].draw, "sources": digest_sources(sources[arm.name])}
        )
        if arm.name in chosen
        else arm
        for arm in plan.arms
    ]
    trials, reserve = (
        [
            decided_trial(trial, chosen[trial.arm], settings[trial.arm])
            if trial.arm in chosen and trial.pending
            else trial
            for trial in group
        ]
        for group in (plan.trials, plan.reserve)
    )
    # What other draws of the arm run is told apart from what its winner runs.
    ran = plan.sources_of
    others = {trial.id: ran[trial.id] for trial in plan.tune_trials if trial.arm in chosen}
    return plan.model_copy(
        update={
            "arms": arms,
            "trials": trials,
            "reserve": reserve,
            "sources": plan.sources | {digest_sources(files): files for files in sources.values()},
            "other_sources": plan.other_sources | others,
        }
    )


def _decided(study: Study, task: AnyTask, arm: Arm, settings: Settings, cache: Path) -> Arm:
    """An arm with the size and the facts of its winner, and its own name and place in the study."""
    with placed(study.locations):
        dataset = task.prepare(settings, cache)
    kept = ("levels", "baseline", "twins", "copy_number", "control", "tuning", "draws", "shared_weights")
    counted = count_arm(study, task, arm.name, settings, dataset)
    return counted.model_copy(update={name: getattr(arm, name) for name in kept})
