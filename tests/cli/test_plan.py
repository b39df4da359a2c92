"""``unroll plan``: what a study comes to, and that asking costs nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from unroll.reporting.numbers import duration

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.cli.conftest import FakeRunner, Said
    from unroll.ledger import Status
    from unroll.study import Job

    Unroll = Callable[..., Said]

pytestmark = pytest.mark.usefixtures("project")


def test_a_plan_creates_no_results(unroll: Unroll) -> None:
    assert unroll("plan", "tiny").code == 0
    assert not Path("results").exists()


def test_a_plan_tells_arms_trials_data_and_floor(unroll: Unroll) -> None:
    told = json.loads(unroll("plan", "tiny", "--format", "json").out)
    assert [(arm["arm"], arm["trials"], arm["done"], arm["missing"]) for arm in told["arms"]] == [
        ("elman", 2, 0, 2),
        ("lstm", 2, 0, 2),
    ]
    assert (told["planned"], told["done"], told["missing"]) == (4, 0, 4)
    assert told["bounds"]["validation/perplexity"] > 1
    assert all(value > told["bounds"][metric] for metric, value in told["chance"].items())
    assert told["chance"].keys() == {"validation/perplexity", "test/perplexity"}
    assert told["facts"]["vocabulary"] > 10
    assert told["disk_bytes"] > 10_000
    assert "seconds" not in told
    assert [trial["seed"] for trial in told["trials"]] == [0, 0, 1, 1]


def test_a_plan_tells_what_only_some_arms_have(unroll: Unroll) -> None:
    words = ("plan", "tiny", "data.sentences=20,30")
    told = json.loads(unroll(*words, "--format", "json").out)
    first, second = told["facts_of_arms"]
    assert [arm["arm"] for arm in told["arms"]] == [
        *(f"cell={cell}, sentences={size}" for cell in ("elman", "lstm") for size in (20, 30))
    ]
    assert first["arms"] == ["cell=elman, sentences=20", "cell=lstm, sentences=20"]
    assert first["facts"]["train tokens"] < second["facts"]["train tokens"]
    assert not first["facts"].keys() & told["facts"].keys()
    assert "data of cell=elman, sentences=30, cell=lstm, sentences=30: train tokens " in unroll(*words).out
    assert json.loads(unroll("plan", "tiny", "--format", "json").out)["facts_of_arms"] == []


def test_a_plan_tells_what_its_seeds_cannot_decide(unroll: Unroll) -> None:
    told = json.loads(unroll("plan", "tiny", "--format", "json").out)
    sentence = (
        "The planned seeds cannot decide: with 2 pairs the smallest p that can be reached is 0.5; "
        "6 seeds can reach 0.05."
    )
    assert told["warnings"] == {sentence: ["elman", "lstm"]}
    assert told["reach"] == {"comparisons": 1, "pairs": 2, "smallest_p": 0.5, "enough_seeds": 6}
    assert f"warning: {sentence}\n" in unroll("plan", "tiny").out.replace("\n  ", " ")
    enough = json.loads(unroll("plan", "tiny", "seeds=6", "--format", "json").out)
    assert (enough["warnings"], enough["reach"]["smallest_p"]) == ({}, 2 / 2**6)
    alone = json.loads(unroll("plan", "tiny", "network.cell=lstm", "--format", "json").out)
    assert (alone["warnings"], alone["reach"]["comparisons"]) == ({}, 0)


def test_arms_that_run_the_same_are_told_by_plan_run_and_report(unroll: Unroll, runner: FakeRunner) -> None:
    words = ("tiny", "network.forget_bias=0,1", "seeds=8")
    told = json.loads(unroll("plan", *words, "--format", "json").out)
    assert [arm["arm"] for arm in told["arms"]] == [
        "cell=elman, forget_bias=0",
        "cell=lstm, forget_bias=0",
        "cell=lstm, forget_bias=1",
    ]
    sentence = (
        "'cell=elman, forget_bias=0' and 'cell=elman, forget_bias=1' run identically, since nothing reads the "
        "settings in which they differ: they are compared once, as 'cell=elman, forget_bias=0'."
    )
    assert list(told["warnings"]) == [sentence]
    assert sentence in unroll("run", *words).out
    assert len(runner.ran) == 24
    page = Path("results/tiny/report/report.md").read_text(encoding="utf-8")
    assert "forget_bias=1' run identically" in page.replace("\\", "")


def test_a_plan_knows_what_is_done(unroll: Unroll, runner: FakeRunner) -> None:
    unroll("run", "tiny", "--no-report")
    told = json.loads(unroll("plan", "tiny", "seeds=3", "--format", "json").out)
    assert (told["planned"], told["done"], told["missing"]) == (6, 4, 2)
    assert "6 trials, 4 done, 2 missing" in unroll("plan", "tiny", "seeds=3").out


def test_a_plan_shows_the_mismatch_that_is_left(unroll: Unroll) -> None:
    words = ("plan", "tiny", "network.hidden=null", "match.parameters=2000")
    study = Path("studies/tiny/study.yaml")
    study.write_text(study.read_text(encoding="utf-8").replace(", hidden: 6", ""), encoding="utf-8")
    told = json.loads(unroll(*words[:2], words[3], "--format", "json").out)
    for arm in told["arms"]:
        assert arm["target"] == 2000
        assert arm["mismatch"] == arm["parameters"] / 2000 - 1
        assert abs(arm["mismatch"]) < 0.1
    assert "%" in unroll(*words[:2], words[3]).out


def test_a_plan_refuses_a_metric_that_can_never_come(unroll: Unroll, project: Path) -> None:
    for split, tags in {"train": "B-x O", "dev": "O O", "test": "B-x O"}.items():
        lines = "".join(f"{word} {tag}\n" for word, tag in zip("ab", tags.split(), strict=True))
        (project / f"{split}.txt").write_text(lines, encoding="utf-8")
    study = project / "studies" / "tags" / "study.yaml"
    study.parent.mkdir()
    study.write_text(
        "question: Why?\ntask: tagging\nsettings: {data: {corpus: columns, path: ../..}}\n"
        "compare: {network.decoder: [softmax, crf]}\nmetric: validation/entity_f1\n",
        encoding="utf-8",
    )
    said = unroll("plan", "tags")
    assert said.code == 2
    assert said.err == (
        "error: metric: the metric that decides a study must be one that every arm logs (received "
        "validation/entity_f1, but the validation text has no entity); choose among validation/accuracy, "
        "test/accuracy, validation/sentence_accuracy, test/sentence_accuracy, test/entity_f1, test/entity_precision, "
        "test/entity_recall, validation/illegal_moves, test/illegal_moves\n"
    )
    assert unroll("plan", "tags", "metric=test/entity_f1").code == 0


def test_a_plan_tells_what_is_compared_with_what(unroll: Unroll) -> None:
    words = ("plan", "tiny", "network.depth=1,2", "baseline.network.cell=elman")
    told = json.loads(unroll(*words, "--format", "json").out)
    assert [(arm["arm"], arm["against"]) for arm in told["arms"]] == [
        ("cell=elman, depth=1", None),
        ("cell=elman, depth=2", None),
        ("cell=lstm, depth=1", "cell=elman, depth=1"),
        ("cell=lstm, depth=2", "cell=elman, depth=2"),
    ]
    header = unroll(*words, "--format", "csv").out.splitlines()[0]
    assert header == "arm,against,parameters,steps,trials,done,missing"
    table = unroll(*words).out
    assert "against" in table
    assert table.count("(baseline)") == 2


def test_one_baseline_needs_no_column_in_a_plan(unroll: Unroll) -> None:
    told = json.loads(unroll("plan", "tiny", "baseline=lstm", "--format", "json").out)
    assert all("against" not in arm for arm in told["arms"])


def test_calibration_estimates_time_from_each_arm(unroll: Unroll, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("unroll.execution.calibration.calibrate", lambda jobs: {"elman": 100.0, "lstm": 200.0})
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: {0, 1, 2, 3})
    told = json.loads(unroll("plan", "tiny", "resources.cpus=2", "--calibrate", "--format", "json").out)
    assert told["at_once"] == 2
    assert told["core_seconds"] == 2 * (2 * 100 + 2 * 200)
    assert told["seconds"] == (2 * 100 + 2 * 200) / 2
    assert "5 min 00 s" in unroll("plan", "tiny", "resources.cpus=2", "--calibrate").out


def test_calibration_trains_for_real(unroll: Unroll) -> None:
    told = json.loads(unroll("plan", "tiny", "--calibrate", "--format", "json").out)
    assert all(0 < arm["seconds_per_trial"] < 60 for arm in told["arms"])
    assert not Path("results").exists()


def test_csv_has_one_line_for_each_arm(unroll: Unroll) -> None:
    header, *lines = unroll("plan", "tiny", "--format", "csv").out.splitlines()
    assert header == "arm,parameters,steps,trials,done,missing"
    assert [line.split(",")[0] for line in lines] == ["elman", "lstm"]


def test_results_tell_what_can_be_detected_and_what_half_of_it_costs(unroll: Unroll, runner: FakeRunner) -> None:
    def varied(job: Job) -> Status:
        runner.metrics = {"validation/perplexity": 12.0 + (job.trial.seed % 3) * (job.trial.arm == "lstm")}
        return "completed"

    runner.status = varied
    unroll("run", "tiny", "seeds=4", "--no-report")
    assert json.loads(unroll("plan", "tiny", "seeds=4", "--format", "json").out)["detectable"][0]["detectable"] is None
    told = ("plan", "tiny", "seeds=8", "--results", "other", "--pilot", "results/tiny")
    (row,) = json.loads(unroll(*told, "--format", "json").out)["detectable"]
    assert (row["arm"], row["baseline"], row["known_pairs"], row["planned_pairs"]) == ("lstm", "elman", 4, 8)
    assert row["detectable"] < 0, "lower is better"
    assert row["half_core_seconds"] == (row["half_needs_seeds"] - 8) * (1.5 + 1.5)
    assert f"{row['half_needs_seeds']} seeds, {duration(row['half_core_seconds'])}" in unroll(*told).out
    asked = json.loads(unroll(*told, "--difference", "0.5", "--format", "json").out)
    (row,) = asked["detectable"]
    assert row["difference_needs_seeds"] > row["planned_pairs"]
    assert row["difference_core_seconds"] == (row["difference_needs_seeds"] - 8) * (1.5 + 1.5)
    assert asked["seed_core_seconds"] == 1.5 + 1.5
    said = unroll(*told, "--difference", "0.5").out
    assert "0.5 needs: the same for a difference of 0.5" in said
    assert f"{row['difference_needs_seeds']} seeds" in said
    assert "a whole seed, a trial of each arm, takes about 3.0 s of one core" in said
    refused = unroll(*told, "--difference", "0")
    assert (refused.code, "must be above 0" in refused.err) == (2, True)
    assert "cannot be told" in unroll("plan", "tiny", "--results", "other", "--difference", "1").out
    assert json.loads(unroll("plan", "tiny", "--results", "other", "--format", "json").out)["detectable"] == []
    assert unroll(*told[:-1], "nowhere").code == 2
