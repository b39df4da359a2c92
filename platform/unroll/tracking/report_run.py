"""The report as a run of W&B: made on disk like every other one, and sent in the same way."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from unroll.tracking import service
from unroll.tracking.dashboard import CHARTS_KEY, REPORT_JOB, REPORT_KEY
from unroll.tracking.local import logs_by_run


def report_files(folder: Path) -> dict[str, Path]:
    """What a run holds of the report in ``folder``: name -> the page, or a chart."""
    charts = {f"{CHARTS_KEY}{path.stem}": path for path in sorted((folder / "charts").glob("*.svg"))}
    return {REPORT_KEY: folder / "report.html"} | charts


def report_id(study: str, files: Mapping[str, Path]) -> str:
    """Id of the run: another report is another run, and the same one is sent once."""
    digest = hashlib.blake2b(study.encode(), digest_size=6)
    for name, path in files.items():
        digest.update(name.encode() + b"\0" + hashlib.blake2b(path.read_bytes()).digest())
    return f"report-{digest.hexdigest()}"


def write_report_run(
    results: Path, run_id: str, files: Mapping[str, Path], *, study: str, project: str, entity: str, notes: str
) -> None:
    """Write the run below ``results``, unless it is there.

    Args:
        results: the results folder.
        run_id: as of :func:`report_id`.
        files: as of :func:`report_files`.
        study: the study; the run's group.
        project: W&B project.
        entity: W&B user or team.
        notes: the answer in words.

    Raises:
        Exception: wandb's own, or TimeoutError.
    """
    if run_id in logs_by_run(results):
        return
    import wandb

    identity = {
        "project": project,
        "entity": entity,
        "id": run_id,
        "group": study,
        "job_type": REPORT_JOB,
        "name": f"report of {study}",
        "notes": notes,
        "tags": [REPORT_JOB],
        "config": {"study": study, "arm": REPORT_JOB},
        "dir": str(results),
    }
    run = service.start_run("offline", identity)
    # Not "injected": wandb would have the page ask its server for a style sheet.
    pages = {name: wandb.Html(path.read_text(encoding="utf-8"), inject=False) for name, path in files.items()}
    run.log({**pages, service.STEP: 0})
    service.finish_run(run, {"status": "completed"}, 0)
    service.close_mirror()  # the log is whole once the service has written it
