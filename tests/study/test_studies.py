"""The studies of this project are sound, and are the experiments that they say they are."""

from pathlib import Path

import pytest

from unroll.contract import UserError
from unroll.study import discover_studies, load_study, make_jobs, make_plan


def test_the_studies_of_this_project_are_found() -> None:
    assert {"quickstart", "cells", "zaremba_small"} <= set(discover_studies())


@pytest.mark.parametrize("name", discover_studies())
def test_every_study_of_this_project_is_sound(name: str) -> None:
    study = load_study(name)
    assert study.question.endswith("?")
    assert (study.file.parent / "README.md").read_text().startswith(f"# {name}: ")


def test_quickstart_compares_three_cells_of_the_same_size(tmp_path: Path) -> None:
    study = load_study("quickstart")
    plan = make_plan(study, cache=tmp_path)
    assert [arm.name for arm in plan.arms] == ["elman", "gru", "lstm"]
    assert len({trial.id for trial in plan.trials}) == 24
    for arm in plan.arms:
        assert arm.parameters == pytest.approx(30_000, rel=0.01)
        assert 1 < arm.bounds["validation/perplexity"] < float(arm.facts["vocabulary"])
    assert len(make_jobs(plan, study, cache=tmp_path)) == 24


@pytest.mark.parametrize("name", ["cells", "zaremba_small"])
def test_a_corpus_that_is_not_given_is_asked_for_in_one_line(name: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"data\.path"):
        make_plan(load_study(name), cache=tmp_path)


@pytest.mark.corpora
def test_cells_are_of_the_same_size_on_the_penn_treebank(corpora: Path, tmp_path: Path) -> None:
    plan = make_plan(load_study("cells", [f"data.path={corpora / 'ptb'}"]), cache=tmp_path)
    assert len(plan.trials) == 24
    for arm in plan.arms:
        assert arm.parameters == pytest.approx(1_300_000, rel=0.005)
    assert str(corpora) not in plan.model_dump_json()


@pytest.mark.corpora
def test_the_small_lstm_has_the_published_number_of_weights(corpora: Path, tmp_path: Path) -> None:
    plan = make_plan(load_study("zaremba_small", [f"data.path={corpora / 'ptb'}"]), cache=tmp_path)
    (arm,) = plan.arms
    words, units = 10_000, 200
    layer = 4 * (2 * units * units + units)  # four gates; input and recurrent matrix, and one bias, as published
    assert arm.parameters == words * units + 2 * layer + units * words + words
    assert arm.steps == 13 * -(-(929_589 // 20) // 20)
