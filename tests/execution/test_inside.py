"""What a task sees inside its network reaches the ledger like any other metric, and changes nothing else."""

import math
from pathlib import Path
from typing import Any

import polars as pl

ONE = ("seeds=1", "network.cell=lstm,elman", "training.epochs=2", "--runner", "inline")
FINAL = ("validation/perplexity", "test/perplexity", "train/perplexity", "train/loss", "steps", "items")


def history(results: Path) -> pl.DataFrame:
    return pl.read_parquet(results / "history.parquet")


def test_diagnoses_are_in_the_history_and_change_no_number(line: Any, tmp_path: Path) -> None:
    line.run(tmp_path / "plain", *ONE)
    line.run(tmp_path / "seen", *ONE, "training.diagnose_every=20")
    pairs = zip(line.results(tmp_path / "plain"), line.results(tmp_path / "seen"), strict=True)
    for plain, seen in pairs:
        assert plain["trial"] != seen["trial"]
        assert {name: seen[name] for name in FINAL} == {name: plain[name] for name in FINAL}
    rows = history(tmp_path / "seen")
    for name in ("gradient_flow/layer0/distance_10", "state/layer0/h/norm", "gates/layer0/f/saturated_high"):
        steps = rows.filter(metric=name, arm="lstm")["step"].to_list()
        assert steps[:3] == [0, 20, 40]
    assert rows.filter(metric="recurrent/layer0/U_h/spectral_radius", arm="elman").height == len(steps)
    assert not any(name.startswith("gates/") for name in rows.filter(arm="elman")["metric"])
    assert "gradient_flow/layer0/distance_0" not in history(tmp_path / "plain")["metric"]


def test_a_gradient_that_is_no_number_is_told_as_divergence(line: Any, tmp_path: Path) -> None:
    wild = ("training.optimizer=sgd", "training.learning_rate=1e6", "training.clip_norm=null", "network.dropout=0")
    line.run(
        tmp_path, "seeds=1", "network.cell=elman", "network.activation=relu", *wild, "--runner", "inline", expect=1
    )
    (trial,) = line.results(tmp_path)
    assert trial["status"] == "diverged"
    assert 0 < trial["steps"] < 8  # before the end of the first batch of eight windows
    norm = history(tmp_path).filter(metric="train/gradient_norm")
    assert norm["step"].to_list()[-1] == trial["steps"]
    assert not math.isfinite(norm["value"].to_list()[-1])
