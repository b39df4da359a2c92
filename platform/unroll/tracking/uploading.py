"""Send runs that lie on disk by wandb's own client, and believe only what W&B says afterwards.

Of every run W&B is asked first how much of it is there; the client is given a log of what is missing. What it reports
is not looked at: W&B is asked again. So a process that is killed, an answer that is lost and a client that gives up
all end in the same way: the next try sends what is still missing, and every row is there once.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from unroll.tracking.attempts import JoinedRun, Row, read_attempt
from unroll.tracking.local import Destination, is_empty, logs_by_run, mark_synced, set_aside, synced_to
from unroll.tracking.remote import ENDED, Account, Remote, Standing, Unanswered
from unroll.tracking.transactions import UnknownLog

BATCH_RUNS, BATCH_BYTES = 16, 2**25
"""Runs, and bytes of their logs, that one process of the client is given: its start takes about a second."""
_OF_ONE_RUN = frozenset(
    f"WANDB_{name}"
    for name in (
        *("MODE", "RUN_ID", "NAME", "NOTES", "TAGS", "JOB_TYPE", "RUN_GROUP", "ENTITY", "PROJECT", "RESUME"),
        *("SWEEP_ID", "SERVICE", "RUN_DIR", "SILENT", "QUIET"),
    )
)
"""Variables about a run of its own, which would be taken for the runs that are sent."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to try; all in seconds."""

    client: float = 300.0
    """One process of the client; what it had sent by then stays sent."""
    confirmation: float = 20.0
    """Until W&B tells what the client has just sent."""
    pauses: tuple[float, ...] = (1.0, 2.0, 4.0, 8.0, 16.0)
    """Before each further try of a batch. A try after which W&B holds more than before begins them anew."""


@dataclass(slots=True)
class Sent:
    """What an upload came to."""

    runs: dict[str, Destination] = field(default_factory=dict)
    """Run id -> where W&B has confirmed all of it."""
    set_aside: list[Path] = field(default_factory=list)
    """Folders of logs that held nothing, in their new place."""
    notes: list[str] = field(default_factory=list)
    """What is worth knowing and stopped nothing."""
    problems: list[str] = field(default_factory=list)
    """Why runs are still only on disk: a line each."""
    untried: int = 0
    """Further runs, which were not tried since the ones before them had no success."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A run that is not confirmed yet."""

    run: JoinedRun
    to: Destination
    there: int = 0
    """Rows that W&B has of it, as of its last answer: the first ones."""


def waiting_runs(folder: Path, *, to: Destination, busy: Collection[str] = ()) -> dict[str, tuple[Path, ...]]:
    """Run id -> logs that hold something, of the runs that W&B has not confirmed.

    Args:
        folder: the results folder.
        to: where they are to be; what is empty is left open.
        busy: runs that are still written to.
    """
    found: dict[str, tuple[Path, ...]] = {}
    for run_id, logs in logs_by_run(folder).items():
        full = tuple(log for log in logs if not is_empty(log))
        places = [synced_to(log.parent) for log in full]
        if run_id not in busy and any(place is None or not to.agrees(place) for place in places):
            found[run_id] = full
    return found


def set_empty_aside(folder: Path, *, busy: Collection[str] = ()) -> list[Path]:
    """Move logs without a record out of the way, but those of runs that are still written to; gives their places."""
    empty = [log for run_id, logs in logs_by_run(folder).items() if run_id not in busy for log in logs if is_empty(log)]
    return [set_aside(log.parent) for log in empty]


def join(logs: Sequence[Path], sent: Sent) -> JoinedRun | None:
    """One run from its logs, torn ones read as far as they go; None where they hold none, which ``sent`` is told."""
    attempts = []
    for log in logs:
        try:
            attempt = read_attempt(log)
        except (UnknownLog, OSError) as error:
            sent.problems.append(f"{log}: wandb's log cannot be read: {error}")
            return None
        if attempt.run is None:
            sent.set_aside.append(set_aside(log.parent))
            continue
        attempts.append(attempt)
    if not attempts:
        return None
    run = JoinedRun(sorted(attempts, key=lambda each: (each.run.start_time.seconds, each.run.start_time.nanos)))
    if run.damaged:
        places = "a place" if run.damaged == 1 else f"{run.damaged} places"
        sent.notes.append(f"{run.id}: its log is torn at {places}; what can be read is sent")
    return run


def upload(
    waiting: Mapping[str, Sequence[Path]],
    remote: Remote,
    account: Account,
    *,
    to: Destination,
    work: Path,
    sent: Sent,
    watch: Callable[[int, int], None],
    patience: Patience,
) -> None:
    """Send these runs, in batches; returns when W&B has confirmed them, or ``sent`` says why not.

    Args:
        waiting: run id -> its logs, as of :func:`waiting_runs`.
        remote: W&B.
        account: whose the key is.
        to: where to; what is empty is taken from the run, then from the account.
        work: folder of ours for what is given to the client; emptied.
        sent: what the upload has come to so far; added to.
        watch: told after every batch how many runs are confirmed, and of how many.
        patience: how long to try.
    """
    tried = confirmed = 0
    for batch in _batches(waiting):
        joined = [run for logs in batch if (run := join(logs, sent)) is not None]
        left = [Waiting(run, _destination(run, remote, account, to)) for run in joined]
        before = len(sent.runs)
        hopeful = _send([each for each in left if _allowed(each, account, to, sent)], remote, work, sent, patience)
        tried += len(batch)
        confirmed += len(sent.runs) - before
        watch(confirmed, len(waiting))
        if not hopeful:
            sent.untried = len(waiting) - tried
            return


def _batches(waiting: Mapping[str, Sequence[Path]]) -> Iterator[list[Sequence[Path]]]:
    batch: list[Sequence[Path]] = []
    size = 0
    for logs in waiting.values():
        grown = sum(log.stat().st_size for log in logs)
        if batch and (len(batch) == BATCH_RUNS or size + grown > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(logs)
        size += grown
    if batch:
        yield batch


def _destination(run: JoinedRun, remote: Remote, account: Account, to: Destination) -> Destination:
    entity = to.entity or run.entity or account.entity
    return Destination(remote.url, entity, to.project or run.project)


def _allowed(waiting: Waiting, account: Account, to: Destination, sent: Sent) -> bool:
    """Where an entity was named for this upload, W&B itself decides."""
    entity = waiting.to.entity
    if to.entity or entity in account.entities:
        return True
    known = ", ".join(sorted(account.entities)) or "none"
    sent.problems.append(
        f"{waiting.run.id}: it is a run of entity {entity}, and the key is of {known}; "
        "use that entity's key, or name another place with --entity"
    )
    return False


def _send(batch: Sequence[Waiting], remote: Remote, work: Path, sent: Sent, patience: Patience) -> bool:
    """Send one batch; gives whether it is worth going on with the next one."""
    pauses, before = iter(patience.pauses), 0
    left, said, until = list(batch), "", time.monotonic()
    while True:
        try:
            left = _unconfirmed(left, remote, sent, until=until)
            if not left:
                return True
            progress = sum(each.there for each in left) + len(batch) - len(left)
            if progress > before:
                pauses, before = iter(patience.pauses), progress
            said = _run_client(left, remote, work, seconds=patience.client)
            until = time.monotonic() + patience.confirmation
            left = _unconfirmed(left, remote, sent, until=until)
            if not left:
                return True
        except Unanswered as error:
            said = str(error)
        pause = next(pauses, None)
        if pause is None:
            sent.problems += [
                f"{each.run.id}: {said or 'W&B does not confirm that all of it is there'}" for each in left
            ]
            return len(left) < len(batch)
        until = time.monotonic()
        time.sleep(pause)


def _unconfirmed(left: Sequence[Waiting], remote: Remote, sent: Sent, *, until: float) -> list[Waiting]:
    """Runs of which W&B lacks something, asked until there are none or the time is over.

    Those that it has are marked; those of which it holds something else are left as they are, with a line in ``sent``.

    Raises:
        Unanswered: it does not say.
    """
    wait = 0.1
    while True:
        lacking = []
        for each in left:
            standing = remote.standing(each.to.entity, each.to.project, each.run.id)
            there = _rows_there(each.run, standing)
            if there is None:
                other = f"{each.to} holds other rows of it than the disk"
                sent.problems.append(f"{each.run.id}: {other}; delete the run there and sync again")
            elif _has_all(each.run, standing) and _has_files(each, remote):
                _confirm(each, there, sent)
            else:
                lacking.append(replace(each, there=there))
        left = lacking
        if not left or time.monotonic() + wait > until:
            return lacking
        time.sleep(wait)
        wait = min(2 * wait, 2.0)


def _rows_there(run: JoinedRun, standing: Standing | None) -> int | None:
    """How many rows W&B has of a run; None where they are no beginning of ours."""
    if standing is None or standing.rows == 0:
        return 0
    last = Row.of(standing.last or {})
    ours = run.rows[min(standing.rows, len(run.rows)) - 1] if run.rows else None
    return standing.rows if ours == last else None


def _has_all(run: JoinedRun, standing: Standing | None) -> bool:
    return (
        standing is not None
        and standing.rows >= len(run.rows)
        and standing.state in ENDED
        and all(standing.summary.get(name) == value for name, value in run.summary.items())
    )


def _has_files(each: Waiting, remote: Remote) -> bool:
    """Whether W&B has what the run shows of files: pages, pictures. Those about wandb itself are not asked for."""
    ours = {
        path.relative_to(attempt.folder / "files").as_posix(): path.stat().st_size
        for attempt in each.run.attempts
        for path in (attempt.folder / "files" / "media").rglob("*")
        if path.is_file() and not path.is_symlink()
    }
    return not ours or ours.items() <= remote.files(each.to.entity, each.to.project, each.run.id).items()


def _confirm(each: Waiting, there: int, sent: Sent) -> None:
    repeated = there - len(each.run.rows)
    if repeated > 0:  # shown live, or sent by wandb alone
        sent.notes.append(
            f"{each.run.id}: {each.to} holds {repeated} rows twice, of attempts that went on after a kill"
        )
    for attempt in each.run.attempts:
        mark_synced(attempt.folder, each.to)
    sent.runs[each.run.id] = each.to


def _run_client(left: Sequence[Waiting], remote: Remote, work: Path, *, seconds: float) -> str:
    """Let wandb's own client send what W&B lacks of these runs; gives what it complained about, if anything."""
    shutil.rmtree(work, ignore_errors=True)
    try:
        logs = [_stage(each, work / f"offline-run-{number}") for number, each in enumerate(left)]
        return remote.without_key(_talk(logs, work, seconds))
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _stage(each: Waiting, folder: Path) -> Path:
    """Write the log that is given to the client, beside it the files that it names.

    The client leaves alone, without an error, what lies in a folder that is not called ``offline-...``.
    """
    (folder / "files").mkdir(parents=True)
    for attempt in each.run.attempts:
        if (attempt.folder / "files").is_dir():
            shutil.copytree(attempt.folder / "files", folder / "files", dirs_exist_ok=True, ignore=_links)
    log = folder / "run.wandb"
    each.run.write(log, entity=each.to.entity, project=each.to.project, beyond=each.there)
    return log


def _links(folder: str, names: Sequence[str]) -> list[str]:
    """What leads out of the run's folder, and is not sent."""
    return [name for name in names if Path(folder, name).is_symlink()]


def _talk(logs: Sequence[Path], work: Path, seconds: float) -> str:
    environment = {name: value for name, value in os.environ.items() if name not in _OF_ONE_RUN} | {
        "WANDB_DIR": str(work),
        "WANDB_CACHE_DIR": str(work / "cache"),
        "WANDB_DATA_DIR": str(work / "data"),
        "WANDB_ERROR_REPORTING": "false",
    }
    (work / "wandb").mkdir()
    said = work / "client.txt"
    command = [sys.executable, "-m", "unroll.tracking.client", *map(str, logs)]
    with said.open("wb") as out:
        process = subprocess.Popen(  # noqa: S603  (our own module)
            command, stdin=subprocess.PIPE, stdout=out, stderr=out, env=environment, start_new_session=True
        )
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            return f"wandb's client did not end within {seconds:g} s"
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # its service, too
            process.wait()
            if process.stdin:
                process.stdin.close()
    lines = said.read_text(encoding="utf-8", errors="replace").splitlines()
    complaints = [line for line in lines if "error" in line.casefold()]
    return complaints[-1].removeprefix("wandb: ") if complaints else ""
