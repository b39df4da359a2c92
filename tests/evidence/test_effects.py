"""Effects of levels pooled over the others: by hand, against other libraries, and where cells alone decide nothing."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import product

import numpy as np
import polars as pl
import pytest
from scipy import stats

from unroll.evidence import factor_effects, paired_differences

CORPORA = [f"corpus{number}" for number in range(8)]
REFERENCE = {"cell": "gru", "corpus": "corpus0"}


def studied(corpora: list[str]) -> dict[str, dict[str, str]]:
    return {f"{cell} {corpus}": {"cell": cell, "corpus": corpus} for corpus, cell in product(corpora, ("gru", "lstm"))}


def frame(values: Mapping[str, list[float]], lost: tuple[tuple[str, int], ...] = ()) -> pl.DataFrame:
    rows = [
        (arm, seed, "diverged" if (arm, seed) in lost else "completed", value)
        for arm, own in values.items()
        for seed, value in enumerate(own)
    ]
    return pl.DataFrame(rows, schema=["arm", "seed", "status", "loss"], orient="row")


def effects(trials: pl.DataFrame, corpora: list[str]) -> pl.DataFrame:
    return factor_effects(trials, "loss", arms=studied(corpora), reference=REFERENCE, direction="minimize")


BY_HAND = {
    "gru corpus0": [1.0, 2.0, 3.0, 4.0],
    "lstm corpus0": [0.5, 1.0, 3.5, 3.0],
    "gru corpus1": [10.0, 12.0, 11.0, 13.0],
    "lstm corpus1": [9.0, 11.0, 10.5, 12.5],
}


def test_by_hand() -> None:
    """LSTM less GRU, seed by seed: -.5 -1 .5 -1 and -1 -1 -.5 -.5, so -.75 -1 0 -.75 in the mean."""
    cell, corpus = effects(frame(BY_HAND), CORPORA[:2]).to_dicts()  # an interaction of one cell pools over nothing
    assert (cell["kind"], cell["effect"], cell["cells"]) == ("main", "cell: lstm against gru", 2)
    assert (cell["difference"], cell["better_in"], cell["n"]) == (-0.625, 2, 4)
    assert cell["relative"] == pytest.approx(-0.625 / 7)
    assert cell["p"] == 4 / 16  # the zero turns for nothing: -2.5 is reached with all other signs alike
    assert (cell["p_adjusted"], cell["verdict"]) == (cell["p"], "undecided")
    assert corpus["effect"] == "corpus: corpus1 against corpus0"
    assert corpus["difference"] == pytest.approx(np.mean([9.0, 10.0, 8.0, 9.0, 8.5, 10.0, 7.0, 9.5]))
    assert corpus["better_in"] == 0


def test_an_interaction_pools_over_a_third_factor() -> None:
    names = list(product(("gru", "lstm"), ("small", "large"), ("one", "two")))
    arms = {" ".join(levels): dict(zip(("cell", "size", "corpus"), levels, strict=True)) for levels in names}
    generator = np.random.default_rng(2)
    values = {
        arm: (generator.normal(0, 0.1, 8) - 2.0 * (levels["cell"] == "lstm") * (levels["size"] == "large")).tolist()
        for arm, levels in arms.items()
    }
    reference = {"cell": "gru", "size": "small", "corpus": "one"}
    found = factor_effects(frame(values), "loss", arms=arms, reference=reference, direction="minimize")
    rows = {row["effect"]: row for row in found.to_dicts()}
    both = rows["cell: lstm against gru, by size: large against small"]
    assert both["cells"] == 2
    known = {arm: np.array(own) for arm, own in values.items()}
    by_hand = np.mean(
        [
            known[f"lstm large {c}"] - known[f"gru large {c}"] - known[f"lstm small {c}"] + known[f"gru small {c}"]
            for c in ("one", "two")
        ],
        axis=0,
    )
    assert both["difference"] == pytest.approx(by_hand.mean())
    assert (
        both["p"] == stats.permutation_test((by_hand,), np.sum, permutation_type="samples", n_resamples=np.inf).pvalue
    )
    assert both["verdict"] == "differs"
    assert rows["cell: lstm against gru"]["cells"] == 4


def test_ahead_on_eight_of_eight_is_no_eight_times_undecided() -> None:
    generator = np.random.default_rng(4)
    arms = studied(CORPORA)
    values = {
        arm: (generator.standard_normal(8) + 10 * CORPORA.index(at["corpus"]) - 1.0 * (at["cell"] == "lstm")).tolist()
        for arm, at in arms.items()
    }
    trials = frame(values)
    baselines = {arm: f"gru {at['corpus']}" for arm, at in arms.items()}
    alone = paired_differences(trials, "loss", baselines=baselines, direction="minimize")
    assert alone["verdict"].to_list().count("undecided") >= 6
    first = effects(trials, CORPORA).row(0, named=True)
    assert (first["verdict"], first["cells"]) == ("better", 8)
    assert first["difference"] == pytest.approx(alone["difference"].mean())


def test_means_are_taken_on_the_scale() -> None:
    values = {arm: [math.exp(value) for value in own] for arm, own in BY_HAND.items()}
    found = factor_effects(
        frame(values), "loss", arms=studied(CORPORA[:2]), reference=REFERENCE, direction="minimize", scale="log"
    )
    assert found["relative"][0] == pytest.approx(math.exp(-0.625) - 1)


def test_a_diverged_trial_leaves_its_effects_untested() -> None:
    first = effects(frame(BY_HAND, lost=(("lstm corpus0", 2),)), CORPORA[:2]).row(0, named=True)
    assert (first["n"], first["planned_seeds"], first["diverged"]) == (3, 4, 1)
    assert (first["p"], first["verdict"]) == (None, "untested")


def test_one_factor_has_nothing_to_pool_over() -> None:
    arms = {"gru": {"cell": "gru"}, "lstm": {"cell": "lstm"}}
    trials = frame({"gru": [1.0, 2.0], "lstm": [1.5, 2.5]})
    assert factor_effects(trials, "loss", arms=arms, reference={"cell": "gru"}, direction="minimize").is_empty()
