"""A study's dashboard at W&B: what it shows, and sending it together with the report."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unroll.contract import UserError
from unroll.ledger import write_atomic
from unroll.tracking.dashboard import CHARTS_KEY, REPORT_KEY, Dashboard, Panel, Section
from unroll.tracking.local import Destination
from unroll.workflow.records import update_report
from unroll.workflow.syncing import check_runs, sync

if TYPE_CHECKING:
    from unroll.ledger import Ledger
    from unroll.study import Plan
    from unroll.tracking.uploading import Patience, Sent

KNOWN = Path("wandb", "dashboards.json")
"""In a results folder: which workspaces were saved, so that they are changed and not doubled."""
ANSWER_CHARACTERS = 4000


@dataclass(frozen=True, slots=True)
class Outline:
    """What is to be sent."""

    dashboards: tuple[Dashboard, ...]
    """One for each phase."""
    report: str
    """Id of the run that holds the report."""
    files: Mapping[str, Path]
    """What that run holds: name -> file."""
    answer: str
    """The report's answer, in Markdown."""


def outline(ledger: Ledger, *, entity: str, project: str) -> Outline:
    """What the dashboard of a results folder shows; the report is brought up to date.

    Args:
        ledger: the results folder.
        entity: W&B user or team; "" for the study's own.
        project: W&B project; "" for the study's own.

    Raises:
        UserError: the folder holds no plan, or ``wandb-workspaces`` is not installed.
        StorageError: the disk refused.
    """
    import polars as pl

    from unroll.tracking.report_run import report_files, report_id
    from unroll.tracking.workspace import check_installed

    check_installed()
    check_runs(ledger)
    plan = ledger.plan()
    page = update_report(ledger, wanted=True)
    if page is None:
        raise UserError("a results folder must hold a report to show", where=str(ledger.root))
    declared = plan.declaration.get("wandb") or {}
    at = Destination("", entity or declared.get("entity") or "", project or declared.get("project") or "unroll")
    files = report_files(page.parent)
    report = report_id(plan.study, files)
    answer = _answer(page.with_suffix(".md").read_text(encoding="utf-8"))
    points = ledger.history_frame(plan).group_by("metric").agg(pl.col("step").n_unique())
    logged = sorted(points.filter(pl.col("step") > 1)["metric"])  # one point is no curve
    phases = sorted({trial.phase for trial in plan.trials})
    dashboards = tuple(
        Dashboard(
            name=f"{plan.study}, {phase}" if len(phases) > 1 else plan.study,
            at=at,
            study=plan.study,
            phase=phase,
            runs=tuple(trial.id for trial in plan.trials if trial.phase == phase),
            report=report,
            sections=tuple(_sections(plan, logged, answer, files)),
        )
        for phase in phases
    )
    return Outline(dashboards, report, files, answer)


def described(sketch: Outline) -> dict[str, Any]:
    """What would be sent, for ``--dry-run``."""
    from unroll.tracking.workspace import specification

    files = {name: {"file": path.name, "bytes": path.stat().st_size} for name, path in sketch.files.items()}
    return {
        "workspaces": [
            {
                "entity": each.at.entity or "(the key's own)",
                "project": each.at.project,
                "name": each.name,
                "spec": specification(each),
            }
            for each in sketch.dashboards
        ],
        "report": {"run": sketch.report, "files": files, "notes": sketch.answer},
    }


def send(
    ledger: Ledger,
    sketch: Outline,
    *,
    command: str,
    entity: str,
    project: str,
    watch: Callable[[int, int], None],
    patience: Patience | None = None,
) -> tuple[Sent, list[str]]:
    """Send runs and report as :func:`unroll.workflow.syncing.sync` does, and save the workspaces.

    Args:
        ledger: the results folder.
        sketch: as of :func:`outline`, with the same entity and project.
        command: what is run.
        entity: W&B user or team; "" for the study's own, then the key's.
        project: W&B project; "" for the study's own.
        watch: told how many runs are confirmed, and of how many.
        patience: how long to try.

    Returns:
        What the upload of the runs came to, and the addresses of the workspaces.

    Raises:
        UserError: there is no key, W&B refuses something or does not answer, or does not have it afterwards.
    """
    from unroll.tracking.remote import Remote, Unanswered
    from unroll.tracking.report_run import write_report_run
    from unroll.tracking.service import close_mirror
    from unroll.tracking.workspace import save

    remote = Remote.configured()
    try:
        own = remote.account().entity
        first = sketch.dashboards[0]
        write_report_run(
            ledger.root,
            sketch.report,
            sketch.files,
            study=first.study,
            project=first.at.project,
            entity=first.at.entity,
            notes=sketch.answer,
        )
        sent = sync(ledger, command=command, entity=entity, project=project, watch=watch, patience=patience)
        urls = []
        for each in sketch.dashboards:
            placed = replace(each, at=Destination(remote.url, each.at.entity or own, each.at.project))
            known = _known(ledger)
            key = f"{placed.at}/{placed.name}"
            saved, url = save(placed, remote, known.get(key))
            _remember(ledger, known | {key: saved})
            urls.append(url)
    except Unanswered as error:
        raise UserError("W&B must answer", received=str(error), advice="try again; nothing is sent twice") from None
    finally:
        close_mirror()
    return sent, urls


def _known(ledger: Ledger) -> dict[str, tuple[str, str]]:
    try:
        fields = json.loads((ledger.root / KNOWN).read_text(encoding="utf-8"))
        return {str(key): (str(name), str(view)) for key, (name, view) in fields.items()}
    except (FileNotFoundError, ValueError, AttributeError, TypeError):
        return {}


def _remember(ledger: Ledger, known: Mapping[str, tuple[str, str]]) -> None:
    write_atomic(ledger.root / KNOWN, json.dumps(known, indent=1).encode())


def _answer(markdown: str) -> str:
    """The report up to its first table."""
    return markdown.partition("\n## ")[0].strip()[:ANSWER_CHARACTERS]


def _sections(plan: Plan, logged: Iterable[str], answer: str, files: Mapping[str, Path]) -> Iterator[Section]:
    """The answer, then what training, validation and test logged by arm, then the deciding metric by each factor."""
    told = Panel("text", "answer", text=answer), Panel("page", "The report", REPORT_KEY)
    yield Section("Answer", (*told, Panel("bars", f"{plan.metric}, mean and standard deviation", plan.metric, "arm")))
    charts = tuple(Panel("page", name.removeprefix(CHARTS_KEY), name) for name in files if name.startswith(CHARTS_KEY))
    if charts:
        yield Section("Charts of the report", charts, is_open=False)
    curves = {name: Panel("curve", name, name, "arm") for name in logged}
    ends = {name: Panel("bars", f"{name} at the end", name, "arm") for name in plan.metrics}
    for stage in sorted({name.partition("/")[0] for name in (*curves, *ends)}, key=_stage_order):
        panels = [panel for name, panel in (*curves.items(), *ends.items()) if name.partition("/")[0] == stage]
        yield Section(f"{stage[:1].upper()}{stage[1:]}, by arm", tuple(panels))
    for factor in plan.factors if len(plan.factors) > 1 else ():
        if all(_holds(trial.settings, factor) for trial in plan.trials):
            shown = Panel("bars", f"{plan.metric} by {factor}", plan.metric, factor)
            curve = (
                (Panel("curve", f"{plan.metric} by {factor}", plan.metric, factor),) if plan.metric in curves else ()
            )
            yield Section(f"By {factor}", (shown, *curve))


def _stage_order(stage: str) -> tuple[int, str]:
    known = ("train", "validation", "test")
    return known.index(stage) if stage in known else len(known), stage


def _holds(settings: Mapping[str, Any], path: str) -> bool:
    """Whether the settings, which are the config of a run, have an entry at this dotted path."""
    value: Any = settings
    for part in path.split("."):
        if not isinstance(value, Mapping) or part not in value:
            return False
        value = value[part]
    return True
