"""Two declarations of an analysis: every difference has a name, and order is none."""

from __future__ import annotations

import pytest

from unroll.study.analysis import DeclaredAnalysis, find_changes

FIRST = DeclaredAnalysis(
    study="cells",
    question="Does gating help?",
    metric="validation/perplexity",
    arms={"elman": "a0", "gru": "b0", "lstm": "c0"},
    baselines={"elman": "elman", "gru": "elman", "lstm": "elman"},
    seeds=[0, 1, 2],
    claims=["gru better than elman"],
)


@pytest.mark.parametrize(
    ("edit", "changes"),
    [
        ({}, []),
        ({"arms": {"lstm": "c0", "gru": "b0", "elman": "a0"}}, []),
        ({"question": "Do gates help?"}, [("question", ("Do gates help?",), "Does gating help?")]),
        ({"metric": "test/perplexity"}, [("metric", ("test/perplexity",), "validation/perplexity")]),
        ({"seeds": [0, 2, 3, 4]}, [("seeds added", ("3", "4"), ""), ("seeds removed", ("1",), "")]),
        ({"baselines": dict.fromkeys(FIRST.arms, "gru")}, [("baseline", ("gru",), "elman")]),
        ({"arms": {**FIRST.arms, "mgu": "d0"}}, [("arms added", ("mgu",), "")]),
        ({"arms": {"elman": "a0", "gru": "b0"}}, [("arms removed", ("lstm",), "")]),
        ({"arms": {**FIRST.arms, "gru": "b1"}}, [("training", ("gru",), "")]),
        ({"arms": {**FIRST.arms, "gru": "b1"}, "seeds": [1, 2]}, [("seeds removed", ("0",), "")]),
        ({"claims": []}, [("claims", (), "gru better than elman")]),
    ],
)  # fmt: skip
def test_changes(edit: dict[str, object], changes: list[tuple[str, tuple[str, ...], str]]) -> None:
    found = find_changes(FIRST, DeclaredAnalysis.model_validate({**FIRST.model_dump(), **edit}))
    assert [(each.matter, each.names, each.former) for each in found] == changes
