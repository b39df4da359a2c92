"""From gradients to steps: accumulation, decay and momentum against slow versions, and runs that go on bitwise."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from tasks.learning.clipping import Clipping
from tasks.learning.descent import Descent, Learning
from tasks.learning.evaluation import count_step
from tasks.learning.optimizer import build_optimizer
from tasks.learning.schedule import LearningRate
from tasks.learning.schedules import SCHEDULES
from tasks.learning.schedules.constant import Constant
from tasks.learning.schedules.linear import Linear
from tasks.learning.settings import OptimizerName
from tasks.recurrent.initialization import Initialization
from tests.tasks.run import Run, quiet_trainer, same
from tests.tasks.variants import Variant
from unroll.contract import UserError
from unroll.study import discover_tasks, load_task
from unroll.study._settings import setting_fields
from unroll.study.project import AnyTask

RATE = 0.1


def learning(optimizer: OptimizerName = "sgd", **more: Any) -> Learning:
    rate = more.pop("rate", LearningRate(first=RATE, schedule=Constant(steps=10)))
    return Learning(initialization=Initialization(), optimizer=optimizer, rate=rate, clipping=Clipping(), **more)


def weights_after(how: Learning, gradients: list[list[float]], *, terms: list[int]) -> Tensor:
    """Where weights of 1, -2 and 3 come to; of another weight no batch knows anything."""
    weight, idle = nn.Parameter(torch.tensor([1.0, -2.0, 3.0]).double()), nn.Parameter(torch.ones(2).double())
    optimizer = build_optimizer(how.optimizer, [weight, idle], learning_rate=how.rate.first, momentum=how.momentum)
    descent, step = Descent(how), 0
    for gradient, number in zip(gradients, terms, strict=True):
        optimizer.zero_grad()
        weight.grad = torch.tensor(gradient).double()
        step += descent.take(optimizer, terms=number, last=False, step=step, epoch=0) is not None
    assert torch.equal(idle, torch.ones(2).double())
    return weight.detach()


GRADIENTS = [[1.0, 0.5, -1.0], [0.0, 2.0, 1.0], [-3.0, 1.0, 0.0], [1.0, 1.0, 1.0]]


def test_momentum_is_a_velocity() -> None:
    weight, velocity = torch.tensor([1.0, -2.0, 3.0]).double(), torch.zeros(3).double()
    for gradient in GRADIENTS:
        velocity = 0.9 * velocity + torch.tensor(gradient).double()
        weight = weight - RATE * velocity
    found = weights_after(learning(momentum=0.9), GRADIENTS, terms=[1] * 4)
    torch.testing.assert_close(found, weight, rtol=0, atol=1e-14)


def test_weight_decay_with_adam_is_adamw() -> None:
    weight = nn.Parameter(torch.tensor([1.0, -2.0, 3.0]).double())
    theirs = torch.optim.AdamW([weight], lr=RATE, weight_decay=0.3)
    for gradient in GRADIENTS:
        weight.grad = torch.tensor(gradient).double()
        theirs.step()
    found = weights_after(learning("adam", weight_decay=0.3), GRADIENTS, terms=[1] * 4)
    torch.testing.assert_close(found, weight.detach(), rtol=0, atol=1e-14)


@pytest.mark.parametrize("optimizer", ["sgd", "rmsprop"])
def test_weight_decay_is_apart_from_the_gradient(optimizer: OptimizerName) -> None:
    """Each step first takes a share off the weights; the rest is what the optimizer does without decay."""
    rate = LearningRate(first=RATE, schedule=Linear(steps=4))
    found = weights_after(learning(optimizer, rate=rate, weight_decay=0.3), GRADIENTS, terms=[1] * 4)
    weight = torch.tensor([1.0, -2.0, 3.0]).double()
    for step in range(4):
        plain = [weights_after(learning(optimizer, rate=rate), GRADIENTS[:n], terms=[1] * n) for n in (step, step + 1)]
        weight = weight * (1 - RATE * (4 - step) / 4 * 0.3) + (plain[1] - plain[0])
    torch.testing.assert_close(found, weight, rtol=0, atol=1e-14)


def test_batches_weigh_by_their_terms() -> None:
    terms = [3, 1, 4, 4]
    mean = [np.average(GRADIENTS[at : at + 2], axis=0, weights=terms[at : at + 2]).tolist() for at in (0, 2)]
    found = weights_after(learning(accumulate=2), GRADIENTS, terms=terms)
    torch.testing.assert_close(found, weights_after(learning(), mean, terms=[1, 1]), rtol=0, atol=1e-14)


def test_lightning_counts_the_steps_that_it_does_not_see() -> None:
    """Fails where Lightning no longer counts them where :func:`count_step` does."""

    class Module(pl.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.automatic_optimization = False
            self.weight = nn.Parameter(torch.zeros(1))

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return torch.optim.SGD([self.weight], lr=1.0)

        def training_step(self, batch: Tensor) -> None:
            count_step(self.trainer)
            count_step(self.trainer)

    module = Module()
    trainer = quiet_trainer(max_epochs=3)
    trainer.fit(module, DataLoader(range(5), batch_size=None))  # type: ignore[arg-type]
    assert trainer.global_step == module.global_step == 30


# Whole runs


def learned_tasks() -> list[str]:
    return [name for name in discover_tasks() if "training.accumulate" in setting_fields(load_task(name).settings)]


class SaveAfterBatches(pl.Callback):
    """A checkpoint after each batch within an epoch, and after each epoch's validation, named by their number."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._number = folder, 0

    def _save(self, trainer: pl.Trainer) -> None:
        self._number += 1
        trainer.save_checkpoint(self._folder / f"{self._number:03}.ckpt")

    def on_train_batch_end(self, trainer: pl.Trainer, *args: Any) -> None:
        if not trainer.fit_loop.epoch_loop.batch_progress.is_last_batch:
            self._save(trainer)

    def on_train_epoch_end(self, trainer: pl.Trainer, *args: Any) -> None:
        self._save(trainer)


AT_WORK = {
    "training.optimizer": "sgd",
    "training.momentum": 0.9,
    "training.weight_decay": 0.1,
    "training.learning_rate": 0.2,
    "training.schedule": "plateau",
    "training.accumulate": 3,
    "training.warmup": 2,
}


def settings_of(name: str, changed: dict[str, Any]) -> Any:
    epochs = {"training.updates": 6, "training.validate_every": 2} if name == "long_range" else {"training.epochs": 3}
    return Variant(name, {**changed, **epochs}).settings(10, batch=3, dropout=0.3)


@pytest.mark.parametrize("name", learned_tasks())
def test_a_run_goes_on_in_the_middle_of_a_step_and_behind_an_epoch(name: str, tmp_path: Path) -> None:
    task: AnyTask = load_task(name)
    settings = settings_of(name, AT_WORK)
    dataset = task.prepare(settings, tmp_path / "cache")
    whole = Run(task, settings, dataset, callbacks=[SaveAfterBatches(tmp_path)], log_every=1)
    assert whole.steps == task.steps(settings, dataset)
    files = sorted(tmp_path.glob("*.ckpt"))
    assert len(files) == whole.batches * task.epochs(settings)
    for file in (files[0], files[whole.batches - 1], files[whole.batches], files[-2]):
        torch.manual_seed(8)
        resumed = Run(task, settings, dataset, checkpoint=file, log_every=1)
        assert same(resumed.end(), whole.end()), file.name
        assert resumed.rows == whole.rows[-len(resumed.rows) :], file.name


@pytest.mark.parametrize("name", learned_tasks())
def test_batches_of_a_step_draw_masks_of_their_own(name: str, tmp_path: Path) -> None:
    """The platform seeds by the optimizer steps done: without more, they would all draw the first one's."""
    task: AnyTask = load_task(name)
    settings = settings_of(name, {"training.accumulate": 3})
    dataset = task.prepare(settings, tmp_path)
    drawn = []

    class Draw(pl.Callback):
        def on_train_batch_end(self, *args: Any) -> None:
            drawn.append(torch.initial_seed())

    run = Run(task, settings, dataset, callbacks=[Draw()])
    assert len(set(drawn)) == len(drawn) == run.batches * task.epochs(settings)


@pytest.mark.parametrize("name", ["tagging", "classification", "agreement"])
def test_several_batches_learn_what_one_large_one_does(name: str, tmp_path: Path) -> None:
    """Sentences of different lengths, so that the batches have different numbers of words."""
    found = []
    for sizes in ((2, 5, 3), (10,)):
        task: AnyTask = load_task(name)
        changed = {"training.accumulate": len(sizes), "training.optimizer": "sgd", "training.clip_norm": 0.05}
        if name == "classification":
            changed["network.output_dropout"] = 0.0
        settings = Variant(name, changed).settings(10)
        dataset = task.prepare(settings, tmp_path)
        module: Any = task.module(settings, dataset)
        module.initialise(0)
        data: Any = task.data(settings, dataset, 0)
        maker, ends = data.train_dataloader()._maker, np.cumsum(sizes)
        batches = [maker.make(np.arange(end - size, end)) for size, end in zip(sizes, ends, strict=True)]
        loader: Any = DataLoader(batches, batch_size=None)  # type: ignore[arg-type]
        quiet_trainer(max_epochs=3, limit_val_batches=0).fit(module.double(), loader, loader)
        found.append(module.state_dict())
    for weight in found[0]:
        torch.testing.assert_close(found[0][weight], found[1][weight], rtol=0, atol=1e-12)


def test_several_windows_of_text_are_one_step_and_so_are_the_last_ones_of_an_epoch(tmp_path: Path) -> None:
    """A step for each window, at a rate that changes nothing, gives the gradients that several windows share."""
    task: AnyTask = load_task("language_modeling")
    changed = {"training.accumulate": 3, "training.optimizer": "sgd", "training.clip_norm": None}
    settings = Variant("language_modeling", {**changed, "training.epochs": 1}).settings(10, batch=2)
    dataset = task.prepare(settings, tmp_path)
    module: Any = task.module(settings, dataset)
    module.initialise(0)
    start = {name: weight.clone() for name, weight in module.state_dict().items()}
    loader: Any = task.data(settings, dataset, 0)
    windows = [
        stretch[begin : begin + settings.training.bptt + 1]  # type: ignore[attr-defined]
        for stretch in loader.train_dataloader()
        for begin in range(0, len(stretch) - 1, settings.training.bptt)  # type: ignore[attr-defined]
    ]
    assert len(windows) % 3 != 0
    weights, state = list(module.network.parameters()), None
    for begin in range(0, len(windows), 3):
        some = windows[begin : begin + 3]
        total = [torch.zeros_like(weight) for weight in weights]
        for window in some:
            state = module.network.initial_state(2) if state is None else state
            logits, state = module.network(window[:-1], state)
            state = tuple(tuple(part.detach() for part in layer) for layer in state)
            nats = nn.functional.cross_entropy(logits.flatten(0, 1), window[1:].flatten(), reduction="sum")
            for each, gradient in zip(total, torch.autograd.grad(nats, weights), strict=True):
                each += gradient
        tokens = sum(window[1:].numel() for window in some)
        with torch.no_grad():
            for weight, gradient in zip(weights, total, strict=True):
                weight -= settings.training.learning_rate * gradient / tokens  # type: ignore[attr-defined]
    expected = {name: weight.clone() for name, weight in module.state_dict().items()}
    module.load_state_dict(start)
    trainer = quiet_trainer(max_epochs=1)
    trainer.fit(module, datamodule=task.data(settings, dataset, 0))
    assert trainer.global_step == task.steps(settings, dataset) == -(-len(windows) // 3)
    torch.testing.assert_close(module.state_dict(), expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", ["language_modeling", "tagging"])
def test_rates_reach_the_optimizer(name: str, tmp_path: Path) -> None:
    task: AnyTask = load_task(name)
    settings = settings_of(name, {"training.schedule": "cosine", "training.warmup": 3})
    dataset = task.prepare(settings, tmp_path)
    run = Run(task, settings, dataset, log_every=1)
    logged = [value for _, metric, value in run.rows if metric == "train/learning_rate"]
    rate = run.module.learning.rate
    assert logged == [rate.at(step=step, epoch=0) for step in range(run.steps)]
    assert run.optimizers[0]["param_groups"][0]["lr"] == logged[-1]


def test_a_warm_up_as_long_as_the_run_is_refused(tmp_path: Path) -> None:
    task: AnyTask = load_task("tagging")
    settings = settings_of("tagging", {"training.warmup": 12})
    told = r"training\.warmup: the warm-up must be shorter than the run \(received 12 of 12 steps\)"
    with pytest.raises(UserError, match=told):
        task.module(settings, task.prepare(settings, tmp_path))


def test_a_task_without_validation_metrics_learns_by_schedules_that_observe_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    task: AnyTask = load_task("tagging")
    settings = settings_of("tagging", {"training.schedule": "cosine"})
    corpus = task.prepare(settings, tmp_path)
    monkeypatch.setattr(type(task), "metrics", {"test/accuracy": task.metrics["test/accuracy"]})
    module: Any = task.module(settings, corpus)
    assert module.learning.monitor is None
    message = (
        r"training\.schedule: a task that learns by schedule plateau must declare a validation metric "
        r"\(received test/accuracy\)"
    )
    with pytest.raises(UserError, match=message):
        task.module(settings_of("tagging", {"training.schedule": "plateau"}), corpus)


def test_a_schedule_that_takes_what_is_no_setting_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    task: AnyTask = load_task("tagging")
    settings = settings_of("tagging", {"training.schedule": "cosine"})
    corpus = task.prepare(settings, tmp_path)
    monkeypatch.setattr(type(SCHEDULES), "options", lambda self, name: {"every": None})
    message = r"schedules/cosine\.py: what a schedule takes beside steps are settings of training \(received every\)"
    with pytest.raises(UserError, match=message):
        task.module(settings, corpus)


def test_a_schedule_that_says_what_none_says_is_not_used() -> None:
    task = load_task("tagging")
    for schedule, unused in (("constant", True), ("linear", False)):
        settings = task.settings.model_validate({"training": {"schedule": schedule}})
        assert ("training.schedule" in set(task.unused(settings))) == unused
