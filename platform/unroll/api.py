"""Plan, run and read studies from Python: from a script, a notebook or a test.

The functions do what the commands of the same names do and give the same numbers. They raise :class:`UserError` where a
command prints an error, and leave signal handlers, random generators and Unroll's own variables of the environment as
they found them.
"""

from __future__ import annotations

import functools
import random
import signal
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unroll import interruption
from unroll.contract import Answer, Continuation, NewText, UserError
from unroll.study import spell_overrides
from unroll.workflow.generating import Generator
from unroll.workflow.invocation import IfChanged, Invocation, RunnerName
from unroll.workflow.launch import RunResult, Watch, launch
from unroll.workflow.overview import Overview, look_ahead
from unroll.workflow.places import find_results, named_refusals, settled_cache
from unroll.workflow.predicting import Predictor
from unroll.workflow.prepare import Prepared, prepare, refuse_edited
from unroll.workflow.records import open_results, read_trials, write_report
from unroll.workflow.trained import Trained, choose_trial, load_trained

if TYPE_CHECKING:
    import polars as pl

    from unroll.execution import Observer
    from unroll.reporting.pages.files import ReportFiles

__all__ = [
    "Answer",
    "Continuation",
    "Overview",
    "RunResult",
    "Trained",
    "UserError",
    "generate",
    "history",
    "plan",
    "predict",
    "report",
    "results",
    "run",
    "trained",
]


def plan(
    study: str | Path,
    *overrides: str,
    results: str | Path | None = None,
    packs: Sequence[str | Path] = (),
    pilot: str | Path | None = None,
    difference: float | None = None,
    calibrate: bool = False,
    **values: Any,
) -> Overview:
    """What a study comes to: arms, trials, what is done, disk, time, warnings. Nothing is run, nothing recorded.

    Args:
        study: its name, its folder or its file.
        overrides: as on the command line: ``"training.epochs=1"``, ``"network.cell=gru,lstm"`` to compare both.
        results: the results folder; ``results/<study>/`` in the project if None.
        packs: packs whose trials count as done, each a file or the name of a study beside which one lies.
        pilot: results, or a study that has some, whose spread tells what this study can detect; its own if None.
        difference: an improvement in the metric's unit: how many seeds does it take to find it in 80 % of studies?
        calibrate: whether to train a few steps of each arm to estimate the time.
        values: overrides with Python values: ``seeds=2``, ``training={"epochs": 1}`` or ``**{"training.epochs": 1}``;
            ``network={"cell": ["gru", "lstm"]}`` to compare both.

    Raises:
        UserError: the study, its overrides or its data are not right; all mistakes together.
    """
    with _command():
        prepared = _prepared(study, (*overrides, *spell_overrides(values)))
        known = None if pilot is None else find_results(str(pilot))
        return look_ahead(
            prepared,
            _path(results),
            packs=list(map(str, packs)),
            pilot=known,
            difference=difference,
            calibrate=calibrate,
        )


def run(
    study: str | Path,
    *overrides: str,
    results: str | Path | None = None,
    runner: RunnerName = "ray",
    address: str | None = None,
    concurrency: int | None = None,
    max_hours: float | None = None,
    retry: bool = False,
    if_changed: IfChanged = "refuse",
    packs: Sequence[str | Path] = (),
    report: bool = True,
    progress: bool | Observer = True,
    **values: Any,
) -> RunResult:
    """Run the trials that have no result yet, then write the report. Called again it continues, or does nothing.

    Args:
        study: its name, its folder or its file.
        overrides: as in :func:`plan`.
        results: the results folder; ``results/<study>/`` in the project if None.
        runner: ``"ray"``: in parallel; ``"inline"``: one by one in this process, to debug.
        address: a running Ray cluster (``"auto"`` or ``"HOST:PORT"``); None to start Ray on this machine for this call.
        concurrency: most trials at a time.
        max_hours: the longest that it may take. Where that is too short, whole seeds are left for the next call.
        retry: whether to run again what failed by a mistake in task or settings.
        if_changed: what to do with results of tasks' source files that were changed since: ``"refuse"`` to run,
            ``"keep"`` them, or ``"rerun"`` these trials and set the old results aside.
        packs: as in :func:`plan`.
        report: whether to write the report at the end.
        progress: True prints lines on standard error (a table where that is a terminal); or an observer of one's own.
        values: as in :func:`plan`.

    Returns:
        What it came to, also where trials failed or diverged: see :attr:`RunResult.completed`.

    Raises:
        UserError: as in :func:`plan`; or somebody else runs in the results folder, the runner cannot start, the disk
            refused.
        KeyboardInterrupt: Ctrl-C; the running trials have saved their state, and the same call goes on from there. A
            second Ctrl-C ends at once. SIGTERM is answered alike, and then takes its usual course.
    """
    with _command():
        words = (*overrides, *spell_overrides(values))
        invocation = Invocation(
            study=str(study),
            overrides=words,
            results=_path(results),
            runner=runner,
            address=address,
            concurrency=concurrency,
            max_hours=max_hours,
            retry=retry,
            if_changed=if_changed,
            packs=tuple(map(str, packs)),
            report=report,
        )
        invocation.check()
        until = invocation.until()
        prepared = _prepared(study, words)
        made = invocation.make_runner(fork=False)
        result = launch(prepared, invocation, made, watch=_watch(progress), until=until)
        if result.interrupted:
            raise interruption.Interrupted
        return result


def results(folder: str | Path, *, every: bool = False) -> pl.DataFrame:
    """One row per trial: id, arm, seed, status, size, time, what it ran on, and a column for each final metric.

    Args:
        folder: a results folder, or a study whose results lie in ``results/<study>/``.
        every: whether to give trials of earlier plans too: other settings, seeds or levels.

    Returns:
        Null metrics where a trial has none; NaN and infinities are kept (``unroll.ledger.Ledger.trials_frame``).

    Raises:
        UserError: nothing is there.
    """
    return read_trials(open_results(folder), every=every)


def history(folder: str | Path) -> pl.DataFrame:
    """One row per logged value of the newest plan's trials: trial, arm, seed, step, epoch, seconds, metric, value.

    Args:
        folder: as in :func:`results`.

    Raises:
        UserError: nothing is there.
    """
    ledger = open_results(folder)
    return ledger.history_frame(ledger.plan())


def report(folder: str | Path, *, checklists: Sequence[str] = ()) -> ReportFiles:
    """Write the report anew from what is recorded so far; no task code is run.

    Args:
        folder: as in :func:`results`.
        checklists: venues whose reproducibility checklists are filled beside it: ``"neurips"``, ``"acl"``, ``"aaai"``.

    Returns:
        Where the page (``html``), the text (``markdown``) and the folder of ``tables`` lie.

    Raises:
        UserError: nothing is there, or there is no such checklist.
    """
    with _command():
        return write_report(open_results(folder), checklists)


def trained(
    folder: str | Path, *, arm: str | None = None, seed: int | None = None, trial: str | None = None
) -> Trained:
    """A finished trial with its module: ``module`` is the task's ``LightningModule`` with the weights that were kept.

    Args:
        folder: as in :func:`results`.
        arm: name of the arm; None: the only one.
        seed: its seed; None: the lowest one that completed.
        trial: the trial's id, or its beginning, in place of arm and seed.

    Raises:
        UserError: there is no such trial, or its weights were not kept or are damaged.
    """
    with _command():
        ledger = open_results(folder)
        return load_trained(ledger, choose_trial(ledger, arm=arm, seed=seed, trial=trial))


def predict(
    folder: str | Path,
    lines: Iterable[str],
    *,
    arm: str | None = None,
    seed: int | None = None,
    trial: str | None = None,
) -> list[Answer]:
    """What a finished trial says of new lines: a label, tags or a translation; probabilities where the task gives them.

    Args:
        folder: as in :func:`results`.
        lines: words with blanks between them.
        arm: as in :func:`trained`.
        seed: as in :func:`trained`.
        trial: as in :func:`trained`.

    Returns:
        One answer for each line; ``text`` is empty for a line without words.

    Raises:
        UserError: as in :func:`trained`; or the task answers nothing, or no line has a word.
    """
    predictor = Predictor(trained(folder, arm=arm, seed=seed, trial=trial))
    with _command():
        return list(predictor.answers([NewText(lines=list(lines), where="lines")]))


def generate(
    folder: str | Path,
    beginnings: Iterable[str],
    *,
    arm: str | None = None,
    seed: int | None = None,
    trial: str | None = None,
    draw: int = 0,
    **how: Any,
) -> list[Sequence[Continuation]]:
    """How a finished trial goes on with texts.

    Args:
        folder: as in :func:`results`.
        beginnings: of the texts; an empty one begins a text.
        arm: as in :func:`trained`.
        seed: as in :func:`trained`.
        trial: as in :func:`trained`.
        draw: what is drawn depends on it.
        how: how text is written, as in the task's options: ``method="beam"``, ``temperature=0.8``.

    Returns:
        For each beginning the ways to go on with it, the best first; their ``text`` is what follows.

    Raises:
        UserError: as in :func:`trained`; or the task goes on with no text, has no such options, or cannot read one.
    """
    generator = Generator(trained(folder, arm=arm, seed=seed, trial=trial), spell_overrides(how), draw=draw)
    with _command():
        return [generator.write(beginning) for beginning in beginnings]


def _prepared(study: str | Path, overrides: tuple[str, ...]) -> Prepared:
    """The study with overrides as a command line would have them."""
    prepared = prepare(str(study), overrides)
    refuse_edited(prepared.plan)
    return prepared


def _path(place: str | Path | None) -> Path | None:
    return None if place is None else Path(place).expanduser()


def _watch(progress: bool | Observer) -> Watch:
    if isinstance(progress, bool):
        from unroll.terminal.progress import watch
        from unroll.terminal.text import console

        screen = console(stderr=True)
        screen.quiet = not progress
        return functools.partial(watch, screen=screen)
    return lambda _: nullcontext(progress)


@contextmanager
def _command() -> Iterator[None]:
    """What a command does around itself, for the time of one call.

    Raises:
        KeyboardInterrupt: this process was asked to leave.
    """
    drawn = random.getstate()  # libraries draw from it when they are imported for the first time
    try:
        with interruption.listening(), settled_cache(), named_refusals():
            yield
    except interruption.Interrupted:
        if interruption.last_signal() == signal.SIGTERM:
            signal.raise_signal(signal.SIGTERM)  # to whoever answered it before this call: by default the process ends
        raise KeyboardInterrupt("interrupted; the same call goes on from what is saved") from None
    finally:
        random.setstate(drawn)
