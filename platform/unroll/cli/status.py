"""``unroll status``: how far studies are, from outside, while they run or later."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from unroll.cli._options import FormatOption, complete_study
from unroll.cli._output import Format, print_json, print_lines, print_rows, shell_line, shown
from unroll.reporting.numbers import duration
from unroll.terminal.text import visible
from unroll.workflow.places import find_results, results_folder, results_names

if TYPE_CHECKING:
    import polars as pl

    from unroll.ledger import Ledger, Owner
    from unroll.study import Plan


def status(
    folder: Annotated[
        str | None,
        typer.Argument(
            metavar="[STUDY|DIR]",
            autocompletion=complete_study,
            show_default=False,
            help="A results folder, or a study whose results lie in results/STUDY; all of these when left out.",
        ),
    ] = None,
    format: FormatOption = Format.TABLE,  # noqa: A002  (the option's own name)
) -> None:
    """Show how many trials have ended, and how; which run now; what W&B has not received."""
    if folder is None:
        rows = [_study_row(results_folder(name, None)) for name in results_names()]
        if rows or format is not Format.TABLE:
            print_rows(rows, format)
        else:
            print_lines("there are no results yet: unroll run STUDY")
    else:
        _show(find_results(folder), format)


def _study_row(folder: Path) -> dict[str, Any]:
    """One line about a results folder; a folder that cannot be read does not hide the others."""
    from unroll.contract import UserError
    from unroll.ledger import Ledger

    try:
        ledger = Ledger.open(folder)
        plan = ledger.plan()
        counts = _counts(ledger.trials_frame(plan))
        owner = _name(_living_owner(ledger))
    except UserError as error:
        return {"study": folder.name, "problem": visible(error)}
    return {"study": folder.name, "planned": len(plan.trials), **counts, "owned_by": owner}


def _show(folder: Path, format: Format) -> None:  # noqa: A002  (the option's own name)
    from unroll.evidence import coverage
    from unroll.ledger import Ledger
    from unroll.reporting.prose.decided import decided_sentences
    from unroll.tracking import unsynced
    from unroll.workflow.warnings import warnings

    ledger = Ledger.open(folder)
    plan, owner = ledger.plan(), ledger.owner()
    frame = ledger.trials_frame(plan)
    ends, running = coverage(frame), _running_rows(ledger, plan)
    arms = ends.select("arm", "planned", *(name for name in ends.columns[2:] if ends[name].sum())).to_dicts()
    overview: dict[str, Any] = {
        "study": plan.study,
        "results": shown(folder),
        "planned": len(plan.trials),
        "counts": _counts(frame),
        "preparations": _counts(ledger.preparations_frame(plan)),
        "tuning": _counts(ledger.tune_frame(plan)),
        "owned_by": _name(_living_owner(ledger)),
        "left_by": _name(owner if owner and owner.is_gone else None),
        "packs": [
            {"study": pack.study, "digest": pack.digest, "date": pack.date, "trials": len(trials)}
            for pack, trials in ledger.taken_over(plan)
        ],
        "unsynced": unsynced(folder),
        "decided_after_looking": list(decided_sentences(analyses)) if (analyses := ledger.analyses()) else None,
        "warnings": warnings(plan, ledger, "status"),
        "damaged": [str(damage) for damage in ledger.damage()],
    }
    if format is Format.JSON:
        print_json(overview | {"arms": arms, "running": running})
        return
    print_rows(arms, format)
    if format is Format.TABLE:
        print_rows(running, format)
        counts = ", ".join(f"{count} {status}" for status, count in overview["counts"].items())
        whose = "nothing runs here now"
        if overview["owned_by"]:
            whose = f"run by {overview['owned_by']}"
        elif overview["left_by"]:
            whose = f"was run by {overview['left_by']}, which is gone: run it again to go on"
        others = ", ".join(f"{count} {status}" for status, count in overview["preparations"].items())
        prepared = [f"{len(plan.preparations)} trials that others begin with: {others}"] if others else []
        tuned = ", ".join(f"{count} {status}" for status, count in overview["tuning"].items())
        prepared += [f"{len(plan.tune_trials)} trials that tune their settings: {tuned}"] if tuned else []
        lines = [f"{plan.study}: {len(plan.trials)} trials: {counts}", *prepared, whose, *overview["warnings"]]
        print_lines(*map(visible, lines))
        if overview["unsynced"]:
            sync = shell_line(["unroll", "sync", overview["results"]])
            print_lines(f"{overview['unsynced']} W&B runs are unsynced, on disk only; this sends them:", sync)


def _counts(trials: pl.DataFrame) -> dict[str, int]:
    """Status -> trials, the most frequent first."""
    return dict(Counter(trials["status"].to_list()).most_common())


def _running_rows(ledger: Ledger, plan: Plan) -> list[dict[str, Any]]:
    """Notes of trials without a result, while somebody owns the folder."""
    if _living_owner(ledger) is None:
        return []
    from unroll.ledger import FINAL

    outcomes = ledger.outcomes(trial.id for trial in plan.every_trial)
    trials = {t.id: t for t in plan.every_trial if t.id not in outcomes or outcomes[t.id].status not in FINAL}
    notes = ledger.progress(trials)
    return [
        {
            "trial": note.trial,
            "running": trials[id].name,
            "host": note.host,
            "epoch": note.epoch,
            "step": f"{note.step:,}" + (f" of {note.steps:,}" if note.steps else ""),
            "for": duration(note.seconds),
            "noted": f"{duration(max(0.0, time.time() - note.updated))} ago",
        }
        for id, note in notes.items()  # noqa: A001
    ]


def _living_owner(ledger: Ledger) -> Owner | None:
    """Who owns the folder, unless it is a process of this machine that has ended."""
    owner = ledger.owner()
    return None if owner is None or owner.is_gone else owner


def _name(owner: Owner | None) -> str:
    return f"process {owner.pid} on {owner.host} since {owner.since}" if owner else ""
