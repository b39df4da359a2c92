"""How much of an interval is the test set, from the ledger to the page, and through a pack."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tests.report.conftest import MakeLedger
from tests.report.test_claims import claim
from unroll.contract import ExampleScores, Formula
from unroll.ledger import Ledger, Pack, encode_pack
from unroll.ledger.records import Reader
from unroll.ledger.scores import Scores
from unroll.reporting import needs_update, write_report
from unroll.reporting.findings import gather
from unroll.reporting.prose.test_set import test_set_sentences as sentences
from unroll.study.claims import ClaimPair
from unroll.workflow import packing
from unroll.workflow.packing import read_content, unpack_results

PERPLEXITY = Formula(form="exponential", above=[{"nats": 1.0}], below=[{"tokens": 1.0}])


def keep_scores(ledger: Ledger, *, without: str = "") -> None:
    """Scores from which each trial's test/perplexity follows, as if written before its outcome."""
    for number, trial in enumerate(ledger.plan().trials):
        outcome = ledger.trial(trial.id).outcome()
        if trial.id == without or outcome is None:
            continue
        shared, own = (np.random.default_rng(seed).normal(size=60) for seed in (number // 8, 99 + number))
        tokens = np.arange(5, 65)
        moved = shared + 0.2 * own
        nats = tokens * (np.log(outcome.metrics["test/perplexity"]) + moved - (moved @ tokens) / tokens.sum())
        scores = Scores(ledger.trial(trial.id).folder, trial.id, Reader(), lambda: None)
        sums = {"nats": nats, "tokens": tokens}
        scores.write(ExampleScores(test_set="abc", sums=sums, metrics={"test/perplexity": PERPLEXITY}))


def section(page: Path) -> str:
    _, _, rest = page.read_text(encoding="utf-8").partition("## Test set")
    return rest.partition("\n## ")[0]


def test_the_page_has_its_section_and_a_pack_keeps_it(make_ledger: MakeLedger, tmp_path: Path) -> None:
    ledger = make_ledger()
    keep_scores(ledger, without="t01003")
    write_report(ledger)
    told = section(ledger.root / "report" / "report.md")
    assert "Of the width of the interval over seeds and examples, the test set (60 examples) is " in told
    assert "Of 1 pair of seeds, trials kept no scores" in told
    assert "about this test set" in told
    rows = pl.read_csv(ledger.root / "report" / "tables" / "test_set.csv")
    assert rows.select("arm", "n", "pairs", "examples").rows() == [("gru", 7, 8, 60), ("lstm", 8, 8, 60)]
    assert (rows["both_low"] < rows["seeds_low"]).all()
    assert rows["share"].is_between(0.05, 0.999).all()
    lost = rows.filter((pl.col("seeds_low") > 0) | (pl.col("seeds_high") < 0), pl.col("both_high") >= 0)
    assert ("there may be no difference" in told) == (not lost.is_empty())
    file = tmp_path / "cells.pack"
    data, _ = encode_pack(read_content(ledger))
    file.write_bytes(data)
    unpacked = unpack_results(Pack.read(file), tmp_path / "unpacked")
    write_report(unpacked)
    assert section(unpacked.root / "report" / "report.md") == told
    table = "report/tables/test_set.parquet"
    assert (unpacked.root / table).read_bytes() == (ledger.root / table).read_bytes()


def test_claims_that_no_interval_over_examples_is_of_are_told(make_ledger: MakeLedger) -> None:
    direct = claim("elman", "gru")
    pooled = claim("gru", "elman", pairs=tuple(ClaimPair(first=arm, second="elman", cell=0) for arm in ("gru", "lstm")))
    others = claim("gru", "lstm"), claim("gru", "elman", metric="test/perplexity")
    rates = claim("gru", "lstm", kind="diverges less")
    for claims, told in (
        ([direct, rates], ""),
        ([direct, pooled, *others, rates], "none for 2 of 5 claims (an average"),
    ):
        ledger = make_ledger(claims=claims)
        keep_scores(ledger)
        said = " ".join(sentences(gather(ledger)))
        assert told in said
        assert ("There is none for" in said) == bool(told)


def test_without_scores_there_is_no_section_and_large_ones_stay_out_of_packs(
    make_ledger: MakeLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = make_ledger(seeds=2)
    write_report(ledger)
    assert not section(ledger.root / "report" / "report.md")
    assert not (ledger.root / "report" / "tables" / "test_set.csv").exists()
    keep_scores(ledger)
    assert needs_update(ledger), "a report is written anew when there are scores"
    assert len(read_content(ledger).scores) == 6
    monkeypatch.setattr(packing, "LARGEST_SCORES", 100)
    assert not read_content(ledger).scores
