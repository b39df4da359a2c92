"""What every task promises, whichever are found: see docs/add-a-task.md."""

import math
import random
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.tasks.run import Run, same
from tests.tasks.variants import Variant, choices, every_variant, variants
from unroll.contract import EXAMPLES
from unroll.evidence.formulas import combine, evaluate
from unroll.study import discover_tasks, load_task
from unroll.study._settings import setting_fields


def test_every_folder_with_a_task_is_found(root: Path) -> None:
    found = {variant.name for variant in variants()}
    assert found == set(discover_tasks()) >= {file.parent.name for file in root.glob("tasks/*/task.py")}


@pytest.mark.parametrize("name", discover_tasks())
def test_a_task_says_what_makes_it_small(name: str) -> None:
    task = load_task(name)
    assert task.small(10), f"task {name} must say what makes it small: see small() in docs/add-a-task.md"
    unknown = task.small(10).keys() - setting_fields(task.settings).keys()
    assert not unknown, f"small() of task {name} must name settings that it has: see docs/add-a-task.md"
    assert task.small(1) != task.small(10), "it must depend on the number of examples"


def disturb(seed: int) -> None:
    """Leave every global generator in another state."""
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


class Whole(Run):
    """The undisturbed run, with a checkpoint at each place where the platform may take one."""

    def __init__(self, variant: Variant, cache: Path, folder: Path) -> None:
        self.settings, self.folder = variant.settings(10, batch=3, dropout=0.3), folder
        self.dataset = variant.task.prepare(self.settings, cache)
        super().__init__(variant.task, self.settings, self.dataset, save=folder)


@pytest.fixture(scope="module")
def whole(variant: Variant, cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Whole:
    disturb(0)
    return Whole(variant, cache, tmp_path_factory.mktemp("checkpoints"))


@every_variant
def test_a_run_goes_on_from_a_checkpoint_as_if_nothing_had_been(variant: Variant, whole: Whole) -> None:
    steps = sorted(int(file.stem) for file in whole.folder.glob("*.ckpt"))
    assert len(steps) == whole.batches * variant.task.epochs(whole.settings)
    for step in {steps[0], steps[whole.batches - 1], steps[-2:][0]}:  # in the first epoch, after it, in the last one
        disturb(step)
        resumed = Run(variant.task, whole.settings, whole.dataset, checkpoint=whole.folder / f"{step}.ckpt")
        assert same(resumed.end(), whole.end()), f"from step {step}"
        assert resumed.rows == whole.rows[-len(resumed.rows) :], f"from step {step}"
        assert set(whole.rows_after(step)) <= set(resumed.rows), f"from step {step}"


@every_variant
def test_numbers_are_a_function_of_the_seed_and_of_nothing_else(variant: Variant, whole: Whole) -> None:
    disturb(1)
    again, other = (Run(variant.task, whole.settings, whole.dataset, seed=seed) for seed in (0, 1))
    assert same((again.end(), again.rows), (whole.end(), whole.rows))
    if any(weight.requires_grad for weight in whole.module.parameters()):
        assert not same(other.end(), whole.end())
        assert other.rows != whole.rows
    varies = variant.task.seed_varies(whole.settings)
    assert varies is None or (other.rows == whole.rows) == (not varies), "seed_varies says what a seed changes"


@every_variant
def test_metrics_are_told_in_64_bits(variant: Variant, whole: Whole) -> None:
    declared = [(n, v) for _, n, v in whole.rows if any(n == m or n.startswith(f"{m}/") for m in variant.task.metrics)]
    assert {name for name, _ in declared} & set(variant.task.metrics)
    values: dict[str, list[float]] = {}
    for name, value in declared:
        if value * 2**10 != round(value * 2**10):  # what both formats hold
            values.setdefault(name.split("/")[1], []).append(value)
    # All of them: a mean of 32 numbers of 32 bits fits into 32 bits once in some 32 times.
    narrow = {name for name, told in values.items() if all(float(np.float32(value)) == value for value in told)}
    assert not narrow, "rounded to 32 bits"


@every_variant
def test_shares_are_quotients_of_whole_numbers(variant: Variant, whole: Whole) -> None:
    shares = {name for name, metric in variant.task.metrics.items() if metric.description.startswith("Share of")}
    for _, name, value in whole.rows:
        if name in shares:
            quotient = Fraction(value).limit_denominator(10_000)
            assert value == pytest.approx(float(quotient), abs=1e-15, rel=0), name


@every_variant
def test_values_follow_from_what_examples_add(variant: Variant, whole: Whole) -> None:
    scores = variant.task.example_scores(whole.settings, whole.dataset, whole.module)
    if scores is None:
        return
    logged = {name: value for _, name, value in whole.rows}
    examples = len(next(iter(scores.sums.values())))
    whole_sums = {EXAMPLES: np.array(examples), **{name: np.sum(each) for name, each in scores.sums.items()}}
    assert examples > 1
    assert scores.metrics.keys() & logged.keys()
    for name, formula in scores.metrics.items():
        if name in logged:
            value = float(evaluate(formula, *combine(formula, whole_sums)))
            assert value == pytest.approx(logged[name], rel=1e-6, abs=1e-12), name
    again = Run(variant.task, whole.settings, whole.dataset, seed=1)
    other = variant.task.example_scores(whole.settings, whole.dataset, again.module)
    assert other is not None
    assert other.test_set == scores.test_set, "what the examples are is no matter of the seed"


@pytest.mark.parametrize("name", discover_tasks())
def test_settings_that_are_not_used_change_nothing(name: str, cache: Path) -> None:
    task, fields = load_task(name), setting_fields(load_task(name).settings)
    plain = Variant(name, {"network.cell": "elman"} if "network.cell" in fields else {})
    settings = plain.settings(10)
    unused = set(task.unused(settings))
    assert unused <= fields.keys(), f"unused() of task {name} must name settings that it has"
    values = {path: choices(fields[path]) for path in unused} | ({"network.forget_bias": (-0.5,)} if unused else {})
    changed = {path: each[-1] for path, each in values.items() if path in unused and each}
    if not changed:
        pytest.skip("every setting is used")
    dataset = task.prepare(settings, cache)
    other = Variant(name, {**plain.changed, **changed}).settings(10)
    assert other != settings
    assert same(*(Run(task, each, dataset).end() for each in (settings, other)))


@every_variant
def test_dropout_is_at_work_in_the_run_that_goes_on(variant: Variant, whole: Whole) -> None:
    if whole.settings == variant.settings(10, batch=3):
        pytest.skip("it has no dropout")
    assert not same(Run(variant.task, whole.settings, whole.dataset, noise=4).end(), whole.end())


@every_variant
def test_one_example_has_metrics_that_are_numbers(variant: Variant, cache: Path) -> None:
    task, settings = variant.task, variant.settings(1)
    rows = Run(task, settings, task.prepare(settings, cache)).rows
    assert next(iter(task.metrics)) in {name for _, name, _ in rows}
    assert any(name.startswith("test/") for _, name, _ in rows)
    assert all(math.isfinite(value) for _, _, value in rows), rows


@every_variant
def test_every_declared_metric_is_logged_or_known_to_be_absent(variant: Variant, whole: Whole) -> None:
    logged = {name for _, name, _ in whole.rows}
    absent = variant.task.absent(whole.settings, whole.dataset)
    assert absent.keys() == variant.task.metrics.keys() - logged
    assert all(absent.values())


@every_variant
def test_batches_come_in_an_order_of_seed_and_epoch(variant: Variant, cache: Path) -> None:
    task, settings = variant.task, variant.settings(10, batch=3)
    dataset = task.prepare(settings, cache)
    orders = []
    for process in (5, 6):
        disturb(process)
        loader: Any = task.data(settings, dataset, 1).train_dataloader()
        orders.append([list(loader), list(loader)])
        assert len(loader) == len(orders[0][0])
    assert same(*orders)
