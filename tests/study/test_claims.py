"""Claims of a study are read once, into the plan: which arms they set against each other."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from unroll.contract import UserError
from unroll.evidence import claim_seeds
from unroll.study import Plan, load_study, make_plan

Write = Callable[..., Path]
HEAD = "question: Why?\ntask: tiny\nseeds: 2\n"
BOTH = "compare: {network.cell: [elman, gru, lstm], network.hidden: [4, 8, 16]}\n"


def plan(project: Path, *overrides: str) -> Plan:
    return make_plan(load_study("cells", overrides), cache=project)


def test_levels_are_set_against_each_other_where_all_other_levels_agree(project: Path, write: Write) -> None:
    texts = ["gru better than elman by 2%", "cell=gru, hidden=4 within 0.5 of cell=lstm, hidden=16"]
    texts += ["hidden=8 diverges less than hidden=16", "lstm flatter than network.cell=elman in log hidden"]
    write(
        HEAD
        + BOTH
        + "exclude: [{network.cell: gru, network.hidden: 8}]\nclaims:\n"
        + "".join(f"- {t}\n" for t in texts)
    )
    made = plan(project)
    better, within, diverges, flatter = made.claims
    assert [claim.text for claim in made.claims] == texts
    assert (better.margin, better.relative, within.margin, within.relative) == (0.02, True, 0.5, False)
    assert [(p.first, p.second) for p in better.pairs] == [
        (f"cell=gru, hidden={n}", f"cell=elman, hidden={n}") for n in (4, 16)
    ]
    assert [(p.first, p.second) for p in within.pairs] == [("cell=gru, hidden=4", "cell=lstm, hidden=16")]
    assert [p.first for p in diverges.pairs] == ["cell=elman, hidden=8", "cell=lstm, hidden=8"]
    assert [(p.cell, p.at, p.first) for p in flatter.pairs] == [
        (0, at, f"cell=lstm, hidden={n}") for at, n in ((2, 4), (3, 8), (4, 16))
    ]
    assert Plan.model_validate_json(made.model_dump_json()) == made
    assert claim_seeds(made) == dict.fromkeys(texts, 2)


def test_claims_change_no_trial_and_may_be_left_out_on_the_command_line(project: Path, write: Write) -> None:
    write(HEAD + BOTH + "claims: [gru better than elman]\n")
    claimed, without = plan(project), plan(project, "claims=null")
    assert [trial.id for trial in claimed.trials] == [trial.id for trial in without.trials]
    assert without.claims == []
    assert "claims" not in without.model_dump()
    assert [claim.text for claim in plan(project, "claims=[lstm within 2% of gru]").claims] == ["lstm within 2% of gru"]


def test_sides_that_run_the_same_are_refused(project: Path, write: Write) -> None:
    write(
        f"{HEAD}compare: {{network.cell: [elman], training.clip_norm: [1, 2]}}\n"
        "claims: [clip_norm=1 better than clip_norm=2]\n"
    )
    with pytest.raises(UserError) as refused:
        plan(project)
    assert str(refused.value) == (
        "claims: the two sides of a claim must run differently (received 'clip_norm=1 better than clip_norm=2')"
    )
