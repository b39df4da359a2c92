"""Studies side by side: equal arms are one, all stand against one baseline, and what must not be mixed is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from unroll.contract import UserErrors
from unroll.ledger import Ledger
from unroll.workflow.comparing import compare

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.cli.conftest import FakeRunner, Said

    Unroll = Callable[..., Said]

METRIC = "validation/perplexity"


@pytest.fixture
def two(project: Path, unroll: Unroll, runner: FakeRunner) -> tuple[Path, Path]:
    """``a`` with elman and lstm, ``b`` with lstm and gru and one seed more; the numbers of ``b`` are lower."""
    assert unroll("run", "tiny", "--results", "a", "--no-report").code == 0
    runner.metrics = {**runner.metrics, METRIC: 9.5}
    words = ("network.cell=lstm,gru", "seeds=3", "--results", "b", "--no-report")
    assert unroll("run", "tiny", *words).code == 0
    return project / "a", project / "b"


def test_arms_of_two_studies_stand_against_one_baseline(two: tuple[Path, Path], unroll: Unroll) -> None:
    said = unroll("compare", "a", "b", "--format", "json")
    assert said.code == 0
    told = json.loads(said.out)
    assert [(arm["arm"], arm["study"], arm["n"]) for arm in told["arms"]] == [
        ("elman", "tiny in a", 2),
        ("lstm", "tiny in a and tiny in b", 3),
        ("gru", "tiny in b", 3),
    ]
    assert {row["arm"]: (row["baseline"], row["n"]) for row in told["differences"]} == {
        "lstm": ("elman", 2),
        "gru": ("elman", 2),
    }
    gru = next(row for row in told["differences"] if row["arm"] == "gru")
    assert gru["difference"] == pytest.approx(9.5 - 12.5)
    assert (
        "2 trials were run in several of these studies and count once, as in the first; 0 of them with identical"
        in (said.err)
    )
    table = unroll("compare", "a", "b")
    assert table.code == 0
    assert "tiny in a and tiny in b" in table.out


def test_a_pack_is_a_side_and_the_report_is_written(two: tuple[Path, Path], unroll: Unroll) -> None:
    assert unroll("pack", "b", "--to", "b.pack").code == 0
    said = unroll("compare", "a", "b.pack", "--to", "together")
    assert said.code == 0
    page = Path("together/report.md").read_text(encoding="utf-8")
    assert "gru" in page
    assert "tiny in a + tiny in b.pack" in page
    assert Path("together/report.html").is_file()


def test_what_must_not_be_mixed_is_refused_field_by_field(two: tuple[Path, Path], unroll: Unroll) -> None:
    first, second = (Ledger.open(folder) for folder in two)
    plan = second.plan()
    spec = plan.metrics[METRIC]
    arms = [arm.model_copy(update={"fingerprint": "f00d"}) for arm in plan.arms]
    other = {"direction": "maximize", "unit": "bits", "description": "another definition"}
    changes: dict[str, dict[str, Any]] = {
        "task": {"task": "tagging"},
        "task version": {"task_version": 99},
        "data fingerprint": {"arms": arms},
    }
    for name, value in other.items():
        changed = plan.metrics | {METRIC: spec.model_copy(update={name: value})}
        changes[f"{name} of the metric"] = {"metrics": changed}
    for field, change in changes.items():
        second.save_plan(plan.model_copy(update=change))
        said = unroll("compare", "a", "b")
        assert said.code == 2
        assert said.err.startswith(f"error: b: {field}: studies that are compared must agree in this (received ")
        assert len(said.err.splitlines()) == 1
    second.save_plan(plan.model_copy(update=changes["task"] | changes["data fingerprint"]))
    with pytest.raises(UserErrors) as errors:
        compare({"a": first, "b": second})
    assert [error.where for error in errors.value.errors] == ["b: task", "b: data fingerprint"]


def test_other_data_are_refused_and_one_folder_is_none_to_compare(two: tuple[Path, Path], unroll: Unroll) -> None:
    assert unroll("run", "tiny", "data.sentences=80", "--results", "c", "--no-report").code == 0
    said = unroll("compare", "a", "c")
    assert said.code == 2
    assert said.err.startswith("error: c: data fingerprint: studies that are compared must agree")
    assert unroll("compare", "a").code == 2
