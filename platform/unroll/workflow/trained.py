"""Finished trials and the modules that they trained: which one is meant, and how it is built again."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from unroll.contract import Settings, UserError
from unroll.ledger import Ledger, Outcome, WeightsRecord
from unroll.study import Trial, count_parameters, discover_tasks, load_task, restore_settings, suggestion
from unroll.study.project import AnyTask

if TYPE_CHECKING:
    import pytorch_lightning as pl

MOST_SHOWN = 16
"""Choices that an error lists."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """A trial that completed.

    Args:
        trial: it.
        outcome: what it came to.
        note: why it was taken, where nobody named it; else empty.
    """

    trial: Trial
    outcome: Outcome
    note: str = ""


def choose_trial(
    ledger: Ledger, *, trial: str | None = None, arm: str | None = None, seed: int | None = None
) -> Chosen:
    """The completed trial that is meant.

    Args:
        ledger: the results folder.
        trial: its id, or the beginning of it; also one of an earlier plan.
        arm: name of its arm in the newest plan; None: the only one.
        seed: its seed; None: the lowest one whose trial completed.

    Raises:
        UserError: there is none, there are several, or it has not completed; tells the choices.
    """
    if trial is not None:
        if arm is not None or seed is not None:
            rule = "a trial is named by its id, or by arm and seed"
            raise UserError(rule, received=f"both: {trial}", advice="leave --arm and --seed out")
        found = _by_id(ledger, trial)
        return Chosen(found, _completed(ledger, found))
    plan = ledger.plan()
    names = [each.name for each in plan.arms]
    if arm is None and len(names) > 1:
        rule = "an arm must be named where a study has several (--arm NAME)"
        raise UserError(rule, where=str(ledger.root), advice=f"known: {_listed(names)}")
    arm = names[0] if arm is None else arm
    if arm not in names:
        advice = suggestion(arm, names) or f"known: {_listed(names)}"
        raise UserError("there is no such arm", where=str(ledger.root), received=repr(arm), advice=advice)
    trials = {each.seed: each for each in plan.trials if each.arm == arm}
    outcomes = ledger.outcomes(each.id for each in trials.values())
    done = sorted(seed for seed, each in trials.items() if _has_completed(outcomes.get(each.id)))
    if seed is not None and seed not in trials:
        advice = f"seeds of {arm}: {_listed(sorted(trials))}"
        raise UserError("there is no such seed", where=str(ledger.root), received=str(seed), advice=advice)
    if seed is None and not done:
        rule = "a trial must have completed before anything can be done with it"
        received = f"none of {arm}"
        raise UserError(rule, where=str(ledger.root), received=received, advice=f"unroll run {plan.study}")
    note = "" if seed is not None else f"seed {done[0]} of {arm}, the lowest that completed"
    found = trials[done[0] if seed is None else seed]
    return Chosen(found, _completed(ledger, found), note)


def _by_id(ledger: Ledger, begin: str) -> Trial:
    found = [each for each in ledger.registered() if each.id.startswith(begin)]
    exact = [each for each in found if each.id == begin]
    if len(exact or found) == 1:
        return (exact or found)[0]
    if found:
        advice = ", ".join(f"{each.id} ({each.arm}, seed {each.seed})" for each in found[:MOST_SHOWN])
        rule = "the beginning of a trial's id must belong to one trial alone"
        raise UserError(rule, where=str(ledger.root), received=begin, advice=advice)
    advice = "`unroll results DIR --format csv` lists them; or name it by --arm and --seed"
    raise UserError("there is no such trial", where=str(ledger.root), received=repr(begin), advice=advice)


def _completed(ledger: Ledger, trial: Trial) -> Outcome:
    outcome = ledger.trial(trial.id).outcome()
    if outcome is None or not _has_completed(outcome):
        raise UserError(
            "a trial must have completed before anything can be done with it",
            where=f"{trial.arm}, seed {trial.seed}",
            received=outcome.status if outcome else "missing",
            advice=f"unroll run {trial.study}",
        )
    return outcome


def _has_completed(outcome: Outcome | None) -> bool:
    return outcome is not None and outcome.status == "completed"


def _listed(choices: list[Any]) -> str:
    more = f" and {len(choices) - MOST_SHOWN} more" if len(choices) > MOST_SHOWN else ""
    return ", ".join(repr(each) for each in choices[:MOST_SHOWN]) + more


def list_tasks(can: Callable[[AnyTask], bool]) -> str:
    """This project's tasks that can do what another one cannot, behind a colon in an error; a broken one is none."""
    found = list[str]()
    for name in discover_tasks():
        with suppress(UserError):
            if can(load_task(name)):
                found.append(name)
    return f": {', '.join(found)}" if found else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """A module as a trial left it, with all that its task asks for.

    Args:
        trial: what trained it.
        outcome: what that came to.
        task: its task.
        settings: the trial's; what was located lies nowhere.
        dataset: what is left of the data (``contract.Task.restored``).
        module: with the weights that were kept, no longer training, on the processor.
        note: what these weights are, where they are not those that the trial tested; else empty.
    """

    trial: Trial
    outcome: Outcome
    task: AnyTask
    settings: Settings
    dataset: Any
    module: pl.LightningModule
    note: str = ""


def load_trained(ledger: Ledger, chosen: Chosen) -> Trained:
    """Build the module of a completed trial again and give it its weights.

    Raises:
        UserError: the weights were not kept, are damaged, or are of another version of the task; or the task does not
            say how its data's part of the module is restored.
    """
    trial = chosen.trial
    weights = ledger.trial(trial.id).weights
    record = weights.describe()
    task = load_task(record.task)
    where = str(ledger.trial(trial.id).folder)
    if record.task_version != task.version:
        raise UserError(
            f"the weights must be those of version {task.version} of task {record.task}, which is the one here",
            where=where,
            received=f"version {record.task_version}",
            advice="use the code that trained them, or run the study anew",
        )
    settings = restore_settings(task, record.settings, record.located, where=where)
    misfit = UserError(
        "the weights must fit the module that the task builds",
        where=where,
        advice=f"was tasks/{record.task} changed since? use the code that trained them",
    )
    try:
        dataset = task.restored(settings, weights.rebuilt_from())
        if (parameters := count_parameters(task, settings, dataset)) > record.size:  # a number has a byte at least
            misfit.received = f"{parameters:,} parameters, and {record.size:,} bytes"
            raise misfit
        module = task.module(settings, dataset)
        module.load_state_dict(weights.read())
    except UserError:
        raise
    except Exception as error:  # of records with a right checksum whose content nobody has written
        misfit.received = " ".join(str(error).splitlines()[1:2]).strip() or f"{type(error).__name__}: {error}"
        raise misfit from None
    return Trained(
        trial=trial,
        outcome=chosen.outcome,
        task=task,
        settings=settings,
        dataset=dataset,
        module=module.eval(),
        note=_note(record, chosen.outcome),
    )


def _note(record: WeightsRecord, outcome: Outcome) -> str:
    if record.which == "last" or record.selected is None or record.selected == outcome.selected:
        return ""
    return f"weights of the best validation, epoch {record.selected.epoch}; the recorded test is of the last ones"


@contextmanager
def as_tested(trained: Trained) -> Iterator[None]:
    """Compute as the trial's test did, without gradients and with as many threads; afterwards all is as it was."""
    import torch

    from unroll.execution.trial import process

    with process.restored(), torch.inference_mode():
        process.quieten()
        process.pin(threads=recorded_threads(trained.outcome), seed=trained.trial.seed)
        yield


def recorded_threads(outcome: Outcome) -> int:
    """Those of the trial, as far as its record can be believed."""
    told = outcome.environment.get("threads", "")
    return int(told) if re.fullmatch(r"[1-9][0-9]{0,2}", told) else 1
