"""The answer and the warnings, word by word."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.report.conftest import RUN
from unroll.ledger import Ledger, RunRecord
from unroll.reporting.findings import gather
from unroll.reporting.prose.answer import answer
from unroll.reporting.prose.warnings import warnings
from unroll.reporting.tables.context import environments_table, facts_table, provenance_table
from unroll.reporting.tables.results import differences_table, pairing_table

MakeLedger = Callable[..., Ledger]


def test_a_finished_study_is_answered_in_one_paragraph(make_ledger: MakeLedger) -> None:
    findings = gather(make_ledger())
    text = answer(findings)
    row = findings.differences.row(0, named=True)
    assert (
        "On validation/perplexity (lower is better), the baseline elman reaches 13.55 (mean over 8 seeds, 95 %" in text
    )
    assert f"gru is better: {abs(row['difference']):.2f} lower ({abs(100 * row['relative']):.1f} %)" in text
    assert ", adjusted p = 0.00781, better on 8 of 8 seeds." in text
    assert "The true distribution of these data reaches 10.70, the best possible in expectation; " in text
    assert "gru, the best mean, is 1.29 above it." in text
    assert text.endswith("24 of 24 planned trials have completed.")
    assert "\n" not in text
    assert warnings(findings) == []


def test_a_mean_beyond_the_true_distribution_is_luck_and_no_contradiction(make_ledger: MakeLedger) -> None:
    text = answer(gather(make_ledger({"elman": 12.0, "gru": 10.0})))
    assert "reaches 10.70, the best possible in expectation; gru, the best mean, is 0.61 below it." in text


def test_small_differences_are_undecided(make_ledger: MakeLedger) -> None:
    text = answer(gather(make_ledger({"elman": 12.0, "gru": 12.0})))
    assert "gru is undecided" in text


def test_nothing_completed_names_no_winner_and_lists_reasons(make_ledger: MakeLedger) -> None:
    ends = {
        (arm, s): ("failed_user", "RuntimeError: no such corpus") for arm in ("elman", "gru", "lstm") for s in range(8)
    }
    findings = gather(make_ledger(ends={**ends, ("lstm", 7): ("missing", "")}))
    assert answer(findings) == "No answer yet: 0 of 24 planned trials have completed, so no arm leads."
    assert warnings(findings) == [
        "24 of 24 planned trials have no result: 23 failed (an error in the task or its settings) and 1 not run yet.",
        "23 trials failed with: RuntimeError: no such corpus",
    ]


def test_divergence_is_reported_as_a_result(make_ledger: MakeLedger) -> None:
    findings = gather(make_ledger(ends={("gru", 1): ("diverged", "NaN"), ("gru", 4): ("diverged", "NaN")}))
    (warning,) = warnings(findings)
    assert warning.startswith("Trials diverged: gru 2 of 8. Means and differences are over the trials that did not")
    assert "better on 6 of 6 seeds, but 2 of its 8 trials diverged. lstm is" in answer(findings)
    shown = differences_table(findings).shown
    assert shown.select("Arm", "Diverged").rows() == [("gru", "2 (0)"), ("lstm", "0 (0)")]
    assert answer(findings).startswith("22 of 24 planned trials have completed; 2 diverged. On validation/")


def test_a_baseline_that_diverges_is_reported(make_ledger: MakeLedger) -> None:
    findings = gather(make_ledger(ends={("elman", 1): ("diverged", "NaN")}))
    assert "), but 1 of its 8 trials diverged. gru" in answer(findings)
    assert differences_table(findings).shown["Diverged"].to_list() == ["0 (1)", "0 (1)"]


def test_one_seed_has_no_interval_and_the_answer_explains_it(make_ledger: MakeLedger) -> None:
    findings = gather(make_ledger(seeds=1))
    assert "(one seed, so without an interval)" in answer(findings)
    assert "on one seed, from which neither an interval nor a test follows" in answer(findings)
    assert warnings(findings) == [
        "The planned seeds cannot decide: with 1 pair the smallest p that can be reached is 1; 6 seeds can reach 0.05."
    ]


def test_five_seeds_warn_that_they_cannot_decide(make_ledger: MakeLedger) -> None:
    findings = gather(make_ledger({"elman": 13.0, "gru": 11.0}, seeds=5))
    assert "gru is undecided" in answer(findings)
    assert "p = 0.0625 (these seeds cannot reach 0.05), better on 5 of 5 seeds." in answer(findings)
    assert "the smallest p that can be reached is 0.0625; 6 seeds can reach 0.05." in warnings(findings)[0]


def test_pairs_that_were_lost_do_not_count_towards_what_can_be_decided(make_ledger: MakeLedger) -> None:
    ends = {("gru", seed): ("diverged", "NaN") for seed in (1, 4, 6)}
    findings = gather(make_ledger({"elman": 13.0, "gru": 11.0}, ends=ends))
    reported = (
        "p = 0.727 of signs, since a side that diverged is worse than any value, better on 5 of 5 seeds, but 3 of its"
    )
    assert reported in answer(findings)
    both = {(arm, seed): ("diverged", "NaN") for arm in ("elman", "gru") for seed in (1, 4, 6)}
    reported = "p = 0.0625 (the 5 of 8 pairs on which not both diverged cannot reach 0.05), better on 5 of 5 seeds, but"
    assert reported in answer(gather(make_ledger({"elman": 13.0, "gru": 11.0}, ends=both)))


def test_an_interval_that_excludes_zero_beside_an_undecided_verdict_is_explained(make_ledger: MakeLedger) -> None:
    levels = {"elman": 13.0, **dict.fromkeys(("a", "b", "c"), 11.0)}
    assert "adjusted p = 0.125 (these seeds cannot reach 0.05), better on" in answer(
        gather(make_ledger(levels, seeds=4))
    )
    ends = {(arm, seed): ("missing", "") for arm in levels for seed in range(4, 8)}
    findings = gather(make_ledger(levels, ends=ends))
    assert findings.differences["high"].max() < 0  # type: ignore[operator]
    reported = "adjusted p = 0.125 (the 4 of 8 pairs that completed cannot reach 0.05), better on 4 of 4 seeds."
    assert answer(findings).count(reported) == 3
    ledger = make_ledger({"elman": 13.0, "gru": 12.0}, seeds=6)
    for trial in ledger.plan().trials:
        outcome = ledger.trial(trial.id).outcome()
        assert outcome is not None
        value = 13.0 + (trial.arm == "gru") * (-1.0, -1.1, -0.9, -1.05, -0.95, 0.05)[trial.seed]
        ledger.trial(trial.id)._add(outcome.model_copy(update={"metrics": dict.fromkeys(outcome.metrics, value)}))
    (row,) = gather(ledger).differences.iter_rows(named=True)
    assert (row["p"], row["high"]) == (0.0625, pytest.approx(0.05)), "the interval is that of the test"


def test_a_baseline_without_results_allows_no_comparison(make_ledger: MakeLedger) -> None:
    text = answer(gather(make_ledger(ends={("elman", s): ("timeout", "") for s in range(8)})))
    assert "the baseline elman has no completed trial, so nothing can be compared with it." in text
    assert "is undecided" not in text
    assert "better:" not in text


def test_many_arms_are_listed_by_verdict(make_ledger: MakeLedger) -> None:
    levels = {"elman": 13.0, **{f"a{i}": 11.0 for i in range(4)}, **{f"b{i}": 16.0 for i in range(3)}}
    text = answer(gather(make_ledger(levels, seeds=12, ends={("a1", 3): ("diverged", "NaN")})))
    assert "Better: a0, a1 (but 1 diverged), a2 and a3. Worse: b0, b1 and b2." in text


def test_an_unclean_repository_is_reported(make_ledger: MakeLedger) -> None:
    ledger = make_ledger()
    ledger.save_run(ledger.runs()[0].model_copy(update={"git_dirty": True}))
    assert warnings(gather(ledger)) == ["The code had changes that were not committed: see Provenance."]
    ledger.save_run(ledger.runs()[0].model_copy(update={"git_commit": "0ther"}))
    assert warnings(gather(ledger))[0] == "Trials were run with 2 commits of the code: see Provenance."


def test_the_code_of_a_killed_run_counts(make_ledger: MakeLedger) -> None:
    ledger = make_ledger()
    killed = RunRecord(started="2026-11-20T08:00:00Z", command=["unroll", "run", "cells"], git_commit="0ther")
    ledger.save_run(killed, name="20261120T080000Z-0")
    findings = gather(ledger)
    assert [run.git_commit for run in findings.runs] == ["0ther", "d18da6e4c0ffee"]
    assert warnings(findings) == ["Trials were run with 2 commits of the code: see Provenance."]
    reported = dict(provenance_table(findings).rows.filter(of="run 1").select("item", "value").iter_rows())
    assert reported["finished"] == "not recorded: killed, or still running"
    assert reported["trials"].startswith("not recorded")
    assert "wall clock" not in reported


def test_trials_under_different_conditions_are_reported(make_ledger: MakeLedger) -> None:
    gpu = {"device": "H200", "cudnn": "91002"}
    findings = gather(
        make_ledger(environments={("gru", seed): gpu for seed in range(3)} | {("lstm", 0): {"threads": "4"}})
    )
    assert warnings(findings) == [
        "Trials did not run under the same conditions: they differ in device (Xeon, H200) and threads (1, 4), which "
        "may change their numbers; see Provenance."
    ]
    rows = environments_table(findings).shown.select("Device", "Threads", "torch", "cuDNN", "Trials", "Of the arms")
    assert rows.rows() == [
        ("Xeon", "1", "2.13.0+cpu", "–", "20", "elman 8, gru 5, lstm 7"),
        ("H200", "1", "2.13.0+cpu", "91002", "3", "gru 3"),
        ("Xeon", "4", "2.13.0+cpu", "–", "1", "lstm 1"),
    ]


def test_another_torch_warns_another_python_or_host_does_not(make_ledger: MakeLedger) -> None:
    (warning,) = warnings(gather(make_ledger(environments={("gru", 0): {"torch": "2.10.0+cpu"}})))
    assert "they differ in torch (2.13.0+cpu, 2.10.0+cpu), which" in warning
    assert warnings(gather(make_ledger(environments={("gru", 0): {"python": "3.13.1", "host": "node-8"}}))) == []


def test_a_study_of_which_half_ran_in_a_slower_loop_warns(make_ledger: MakeLedger) -> None:
    compiled = {"loop": "compiled", "compiler": "gcc 12.2.0, x86_64 avx2"}
    plain = {"loop": "plain: there is no C compiler"}
    found = {(arm, s): plain if s < 4 else compiled for arm in ("elman", "gru", "lstm") for s in range(8)}
    findings = gather(make_ledger(environments=found))
    (warning,) = warnings(findings)
    assert "they differ in loop (plain: there is no C compiler, compiled), which may change their numbers" in warning
    shown = environments_table(findings).shown
    assert shown["Loop"].to_list() == ["plain: there is no C compiler", "compiled"]
    assert shown["Compiler"].to_list() == ["–", "gcc 12.2.0, x86_64 avx2"]
    assert "Vectors" not in shown.columns, "what no trial recorded has no column"


def test_a_trial_without_a_result_changes_no_conditions(make_ledger: MakeLedger) -> None:
    key = ("gru", 0)
    findings = gather(make_ledger(ends={key: ("timeout", "")}, environments={key: {"device": "H200"}}))
    assert findings.environments["device"].to_list() == ["Xeon"]
    assert not [text for text in warnings(findings) if "conditions" in text]


def test_arms_on_different_data_are_reported(make_ledger: MakeLedger) -> None:
    ledger = make_ledger()
    plan = ledger.plan()
    arms = [arm.model_copy(update={"fingerprint": arm.name}) for arm in plan.arms]
    ledger.save_plan(plan.model_copy(update={"arms": arms}))
    assert warnings(gather(ledger)) == [
        "Arms were trained on different data: a difference between them is also one between their data."
    ]


def test_the_floor_has_the_digits_of_the_metric(make_ledger: MakeLedger) -> None:
    ledger = make_ledger()
    plan = ledger.plan()
    facts = {"entropy": 2.345_678_9, "vocabulary": 1214}
    arms = [arm.model_copy(update={"bounds": {plan.metric: 8.232_909_6}, "facts": facts}) for arm in plan.arms]
    ledger.save_plan(plan.model_copy(update={"arms": arms}))
    reported = dict(facts_table(gather(ledger)).shown.iter_rows())
    assert reported["validation/perplexity of the true distribution"] == "8.23"
    assert (reported["entropy"], reported["vocabulary"]) == ("2.346", "1,214")


def test_chance_is_reported_with_the_data(make_ledger: MakeLedger) -> None:
    ledger = make_ledger()
    plan = ledger.plan()
    arms = [arm.model_copy(update={"chance": {plan.metric: 214.123_4}}) for arm in plan.arms]
    ledger.save_plan(plan.model_copy(update={"arms": arms}))
    assert dict(facts_table(gather(ledger)).shown.iter_rows())["validation/perplexity at chance"] == "214.12"


def test_damage_is_reported(make_ledger: MakeLedger) -> None:
    ledger = make_ledger()
    outcome = ledger.trial("t01003").folder / "attempts" / "0001.json"
    outcome.write_bytes(outcome.read_bytes()[:-20])
    texts = warnings(gather(Ledger.open(ledger.root)))
    assert any("1 record on disk cannot be trusted" in text and "t01003" in text for text in texts)


@pytest.mark.parametrize(("direction", "verdict"), [("minimize", "better"), ("maximize", "worse")])
def test_direction_decides_what_is_better(make_ledger: MakeLedger, direction: str, verdict: str) -> None:
    from unroll.study.plan import MetricSpec

    notes = {"validation/perplexity": MetricSpec(direction=direction, unit="nats", description="")}
    text = answer(gather(make_ledger({"elman": 13.0, "gru": 11.0}, metrics=notes)))
    assert f"gru is {verdict}: " in text
    assert " nats lower (" in text


def test_arms_that_learned_nothing_are_called_out(make_ledger: MakeLedger) -> None:
    ledger = make_ledger({"elman": 13.4, "gru": 11.0, "lstm": 13.5})
    plan = ledger.plan()
    arms = [arm.model_copy(update={"chance": {plan.metric: 12.5}}) for arm in plan.arms]
    ledger.save_plan(plan.model_copy(update={"arms": arms}))
    (warning,) = warnings(gather(ledger))
    assert warning == (
        "No better on average than a model that ignores the input (12.500): elman and lstm. Have they had enough steps?"
    )
    better = [arm.model_copy(update={"chance": {plan.metric: 20.0}}) for arm in plan.arms]
    ledger.save_plan(plan.model_copy(update={"arms": better}))
    assert warnings(gather(ledger)) == []


def test_texts_that_disagree_are_reported(make_ledger: MakeLedger) -> None:
    ledger = make_ledger()
    plan = ledger.plan()
    for trial in plan.trials[:8]:
        outcome = ledger.trial(trial.id).outcome()
        assert outcome is not None
        metrics = {**outcome.metrics, "test/perplexity": 449.0 + trial.seed}
        ledger.trial(outcome.trial)._add(outcome.model_copy(update={"metrics": metrics}))
    (reported,) = warnings(gather(ledger))
    assert reported == (
        "validation/perplexity and test/perplexity differ by more than 10 standard deviations over seeds and 20 %: "
        "elman 13.55 and 452.50. Check before relying on either: are both texts of one source, and is the "
        "network as good at the end of a long one as at its start?"
    )
    arms = [arm.model_copy(update={"chance": {"test/perplexity": 440.0, plan.metric: 430.0}}) for arm in plan.arms]
    ledger.save_plan(plan.model_copy(update={"arms": arms}))
    assert warnings(gather(ledger)) == [
        "On test/perplexity no better on average than a model that ignores the input (440.00): elman.",
        reported,
    ]


def test_a_study_that_was_changed_warns(make_ledger: MakeLedger) -> None:
    changes = ("data.length=10", "match=null")
    (warning,) = warnings(gather(make_ledger(overrides=changes)))
    assert warning == (
        "On the command line the study was changed: data.length=10 and match=null. `unroll run cells` without "
        "these changes reports the study as its file declares it, and runs only what is missing."
    )


@pytest.mark.parametrize(
    ("words", "quoted"),
    [(["--results", "some where"], "--results 'some where'"), (["--results=there"], "--results=there")],
)
def test_the_command_for_the_whole_study_names_the_folder(
    make_ledger: MakeLedger, words: list[str], quoted: str
) -> None:
    ledger = make_ledger(overrides=("match=null",))
    for name, more in (("20261120T090000Z-1", []), ("20261121T090000Z-1", words)):
        ledger.save_run(RUN.model_copy(update={"command": ["unroll", "run", "cells", "match=null", *more]}), name=name)
    (warning,) = warnings(gather(ledger))
    assert f"`unroll run cells {quoted}` without these changes" in warning


def test_a_page_of_a_part_lists_what_else_is_in_the_folder(make_ledger: MakeLedger) -> None:
    ledger = make_ledger()
    assert warnings(gather(ledger)) == []
    plan = ledger.plan()
    trials = [trial for trial in plan.trials if trial.arm == "lstm" and trial.seed < 6]
    part = {"arms": plan.arms[2:], "baseline": "lstm", "trials": trials, "overrides": ("network.cell=lstm",)}
    ledger.save_plan(plan.model_copy(update=part))
    assert warnings(gather(ledger))[:2] == [
        "On the command line the study was changed: network.cell=lstm. `unroll run cells` without these changes "
        "reports the study as its file declares it, and runs only what is missing.",
        "The folder also holds 18 trials that this plan leaves out: 8 of elman, 8 of gru and 2 of other seeds (6–7).",
    ]


def test_many_arms_that_are_left_out_are_counted(make_ledger: MakeLedger) -> None:
    ledger = make_ledger({f"arm{number}": 10.0 for number in range(9)}, seeds=2)
    plan = ledger.plan()
    ledger.save_plan(plan.model_copy(update={"arms": plan.arms[:1], "trials": plan.trials[:1]}))
    (reported,) = warnings(gather(ledger))
    assert reported == (
        "The folder also holds 17 trials that this plan leaves out: 2 of arm1, 2 of arm2, 2 of arm3, 2 of arm4, "
        "2 of arm5, 6 of 3 other arms and 1 of other seeds (1)."
    )


def test_results_of_the_same_arm_with_other_settings_are_another_study(make_ledger: MakeLedger) -> None:
    ledger = make_ledger()
    plan = ledger.plan()
    changed = [
        trial.model_copy(update={"id": f"x{trial.id}", "settings": {"training": {"epochs": 1}}})
        for trial in plan.trials
    ]
    ledger.save_plan(plan.model_copy(update={"trials": changed}))
    assert not any("leaves out" in text for text in warnings(gather(ledger)))


def test_a_tasks_warnings_on_its_data_are_at_the_top(make_ledger: MakeLedger) -> None:
    findings = gather(make_ledger())
    every, one = "8 of 9 test sentences stand in the training text too.", "All letters are small."
    arms = [arm.model_copy(update={"warnings": (every,)}) for arm in findings.plan.arms]
    arms[1] = arms[1].model_copy(update={"warnings": (every, one)})
    reported = warnings(replace(findings, plan=findings.plan.model_copy(update={"arms": arms})))
    assert reported == [every, f"{arms[1].name}: {one}"]


def test_arms_that_have_one_value_each_are_not_tested(make_ledger: MakeLedger) -> None:
    ledger = make_ledger({"elman": 13.0, "gru": 11.0})
    for trial in ledger.plan().trials:
        outcome = ledger.trial(trial.id).outcome()
        assert outcome is not None
        metrics = dict.fromkeys(outcome.metrics, {"elman": 155.76, "gru": 142.02}[trial.arm])
        ledger.trial(trial.id)._add(outcome.model_copy(update={"metrics": metrics}))
    text = answer(gather(ledger))
    assert (
        "the baseline elman reaches 156 (the same on all of 8 seeds, so without an interval). gru is untested: " in text
    )
    assert "14 lower (8.8 %), one observation each, since neither varies over seeds." in text
    assert "p =" not in text


def test_one_trial_of_an_arm_that_draws_nothing_stands_for_all_seeds(make_ledger: MakeLedger) -> None:
    ledger = make_ledger({"elman": 13.0, "gru": 11.0})
    plan = ledger.plan()
    arms = [plan.arms[0].model_copy(update={"seed_varies": ()}), plan.arms[1]]
    ledger.save_plan(plan.model_copy(update={"arms": arms, "trials": [plan.trials[0], *plan.trials[8:]]}))
    findings = gather(ledger)
    text = answer(findings)
    assert "(the one value that it has, since no seed changes it). gru is better: " in text
    assert (
        "p = 0.00781, better on 8 of 8 seeds, the baseline has one value and the other side varies around its own"
        in text
    )
    assert differences_table(findings).shown["Pairs"].to_list() == ["8 of 8"]


def test_a_verdict_that_hangs_on_a_seed_says_so(make_ledger: MakeLedger) -> None:
    ledger = make_ledger({"elman": 13.0, "gru": 12.0}, seeds=10)
    for trial in ledger.plan().trials:
        outcome = ledger.trial(trial.id).outcome()
        assert outcome is not None
        off = (-1.0, -0.9, 0.6, -1.1, -0.8, -0.7, -1.2, -0.6, 0.6, -3.0)[trial.seed]
        value = 13.0 + 0.01 * trial.seed + (trial.arm == "gru") * off
        ledger.trial(trial.id)._add(outcome.model_copy(update={"metrics": dict.fromkeys(outcome.metrics, value)}))
    assert "better on 8 of 10 seeds, hangs on one seed, without 9 undecided." in answer(gather(ledger))


def test_a_factor_called_seed_is_not_the_seed(make_ledger: MakeLedger) -> None:
    from unroll.study._factors import short_names

    assert short_names(["data.seed", "network.cell"]) == {"data.seed": "data.seed", "network.cell": "cell"}


def test_what_pairing_was_worth_stands_beside_the_differences(make_ledger: MakeLedger) -> None:
    ledger = make_ledger({"elman": 13.0, "gru": 11.0})
    plan = ledger.plan()
    changes: list[dict[str, object]] = [{}, {"shared_weights": 0.18, "seed_varies": ("initial weights", "dropout")}]
    arms = [arm.model_copy(update=change) for arm, change in zip(plan.arms, changes, strict=True)]
    ledger.save_plan(plan.model_copy(update={"arms": arms}))
    findings = gather(ledger)
    sides = [findings.pairs[name].to_list() for name in ("value", "reference")]
    r = statistics.correlation(*sides)
    worth = sum(map(statistics.variance, sides)) / statistics.variance(findings.pairs["difference"])
    assert pairing_table(findings).shown.rows() == [
        ("gru", f"{r:.2f}", f"{worth:.1f}", "18.0 %", "initial weights, dropout")
    ]
    assert pairing_table(gather(make_ledger())).shown.columns == ["Arm", "r", "Worth (times)"], (
        "older plans do not know more"
    )
