"""Confusion matrices: found by the names of metrics, the last counts of each trial, shares of each true label."""

import polars as pl
import pytest
import torch

from tasks.classification.tally import Tally
from unroll.evidence import confusion, find_confusions

Counts = dict[tuple[str, str], float]


def frame(trials: dict[tuple[str, int], dict[int, Counts]]) -> pl.DataFrame:
    """(arm, seed) -> step -> (true, guess) -> count."""
    rows = [
        {"trial": f"{arm}{seed}", "arm": arm, "step": step, "metric": f"test/confusion/{true}/{guess}", "value": count}
        for (arm, seed), looks in trials.items()
        for step, counts in looks.items()
        for (true, guess), count in counts.items()
    ]
    return pl.DataFrame(rows)


def counted(a: float, b: float, c: float, d: float, labels: tuple[str, str] = ("bad", "good")) -> Counts:
    one, other = labels
    return {(one, one): a, (one, other): b, (other, one): c, (other, other): d}


def test_they_are_found_by_name() -> None:
    metrics = ["test/confusion/a/b", "test/confusion/a/a", "validation/confusion/x/x", "test/accuracy", "confusion/a/a"]
    assert find_confusions(metrics) == ["test", "validation"]
    assert find_confusions([]) == []


def test_shares_are_of_the_true_label_over_all_trials_and_counts_are_means() -> None:
    found = confusion(frame({("lstm", 0): {9: counted(8, 2, 0, 30)}, ("lstm", 1): {9: counted(2, 8, 10, 20)}}), "test")
    cells = {(row["true"], row["guess"]): row for row in found.iter_rows(named=True)}
    assert [cells["bad", "bad"][key] for key in ("n", "count", "share")] == [2, 5.0, 0.5]
    assert cells["good", "bad"]["share"] == pytest.approx(10 / 60)
    for true in ("bad", "good"):
        assert sum(cells[true, guess]["share"] for guess in ("bad", "good")) == pytest.approx(1)


def test_each_trial_counts_once_with_what_it_logged_last_and_arms_keep_their_order() -> None:
    history = frame(
        {
            ("zero", 0): {9: counted(1, 0, 0, 1), 3: counted(0, 50, 50, 0)},
            ("arm", 0): {9: counted(0, 1, 0, 1)},
        }
    )
    found = confusion(history, "test")
    assert found["arm"].unique(maintain_order=True).to_list() == ["zero", "arm"]
    assert found.filter(pl.col("arm") == "zero")["share"].to_list() == [1, 0, 0, 1]


def test_labels_may_hold_slashes() -> None:
    """`a` as `b/a` and `a/b` as `a` would have one name, were it not for how a slash is written."""
    labels = ("a", "a/b", "b/a", "100 %2F")
    tally = Tally(torch.arange(16).view(4, 4))
    rows = [
        {"trial": "a0", "arm": "a", "step": 1, "metric": name, "value": count}
        for name, count in tally.confusion("test", labels).items()
    ]
    found = confusion(pl.DataFrame(rows), "test")
    cells = {(row["true"], row["guess"]): row["count"] for row in found.iter_rows(named=True)}
    assert cells == {(true, guess): 4 * i + j for i, true in enumerate(labels) for j, guess in enumerate(labels)}


def test_a_label_without_examples_has_counts_and_no_shares() -> None:
    found = confusion(frame({("gru", 0): {1: counted(0, 0, 3, 4)}}), "test")
    assert found["share"].to_list() == [None, None, pytest.approx(3 / 7), pytest.approx(4 / 7)]


def test_a_pair_that_a_trial_does_not_log_did_not_occur_in_it() -> None:
    """Only pairs that occur are logged: half a count in the mean of two trials, and nothing of earlier steps."""
    rows = [("a0", 1, "x", "z", 9.0), ("a0", 2, "x", "x", 3.0), ("a0", 2, "x", "y", 1.0), ("a1", 2, "x", "x", 4.0)]
    history = pl.DataFrame(
        [
            {"trial": trial, "arm": "a", "step": step, "metric": f"test/confusion/{true}/{guess}", "value": value}
            for trial, step, true, guess, value in rows
        ]
    )
    found = confusion(history, "test")
    assert found.select("true", "guess", "n", "count", "share").rows() == [
        ("x", "x", 2, 3.5, 7 / 8),
        ("x", "y", 2, 0.5, 1 / 8),
    ]
