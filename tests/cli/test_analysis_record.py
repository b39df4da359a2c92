"""What a study declares is written down at its first run; what is decided after results stands in every answer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from unroll.ledger import Ledger

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.cli.conftest import FakeRunner, Said

    Unroll = Callable[..., Said]

pytestmark = pytest.mark.usefixtures("project", "runner")
FOLDER = Path("results/tiny")


def records() -> list[tuple[int, list[int], str]]:
    """Results by then, seeds, metric: of each record."""
    return [(each.results, each.declared.seeds, each.declared.metric) for each in Ledger(FOLDER).analyses()]


def test_each_change_is_written_once_and_told_before_and_after(unroll: Unroll) -> None:
    unroll("run", "tiny", "--no-report")
    unroll("run", "tiny", "--no-report")
    assert records() == [(0, [0, 1], "validation/perplexity")]
    assert "after looking" not in unroll("plan", "tiny").out
    more = ("tiny", "seeds=3", "metric=test/perplexity")
    told = "decided after looking, at 4 results: The metric that decides was changed from validation/perplexity to"
    assert told in unroll("plan", *more).out
    assert told in unroll("run", *more, "--no-report").out
    unroll("run", *more)
    assert records()[1:] == [(4, [0, 1, 2], "test/perplexity")]
    assert "decided after looking at results: 2 changes" in unroll("status", "tiny").out
    metric, seeds = json.loads(unroll("status", "tiny", "--format", "json").out)["decided_after_looking"]
    assert metric.startswith("The metric that decides was changed")
    assert "with 2 looks" in seeds
    page = (FOLDER / "report" / "report.md").read_text()
    assert page.index("Decided after looking") < page.index("## Arms")
    assert "Seed 2 was added" in page
    assert (FOLDER / "report" / "tables" / "analysis.csv").is_file()


def test_a_change_before_any_result_is_no_look(unroll: Unroll, runner: FakeRunner) -> None:
    runner.status = lambda job: "timeout"
    unroll("run", "tiny", "--no-report")
    runner.status = lambda job: "completed"
    assert "decided after looking, at" not in unroll("run", "tiny", "seeds=3").out
    assert [results for results, *_ in records()] == [0, 0]
    assert "Decided after looking" not in (FOLDER / "report" / "report.md").read_text()


def test_results_that_were_set_aside_were_seen(unroll: Unroll) -> None:
    unroll("run", "tiny", "--no-report")
    ledger = Ledger(FOLDER)
    for trial in [*ledger.registered()]:
        ledger.set_aside(trial.id)
    unroll("run", "tiny", "seeds=3", "--no-report")
    assert [results for results, *_ in records()] == [0, 4]


def test_what_earlier_versions_ran_is_not_recorded(unroll: Unroll) -> None:
    unroll("run", "tiny", "--no-report")
    record = FOLDER / "analysis" / "0001.json"
    record.unlink()
    assert json.loads(unroll("status", "tiny", "--format", "json").out)["decided_after_looking"] is None
    unroll("report", "tiny")
    assert "is not recorded" in (FOLDER / "report" / "report.md").read_text()
    unroll("run", "tiny", "seeds=3")
    assert [results for results, *_ in records()] == [4]
    assert "is not recorded" in (FOLDER / "report" / "report.md").read_text()


def test_a_damaged_record_is_named_and_never_written_over(unroll: Unroll) -> None:
    unroll("run", "tiny", "--no-report")
    record = FOLDER / "analysis" / "0001.json"
    record.write_text(record.read_text().replace("Does gating help?", "Does gating hurt?"))
    damaged = record.read_bytes()
    assert str(record) in unroll("status", "tiny").out
    unroll("run", "tiny", "seeds=3", "--no-report")
    assert record.read_bytes() == damaged
    assert records() == [(4, [0, 1, 2], "validation/perplexity")]


def test_records_cannot_be_led_elsewhere(unroll: Unroll, tmp_path: Path) -> None:
    FOLDER.mkdir(parents=True)
    (FOLDER / "trials").mkdir()
    (FOLDER / "runs").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (FOLDER / "analysis").symlink_to(tmp_path / "elsewhere")
    said = unroll("run", "tiny")
    assert said.code == 2
    assert "must be no symbolic link" in said.err
