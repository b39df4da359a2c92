"""What is searched: draws that arms share, trials that are planned for them, and every mistake with its place."""

import math
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import ValidationError
from scipy import stats

from tests.study.test_mistakes import mistakes
from unroll.contract import UserError
from unroll.study import Candidate, Plan, Winner, decide, load_study, make_jobs, make_plan
from unroll.study.declaration import Distribution, Tune
from unroll.study.tuning import decided_job, draw_value, find_borders

Write = Callable[..., Path]
HEAD = "question: Why?\ntask: tiny\n"
FILE = "studies/cells/study.yaml"
STUDY = """\
question: Does gating help?
task: tiny
settings: {network: {depth: 2}, training: {epochs: 3}}
compare: {network.cell: [elman, gru, lstm]}
seeds: 2
metric: validation/loss
tune:
  draws: 4
  search:
    training.learning_rate: {log_uniform: [1e-4, 1e-1]}
    training.clip_norm: {uniform: [1, 5]}
"""


@pytest.fixture
def plan(write: Write, tmp_path: Path) -> Callable[..., Plan]:
    """Plan a study that lies in the project."""

    def plan(*overrides: str, text: str = STUDY) -> Plan:
        write(text)
        return make_plan(load_study("cells", overrides), cache=tmp_path)

    return plan


DISTRIBUTIONS = [
    (Distribution(uniform=(-2.0, 3.0)), stats.uniform(-2, 5)),
    (Distribution(log_uniform=(1e-4, 1e-1)), stats.loguniform(1e-4, 1e-1)),
]


@pytest.mark.parametrize(("distribution", "expected"), DISTRIBUTIONS)
def test_draws_have_their_distribution(distribution: Distribution, expected: stats.rv_continuous) -> None:
    drawn = [draw_value(distribution, seed=7, path="a.b", draw=draw) for draw in range(1, 2001)]
    assert stats.kstest(drawn, expected.cdf).pvalue > 0.01
    assert all(float(f"{value:.4g}") == value for value in drawn)


def test_whole_numbers_and_choices_are_equally_likely() -> None:
    for distribution, values in (
        (Distribution(integer=(-1, 3)), [-1, 0, 1, 2, 3]),
        (Distribution(choice=["a", None, 0.5]), ["a", None, 0.5]),
    ):
        drawn = [draw_value(distribution, seed=7, path="a.b", draw=draw) for draw in range(1, 3001)]
        counts = [sum(value is each or value == each for value in drawn) for each in values]
        assert sum(counts) == 3000
        assert stats.chisquare(counts).pvalue > 0.01


def test_a_draw_is_a_function_of_seed_setting_and_number() -> None:
    """Literals: were they to change, the tunings of old results folders would be drawn anew."""
    rate = Distribution(log_uniform=(1e-4, 1e-1))
    drawn = [draw_value(rate, seed=1_000_000, path="training.learning_rate", draw=draw) for draw in (1, 2, 3)]
    assert drawn == [0.001521, 0.01125, 0.04159]
    others = [
        draw_value(rate, seed=1_000_001, path="training.learning_rate", draw=1),
        draw_value(rate, seed=1_000_000, path="training.rate", draw=1),
    ]
    assert len({drawn[0], *others}) == 3
    wide = draw_value(Distribution(log_uniform=(1e-5, 1.0)), seed=1_000_000, path="training.learning_rate", draw=1)
    share = (math.log(drawn[0]) - math.log(1e-4)) / math.log(1e3)
    assert math.log(wide) == pytest.approx(math.log(1e-5) + share * math.log(1e5), abs=1e-3), "the same u"


def test_arms_have_their_draws_in_common_and_the_first_is_the_study_s_own(plan: Callable[..., Plan]) -> None:
    made = plan()
    values = {
        (trial.arm, trial.draw): (trial.settings["training"]["learning_rate"], trial.settings["training"]["clip_norm"])
        for trial in made.tune_trials
    }
    assert values["gru", 0] == (1e-3, None)
    for draw in range(1, 4):
        assert values["gru", draw] == values["lstm", draw]
        # The clip norm of this task's Elman network is not used, so it is not drawn.
        assert values["elman", draw] == (values["gru", draw][0], None)
    assert {trial.seed for trial in made.tune_trials} == {1_000_000}
    assert {trial.phase for trial in made.tune_trials} == {"tune"}
    assert all(trial.pending for trial in made.trials)
    assert len({trial.id for trial in made.every_trial}) == 18


def test_what_is_searched_names_the_tuning_and_more_seeds_do_not(plan: Callable[..., Plan]) -> None:
    first, seeds, draws = plan(), plan("seeds=5"), plan("tune.draws=6")
    assert [arm.tuning for arm in seeds.arms] == [arm.tuning for arm in first.arms]
    assert not {arm.tuning for arm in draws.arms} & {arm.tuning for arm in first.arms}
    assert {trial.id for trial in first.tune_trials} < {trial.id for trial in draws.tune_trials}
    asha = plan("tune.scheduler=asha")
    assert not {trial.id for trial in first.tune_trials} & {trial.id for trial in asha.tune_trials}


def test_draws_that_come_out_the_same_share_their_trials(plan: Callable[..., Plan]) -> None:
    text = STUDY.partition("    training.learning_rate")[0] + "    training.clip_norm: {choice: [1.0, 2.0]}\n"
    made = plan("tune.draws=9", text=text)
    elman, gru, _ = made.arms
    assert elman.tuning is None, "it uses nothing of what is searched"
    assert not any(trial.pending for trial in made.trials if trial.arm == "elman")
    assert len(gru.draws) == 9
    assert len({*gru.draws}) == 3


def winner(made: Plan, name: str, draw: int) -> Winner:
    arm = next(arm for arm in made.arms if arm.name == name)
    trial = next(trial for trial in made.tune_trials if trial.id == arm.draws[draw][0])
    candidates = [
        Candidate(draw=number, values={}, trials=trials, statuses=("completed",), value=1.0 + (number != draw))
        for number, trials in enumerate(arm.draws)
    ]
    return Winner(
        tuning=str(arm.tuning),
        study=made.study,
        arm=name,
        metric="validation/loss",
        draw=draw,
        value=1.0,
        settings=trial.settings,
        parameters=trial.parameters,
        monitor=None,
        candidates=candidates,
        frozen="2026-01-01T00:00:00+00:00",
    )


def test_what_was_chosen_decides_trials_that_are_those_of_a_study_with_these_settings(
    plan: Callable[..., Plan], write: Write, tmp_path: Path
) -> None:
    text = STUDY + "    network.depth: {integer: [1, 3]}\nmatch: {parameters: 500}\n"
    made = plan(text=text)
    won = winner(made, "gru", 2)
    study = load_study("cells")
    decided = decide(made, study, {won.tuning: won}, cache=tmp_path)
    pending = {trial.arm for trial in decided.trials if trial.pending}
    assert pending == {"elman", "lstm"}
    own = STUDY.partition("tune:")[0] + "match: {parameters: 500}\n"
    training = won.settings["training"]
    same = plan(
        f"training.learning_rate={training['learning_rate']}",
        f"training.clip_norm={training['clip_norm']}",
        f"network.depth={won.settings['network']['depth']}",
        text=own,
    )
    ids = [trial.id for trial in same.trials if trial.arm == "gru"]
    assert [trial.id for trial in decided.trials if trial.arm == "gru"] == ids
    gru = decided.arms[1]
    assert (gru.draw, gru.parameters) == (2, same.arms[1].parameters)
    waiting = [job for job in make_jobs(made, study, cache=tmp_path) if job.trial.pending and job.trial.arm == "gru"]
    later = [job for job in make_jobs(decided, study, cache=tmp_path) if job.trial.id in ids]
    assert [decided_job(job, won) for job in waiting] == later
    assert decide(decided, study, {won.tuning: won}, cache=tmp_path) is decided


CASES = {
    "no such setting": (
        "tune: {draws: 3, search: {training.learning_rat: {uniform: [0, 1]}}}",
        "tune.search.training.learning_rat: 'training.learning_rat' is no setting of this task; did you mean "
        "'training.learning_rate'?",
    ),
    "a factor": (
        "tune: {draws: 3, search: {network.cell: {choice: [gru, lstm]}}}",
        "tune.search.network.cell: is varied by compare, so it must not be searched; leave one of them out",
    ),
    "what match solves": (
        "match: {parameters: 500}\ntune: {draws: 3, search: {network.hidden: {integer: [1, 9]}}}",
        "tune.search.network.hidden: match solves 'network.hidden', so it must not be searched; leave one of them out",
    ),
    "a location": (
        "tune: {draws: 3, search: {data.path: {choice: [a, b]}}}",
        "tune.search.data.path: says where data lie, which is not searched",
    ),
    "a seed of the study": (
        "tune: {draws: 3, seeds: [1], search: {training.learning_rate: {uniform: [0.1, 1]}}}",
        "tune.seeds: tuning seeds must not be seeds of the study: what was chosen by them would be confirmed by them "
        "(received 1)",
    ),
    "the test": (
        "tune: {draws: 3, metric: test/accuracy, search: {training.learning_rate: {uniform: [0.1, 1]}}}",
        "tune.metric: the metric that chooses among draws must be one of validation: the test is sealed until then "
        "(received 'test/accuracy'); known: 'validation/loss'",
    ),
    "no twin": (
        "metric: test/accuracy\ntune: {draws: 3, search: {training.learning_rate: {uniform: [0.1, 1]}}}",
        "tune: the study's metric test/accuracy has no twin of validation that could choose; name one: metric: "
        "validation/loss",
    ),
    "no draws": (
        "tune: {draws: 0, search: {training.learning_rate: {uniform: [0.1, 1]}}}",
        "tune.draws: must be greater than 0 (received 0)",
    ),
    "an empty range": (
        "tune: {draws: 3, search: {training.learning_rate: {uniform: [1, 1]}}}",
        "tune.search.training.learning_rate: uniform must be [lowest, highest], the second larger than the first",
    ),
    "a logarithm of nothing": (
        "tune: {draws: 3, search: {training.learning_rate: {log_uniform: [0, 1]}}}",
        "tune.search.training.learning_rate: log_uniform must begin above 0",
    ),
    "two distributions": (
        "tune: {draws: 3, search: {training.learning_rate: {uniform: [0.1, 1], choice: [1]}}}",
        "tune.search.training.learning_rate: must name one of uniform, log_uniform, integer and choice",
    ),
    "a value that the setting cannot have": (
        "tune: {draws: 9, search: {network.depth: {integer: [0, 1]}}}",
        "tune.search.network.depth: must be greater than or equal to 1 [draw 2 of the arm gru] (received 0)",
    ),
    "values that do not go together": (
        "tune: {draws: 9, search: {training.warmup: {choice: [0, 5]}}}",
        "tune.search: warmup must be shorter than epochs, received 5 and 2 [draw 1 of the arm gru]",
    ),
    "several seeds and asha": (
        "tune: {draws: 3, seeds: 2, scheduler: asha, search: {training.learning_rate: {uniform: [0.1, 1]}}}",
        "tune.seeds: asha judges single trials, so each draw must be trained with one seed (received 2); seeds: 1, or "
        "scheduler: none",
    ),
    "too many trials": (
        "tune: {draws: 10000, seeds: 11, search: {training.learning_rate: {uniform: [0.1, 1]}}}",
        "tune.draws: must come to at most 100,000 trials (received 110000)",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_every_mistake_is_one_line(case: str, write: Write) -> None:
    text, expected = CASES[case]
    write(f"{HEAD}compare: {{network.cell: [gru]}}\n{text}\n")
    [found] = mistakes()
    place, _, line = found.partition(": ")
    assert place.rpartition(":")[0] == FILE
    assert line == expected


def test_mistakes_of_a_search_are_told_with_all_others(write: Write) -> None:
    write(
        f"{HEAD}compare: {{network.cell: [gru]}}\nsettings: {{network: {{hiden: 3}}}}\n"
        "tune: {draws: 3, seeds: [0], search: {network.cell: {choice: [gru]}, data.pat: {choice: [1]}}}\n"
    )
    assert len(mistakes()) == 4


def test_a_draw_that_changes_the_data_is_refused(write: Write, tmp_path: Path) -> None:
    text = STUDY.partition("  search:")[0] + "  search: {training.epochs: {integer: [3, 9]}}\n"
    write(text)
    task = Path("tasks/tiny/task.py")
    source = task.read_text().replace(
        "return Prepared(settings.data)",
        "found = Prepared(settings.data); found.fingerprint = f'{settings.training.epochs}'; return found",
    )
    task.write_text(source)
    with pytest.raises(UserError, match="a searched setting must not change the data"):
        make_plan(load_study("cells"), cache=tmp_path)


SEARCH = {
    "a": {"log_uniform": [1e-4, 1e-1]},
    "b": {"uniform": [0, 1]},
    "c": {"integer": [1, 64]},
    "d": {"choice": [0, 0.3]},
    "e": {"choice": [1, 2, 3]},
}


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        ({}, []),
        ({"a": 0.06}, [("a", "upper")]),
        ({"a": 0.04}, []),
        ({"a": 1.9e-4}, [("a", "lower")]),
        ({"a": 5.0}, [("a", "upper")]),
        ({"b": 0.05, "c": 60}, [("b", "lower"), ("c", "upper")]),
        ({"b": 0.97}, []),
        ({"d": 0, "e": 3}, [("e", "upper")]),
        ({"d": 0.3, "e": 1}, [("e", "lower")]),
    ],
)
def test_a_winner_in_the_outer_tenth_beyond_which_nothing_was_tried_is_at_the_border(
    chosen: dict[str, float], expected: list[tuple[str, str]]
) -> None:
    tune = Tune.model_validate({"draws": 3, "search": SEARCH})
    middle = {"a": 0.003, "b": 0.5, "c": 30, "d": 0, "e": 2}
    others = [middle, middle | {"b": 0.98, "d": 0.3}]
    candidates = [
        Candidate(draw=draw, values=values, trials=(f"t{draw}",), statuses=("completed",), value=float(draw))
        for draw, values in enumerate([middle | chosen, *others])
    ]
    winner = Winner(
        tuning="t",
        study="s",
        arm="lstm",
        metric="m",
        draw=0,
        value=0.0,
        settings={},
        parameters=1,
        monitor=None,
        candidates=candidates,
        frozen="",
    )
    assert [(border.path, border.side) for border in find_borders(winner, tune)] == expected


@pytest.mark.parametrize("draw", [1, 2])
def test_a_winner_is_one_of_its_candidates(draw: int) -> None:
    """Of a forged pack it need not be: what reads the draw by its number would fail inside."""
    candidates = [
        Candidate(draw=number, values={}, trials=("t",), statuses=("completed",), value=1.0) for number in (0, 2)
    ]
    with pytest.raises(ValidationError, match="the chosen draw must be one of the candidates"):
        Winner(
            tuning="t0",
            study="s",
            arm="a",
            metric="m",
            draw=draw,
            value=1.0,
            settings={},
            parameters=1,
            monitor=None,
            candidates=candidates,
            frozen="2026-01-01",
        )
