"""Send a study to a cluster: everything is checked here, before anything is sent or torch is imported."""

from __future__ import annotations

import os
import re
import secrets
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from unroll.cluster import Submission, Target, load_way, way_names
from unroll.contract import UserError
from unroll.ledger import Ledger, SubmissionRecord
from unroll.ledger.pathless import without_paths
from unroll.study import Study, discover_studies, load_study, project_root, suggestion
from unroll.study.reading import read_mapping, validate_mapping
from unroll.workflow.places import results_folder
from unroll.workflow.provenance import now
from unroll.workflow.sharing import divide

TARGETS = "clusters"
"""Folder of the project that holds targets: ``<name>.yaml`` each."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


@dataclass(frozen=True, slots=True)
class Sent:
    """What was sent, or would be."""

    submission: Submission
    files: Mapping[str, str]
    """Name -> text."""
    folder: Path
    """The results folder as this machine sees it: of the target if it can be reached from here, else the project's."""
    handle: str = ""
    """What the place calls it; empty where nothing was sent."""


def target_names() -> list[str]:
    """Targets of this project."""
    return sorted(path.stem for path in (project_root() / TARGETS).glob("*.yaml"))


def read_target(name: str) -> Target:
    """A target of this project.

    Raises:
        UserErrors: its file has mistakes, each with its line.
        UserError: there is none of this name.
    """
    known = target_names()
    if name not in known:
        made = f"make {TARGETS}/{name}.yaml (see docs/clusters.md)" if _NAME.fullmatch(name) else ""
        advice = suggestion(name, known) or (f"there are {', '.join(known)}" if known else made)
        raise UserError("a target must be a file of the project", where=TARGETS, received=repr(name), advice=advice)
    document = read_mapping(project_root() / TARGETS / f"{name}.yaml")
    kind, kinds = document.data.get("kind"), way_names()
    if kind not in kinds:
        advice = suggestion(str(kind), kinds) or f"there are {', '.join(kinds)}"
        where = document.where(("kind",) if "kind" in document.data else ())
        raise UserError("the kind of a target must be known", where=where, received=repr(kind), advice=advice)
    return validate_mapping(document, load_way(kind))


def submit(study: str, overrides: Sequence[str], on: str, *, words: Sequence[str], dry: bool = False) -> Sent:
    """Send a study.

    Args:
        study: its name; it must be one of the project's, since the project is what the other side has.
        overrides: as for ``unroll run``.
        on: name of the target.
        words: the command line, for the record.
        dry: only say what would be sent; of a study that is divided among jobs the plan is made, but not written down.

    Raises:
        UserError: the study or the target has mistakes, or the place refused.
    """
    loaded, target = load_study(study, overrides), read_target(on)
    folder = _seen_from_here(target, loaded)
    submission = Submission(
        study=_of_the_project(loaded),
        overrides=tuple(overrides),
        name="0000",
        mark=secrets.token_hex(3),
        results=PurePosixPath(target.results, loaded.name),
        project=str(project_root()),
        resources=loaded.resources,
    )
    shares = _divide(study, overrides, folder, target, dry=dry) if target.shares(1) else []
    submission = replace(submission, shares=len(shares))
    if dry:
        number = max(map(int, Ledger(folder).submission_names()), default=0) + 1
        submission = replace(submission, name=f"{number:04}")
        return Sent(submission, target.render(submission), folder)
    ledger = Ledger.create(folder)
    record = SubmissionRecord(
        submitted=now(),
        target=on,
        command=[without_paths(word) for word in words],
        token=uuid.uuid4().hex if shares else "",
        shares=shares,
    )
    submission = replace(submission, name=ledger.submit(record))
    files = target.render(submission)
    ledger.keep_submitted(submission.name, files)
    handle = target.send(submission, files)
    ledger.submitted(submission.name, record.model_copy(update={"handle": handle}))
    return Sent(submission, files, folder, handle)


def _divide(study: str, overrides: Sequence[str], folder: Path, target: Target, *, dry: bool) -> list[list[str]]:
    """Plan the study, write the plan down, and divide what is missing."""
    from unroll.execution import find_missing
    from unroll.workflow.launch import write_plan
    from unroll.workflow.prepare import prepare

    ledger = Ledger(folder)
    known = prepare(study, overrides).known(ledger)
    missing = find_missing(known.jobs, ledger, retry=False)
    if not missing:
        raise UserError("there must be something to run", where=str(folder), received="every trial has its result")
    if not dry:
        ledger = Ledger.create(folder)
        ledger.check(known.plan)
        with ledger.lock(["unroll", "submit", study]):
            ledger.clear_stop()
            write_plan(known.plan, known.plan.every_trial, ledger)
    return divide(missing, target.shares(len(missing)))


def _of_the_project(study: Study) -> str:
    if study.name not in discover_studies():
        raise UserError(
            "a study that is sent must be one of the project's",
            where=study.name,
            advice="put its folder into studies/, which the nodes have too",
        )
    return study.name


def _seen_from_here(target: Target, study: Study) -> Path:
    """The target's results folder where this machine can write to it, else the project's own for this study."""
    root = Path(target.results)
    return root / study.name if root.is_dir() and os.access(root, os.W_OK) else results_folder(study.name, None)
