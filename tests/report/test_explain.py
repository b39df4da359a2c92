"""A comparison taken apart: what is printed is enough to compute its test again."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import polars as pl
import pytest

from tests.report.conftest import METRIC
from tests.report.test_claims import claim
from unroll.contract import UserError
from unroll.ledger import Ledger
from unroll.reporting.findings import gather
from unroll.tracking import Destination
from unroll.tracking.local import mark_synced
from unroll.workflow.explaining import explain, explain_claim, read_statement

MakeLedger = Callable[..., Ledger]
NAMES = {name: name for name in ("lstm", "elman", "gru, length=2", "elman, length=2", "a better than b")}
BASELINES = {**dict.fromkeys(NAMES, "elman"), "gru, length=2": "elman, length=2"}


def test_the_test_can_be_computed_by_hand(make_ledger: MakeLedger) -> None:
    ledger = make_ledger(ends={("gru", 3): ("failed_user", "ValueError")})
    found = explain(ledger, ["gru better than elman"])
    rows = found.pairs.to_dicts()
    assert [row["seed"] for row in rows] == list(range(8))
    assert rows[3]["difference"] is None
    assert (rows[3]["status"], rows[3]["baseline_status"]) == ("failed_user", "completed")
    differences = [row["difference"] for row in rows if row["difference"] is not None]
    assert differences == [row["value"] - row["reference"] for row in rows if row["value"] is not None]
    sums = [
        sum(s * d for s, d in zip(signs, differences, strict=True)) for signs in itertools.product((1, -1), repeat=7)
    ]
    hits = sum(abs(each) >= abs(sum(differences)) - 1e-9 for each in sums)
    assert found.test["patterns as far from zero"] == hits
    assert found.test["patterns"] == 2**7
    assert found.test["p"] == hits / 2**7
    assert found.test["their sum"] == pytest.approx(sum(differences))
    assert found.test["statistic"] == pytest.approx(sum(differences) / sum(d * d for d in differences) ** 0.5)
    reported = gather(ledger).differences.row(0, named=True)
    told = ("p", "p adjusted", "verdict", "mean difference", "pairs", "planned pairs")
    assert [found.test[name] for name in told] == [
        reported[name] for name in ("p", "p_adjusted", "verdict", "difference", "n", "planned_pairs")
    ]
    assert found.decides


def test_pairs_lead_to_trials_runs_and_conditions(make_ledger: MakeLedger) -> None:
    declaration = {"wandb": {"mode": "online", "entity": "lab", "project": "unroll"}}
    ledger = make_ledger(environments={("lstm", 2): {"torch": "2.12.0"}}, declaration=declaration)
    trials = {(trial.arm, trial.seed): trial.id for trial in ledger.plan().trials}
    for name in ("offline-run-20261120_090000", "run-20261121_090000"):
        folder = ledger.root / "wandb" / f"{name}-{trials['lstm', 2]}"
        folder.mkdir(parents=True)
        (folder / f"run-{trials['lstm', 2]}.wandb").write_bytes(b"log")
    sent = ledger.root / "wandb" / f"offline-run-20261120_090000-{trials['gru', 2]}"
    sent.mkdir()
    (sent / f"run-{trials['gru', 2]}.wandb").write_bytes(b"log")
    mark_synced(sent, Destination(server="http://here:8080", entity="me", project="p"))
    row = explain(ledger, ["lstm", "gru"]).pairs.row(2, named=True)
    assert (row["trial"], row["baseline_trial"]) == (trials["lstm", 2], trials["gru", 2])
    assert row["differs"] == "torch: 2.12.0 | 2.13.0+cpu"
    assert row["baseline_run"].split()[0] == f"http://here:8080/me/p/runs/{trials['gru', 2]}"
    assert row["run"].split() == [
        f"https://wandb.ai/lab/unroll/runs/{trials['lstm', 2]}",
        f"wandb/offline-run-20261120_090000-{trials['lstm', 2]}",
        f"wandb/run-20261121_090000-{trials['lstm', 2]}",
    ]


def test_what_the_study_does_not_compare_has_no_verdict(make_ledger: MakeLedger) -> None:
    found = explain(make_ledger(), ["lstm", "gru"])
    assert not found.decides
    assert "verdict" not in found.test
    other = explain(make_ledger(), ["lstm on test/perplexity"])
    assert (other.arm, other.baseline, other.metric, other.decides) == ("lstm", "elman", "test/perplexity", False)
    assert explain(make_ledger(), ["lstm"]).metric == METRIC


def test_an_empty_comparison_has_counts_alone(make_ledger: MakeLedger) -> None:
    ends = {("gru", seed): ("missing", "") for seed in range(2)}
    assert explain(make_ledger(seeds=2, ends=ends), ["gru"]).test == {"planned pairs": 2, "pairs": 0}


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (["lstm better than elman"], ("lstm", "elman", None)),
        (["lstm better than elman by 2%"], ("lstm", "elman", None)),
        (["lstm  worse than elman by 2 on test/f1"], ("lstm", "elman", "test/f1")),
        (["gru, length=2 vs elman, length=2"], ("gru, length=2", "elman, length=2", None)),
        (["gru, length=2"], ("gru, length=2", "elman, length=2", None)),
        (["a better than b"], ("a better than b", "elman", None)),
        (["a better than b better than lstm"], ("a better than b", "lstm", None)),
        (["lstm", "gru, length=2"], ("lstm", "gru, length=2", None)),
    ],
)
def test_statements(words: list[str], meant: tuple[str, str, str | None]) -> None:
    assert read_statement(words, NAMES, BASELINES) == meant


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["lstn better than elman"], "did you mean 'lstm'"),
        (["lstm better than elmann by 2%"], "did you mean 'elman'"),
        (["lstm", "lstm"], "two different arms must be named"),
        (["elman"], "'elman' is a baseline"),
        ([""], "an arm must be one of the study's"),
        (["lstm bettr than elman"], "write it as 'ARM better than ARM'"),
    ],
)
def test_mistakes(words: list[str], message: str) -> None:
    with pytest.raises(UserError, match=message):
        read_statement(words, NAMES, BASELINES)


def test_an_unknown_metric_is_named(make_ledger: MakeLedger) -> None:
    with pytest.raises(UserError, match="did you mean 'test/perplexity'"):
        explain(make_ledger(seeds=1), ["lstm"], "test/perplexty")


def test_a_claim_is_taken_apart_to_its_trials(make_ledger: MakeLedger) -> None:
    declared = [claim("gru", "elman"), claim("lstm", "elman", "better by 0.16 than", margin=0.16)]
    ledger = make_ledger(claims=declared, ends={("lstm", 3): ("diverged", "NaN")})
    found = explain_claim(ledger, "lstm  better by 0.16 than elman")
    assert found is not None
    assert found.seeds["seed"].to_list() == [0, 1, 2, 4, 5, 6, 7]
    assert len(found.trials) == 16
    lost = found.trials.row(by_predicate=(pl.col("seed") == 3) & (pl.col("side") == "first"), named=True)
    assert (lost["arm"], lost["value"], lost["status"]) == ("lstm", None, "diverged")
    for row in found.seeds.to_dicts():
        first, second = (
            found.trials.row(by_predicate=(pl.col("seed") == row["seed"]) & (pl.col("side") == side), named=True)[
                "value"
            ]
            for side in ("first", "second")
        )
        assert (row["first"], row["second"], row["difference"]) == (first, second, first - second)
    turned = [-row["difference"] - 0.16 for row in found.seeds.to_dicts()]
    sums = [sum(s * d for s, d in zip(signs, turned, strict=True)) for signs in itertools.product((1, -1), repeat=7)]
    hits = sum(abs(each) >= abs(sum(turned)) - 1e-9 for each in sums)
    assert (found.test["patterns as far from zero"], found.test["patterns"]) == (hits, 2**7)
    assert found.test["p"] == hits / 2**7
    row = gather(ledger).claims.row(1, named=True)
    assert (found.test["p adjusted"], found.test["verdict"]) == (row["p_adjusted"], row["verdict"])
    assert explain_claim(ledger, "lstm better than elman") is None, "no claim: a comparison"
