"""Every benchmark runs at its smallest size, through the real command; nothing is asserted about a time."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks.bucketing import sentence_lengths
from tasks.recurrent.cells import cell_names
from tasks.text.tagged import TaggedData, load


def measure(*words: str, out: Path) -> list[dict[str, Any]]:
    command = [sys.executable, "-m", "benchmarks", *words, "--size", "smallest", "--cores", "2", "--out", str(out)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "COLUMNS": "160"})
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(out.read_text(encoding="utf-8"))
    assert found["machine"]["torch"]
    for measurement in found["measurements"]:
        assert measurement["name"] in done.stdout
        assert all(ratio > 0 for shown in measurement["ratios"] for ratio in shown["repeats"])
    return list(found["measurements"])


@pytest.mark.slow
def test_step_time(tmp_path: Path) -> None:
    toy, zaremba = measure("step_time", out=tmp_path / "out.json")
    assert [ratio["bound"] for ratio in (*toy["ratios"], *zaremba["ratios"])] == ["at most", "at most"]
    assert zaremba["facts"]["parameters"] == 4_651_600  # of Zaremba's small network with a vocabulary of 10,000


@pytest.mark.slow
def test_report_scale(tmp_path: Path) -> None:
    tables, page = measure("report_scale", out=tmp_path / "out.json")
    assert [ratio["name"] for ratio in tables["ratios"]] == ["pandas / ours", "seconds of ours", "GB of ours"]
    assert page["facts"]["bytes of the page"] > 100_000


@pytest.mark.slow
def test_bucketing(tmp_path: Path) -> None:
    (found,) = measure("bucketing", out=tmp_path / "out.json")
    assert all(share < 0.05 for share in found["facts"]["bucketed, share of padding"])
    assert all(share > 0.6 for share in found["facts"]["random, share of padding"])


@pytest.mark.slow
def test_time_loop(tmp_path: Path) -> None:
    *cells, start = measure("time_loop", out=tmp_path / "out.json")
    assert [found["name"].split(",")[0] for found in cells] == list(cell_names())
    assert len(start["facts"]) == 3


@pytest.mark.corpora
def test_bucketing_has_the_lengths_of_the_treebank(corpora: Path, tmp_path: Path) -> None:
    text = load(TaggedData(corpus="conllu", path=corpora / "ud_en_ewt"), tmp_path).train
    assert sorted(text.lengths.tolist()) == sentence_lengths().tolist()


@pytest.mark.slow
def test_study_overhead(tmp_path: Path) -> None:
    (study,) = measure("study_overhead", out=tmp_path / "out.json")
    assert study["facts"]["trials"] == 3
    assert [ratio["name"] for ratio in study["ratios"]] == ["plain / ours", "ours / raw"]
