"""Clipping, Omega and diagnoses at work in training."""

import math
from collections.abc import Callable, Mapping
from typing import Any, cast

import pytest
import pytorch_lightning as pl
import torch
from pytorch_lightning.loggers.logger import Logger
from torch import Tensor

from tasks.language_modeling.settings import LanguageModelingSettings, Network, Training
from tasks.language_modeling.task import LanguageModeling
from tasks.recurrent.diagnostics.state_capture import record_states
from tasks.recurrent.omega.omega import omega
from tasks.text.running import TokenCorpus

COLUMNS, BPTT, STEPS = 4, 6, 11


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


class Losses(pl.Callback):
    """What the platform looks at to see divergence."""

    def __init__(self) -> None:
        self.losses: list[float] = []

    def on_train_batch_end(self, trainer: pl.Trainer, module: Any, outputs: Any, *args: Any) -> None:
        self.losses.append(outputs["loss"].item())


class Run:
    """One epoch of 11 steps: 4 columns of 64 tokens in windows of 6, the last one of 4."""

    def __init__(self, corpus: TokenCorpus, trainer_of: Callable[..., pl.Trainer], network: Network, **training: Any):
        task, self.log, self.losses = LanguageModeling(), Log(), Losses()
        fields = {
            "batch_size": COLUMNS,
            "bptt": BPTT,
            "epochs": 1,
            "optimizer": "sgd",
            "learning_rate": 0.5,
            **training,
        }
        settings = LanguageModelingSettings(network=network, training=Training(**fields))
        self.module = cast("Any", task.module(settings, corpus))
        self.module.initialise(1)
        self.trainer = trainer_of(logger=self.log, callbacks=[self.losses], log_every_n_steps=1)
        self.data = task.data(settings, corpus, 1)

    def fit(self) -> "Run":
        torch.manual_seed(4)
        self.trainer.fit(self.module, datamodule=self.data)
        return self

    def weights(self) -> list[Tensor]:
        return list(self.module.state_dict().values())


@pytest.fixture
def run(corpus_of: Callable[..., TokenCorpus], trainer_of: Callable[..., pl.Trainer]) -> Callable[..., Run]:
    corpus = corpus_of(train=COLUMNS * 64)
    return lambda network=None, **training: Run(corpus, trainer_of, network or Network(hidden=5), **training)


@pytest.mark.parametrize(
    "network", [Network(cell=cell, hidden=5, depth=2, dropout=0.4, zoneout=0.1) for cell in ("lstm", "gru")]
)
def test_diagnoses_change_no_bit(run: Callable[..., Run], network: Network) -> None:
    plain, diagnosed = run(network).fit(), run(network, diagnose_every=2).fit()
    for left, right in zip(plain.weights(), diagnosed.weights(), strict=True):
        assert torch.equal(left, right)
    assert torch.equal(plain.module._training_state.epoch.nats, diagnosed.module._training_state.epoch.nats)
    for name, rows in plain.log.rows.items():
        assert diagnosed.log.rows[name] == rows
    assert not any(name.startswith("gradient_flow") for name in plain.log.rows)


def test_the_first_diagnosis_is_before_the_first_step(run: Callable[..., Run]) -> None:
    started, short = run(diagnose_every=4, learning_rate=1e-30).fit(), run(diagnose_every=1000).fit()
    flow = {name: rows for name, rows in started.log.rows.items() if name.startswith("gradient_flow/")}
    assert {name.rpartition("/")[2] for name in flow} == {f"distance_{d}" for d in (0, 1, 2, 3, 5)}
    assert list(flow["gradient_flow/layer0/h/distance_5"]) == [0, 4, 8]
    for name, rows in flow.items():
        assert short.log.rows[name] == {0: rows[0]}


def test_a_short_window_is_diagnosed_as_far_as_it_goes(run: Callable[..., Run]) -> None:
    rows = run(diagnose_every=5).fit().log.rows
    assert list(rows["gradient_flow/layer0/distance_3"]) == [0, 5, 10]
    assert list(rows["gradient_flow/layer0/distance_5"]) == [0, 5]


def test_the_profile_is_that_of_the_last_loss_of_the_window(run: Callable[..., Run]) -> None:
    """At distance 0 the gradient of a softmax: output weights times predicted minus true, averaged over columns."""
    one = run(Network(hidden=5, cell="gru"), diagnose_every=1000)
    batch = next(iter(one.data.train_dataloader()))
    with torch.no_grad():
        logits, _ = one.module.network(batch[:BPTT], one.module.network.initial_state(COLUMNS))
        wrong = logits[-1].softmax(-1) - torch.nn.functional.one_hot(batch[BPTT], logits.shape[-1])
        expected = (wrong @ one.module.network.output.weight).norm(dim=-1).mean().item()
    assert one.fit().log.rows["gradient_flow/layer0/distance_0"][0] == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    ("training", "rate"), [({"clip_norm": 1e-3}, 1.0), ({"clip_norm": 1e3}, 0.0), ({"clip_norm": None}, 0.0)]
)
def test_the_clip_rate_is_logged(run: Callable[..., Run], training: dict[str, Any], rate: float) -> None:
    rows = run(**training).fit().log.rows
    assert rows["train/clip_rate"] == dict.fromkeys(range(1, STEPS + 1), rate)
    assert min(rows["train/gradient_norm"].values()) > 1e-3  # before clipping


def test_value_clipping_cuts_the_step(run: Callable[..., Run]) -> None:
    clipped = run(clip_norm=None, clip_value=1e-4, learning_rate=1.0, diagnose_every=None)
    before = [weight.clone() for weight in clipped.weights()]
    clipped.fit()
    moved = max((a - b).abs().max().item() for a, b in zip(before, clipped.weights(), strict=True))
    assert 1e-4 < moved <= STEPS * 1.0001e-4
    assert set(clipped.log.rows["train/clip_rate"].values()) == {1.0}


@pytest.mark.parametrize("bad", [math.inf, math.nan])
@pytest.mark.parametrize("training", [{}, {"clip_norm": None}, {"clip_norm": None, "clip_value": 1.0}])
def test_with_a_gradient_that_is_no_number_no_step_is_taken(
    run: Callable[..., Run], training: dict[str, Any], bad: float
) -> None:
    """The third step's: weights stay those after two steps, and the loss tells the platform."""
    broken, seen = run(**training), []

    def spoil(gradient: Tensor) -> Tensor:
        seen.append([weight.clone() for weight in broken.weights()])
        return gradient * bad if len(seen) == 3 else gradient

    broken.module.network.output.bias.register_hook(spoil)
    broken.trainer.limit_train_batches = 1  # the platform would stop here
    broken.fit()
    assert len(seen) == 3
    assert broken.trainer.global_step == 2
    assert not math.isfinite(broken.losses.losses[0])
    assert not math.isfinite(broken.log.rows["train/gradient_norm"][2])
    for after_two, now in zip(seen[2], broken.weights(), strict=True):
        assert torch.equal(after_two, now)


def test_weights_that_have_run_away_show_in_the_loss_itself(run: Callable[..., Run]) -> None:
    lost = run(Network(cell="elman", activation="relu", hidden=5), clip_norm=None, learning_rate=1e6)
    lost.trainer.limit_train_batches = 2
    lost.fit()
    assert not math.isfinite(lost.losses.losses[-1])
    assert all(weight.isfinite().all() for weight in lost.weights())


@pytest.mark.parametrize("form", ["paper", "code"])
def test_omega_is_added_before_clipping(run: Callable[..., Run], form: Any) -> None:
    """The only step, over the whole text, by hand: from the plain gradient and Omega's own."""
    network, alpha, ceiling, rate = Network(cell="elman", hidden=5), 1.5, 0.05, 0.5
    one = run(network, omega=alpha, omega_form=form, clip_norm=ceiling, learning_rate=rate, bptt=64)
    model = one.module.network
    batch = next(iter(one.data.train_dataloader()))
    with record_states(model.recurrent) as records:
        logits, _ = model(batch[:-1], model.initial_state(COLUMNS))
    loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), batch[1:].flatten())
    states = [h for (h,) in records["layer0"].states]
    cell: Any = records["layer0"].layer.cell
    weights = list(model.parameters())
    gradients = torch.autograd.grad(loss, [*weights, *states])
    steps = list(gradients[: len(weights)])
    value, derivative = omega(cell, torch.stack(states).detach(), torch.stack(gradients[len(weights) :]), form=form)
    place = next(i for i, weight in enumerate(weights) if weight is cell.recur.weight)
    steps[place] = steps[place] + alpha * derivative
    norm = math.sqrt(sum(step.square().sum().item() for step in steps))
    assert norm > ceiling
    expected = [w.detach() - rate * ceiling / norm * step for w, step in zip(weights, steps, strict=True)]
    one.fit()
    assert one.trainer.global_step == 1
    torch.testing.assert_close([w.detach() for w in model.parameters()], expected, rtol=0, atol=1e-6)
    assert one.log.rows["train/omega"][1] == pytest.approx(value.item(), rel=1e-5)
    assert one.log.rows["train/gradient_norm"][1] == pytest.approx(norm, rel=1e-5)
