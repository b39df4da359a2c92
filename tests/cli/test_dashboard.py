"""A study's dashboard: what would be sent, and what the real client sends to a server in miniature."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import FakeRunner, Said
from tests.tracking.stub import CANARY, Stub, serving
from unroll.ledger import Ledger
from unroll.tracking import close_mirror, service

Unroll = Callable[..., Said]
RESULTS = Path("results/tiny")


@pytest.fixture
def stub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stub]:
    with serving() as here:
        monkeypatch.setenv("WANDB_BASE_URL", here.url)
        monkeypatch.setenv("WANDB_API_KEY", CANARY)
        monkeypatch.delenv("WANDB_MODE", raising=False)
        yield here
    close_mirror()


def test_a_dry_run_needs_no_key_and_tells_sections_by_stage_and_factor(
    unroll: Unroll, runner: FakeRunner, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("wandb_workspaces")
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    unroll("run", "tiny", "training.batch_size=4,8", "--no-report")
    (RESULTS / "wandb").mkdir()
    told = json.loads(unroll("dashboard", "tiny", "--dry-run").out)
    (workspace,) = told["workspaces"]
    assert (workspace["entity"], workspace["project"], workspace["name"]) == ("(the key's own)", "unroll", "tiny")
    sections = workspace["spec"]["section"]["panelBankConfig"]["sections"]
    names = [section["name"] for section in sections]
    assert names[:2] == ["Answer", "Charts of the report"]
    assert names[2:] == [
        "Train, by arm",
        "Validation, by arm",
        "Test, by arm",
        "By network.cell",
        "By training.batch_size",
    ]
    grouped = {section["name"]: section["panels"][0]["config"] for section in sections[2:]}
    for name, by in {"Test, by arm": "arm.value", "By network.cell": "network.value.cell"}.items():
        shown = grouped[name]
        assert (shown["groupBy"], shown["groupAgg"], shown["groupArea"]) == (by, "mean", "stddev")
    (runs,) = workspace["spec"]["section"]["runSets"]
    assert runs["grouping"] == [{"section": "config", "name": "arm.value"}]
    (chosen,) = runs["filters"]["filters"]
    assert (chosen["key"], chosen["op"]) == ({"section": "run", "name": "name"}, "IN")
    trials = [trial.id for trial in Ledger.open(RESULTS).plan().trials]
    assert chosen["value"] == [*trials, told["report"]["run"]]
    answer = sections[0]["panels"][0]["config"]["value"]
    assert answer.startswith("# Does gating help?")
    assert told["report"]["files"]["report"]["bytes"] == (RESULTS / "report" / "report.html").stat().st_size
    assert json.loads(unroll("dashboard", "tiny", "--dry-run").out) == told, "the same dashboard is the same text"


@pytest.mark.slow
def test_what_is_sent_is_what_the_dry_run_told_and_a_second_time_changes_it(
    unroll: Unroll, runner: FakeRunner, project: Path, stub: Stub
) -> None:
    pytest.importorskip("wandb_workspaces")
    unroll("run", "tiny", "--no-report")
    trial = Ledger.open(RESULTS).plan().trials[0]
    identity = {"project": "unroll", "id": trial.id, "group": "tiny", "job_type": "confirm", "dir": str(RESULTS)}
    run = service.start_run("offline", identity)
    run.log({"validation/perplexity": 2.0, service.STEP: 7})
    service.finish_run(run, {"status": "completed"}, 0)
    close_mirror()
    told = json.loads(unroll("dashboard", "tiny", "--dry-run").out)
    assert stub.received == []
    said = unroll("dashboard", "tiny")
    assert (said.code, said.out.splitlines()[0]) == (0, f"sent       2 runs to {stub.url}/me/unroll, confirmed there")
    (view,) = stub.views
    assert json.loads(view["spec"]) == told["workspaces"][0]["spec"]
    assert (view["entityName"], view["projectName"], view["displayName"]) == ("me", "unroll", "tiny")
    assert stub.run(trial.id).steps == [7]
    report = stub.run(told["report"]["run"])
    sent = {name.split("_")[0]: content for name, content in report.files.items() if name.startswith("media/")}
    for name, file in told["report"]["files"].items():
        folder = RESULTS / "report" / ("charts" if "/" in name else "")
        assert sent[f"media/html/{name}"] == (folder / file["file"]).read_bytes()
    assert report.told["jobType"] == "report"
    assert [path for _, path, _, body in stub.received if CANARY in path or CANARY.encode() in body] == []
    assert [path for path in project.rglob("*") if path.is_file() and CANARY.encode() in path.read_bytes()] == []
    streamed = len(stub.streamed)
    again = unroll("dashboard", "tiny")
    assert again.code == 0
    assert len(stub.streamed) == streamed, "no run is sent again"
    assert [view.get("id") for view in stub.views] == [None, "view-1"]
    assert again.out.splitlines()[-1] == said.out.splitlines()[-1]


def test_without_the_library_one_line_says_how_to_get_it(
    unroll: Unroll, runner: FakeRunner, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unroll("run", "tiny", "--no-report")
    monkeypatch.setitem(sys.modules, "wandb_workspaces.workspaces", None)
    said = unroll("dashboard", "tiny", "--dry-run")
    assert said.code == 2
    (line,) = said.err.splitlines()
    assert "needs the library wandb-workspaces" in line
    assert "pip install 'unroll[dashboard]'" in line


def test_a_study_that_wandb_was_not_told_of_has_no_dashboard(unroll: Unroll, runner: FakeRunner, project: Path) -> None:
    pytest.importorskip("wandb_workspaces")
    unroll("run", "tiny", "--no-report")
    said = unroll("dashboard", "tiny")
    assert (said.code, "must hold runs of W&B" in said.err) == (2, True)
