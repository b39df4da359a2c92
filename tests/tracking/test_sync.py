"""Runs on disk, sent by the real client to a server in miniature that loses answers, fails and is told everything."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.tracking.stub import CANARY, Stub
from unroll.cli.main import main
from unroll.contract import UserError
from unroll.ledger import Ledger
from unroll.tracking import close_mirror, service, unsynced
from unroll.tracking.attempts import JoinedRun, read_attempt
from unroll.tracking.transactions import HEADER, read_log, write_log
from unroll.tracking.uploading import Patience, Sent
from unroll.workflow import syncing

IMPATIENT = Patience(client=60.0, confirmation=1.0, pauses=(0.1, 0.2))


def attempt(folder: Path, run_id: str, steps: range, *, end: bool = True, entity: str | None = None) -> None:
    """What an attempt at a trial leaves, made without Lightning, which takes seconds to import."""
    identity = {
        "project": "cells",
        "entity": entity,
        "id": run_id,
        "group": "gates",
        "job_type": "confirm",
        "name": f"lstm {run_id}",
        "tags": ["language_modeling"],
        "config": {"network": {"cell": "lstm"}, "seed": 3},
        "dir": str(folder),
    }
    run = service.start_run("offline", identity)
    for step in steps:
        run.log({"training/loss": 1.0 / (step + 1), service.STEP: step})
        if step % 10 == 0:
            run.log({"validation/loss": 2.0 / (step + 1), service.STEP: step})
    summary: dict[str, float | str] = {"test/perplexity": 3.5, "status": "completed"} if end else {}
    service.finish_run(run, summary, 0 if end else 1)


STEPS = [step for step in range(40) for _ in range(2 if step % 10 == 0 else 1)]
"""Of every run below: 40 of the optimizer, and a row of the validation at every tenth."""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three runs: one of a piece; one whose first attempt was lost at step 29, saved at 20; a team's."""
    folder = tmp_path_factory.mktemp("made")
    Ledger.create(folder)
    attempt(folder, "whole", range(40))
    attempt(folder, "twice", range(30), end=False)
    attempt(folder, "twice", range(20, 40))
    attempt(folder, "team", range(40), entity="our-team")
    close_mirror()
    return folder


@pytest.fixture
def results(made: Path, tmp_path: Path) -> Path:
    return shutil.copytree(made, tmp_path / "results")


def log_of(results: Path, run_id: str) -> Path:
    return sorted((results / "wandb").glob(f"*run-*/run-{run_id}.wandb"))[-1]


def leave_only(results: Path, *run_ids: str) -> None:
    for log in (results / "wandb").glob("*run-*/*.wandb"):
        if log.stem.removeprefix("run-") not in run_ids:
            shutil.rmtree(log.parent)


def sync(results: Path, *, entity: str = "", project: str = "") -> Sent:
    return syncing.sync(
        Ledger.open(results),
        command="unroll sync",
        entity=entity,
        project=project,
        watch=lambda done, total: None,
        patience=IMPATIENT,
    )


def test_every_step_of_every_run_arrives_once_and_no_secret_with_it(
    results: Path, stub: Stub, capfd: pytest.CaptureFixture[str]
) -> None:
    main_of("sync", str(results))
    said = capfd.readouterr()
    assert set(stub.runs) == {("me", "cells", "whole"), ("me", "cells", "twice"), ("our-team", "cells", "team")}
    for run in stub.runs.values():
        assert run.steps == STEPS
        assert [row["_step"] for row in run.rows] == list(range(len(STEPS)))
        assert [row.get("training/loss", row.get("validation/loss", 0.0)) > 0 for row in run.rows] == [True] * len(
            STEPS
        )
        assert (run.summary["test/perplexity"], run.summary["status"], run.state) == (3.5, "completed", "finished")
        assert (run.told["groupName"], run.told["jobType"]) == ("gates", "confirm")
        assert '"cell":"lstm"' in run.config.replace(" ", "")
    for method, path, headers, body in stub.received:
        assert CANARY not in path + "".join(value for name, value in headers.items() if name != "Authorization")
        assert CANARY.encode() not in body
        assert os.environ.get("HOME", "/").encode() not in body, (method, path)
    assert CANARY not in said.out + said.err
    assert [path for path in results.rglob("*") if path.is_file() and CANARY.encode() in path.read_bytes()] == []
    assert f"2 runs to {stub.url}/me/cells, confirmed there" in said.out
    assert unsynced(results) == 0
    assert not (results / syncing.WORK / "client").exists()


def main_of(*words: str, code: int = 0) -> None:
    with pytest.raises(SystemExit) as left:
        main(words)
    assert left.value.code == code


def test_what_is_confirmed_is_not_sent_again_and_needs_no_key(
    results: Path, stub: Stub, monkeypatch: pytest.MonkeyPatch
) -> None:
    leave_only(results, "whole")
    sync(results)
    stub.received.clear()
    monkeypatch.delenv("WANDB_API_KEY")
    assert sync(results).runs == {}
    assert stub.received == []


@pytest.mark.parametrize(
    "fault", ["lost", pytest.param("half", marks=pytest.mark.slow), pytest.param("refused", marks=pytest.mark.slow)]
)
def test_an_upload_that_goes_wrong_is_made_good(results: Path, stub: Stub, fault: Any) -> None:
    leave_only(results, "twice")
    stub.faults = [fault]
    assert list(sync(results).runs) == ["twice"]
    assert stub.run("twice").steps == STEPS


def test_killed_in_the_middle_of_an_upload_it_goes_on_where_the_server_is(results: Path, stub: Stub) -> None:
    leave_only(results, "twice")
    stub.faults = ["stuck"]
    command = [sys.executable, "-c", "from unroll.cli.main import main; main()", "sync", str(results)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    assert stub.stuck.wait(180), "the upload has begun"
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert 0 < len(stub.run("twice").lines) < len(STEPS)
    assert unsynced(results) == 1
    assert list(sync(results).runs) == ["twice"]
    assert stub.run("twice").steps == STEPS
    assert stub.run("twice").state == "finished"


@pytest.mark.slow
def test_the_client_alone_sends_the_overlap_of_two_attempts_twice(results: Path, stub: Stub) -> None:
    leave_only(results, "twice")
    logs = [str(log.parent) for log in (results / "wandb").glob("offline-run-*/*.wandb")]
    subprocess.run([sys.executable, "-m", "wandb", "sync", *logs], check=True, timeout=120)
    assert len(stub.run("twice").steps) == len(STEPS) + 11
    (problem,) = sync(results).problems or ("",)
    assert problem == "", "all of it is there"
    assert unsynced(results) == 0


@pytest.mark.slow
def test_a_client_that_reports_success_is_not_believed(
    results: Path, stub: Stub, monkeypatch: pytest.MonkeyPatch
) -> None:
    leave_only(results, "whole")
    monkeypatch.setattr(stub, "keep", lambda path, sent: None)  # says well, and keeps nothing
    sent = sync(results)
    assert sent.runs == {}
    assert sent.problems == ["whole: W&B does not confirm that all of it is there"]
    assert unsynced(results) == 1
    monkeypatch.undo()


def test_a_study_that_went_on_after_a_sync_adds_its_new_steps(results: Path, stub: Stub) -> None:
    leave_only(results, "twice")
    later = log_of(results, "twice").parent
    aside = shutil.move(later, results / "later")
    sync(results)
    assert stub.run("twice").steps[-1] == 29
    assert stub.run("twice").state == "failed"
    shutil.move(aside, later)
    assert unsynced(results) == 1
    sync(results)
    assert stub.run("twice").steps == STEPS
    assert stub.run("twice").state == "finished"


def test_empty_logs_are_set_aside_and_torn_ones_read_as_far_as_they_go(results: Path, stub: Stub) -> None:
    leave_only(results, "whole")
    whole = log_of(results, "whole")
    whole.write_bytes(whole.read_bytes()[:-700])
    empty = results / "wandb" / "offline-run-20200101_000000-whole"
    empty.mkdir()
    (empty / "run-whole.wandb").write_bytes(HEADER)
    nameless = results / "wandb" / "offline-run-20200101_000000-t0"
    nameless.mkdir()
    (nameless / "run-t0.wandb").write_bytes(HEADER + b"torn")
    sent = sync(results)
    assert {path.name for path in sent.set_aside} == {empty.name, nameless.name}
    assert all((path / f"run-{path.name[28:]}.wandb").is_file() for path in sent.set_aside)
    assert sent.notes == ["whole: its log is torn at a place; what can be read is sent"]
    steps = stub.run("whole").steps
    assert steps == STEPS[: len(steps)]
    assert len(steps) > 30
    assert stub.run("whole").state == "failed", "no end was written down"


def test_a_log_that_is_written_reads_back_by_wandbs_own_reader(results: Path, tmp_path: Path, inspect: Any) -> None:
    attempts = [read_attempt(log) for log in sorted((results / "wandb").glob("*run-*/run-twice.wandb"))]
    summary = next(record for record in attempts[-1].log.records if record.HasField("summary"))
    for size in range(32700, 32790):  # frames that end at, just before and just after the end of a block
        summary.summary.update.add(key=f"text {size}", value_json=f'"{"x" * size}"')
    JoinedRun(attempts).write(tmp_path / "run-twice.wandb", entity="me", project="p", beyond=0)
    records = inspect(tmp_path)
    assert [row["item"]["trainer/global_step"] for row in records["history"]] == STEPS
    texts = [value for update in records["summary"] for value in update.get("update", {}).values()]
    assert {len(text) for text in texts if isinstance(text, str)} >= {*range(32700, 32790)}
    assert [(head["entity"], head["project"]) for head in records["run"]] == [("me", "p")]


def test_nothing_outside_the_runs_folder_is_sent(results: Path, tmp_path: Path) -> None:
    log = log_of(results, "whole")
    records = list(read_log(log).records)
    files, artifact = type(records[0])(), type(records[0])()
    for path in ("media/page.html", "../../secret", "/etc/hostname"):
        files.files.files.add(path=path)
    artifact.artifact.manifest.contents.add(path="a", local_path="/etc/hostname")
    write_log(log, [*records, files, artifact])
    JoinedRun([read_attempt(log)]).write(tmp_path / "out", entity="me", project="p", beyond=0)
    sent = read_log(tmp_path / "out").records
    assert [file.path for record in sent for file in record.files.files] == ["media/page.html"]
    assert not any(record.HasField("artifact") for record in sent)


def test_rows_of_somebody_else_are_not_added_to(results: Path, stub: Stub) -> None:
    leave_only(results, "whole")
    stub.runs["me", "cells", "whole"].lines = ['{"trainer/global_step": 7, "other": 1}']
    (problem,) = sync(results).problems
    assert "holds other rows of it than the disk" in problem
    assert len(stub.run("whole").lines) == 1


@pytest.mark.slow
def test_a_place_that_is_named_gets_its_own_copy(results: Path, stub: Stub) -> None:
    leave_only(results, "whole")
    sync(results)
    sync(results, project="elsewhere", entity="our-team")
    assert stub.runs["our-team", "elsewhere", "whole"].steps == STEPS
    assert stub.runs["me", "cells", "whole"].steps == STEPS


@pytest.mark.parametrize("named", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_a_run_of_an_entity_that_is_not_the_keys_stays(results: Path, stub: Stub, named: bool) -> None:
    leave_only(results, "whole")
    stub.closed_to = {"strangers"}
    if named:
        sent = sync(results, entity="strangers")
    else:
        log = log_of(results, "whole")
        records = read_log(log).records
        next(record for record in records if record.HasField("run")).run.entity = "strangers"
        write_log(log, records)
        sent = sync(results)
    (problem,) = sent.problems
    assert "strangers" in problem if not named else "permission denied" in problem
    assert unsynced(results) == 1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"WANDB_API_KEY": None}, "a W&B key must be configured"),
        ({"WANDB_API_KEY": "local-" + "0" * 40}, "W&B must accept the key"),
        ({"WANDB_MODE": "offline"}, "nothing may be sent while W&B is switched off"),
        ({"WANDB_BASE_URL": "http://127.0.0.1:9"}, "W&B must answer"),
    ],
)
def test_what_forbids_an_upload_is_one_line(
    results: Path,
    stub: Stub,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    change: dict[str, str | None],
    said: str,
) -> None:
    monkeypatch.setenv("NETRC", str(tmp_path / "absent"))
    for name, value in change.items():
        monkeypatch.delenv(name) if value is None else monkeypatch.setenv(name, value)
    main_of("sync", str(results), code=2)
    (line,) = capfd.readouterr().err.splitlines()
    assert line.startswith("error: ")
    assert said in line
    assert unsynced(results) == 3


def test_a_folder_without_runs_says_why(tmp_path: Path) -> None:
    Ledger.create(tmp_path)
    with pytest.raises(UserError, match="must hold runs of W&B"):
        sync(tmp_path)


@pytest.mark.slow
def test_two_do_not_send_at_once(results: Path, stub: Stub) -> None:
    leave_only(results, "whole")
    code = (
        "import sys, time; from pathlib import Path; from unroll.ledger import Lock\n"
        "with Lock(Path(sys.argv[1]), 'unroll sync'): print(flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", code, str(results / syncing.WORK / "lock")]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        other.stdout.readline()
        with pytest.raises(UserError, match="only one process may send"):
            sync(results)
        other.kill()
    assert list(sync(results).runs) == ["whole"]


def test_the_client_ends_with_whoever_started_it(tmp_path: Path) -> None:
    code = (
        "import subprocess, sys, os\n"
        "client = subprocess.Popen([sys.executable, '-c', sys.argv[1]], stdin=subprocess.PIPE)\n"
        "print(client.pid, flush=True); client.wait()"
    )
    waits = "from unroll.tracking import client; import time, sys; sys.modules['wandb.cli.cli'] = time; "
    waits += "time.cli = lambda words, prog_name: time.sleep(60); client.main()"
    parent = subprocess.Popen([sys.executable, "-c", code, waits], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    client = int(parent.stdout.readline())
    time.sleep(0.5)
    parent.kill()
    parent.communicate()
    assert within_seconds(10, lambda: not alive(client))


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


def within_seconds(seconds: float, holds: Callable[[], bool]) -> bool:
    end = time.monotonic() + seconds
    while not holds() and time.monotonic() < end:
        time.sleep(0.05)
    return holds()
