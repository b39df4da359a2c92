"""A report on a study that was tuned: search, winners, spending, curves; and what it says of one that was not."""

import math
from pathlib import Path

import pytest

from tests.report.conftest import METRIC, MakeLedger, make_plan
from unroll.ledger import Ledger, Outcome
from unroll.reporting.findings import Findings, gather
from unroll.reporting.prose.epochs import epoch_sentences, epoch_warnings
from unroll.reporting.prose.tuning import UNTUNED, border_sentences, crossing_sentence, tuning_line, tuning_warnings
from unroll.reporting.sections import compose
from unroll.study.declaration import Distribution, Tune
from unroll.study.tuning import Candidate, Winner

SCORES: dict[str, list[float | None]] = {
    "elman": [14.0, 20.0, 16.0, 15.0],
    "gru": [13.0, 30.0, 12.0, 12.5],
    "lstm": [13.5, None, 18.0, 17.0],
}
TUNE = Tune(
    draws=4,
    search={"training.learning_rate": Distribution(log_uniform=(1e-4, 1e-1))},
    metric=METRIC,
)


@pytest.fixture
def tuned(make_ledger: MakeLedger) -> Ledger:
    """Three arms with four draws each, and a winner for each arm but the last one."""
    plan = make_plan(dict.fromkeys(SCORES, 13.0), 8)
    arms, trials, winners, outcomes = [], [], [], []
    for arm in plan.arms:
        pattern = next(trial for trial in plan.trials if trial.arm == arm.name)
        candidates = []
        for draw, score in enumerate(SCORES[arm.name]):
            update = {"id": f"{arm.name}draw{draw}", "phase": "tune", "draw": draw, "seed": 1_000_000}
            trials.append(pattern.model_copy(update=update))
            status = "diverged" if score is None else "completed"
            metrics = {METRIC: math.nan if score is None else score}
            outcomes.append(Outcome(trial=trials[-1].id, status=status, metrics=metrics, steps=100, seconds=2.0 + draw))
            values = {"training.learning_rate": 0.002 * (1 + draw)}
            candidates.append(
                Candidate(draw=draw, values=values, trials=(trials[-1].id,), statuses=(status,), value=score)
            )
        best = min((c for c in candidates if c.value is not None), key=lambda c: c.value or 0.0)
        tuning = f"tuning{arm.name}"
        draws = tuple(c.trials for c in candidates)
        arms.append(arm.model_copy(update={"tuning": tuning, "draws": draws, "draw": best.draw}))
        winners.append(
            Winner(
                tuning=tuning,
                study="cells",
                arm=arm.name,
                metric=METRIC,
                draw=best.draw,
                value=best.value or 0.0,
                settings=pattern.settings,
                parameters=arm.parameters,
                monitor=None,
                candidates=candidates,
                frozen="2026-11-20T09:00:00+00:00",
            )
        )
    ledger = make_ledger(arms=arms, tuning=TUNE, tune_trials=trials)
    for trial, outcome in zip(trials, outcomes, strict=True):
        ledger.register(trial)
        ledger.record(outcome)
    for winner in winners:
        ledger.freeze(winner)
    return ledger


def test_the_first_lines_say_whether_anything_was_tuned(make_ledger: MakeLedger, tuned: Ledger) -> None:
    untuned = compose(gather(make_ledger()))
    assert untuned.remarks[-1] == UNTUNED
    assert not [section for section in untuned.sections if section.anchor == "tuning"]
    assert tuning_line(gather(tuned)) == (
        "Every arm was tuned with 4 draws of training.learning_rate by validation/perplexity on 1 seed of its own; the "
        "test stayed sealed until the choice was made."
    )


def test_the_section_shows_search_winners_and_what_was_spent(tuned: Ledger) -> None:
    section = next(section for section in compose(gather(tuned)).sections if section.anchor == "tuning")
    search, table, chart, crossing = section.blocks
    assert search.rows.rows() == [("training.learning_rate", "log-uniform", "[0.0001, 0.1]")]  # type: ignore[union-attr]
    rows = {row["arm"]: row for row in table.rows.to_dicts()}  # type: ignore[union-attr]
    assert [rows[arm]["draw"] for arm in SCORES] == [0, 2, 0]
    assert rows["gru"]["values"] == "learning_rate=0.006"
    assert (rows["gru"]["value"], rows["gru"]["own_value"]) == (12.0, 13.0)
    assert rows["lstm"]["ends"] == "3 completed, 1 diverged"
    assert [rows["elman"][f"tune_{name}"] for name in ("trials", "steps", "seconds")] == [4, 400, 14.0]
    assert rows["elman"]["confirm_trials"] == 8
    assert "Dodge et al. 2019" in chart.caption  # type: ignore[union-attr]
    # Of one random draw the means are 17, 18.17 and, with the worst for the one that diverged, 17.67; of two the gru's
    # is 14.17 and elman's 15.89.
    assert crossing.text == (  # type: ignore[union-attr]
        "By the expected best of so many random draws, elman leads up to 1 draw, gru from 2 on; elman leads lstm at "
        "every number of draws."
    )
    assert crossing_sentence(gather(tuned)) == crossing.text  # type: ignore[union-attr]


def test_a_second_tuning_is_told(tuned: Ledger) -> None:
    assert list(tuning_warnings(gather(tuned))) == []
    [gru] = [winner for winner in tuned.winners().values() if winner.arm == "gru"]
    tuned.freeze(gru.model_copy(update={"tuning": "before", "draw": 1, "value": 30.0, "frozen": "2026-11-01T00:00:00"}))
    assert list(tuning_warnings(gather(tuned))) == [
        "Tuned anew, which may be after looking at results: an earlier tuning had chosen of gru the draw 1 of 4 draws, "
        "validation/perplexity 30, on 2026-11-01."
    ]


def test_winners_at_the_border_of_the_search_are_told(tuned: Ledger) -> None:
    plan = tuned.plan()
    winners = {winner.arm: winner for winner in tuned.winners().values()}
    moved = []
    for arm, value in (("elman", 0.09), ("gru", 0.08), ("lstm", 0.0001)):
        won = winners[arm]
        candidates = [
            each.model_copy(update={"values": {"training.learning_rate": value}}) if each.draw == won.draw else each
            for each in won.candidates
        ]
        moved.append(won.model_copy(update={"candidates": candidates}))
    assert plan.tuning is not None
    upper, lower = border_sentences(moved, plan.tuning)
    assert upper.startswith(
        "training.learning_rate was chosen at the upper border of its search (0.0001 to 0.1) for elman (0.09) and gru "
        "(0.08), and nothing that was tried lies further out:"
    )
    assert "lower border of its search (0.0001 to 0.1) for lstm (0.0001)" in lower


def test_an_arm_that_is_not_tuned_is_named(tuned: Ledger) -> None:
    plan = tuned.plan()
    first, *others = plan.arms
    own = first.model_copy(update={"tuning": None, "draws": (), "draw": None})
    rest = [trial for trial in plan.tune_trials if trial.arm != own.name]
    tuned.save_plan(plan.model_copy(update={"arms": [own, *others], "tune_trials": rest}))
    findings = gather(tuned)
    assert list(tuning_warnings(findings)) == [
        "Not tuned, since nothing that is searched matters to it or it trains nothing: elman."
    ]
    assert tuning_line(findings).startswith("gru and lstm were tuned with 4 draws")


def test_a_winner_is_written_once(tuned: Ledger) -> None:
    known = tuned.winners()
    first = next(iter(known.values()))
    assert tuned.freeze(first.model_copy(update={"draw": 1, "value": 0.0})) == first
    assert tuned.winners() == known


def test_which_epoch_was_taken_and_that_curves_still_fell(make_ledger: MakeLedger, tmp_path: Path) -> None:
    findings = gather(make_ledger())
    assert list(epoch_sentences(findings)) == ["Every trial is tested as it was at its last epoch."]
    [warning] = epoch_warnings(findings)
    assert warning.startswith("validation/perplexity was still improving as training ended (over its last 10 %")
    plan = findings.plan
    arms = [arm.model_copy(update={"selects": arm.name == "gru"}) for arm in plan.arms]
    trials = [trial.model_copy(update={"monitor": METRIC if trial.arm == "gru" else None}) for trial in plan.trials]
    changed = Findings(
        plan.model_copy(update={"arms": arms, "trials": trials}), findings.trials, findings.history, findings.runs
    )
    assert list(epoch_sentences(changed)) == [
        "Trials of elman; lstm are tested as they were at their last epoch.",
        "Trials of gru are tested in the state of the best validation by validation/perplexity: no trial has one yet.",
    ]
