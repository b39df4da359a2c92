"""Parameters and operations of every arm, and what was left of the size that was asked for."""

from __future__ import annotations

from collections.abc import Callable

from unroll.ledger import Ledger
from unroll.reporting.document import Note
from unroll.reporting.findings import Findings, gather
from unroll.reporting.sections import compose
from unroll.reporting.tables.results import arms_table
from unroll.reporting.tables.size import size_table

MakeLedger = Callable[..., Ledger]


def with_flops(ledger: Ledger, *flops: int | None, target: int | None = None) -> Findings:
    """The same study with operations known, and matched if there is a target."""
    plan = ledger.plan()
    asked = {"target_flops_per_token": target, "target_parameters": None} if target else {}
    arms = [
        arm.model_copy(update={"flops_per_token": count, **asked}) for arm, count in zip(plan.arms, flops, strict=True)
    ]
    ledger.save_plan(plan.model_copy(update={"arms": arms}))
    return gather(ledger)


def notes(findings: Findings) -> list[str]:
    (section,) = (section for section in compose(findings).sections if section.anchor == "size")
    return [block.text for block in section.blocks if isinstance(block, Note)]


def test_what_was_matched_has_its_mismatch(make_ledger: MakeLedger) -> None:
    table = size_table(gather(make_ledger()))
    assert table.caption.startswith("The arms were made equal in parameters. Throughput")
    assert table.shown.columns == ["Arm", "Parameters", "Asked for", "Off by", "tokens/s", "Seconds per trial"]
    assert table.shown["Off by"].to_list() == ["0 %", "+0.02 %", "+0.04 %"]
    assert table.rows["matched"].to_list() == ["parameters"] * 3
    assert table.rows["mismatch"].to_list() == [size / 200_000 - 1 for size in (200_000, 200_037, 200_074)]


def test_the_size_that_was_solved_has_a_column(make_ledger: MakeLedger) -> None:
    ledger = make_ledger(seeds=1)
    plan = ledger.plan()
    sizes = dict(zip((arm.name for arm in plan.arms), (208, 120, 100), strict=True))
    trials = [
        trial.model_copy(update={"settings": {"network": {"cell": trial.arm, "hidden": sizes[trial.arm]}}})
        for trial in plan.trials
    ]
    ledger.save_plan(plan.model_copy(update={"trials": trials, "size_setting": "network.hidden"}))
    table = size_table(gather(ledger))
    assert table.caption.startswith("The arms were made equal in parameters by solving network.hidden. Throughput")
    assert table.shown["hidden"].to_list() == ["208", "120", "100"]
    assert table.rows["size"].to_list() == [208, 120, 100]


def test_parameters_that_are_not_trained_are_reported(make_ledger: MakeLedger) -> None:
    ledger = make_ledger()
    plan = ledger.plan()
    counts = zip(plan.arms, (200_000, 200_037, 37), strict=True)
    arms = [arm.model_copy(update={"trained_parameters": count}) for arm, count in counts]
    ledger.save_plan(plan.model_copy(update={"arms": arms}))
    table = size_table(gather(ledger))
    assert table.shown["Trained"].to_list() == ["200,000", "200,037", "37"]
    assert table.caption.endswith(" Trained: parameters that gradients change, not those that are frozen or counted.")


def test_what_helps_in_training_alone_is_no_size(make_ledger: MakeLedger) -> None:
    ledger = make_ledger()
    plan = ledger.plan()
    first, second, third = plan.arms
    helped = third.model_copy(update={"parameters": 290_074, "tested_parameters": third.parameters})
    ledger.save_plan(plan.model_copy(update={"arms": [first, second, helped]}))
    findings = gather(ledger)
    table = size_table(findings)
    shown = table.shown.select("Parameters", "Tested", "Asked for", "Off by").rows()
    assert shown[1:] == [("200,037", "200,037", "200,000", "+0.02 %"), ("290,074", "200,074", "200,000", "+0.04 %")]
    assert table.caption.endswith(" Tested: parameters without those that help in training alone.")
    assert notes(findings) == []


def test_operations_stand_beside_parameters(make_ledger: MakeLedger) -> None:
    findings = with_flops(make_ledger(), 390_000, 410_000, 400_000, target=400_000)
    table = size_table(findings)
    assert table.caption.startswith("The arms were made equal in FLOPs/token. ")
    shown = table.shown.select("Arm", "Parameters", "FLOPs/token", "Asked for", "Off by").rows()
    assert shown == [
        ("elman (baseline)", "200,000", "390,000", "400,000", "−2.5 %"),
        ("gru", "200,037", "410,000", "400,000", "+2.5 %"),
        ("lstm", "200,074", "400,000", "400,000", "0 %"),
    ]
    arms = arms_table(findings)
    assert arms.shown.select("Parameters", "FLOPs/token").rows()[0] == ("200,000", "390,000")
    assert arms.rows["flops_per_token"].to_list() == [390_000, 410_000, 400_000]
    assert "FLOPs/token: multiplies and adds of the matrix products in one forward pass." in arms.caption


def test_unknown_operations_are_a_dash_beside_known_ones_and_no_column_without_any(make_ledger: MakeLedger) -> None:
    findings = with_flops(make_ledger(), 390_000, None, 400_000)
    assert arms_table(findings).shown["FLOPs/token"].to_list() == ["390,000", "–", "400,000"]
    assert notes(findings) == []
    findings = gather(make_ledger())
    assert "FLOPs" not in "".join([*arms_table(findings).shown.columns, *size_table(findings).shown.columns])
    assert arms_table(findings).rows["flops_per_token"].to_list() == [None] * 3


def test_unequal_sizes_are_reported(make_ledger: MakeLedger) -> None:
    assert notes(with_flops(make_ledger(), 200_000, 400_000, 300_000)) == [
        "The costliest arm takes 2.00 times the operations per token of the cheapest: a difference may come from "
        "computation."
    ]
