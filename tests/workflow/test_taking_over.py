"""What of a pack can be taken over where trials begin with the weights of others, which no pack holds."""

from __future__ import annotations

from pathlib import Path

import pytest

from unroll.ledger import Ledger, Outcome, Pack, PackContent, encode_pack
from unroll.study import Arm, MetricSpec, Plan, Trial
from unroll.workflow.taking_over import find_offers

METRIC = "validation/loss"


def make_plan(arms: list[str], seeds: int = 2) -> Plan:
    """Arms that begin with what is prepared for them, which begins with what was prepared before."""
    begun = {"first": None, "second": "first", **dict.fromkeys(arms, "second")}
    made = [
        Arm(name=name, levels={"f": name}, parameters=1, fingerprint="f00d", warm_start=start)
        for name, start in begun.items()
    ]
    trials = [
        Trial(
            id=f"{arm.name}{seed}",
            study="warm",
            task="t",
            task_version=1,
            arm=arm.name,
            seed=seed,
            phase="confirm",
            settings={},
            fingerprint="f00d",
            parameters=1,
            warm_start=f"{arm.warm_start}{seed}" if arm.warm_start else None,
        )
        for arm in made
        for seed in range(seeds)
    ]
    return Plan(
        study="warm",
        question="?",
        task="t",
        task_version=1,
        item="token",
        metric=METRIC,
        metrics={METRIC: MetricSpec(direction="minimize", unit="", description="")},
        baseline=arms[0],
        factors={"f": arms},
        arms=[arm for arm in made if arm.name in arms],
        trials=[trial for trial in trials if trial.arm in arms],
        declaration={},
        prepared=made[:2],
        preparations=[trial for trial in trials if trial.arm not in arms],
    )


def packed(tmp_path: Path, plan: Plan, diverged: str = "") -> Pack:
    """A pack with a result of every trial."""
    trials = {trial.id: trial for trial in plan.every_trial}
    ends = {i: [Outcome(trial=i, status="diverged" if i == diverged else "completed")] for i in trials}
    content = PackContent(plan=plan, sources={}, trials=trials, outcomes=ends, histories={}, shown={})
    file = tmp_path / "warm.pack"
    file.write_bytes(encode_pack(content)[0])
    return Pack.read(file)


@pytest.mark.parametrize(
    ("arms", "diverged", "left"),
    [
        (["a"], "", []),
        (["a", "b"], "", ["first0", "first1", "second0", "second1"]),  # b begins with them, and is to be run
        (["a", "b"], "second0", ["first1", "second1"]),  # what begins with a diverged one diverges without its weights
    ],
)
def test_what_a_missing_trial_begins_with_is_left_to_be_run(
    tmp_path: Path, arms: list[str], diverged: str, left: list[str]
) -> None:
    pack = packed(tmp_path, make_plan(["a"]), diverged)
    plan = make_plan(arms)
    (offer,) = find_offers(plan, Ledger(tmp_path / "none"), [pack], choice="refuse")
    assert {*pack.content.trials} - {*offer.trials} == {*left}
    assert {"a0", "a1"} <= {*offer.trials}


def test_a_trial_of_several_packs_is_taken_from_the_first(tmp_path: Path) -> None:
    pack = packed(tmp_path, make_plan(["a"]))
    first, second = find_offers(make_plan(["a"]), Ledger(tmp_path / "none"), [pack, pack], choice="refuse")
    assert (len(first.trials), second.trials) == (6, [])
