"""Validation and test values are distinguished where neither seeds nor texts of one source explain their distance."""

from collections.abc import Sequence

import polars as pl
import pytest

from unroll.evidence import split_gaps, twin_metric

VALIDATION, TEST = "validation/perplexity", "test/perplexity"


def gaps(validation: Sequence[float], test: Sequence[float], status: str = "completed") -> pl.DataFrame:
    rows = [
        {"arm": "a", "seed": n, "status": status, VALIDATION: v, TEST: t}
        for n, (v, t) in enumerate(zip(validation, test, strict=True))
    ]
    return split_gaps(pl.DataFrame(rows), VALIDATION, TEST)


@pytest.mark.parametrize(
    ("validation", "test", "apart"),
    [
        ((42.0, 42.5, 41.5), (449.0, 430.0, 451.0), True),  # a carried state that strays on one long stream
        ((42.0, 42.5, 41.5), (63.0, 62.5, 63.5), True),
        ((119.5, 119.9, 119.2), (114.9, 115.1, 114.5), False),  # Penn Treebank: fifteen deviations, four percent
        ((42.0, 60.0, 30.0), (63.0, 80.0, 50.0), False),  # half as much again, and so do seeds
        ((0.91, 0.912, 0.909), (0.70, 0.71, 0.69), True),
        ((0.0, 0.0, 0.0), (0.001, 0.002, 0.0), False),
        ((148.0,) * 3, (141.2,) * 3, False),  # counts know no seed
        ((148.0,) * 3, (300.0,) * 3, True),
        ((42.0,), (63.0,), False),
        ((42.0,), (449.0,), True),
    ],
)
def test_texts_are_apart_by_seeds_and_by_a_share(
    validation: Sequence[float], test: Sequence[float], apart: bool
) -> None:
    for sides in ((validation, test), (test, validation)):
        assert gaps(*sides)["apart"].to_list() == [apart]


def test_only_seeds_that_have_both_count() -> None:
    row = gaps((10.0, 12.0, 14.0), (11.0, float("nan"), 15.0)).row(0, named=True)
    assert (row["n"], row["mean"], row["twin"], row["sd"]) == (2, 12.0, 13.0, pytest.approx(8**0.5))
    assert gaps((10.0,), (11.0,), status="diverged").is_empty()


def test_the_other_text_of_a_metric() -> None:
    assert twin_metric("validation/accuracy/distance_3") == "test/accuracy/distance_3"
    assert twin_metric("test/f1") == "validation/f1"
    assert [twin_metric(name) for name in ("train/loss", "accuracy", "validation")] == [None] * 3
