"""A task that fails on demand: straight-line regression with a fault of every kind."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal, final

import pytorch_lightning as pl
import torch
from torch import Tensor

from unroll.contract import Metric, Settings, Task, UserError

Fault = Literal[
    "none", "diverges", "raises", "refuses", "forgets", "hangs", "exhausts", "dies", "dies_once", "fills_the_disk"
]


class Network(Settings):
    hidden: int = 1


class Training(Settings):
    epochs: int = 3
    fault: Fault = "none"
    mark: str = ""


class FaultySettings(Settings):
    network: Network = Network()
    training: Training = Training()


@dataclass(frozen=True)
class Points:
    fingerprint: str = "points"
    facts: Mapping[str, int | float | str] = field(default_factory=dict)
    bounds: Mapping[str, float] = field(default_factory=dict)


class Loader:
    def __init__(self) -> None:
        self.epoch, self.position = 0, 0

    def __len__(self) -> int:
        return 4

    def __iter__(self) -> Iterator[Tensor]:
        while self.position < len(self):
            self.position += 1
            yield torch.arange(4.0).unsqueeze(1)
        self.epoch, self.position = self.epoch + 1, 0

    def state_dict(self) -> dict[str, int]:
        done = self.position == len(self)
        return {"epoch": self.epoch + done, "position": 0 if done else self.position}

    def load_state_dict(self, state: dict[str, int]) -> None:
        self.epoch, self.position = state["epoch"], state["position"]


class Data(pl.LightningDataModule):
    def train_dataloader(self) -> Any:
        return Loader()

    def val_dataloader(self) -> Any:
        return Loader()

    def test_dataloader(self) -> Any:
        return Loader()


class FaultyModule(pl.LightningModule):
    def __init__(self, training: Training) -> None:
        super().__init__()
        self.line = torch.nn.Linear(1, 1)
        self.items_seen = 0
        self.training_settings = training

    def initialise(self, seed: int) -> None:
        torch.nn.init.constant_(self.line.weight, 1 / (1 + seed))
        torch.nn.init.zeros_(self.line.bias)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.01)

    def training_step(self, batch: Tensor) -> Tensor:
        self.items_seen += len(batch)
        loss: Tensor = (self.line(batch) - 3 * batch).square().mean()
        if self.global_step == 5:
            loss = loss * self._fail()
        return loss

    def validation_step(self, batch: Tensor) -> None:
        name = "validation/mistaken" if self.training_settings.fault == "forgets" else "validation/loss"
        self.log(name, (self.line(batch) - 3 * batch).square().mean(), batch_size=len(batch))

    def test_step(self, batch: Tensor) -> None:
        self.log("test/loss", (self.line(batch) - 3 * batch).square().mean(), batch_size=len(batch))

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
            raise MemoryError("no memory for a batch of 4")
        if fault == "fills_the_disk":
            raise OSError(28, "No space left on device")
        if fault == "dies":
            os._exit(1)
        if fault == "dies_once" and not Path(self.training_settings.mark).exists():
            Path(self.training_settings.mark).touch()
            os._exit(1)
        return 1.0


@final
class Faulty(Task[FaultySettings, Points]):
    version: ClassVar[int] = 1
    settings: ClassVar[type[Settings]] = FaultySettings
    metrics: ClassVar[Mapping[str, Metric]] = {
        "validation/loss": Metric("minimize", "", "Mean squared error on the points."),
        "test/loss": Metric("minimize", "", "Mean squared error on the points."),
    }

    def prepare(self, settings: FaultySettings, cache: Path) -> Points:
        return Points()

    def module(self, settings: FaultySettings, dataset: Points) -> pl.LightningModule:
        return FaultyModule(settings.training)

    def data(self, settings: FaultySettings, dataset: Points, seed: int) -> pl.LightningDataModule:
        return Data()

    def epochs(self, settings: FaultySettings) -> int:
        return settings.training.epochs
