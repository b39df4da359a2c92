"""Training against a raw PyTorch loop on ``torch.nn`` in float64, and its single parts."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from pytorch_lightning.loggers.logger import Logger
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, mse_loss

from tasks.long_range.problems import PROBLEMS, find_problem
from tasks.recurrent.diagnostics.state_capture import record_states

Build = Callable[..., Any]
HIDDEN, CEILING = 6, 0.4
SMALL: dict[str, Any] = {
    "data": {"length": 10, "evaluation_sequences": 20},
    "network": {"hidden": HIDDEN},
    "training": {"updates": 12, "validate_every": 6, "batch_size": 4, "optimizer": "sgd", "learning_rate": 0.5},
}


def small(problem: str, network: Mapping[str, Any] | None = None, **training: Any) -> dict[str, Any]:
    return {
        "data": {**SMALL["data"], "problem": problem},
        "network": {**SMALL["network"], **(network or {})},
        "training": {**SMALL["training"], **training},
    }


class Log(Logger):
    """Everything that was logged."""

    name = "log"
    version = ""

    def __init__(self) -> None:
        super().__init__()
        self.rows: dict[str, dict[int, float]] = {}

    def log_hyperparams(self, *args: Any, **kwargs: Any) -> None: ...

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        for name, value in metrics.items():
            assert step is not None
            self.rows.setdefault(name, {})[step] = value


class Raw(nn.Module):
    """LSTM and output of ``torch.nn``, with a module's weights; the second bias stays zero."""

    def __init__(self, start: dict[str, Tensor], problem: str) -> None:
        super().__init__()
        known = find_problem(problem)
        self.every_step = known.every_step
        self.lstm, self.output = nn.LSTM(known.inputs, HIDDEN), nn.Linear(HIDDEN, known.outputs)
        self.double().load_state_dict({**start, "lstm.bias_hh_l0": torch.zeros(4 * HIDDEN)})
        self.lstm.get_parameter("bias_hh_l0").requires_grad = False

    def loss(self, inputs: Tensor, targets: Tensor) -> Tensor:
        answers = self.output(self.lstm(inputs)[0])
        if self.every_step:
            return cross_entropy(answers.reshape(-1, answers.shape[2]), targets.reshape(-1))
        last = answers[-1]
        return mse_loss(last[:, 0], targets) if last.shape[1] == 1 else cross_entropy(last, targets)


def renamed(module: Any) -> dict[str, Tensor]:
    """A module's weights under the names of :class:`Raw`."""
    names = {
        "lstm.weight_ih_l0": "recurrent.forward_layers.0.cell.read.weight",
        "lstm.bias_ih_l0": "recurrent.forward_layers.0.cell.read.bias",
        "lstm.weight_hh_l0": "recurrent.forward_layers.0.cell.recur.weight",
        "output.weight": "output.weight",
        "output.bias": "output.bias",
    }
    weights = module.network.state_dict()
    assert set(names.values()) == set(weights)
    return {theirs: weights[ours].clone() for theirs, ours in names.items()}


def doubled(batch: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    inputs, targets = batch
    return inputs.double(), targets.double() if targets.is_floating_point() else targets


def in_double(module: Any) -> Any:
    """The module, which reads its batches in float64."""
    step, evaluate = module.training_step, module.validation_step
    module.training_step = lambda batch, batch_idx: step(doubled(batch), batch_idx)
    module.validation_step = lambda batch: evaluate(doubled(batch))
    return module.double()


@pytest.mark.parametrize("problem", PROBLEMS.names())
def test_training_is_that_of_a_raw_loop(build: Build, trainer_of: Callable[..., pl.Trainer], problem: str) -> None:
    module, data = build(small(problem, clip_norm=CEILING))
    raw, loader = Raw(renamed(module), problem), build(small(problem))[1].train_dataloader()
    optimizer, norms = torch.optim.SGD(raw.parameters(), lr=0.5), []
    steps = 0
    for inputs, targets in map(doubled, (batch for _ in range(2) for batch in loader)):
        optimizer.zero_grad()
        raw.loss(inputs, targets).backward()  # type: ignore[no-untyped-call]
        gradients = [weight.grad for weight in raw.parameters() if weight.grad is not None]
        norms.append(math.sqrt(sum((g**2).sum().item() for g in gradients)))
        for gradient in gradients:
            gradient *= min(1.0, CEILING / norms[-1])
        optimizer.step()
        steps += inputs.shape[0] * inputs.shape[1]
    trainer = trainer_of(epochs=2, log_every_n_steps=1)
    trainer.fit(in_double(module), datamodule=data)
    assert any(norm > CEILING for norm in norms)
    theirs = {name: weight for name, weight in raw.state_dict().items() if name in renamed(module)}
    torch.testing.assert_close(renamed(module), theirs, rtol=0, atol=1e-6)  # torch divides by the norm plus 1e-6
    assert (trainer.global_step, module.items_seen) == (12, steps)


@pytest.mark.parametrize("problem", PROBLEMS.names())
def test_every_problem_has_its_metrics(build: Build, trainer_of: Callable[..., pl.Trainer], problem: str) -> None:
    module, data = build(small(problem))
    log = Log()
    trainer = trainer_of(epochs=2, logger=log, log_every_n_steps=1)
    trainer.fit(module, datamodule=data)
    (told,) = trainer.test(module, datamodule=data, verbose=False)
    ((inputs, targets),) = data.test_dataloader()
    with torch.no_grad():
        score = find_problem(problem).score(module.network(inputs), targets)
    assert told["test/loss"] == pytest.approx(score.loss.item())
    assert told["test/error"] == pytest.approx(score.error.item())
    assert {"validation/loss", "validation/error", "train/loss", "train/gradient_norm"} <= set(log.rows)
    assert list(log.rows["train/loss"]) == list(range(1, 13))


def test_a_diagnosis_changes_no_number(build: Build, trainer_of: Callable[..., pl.Trainer]) -> None:
    weights, logs = [], []
    for every in (None, 5):
        module, data = build(small("adding", {"dropout": 0.3}, diagnose_every=every))
        logs.append(Log())
        torch.manual_seed(4)
        trainer_of(epochs=2, logger=logs[-1], log_every_n_steps=1).fit(module, datamodule=data)
        weights.append(list(module.state_dict().values()))
    assert all(torch.equal(a, b) for a, b in zip(*weights, strict=True))
    seen = {name: rows for name, rows in logs[1].rows.items() if name not in logs[0].rows}
    assert {name.split("/")[0] for name in seen} == {"gates", "state", "recurrent", "gradient_flow"}
    assert all(list(rows) == [0, 5, 10] for rows in seen.values())
    assert not set(logs[0].rows) - set(logs[1].rows)


@pytest.mark.parametrize("problem", PROBLEMS.names())
def test_the_gradient_that_is_looked_at_is_that_of_the_last_answer(
    build: Build, trainer_of: Callable[..., pl.Trainer], problem: str
) -> None:
    module, data = build(small(problem, diagnose_every=12, updates=12, validate_every=12))
    inputs, targets = next(iter(data.train_dataloader()))
    with record_states(module.network.recurrent) as records:
        answers = module.network(inputs)
    last = answers[-1] if find_problem(problem).every_step else answers
    if problem == "adding":
        loss = mse_loss(last[:, 0], targets, reduction="sum")
    else:
        loss = cross_entropy(last, targets[-1] if find_problem(problem).every_step else targets, reduction="sum")
    states = records["layer0"].states
    gradient = torch.cat(torch.autograd.grad(loss, states[-3]), dim=1)  # two steps before the last, h and c together
    log = Log()
    trainer_of(logger=log, log_every_n_steps=1).fit(module, datamodule=data)
    told = log.rows["gradient_flow/layer0/distance_2"][0]
    assert told == pytest.approx(gradient.norm(dim=1).mean().item(), rel=1e-4)


def test_a_gradient_without_a_norm_takes_no_step(build: Build, trainer_of: Callable[..., pl.Trainer]) -> None:
    module, data = build(small("adding"))
    module.network.output.weight.data[0, 0] = math.inf
    before = [weight.clone() for weight in module.network.parameters()]
    losses: list[float] = []

    class Losses(pl.Callback):
        def on_train_batch_end(self, trainer: pl.Trainer, module: Any, outputs: Any, *args: Any) -> None:
            losses.append(outputs["loss"].item())

    trainer_of(max_steps=1, callbacks=[Losses()], limit_train_batches=1, limit_val_batches=0, log_every_n_steps=1).fit(
        module, datamodule=data
    )
    assert all(math.isnan(loss) for loss in losses)
    assert all(torch.equal(a, b) for a, b in zip(before, module.network.parameters(), strict=True))
    assert module.items_seen == 0
