"""An arm that draws nothing: one trial is planned for it, and its value stands beside every seed of the others."""

from pathlib import Path

import pytest

from unroll.evidence import reach
from unroll.study import load_study, load_task, make_plan


@pytest.fixture(scope="module")
def plans(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of prepared data."""
    return tmp_path_factory.mktemp("cache")


def test_ngrams_are_counted_once(plans: Path) -> None:
    plan = make_plan(load_study("language_model_baselines", ["data.sentences=50", "seeds=3"]), cache=plans)
    seeds = {arm.name: [trial.seed for trial in plan.trials if trial.arm == arm.name] for arm in plan.arms}
    counted = {name for name in seeds if name.startswith("ngram")}
    assert counted == {arm.name for arm in plan.arms if arm.seed_varies == ()} != set()
    assert {name: found for name, found in seeds.items() if name in counted} == {name: [0] for name in counted}
    assert all(found == [0, 1, 2] for name, found in seeds.items() if name not in counted)
    # Two of them have nothing to test; beside others each stands for all seeds.
    pairs = [{arm, other} for arm, other in plan.baselines.items() if arm != other]
    assert reach(plan).comparisons == sum(not pair <= counted for pair in pairs)
    assert reach(plan).pairs == 3


def test_ids_do_not_depend_on_what_is_planned(plans: Path) -> None:
    words = ["data.sentences=50", "seeds=2"]
    both = {trial.id for trial in make_plan(load_study("language_model_baselines", words), cache=plans).trials}
    alone = make_plan(load_study("language_model_baselines", ["data.sentences=50", "seeds=[1]"]), cache=plans)
    counted = {arm.name for arm in alone.arms if arm.seed_varies == ()}
    assert {trial.id in both for trial in alone.trials if trial.arm not in counted} == {True}


def test_tasks_say_what_a_seed_varies() -> None:
    task = load_task("language_modeling")
    settings = task.settings.model_validate({"network": {"dropout": 0.5}})
    assert task.seed_varies(settings) == ["initial weights", "dropout"], "no order: the text has one"
    for name in ("classification", "tagging"):
        found = load_task(name)
        varies = found.seed_varies(found.settings())
        assert varies is not None
        assert {"initial weights", "order of the data"} <= {*varies}


def test_at_matched_sizes_little_begins_alike(plans: Path) -> None:
    words = ["data.sentences=50", "seeds=1"]
    arms = make_plan(load_study("quickstart", words), cache=plans).arms
    assert arms[0].shared_weights is None, "the baseline"
    assert [0.1 < (arm.shared_weights or 0) < 0.3 for arm in arms[1:]] == [True] * (len(arms) - 1), "the embedding"
    same = make_plan(load_study("quickstart", [*words, "network.cell=lstm", "network.dropout=0,0.5"]), cache=plans).arms
    assert [arm.shared_weights for arm in same] == [None, 1.0]
