"""A straight line: logs in every way that Lightning has, marks who trains it, fails and selects states on demand."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal, final

import pytorch_lightning as pl
import torch
from pydantic import Field
from torch import Tensor

from unroll.contract import Metric, Selection, Settings, Task, UserError

Fault = Literal[
    "none", "diverges", "raises", "refuses", "forgets", "hangs", "exhausts", "dies", "dies_once", "fills_the_disk"
]


class Network(Settings):
    hidden: int = 1


class Training(Settings):
    epochs: int = 2
    batches: int = 4
    learning_rate: float = 0.01
    optimization: Literal["automatic", "manual", "every_second"] = "automatic"
    batch_seconds: float = 0.0
    marks: str = Field(default="", json_schema_extra={"location": True})
    """A folder: each process that trains a trial leaves a file there."""
    fault: Fault = "none"
    """What happens at the sixth step."""
    mark: str = ""
    """A file that ``dies_once`` leaves behind."""
    select: Literal["last", "best"] = "last"
    patience: int | None = None
    warm_epochs: int = 0
    """So many of the epochs are another trial's, with which this one begins."""
    reading: Literal["plain", "doubled"] = "plain"
    """``doubled`` trains nothing: it tests twice the line that the plain reading has learned."""
    bends: bool = False
    """Whether the module has a weight that the one of a warm start lacks."""
    script: tuple[str, ...] = ()
    """What is logged after each epoch in place of the validation's loss; empty: the loss."""


class LineSettings(Settings):
    network: Network = Network()
    training: Training = Training()


@dataclass(frozen=True)
class Points:
    fingerprint: str = "points"
    facts: Mapping[str, int | float | str] = field(default_factory=dict)
    bounds: Mapping[str, float] = field(default_factory=dict)


class Loader:
    """Noisy points of a line, a function of (seed, epoch, position)."""

    def __init__(self, seed: int, batches: int) -> None:
        self.seed, self.batches = seed, batches
        self.epoch, self.position = 0, 0

    def __len__(self) -> int:
        return self.batches

    def __iter__(self) -> Iterator[Tensor]:
        self._normalise()
        while self.position < len(self):
            self.position += 1
            order = 1000 * self.epoch + self.position + 7 * self.seed
            yield torch.tensor([[0.1 * (order % 5)], [1.0], [2.0 + order % 3]])

    def _normalise(self) -> None:
        if self.position == len(self):
            self.epoch, self.position = self.epoch + 1, 0

    def state_dict(self) -> dict[str, int]:
        done = self.position == len(self)
        return {"epoch": self.epoch + done, "position": 0 if done else self.position}

    def load_state_dict(self, state: dict[str, int]) -> None:
        self.epoch, self.position = state["epoch"], state["position"]


class Data(pl.LightningDataModule):
    def __init__(self, seed: int, batches: int) -> None:
        super().__init__()
        self.seed, self.batches = seed, batches

    def train_dataloader(self) -> Any:
        return Loader(self.seed, self.batches)

    def val_dataloader(self) -> Any:
        return [torch.tensor([[0.5], [1.5]])]

    def test_dataloader(self) -> Any:
        return [torch.tensor([[2.5], [3.5]])]


class LineModule(pl.LightningModule):
    def __init__(self, training: Training) -> None:
        super().__init__()
        self.line = torch.nn.Linear(1, 1)
        if training.bends:
            self.bend = torch.nn.Parameter(torch.zeros(()))
        self.items_seen = 0
        self.training_settings = training
        self.automatic_optimization = training.optimization == "automatic"

    def initialise(self, seed: int) -> None:
        self.seed = seed
        torch.nn.init.constant_(self.line.weight, 1 / (1 + seed))
        torch.nn.init.zeros_(self.line.bias)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=self.training_settings.learning_rate, momentum=0.5)

    def on_fit_start(self) -> None:
        if marks := self.training_settings.marks:
            (Path(marks) / f"{self.seed}-{os.getpid()}-{time.time_ns()}").touch()

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["items_seen"] = self.items_seen

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        self.items_seen = checkpoint["items_seen"]

    def training_step(self, batch: Tensor, index: int) -> Tensor:
        time.sleep(self.training_settings.batch_seconds)
        self.items_seen += len(batch)
        loss: Tensor = (self.line(batch) - 3 * batch + 0.1 * torch.rand(())).square().mean()
        if self.global_step == 5:
            loss = loss * self._fail()
        self.log("train/loss", loss, batch_size=len(batch))
        if not self.automatic_optimization:
            self._learn(loss, step=self.training_settings.optimization == "manual" or index % 2 == 1)
        return loss

    def _learn(self, loss: Tensor, *, step: bool) -> None:
        optimizer: Any = self.optimizers()
        optimizer.zero_grad()
        self.manual_backward(loss)
        for logger in self.loggers:
            logger.log_metrics({"train/gradient": float(self.line.weight.grad.sum())})  # type: ignore[union-attr]
        if step:
            optimizer.step()

    def on_train_batch_end(self, outputs: Any, batch: Tensor, index: int) -> None:
        self.log("train/weight", self.line.weight.sum())

    def validation_step(self, batch: Tensor) -> None:
        loss = (self.line(batch) - 3 * batch).square().mean()
        if script := self.training_settings.script:
            loss = torch.tensor(float(script[self.current_epoch]), dtype=torch.float64)
        name = "validation/mistaken" if self.training_settings.fault == "forgets" else "validation/loss"
        self.log(name, loss, batch_size=len(batch))
        self.log("validation/score", loss, batch_size=len(batch))

    def on_train_epoch_end(self) -> None:
        self.log("train/bias", self.line.bias.sum())

    def test_step(self, batch: Tensor) -> None:
        scale = 2 if self.training_settings.reading == "doubled" else 1
        self.log("test/loss", (scale * self.line(batch) - 3 * batch).square().mean(), batch_size=len(batch))

    def _fail(self) -> float:
        fault = self.training_settings.fault
        if fault == "diverges":
            return float("nan")
        if fault == "raises":
            raise ValueError("the fault that was asked for\nwith a second line")
        if fault == "refuses":
            raise UserError("points must lie on a line", where="points.txt:3")
        if fault == "hangs":
            time.sleep(600)
        if fault == "exhausts":
            raise MemoryError("no memory for a batch of 3")
        if fault == "fills_the_disk":
            raise OSError(28, "No space left on device")
        if fault == "dies":
            os._exit(1)
        if fault == "dies_once" and not Path(self.training_settings.mark).exists():
            Path(self.training_settings.mark).touch()
            os._exit(1)
        return 1.0


@final
class Line(Task[LineSettings, Points]):
    version: ClassVar[int] = 1
    settings: ClassVar[type[Settings]] = LineSettings
    metrics: ClassVar[Mapping[str, Metric]] = {
        "validation/loss": Metric("minimize", "", "Mean squared error on the points."),
        "validation/score": Metric("maximize", "", "The same number, of which more is taken for better."),
        "test/loss": Metric("minimize", "", "Mean squared error on the points."),
    }

    def prepare(self, settings: LineSettings, cache: Path) -> Points:
        return Points()

    def module(self, settings: LineSettings, dataset: Points) -> pl.LightningModule:
        return LineModule(settings.training)

    def data(self, settings: LineSettings, dataset: Points, seed: int) -> pl.LightningDataModule:
        return Data(seed, settings.training.batches)

    def epochs(self, settings: LineSettings) -> int:
        training = settings.training
        return 0 if training.reading == "doubled" else training.epochs - training.warm_epochs

    def warm_start(self, settings: LineSettings) -> LineSettings | None:
        training = settings.training
        if training.reading == "doubled":
            return LineSettings(network=settings.network, training=training.model_copy(update={"reading": "plain"}))
        plain = {"warm_epochs": 0, "epochs": training.warm_epochs, "bends": False}
        if training.warm_epochs:
            return LineSettings(network=settings.network, training=training.model_copy(update=plain))
        return None

    def control(self, settings: LineSettings) -> Mapping[str, object] | None:
        remedy = settings.training.bends and settings.training.reading == "plain"
        return {"training.warm_epochs": 0, "training.bends": False} if remedy else None

    def selection(self, settings: LineSettings) -> Selection:
        return Selection(best=settings.training.select == "best", patience=settings.training.patience)
