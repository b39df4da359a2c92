"""Training by a remedy: which weights learn from what, and what a checkpoint holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
import torch

from tasks.learning.clipping import Clipping
from tasks.learning.descent import Learning
from tasks.learning.schedule import LearningRate
from tasks.learning.schedules.constant import Constant
from tasks.recurrent.initialization import Initialization
from tasks.remedies.kinds import REMEDIES
from tasks.remedies.module import RemedyModule
from tasks.remedies.remedy import Examples, Objective, Remedy
from tests.remedies.conftest import END, HIDDEN, Tiny, examples_of
from tests.tasks.run import History, quiet_trainer
from unroll.execution.trial import process
from unroll.execution.trial.callbacks import Reseed, StopAtDivergence
from unroll.execution.trial.conditions import Diverged

TARGETS = [(2, 3, END), (3, END)]
UPDATES, RATE = 6, 0.05


class Batch:
    lengths = torch.tensor([3, 2])


class Batches:
    def __len__(self) -> int:
        return UPDATES

    def __iter__(self) -> Any:
        return iter([Batch()] * UPDATES)


class TinyModule(RemedyModule[Batch, Batch]):
    network: Tiny

    def sequence_model(self, batch: Batch) -> Tiny:
        return self.network

    def examples(self, batch: Batch) -> Examples:
        return examples_of(*TARGETS, update=self.global_step, updates=self.updates)

    def begin_counting(self) -> None: ...

    def count(self, batch: Batch) -> None: ...

    def scores(self) -> Mapping[str, float]:
        return {}


def remedy_of(name: str, **options: Any) -> Remedy:
    build: Any = REMEDIES.find(name)
    remedy: Remedy = build(features=HIDDEN, **options).double()
    return remedy


def module_of(remedy: Remedy, *, accumulate: int = 1, clip: float | None = None) -> TinyModule:
    rate = LearningRate(first=RATE, schedule=Constant(steps=UPDATES))
    learning = Learning(
        initialization=Initialization(),
        optimizer="sgd",
        rate=rate,
        clipping=Clipping(norm=clip),
        accumulate=accumulate,
    )
    own_rate = None if not [*remedy.parameters()] else 0.01
    module = TinyModule(network=Tiny(), learning=learning, remedy=remedy, updates=UPDATES, own_rate=own_rate)
    module.initialise(0)
    return module.double()


def train(module: TinyModule, **more: Any) -> History:
    history = History()
    trainer = quiet_trainer(max_epochs=1, logger=history, log_every_n_steps=1, limit_val_batches=0, **more)
    trainer.fit(module, Batches(), Batches())
    return history


@pytest.mark.parametrize(
    "remedy",
    [
        remedy_of("reinforce"),
        remedy_of("mixer", prefix_every=1),
        remedy_of("professor_forcing", heard_above=0.0, learns_below=1.0, move_both=1.0),
        remedy_of("minimum_risk"),
        remedy_of("scheduled_sampling"),
    ],
    ids=lambda remedy: type(remedy).__name__,
)
def test_steps_are_those_of_two_optimizers_that_know_nothing_of_each_other(remedy: Remedy) -> None:
    """The slow version: gradients by hand of each loss for its own weights, by torch's own optimizers."""
    module = module_of(remedy, clip=0.2)
    network, own_weights = [*module.network.parameters()], [*remedy.parameters()]
    before = [weight.detach().clone() for weight in (*network, *own_weights)]
    train(module, callbacks=[Reseed(5)])
    found = [weight.detach().clone() for weight in (*network, *own_weights)]

    for weight, value in zip((*network, *own_weights), before, strict=True):
        weight.data.copy_(value)
    one = torch.optim.SGD(network, lr=RATE)
    other = torch.optim.Adam(own_weights, lr=0.01) if own_weights else None
    for update in range(UPDATES):
        process.reseed(5, update, "train")
        objective = remedy.objective(module.network, examples_of(*TARGETS, update=update, updates=UPDATES))
        gradients = torch.autograd.grad(objective.loss, network, allow_unused=True, retain_graph=True)
        own = None if objective.own is None else torch.autograd.grad(objective.own, own_weights)
        for weights, values, optimizer in ((network, gradients, one), (own_weights, own, other)):
            if values is None or optimizer is None:
                continue
            for weight, value in zip(weights, values, strict=True):
                weight.grad = value
            torch.nn.utils.clip_grad_norm_(weights, 0.2)
            optimizer.step()
    for left, weight in zip(found, (*network, *own_weights), strict=True):
        assert torch.allclose(left, weight, atol=1e-10)
    if own_weights:
        assert not torch.equal(found[len(network)], before[len(network)])


def test_the_loggers_get_what_the_remedy_logs() -> None:
    history = train(module_of(remedy_of("reinforce")))
    assert {name for _, name, _ in history.rows} == {"train/loss", "train/gradient_norm", "train/reward"}


class Broken(Remedy):
    """Its own loss is no number."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(()))

    def objective(self, model: Any, examples: Examples) -> Objective:
        loss = model.logits(model.step(model.embed(examples.start), model.begin())[0]).sum()
        return Objective(loss, own=self.weight * torch.nan)


def test_a_remedy_whose_own_gradient_is_no_number_ends_the_run_as_diverged() -> None:
    with pytest.raises(Diverged):
        train(module_of(Broken()), callbacks=[StopAtDivergence()])


@pytest.mark.parametrize("name", REMEDIES.names())
def test_every_remedy_of_a_model_that_diverged_says_so(name: str) -> None:
    module = module_of(remedy_of(name))
    torch.nn.init.constant_(module.network.output, torch.nan)
    with pytest.raises(Diverged):
        train(module, callbacks=[StopAtDivergence()])


def test_a_baseline_begins_where_its_authors_say() -> None:
    weights = dict(module_of(remedy_of("reinforce")).remedy.named_parameters())
    assert not weights["baseline.weight"].any()
    assert weights["baseline.bias"].item() == pytest.approx(0.01)


def test_a_remedy_helps_and_is_not_tested() -> None:
    module = module_of(remedy_of("professor_forcing"))
    helping = {id(weight) for part in module.helpers for weight in part.parameters()}
    assert helping == {id(weight) for weight in module.remedy.parameters()} != set()
    assert {id(weight) for weight in module.parameters()} - helping == {id(w) for w in module.network.parameters()}
