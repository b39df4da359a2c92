"""What the report says of decisions after looking, and that its figures are those of the test that it uses."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest

from unroll.evidence.permutation import sign_flip_p
from unroll.ledger import AnalysisRecord
from unroll.reporting.prose.decided import WRONG_AFTER_LOOKS, decided_sentences, describe
from unroll.study.analysis import Change, DeclaredAnalysis, Matter


def record(results: int, seeds: int, **edits: object) -> AnalysisRecord:
    arms = {"elman": "a", "gru": "b"}
    values = {"study": "cells", "question": "?", "metric": "m", "arms": arms, "baselines": dict.fromkeys(arms, "elman")}
    declared = DeclaredAnalysis.model_validate({**values, "seeds": list(range(seeds)), **edits})
    return AnalysisRecord(declared=declared, recorded="2026-11-20T09:00:00+00:00", results=results)


def test_each_look_is_counted_and_nothing_before_the_first_result() -> None:
    told = list(decided_sentences([record(0, 6), record(0, 8), record(16, 10), record(20, 12), record(24, 12)]))
    assert told == [
        "Seeds 8–9 were added on 2026-11-20, after 16 results: with 2 looks a comparison of arms that do not differ "
        "gets a verdict at one of them in 7 % of studies, not in 5 % (simulated: one comparison, normal values, "
        "looks at 8 and 10 seeds).",
        "Seeds 10–11 were added on 2026-11-20, after 20 results: with 3 looks a comparison of arms that do not differ "
        "gets a verdict at one of them in 8.8 % of studies, not in 5 % (simulated: one comparison, normal values, "
        "looks at 8, 10 and 12 seeds).",
    ]
    many = list(decided_sentences([record(8 * n, 8 + 2 * n) for n in range(7)]))
    assert "with 6 looks" in many[4]
    assert "more than 11.5 %" in many[4]


def test_everything_that_can_change_is_told() -> None:
    for matter in get_args(Matter):
        said = describe(Change(matter, ("7",), "former"))
        assert said[0].isupper() or said[0].isdigit()
    edits = {"question": "??", "metric": "n", "baselines": {"elman": "gru", "gru": "gru"}, "claims": ["gru better"]}
    assert len(list(decided_sentences([record(0, 8), record(16, 8, **edits)]))) == 4
    assert list(decided_sentences([])) == list(decided_sentences([record(16, 8)])) == []


@pytest.mark.parametrize("looks", [2, pytest.param(5, marks=pytest.mark.slow)])
def test_the_error_rate_of_looks(looks: int) -> None:
    """By the exact test itself, of values without any difference, at 5 %."""
    generator, studies = np.random.default_rng(3), 1500
    values = generator.normal(size=(studies, 16)) - generator.normal(size=(studies, 16))
    sizes = range(8, 8 + 2 * looks, 2)
    wrong = np.mean([any(sign_flip_p(study[:n]) <= 0.05 for n in sizes) for study in values])
    share = WRONG_AFTER_LOOKS[looks] / 100
    assert abs(wrong - share) < 3 * np.sqrt(share * (1 - share) / studies)
