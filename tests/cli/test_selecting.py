"""Where the deciding metric chose the tested state, every command says so: its value is the best of all epochs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.cli.conftest import FakeRunner, Said

    Unroll = Callable[..., Said]

CHOSE = "validation/perplexity chose the tested state of"
ADVICE = "decide by a test metric (metric=test/perplexity)."


def printed(unroll: Unroll, *overrides: str) -> list[str]:
    """What each command prints, and the report."""
    commands = [unroll("plan", "tiny", *overrides), unroll("run", "tiny", *overrides), unroll("results", "tiny")]
    texts = [f"{said.out} {said.err}" for said in commands]
    texts.append(Path("results/tiny/report/report.md").read_text(encoding="utf-8"))
    return [" ".join(text.split()) for text in texts]


def compare(project: Path, factors: str) -> None:
    path = project / "studies/tiny/study.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("network.cell: [elman, lstm]", factors), encoding="utf-8")


def test_all_arms_select(project: Path, unroll: Unroll, runner: FakeRunner) -> None:
    for text in printed(unroll, "training.select=best"):
        assert f"{CHOSE} all arms: its value is the best of all epochs; {ADVICE}" in text


def test_some_arms_select(project: Path, unroll: Unroll, runner: FakeRunner) -> None:
    compare(project, "training.select: [last, best]")
    for text in printed(unroll):
        assert f"{CHOSE} best: its value is the best of all epochs, that of the other arms is of their last one" in text
        assert f"so the comparison favours the arms that choose; {ADVICE}" in text


@pytest.mark.parametrize(
    "overrides",
    [("training.patience=1",), ("training.select=best", "metric=test/perplexity"), ()],
    ids=["only patience", "another metric decides", "nothing"],
)
def test_where_no_value_is_the_best_of_all_epochs_there_is_no_warning(
    project: Path, unroll: Unroll, runner: FakeRunner, overrides: tuple[str, ...]
) -> None:
    assert not any("chose the tested state" in text for text in printed(unroll, *overrides))


def test_arms_are_listed_apart_though_their_names_hold_commas(
    project: Path, unroll: Unroll, runner: FakeRunner
) -> None:
    compare(project, "network.cell: [elman, lstm]\n  training.select: [last, best]")
    told = unroll("plan", "tiny").out
    arms = "cell=elman, select=best; cell=lstm, select=best"
    assert f"validation/perplexity selects the tested state or ends training early ({arms})" in " ".join(told.split())
    assert f"{CHOSE} {arms}: its" in " ".join(told.split())


def test_counts_of_n_grams_select_nothing(project: Path, unroll: Unroll, runner: FakeRunner) -> None:
    compare(project, "model: {lstm: {network.cell: lstm, network.hidden: 6}, counts: {network.kind: ngram}}")
    path = project / "studies/tiny/study.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("  network: {embedding: 4, hidden: 6}\n", ""), "utf-8")
    plan = json.loads(unroll("plan", "tiny", "training.select=best", "--format", "json").out)
    assert plan["monitored_by"] == ["lstm"]


def test_the_best_state_in_each_checkpoint_takes_room(project: Path, unroll: Unroll, runner: FakeRunner) -> None:
    plain, best = (
        json.loads(unroll("plan", "tiny", f"training.select={select}", "--format", "json").out)
        for select in ("last", "best")
    )
    largest = max(arm["parameters"] for arm in plain["arms"])
    assert best["disk_bytes"] - plain["disk_bytes"] == plain["at_once"] * largest * 2 * 4
