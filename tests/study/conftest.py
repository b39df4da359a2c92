"""A project in a temporary folder with one tiny task, so that the generic parts are tested without the real ones."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

TASK = """
from pathlib import Path
from typing import Literal

import pytorch_lightning as pl
import torch
from pydantic import Field, model_validator

from unroll.contract import LOCATION, Metric, Settings, Task, UserError, UserErrors


class Data(Settings):
    corpus: Literal["toy", "text"] = "toy"
    path: Path | None = Field(default=None, json_schema_extra={LOCATION: True})
    lowercase: bool = False


class Network(Settings):
    cell: Literal["elman", "gru", "lstm"] = "lstm"
    hidden: int = Field(default=16, ge=1, description="Units of each layer.")
    depth: int = Field(default=1, ge=1)
    dropout: float = Field(default=0, ge=0, lt=1)


class Training(Settings):
    epochs: int = Field(default=2, ge=1)
    learning_rate: float = Field(default=1e-3, gt=0)
    clip_norm: float | None = Field(default=None, allow_inf_nan=True)
    betas: tuple[float, ...] = (0.9, 0.999)
    warmup: int = 0

    @model_validator(mode="after")
    def _short_enough(self):
        if self.warmup >= self.epochs:
            raise ValueError(f"warmup must be shorter than epochs, received {self.warmup} and {self.epochs}")
        return self


class Everything(Settings):
    data: Data = Data()
    network: Network = Network()
    training: Training = Training()

    @model_validator(mode="after")
    def _deep_enough(self):
        if self.network.dropout and self.network.depth == 1:
            raise ValueError("dropout between layers needs network.depth of 2 or more")
        return self


class Prepared:
    def __init__(self, data):
        if data.path is not None and not data.path.exists():
            raise UserError("the data must exist", where=str(data.path))
        if data.path is not None and data.path.is_dir():
            raise UserErrors([UserError("a file must be right", where=str(data.path / name)) for name in "ab"])
        self.fingerprint = "toy" if data.path is None else Path(data.path).read_text()
        self.facts = {"vocabulary": 10}
        self.bounds = {"validation/loss": 0.5}


class Learner(pl.LightningModule):
    items_seen = 0

    def __init__(self, width):
        super().__init__()
        self.layer = torch.nn.Linear(9, width)

    def initialise(self, seed): ...
    def training_step(self, batch, batch_idx): ...
    def validation_step(self, batch, batch_idx): ...
    def test_step(self, batch, batch_idx): ...
    def configure_optimizers(self): ...


class Loaders(pl.LightningDataModule):
    def train_dataloader(self): ...
    def val_dataloader(self): ...
    def test_dataloader(self): ...


class Tiny(Task[Everything, Prepared]):
    version = 1
    settings = Everything
    metrics = {
        "validation/loss": Metric("minimize", "nats", "Mean loss."),
        "test/accuracy": Metric("maximize", "", "Share that is right."),
    }

    def prepare(self, settings, cache):
        with (cache / "calls").open("a") as calls:
            calls.write("x")
        return Prepared(settings.data)

    def module(self, settings, dataset):
        return Learner({"elman": 1, "gru": 3, "lstm": 4}[settings.network.cell] * settings.network.hidden)

    def data(self, settings, dataset, seed):
        return Loaders()

    def epochs(self, settings):
        return settings.training.epochs

    def flops_per_token(self, settings, dataset):
        gates = {"elman": 1, "gru": 3, "lstm": 4}[settings.network.cell]
        return 2 * gates * settings.network.hidden * (9 + settings.network.hidden)

    def warnings(self, settings, dataset):
        return ["All letters are small."] if settings.data.lowercase else []

    def absent(self, settings, dataset):
        return {"test/accuracy": "nothing is capital"} if settings.data.lowercase else {}

    def unused(self, settings):
        return ["training.clip_norm"] if settings.network.cell == "elman" else []

    def steps(self, settings, dataset):
        return 100 * settings.training.epochs
"""

STUDY = """\
question: Does gating help?
task: tiny
settings:
  network: {depth: 2}
  training: {epochs: 3}
compare:
  network.cell: [elman, gru, lstm]
seeds: 2
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, other_tasks: None) -> Path:
    """Root of a project with the task ``tiny`` and an empty ``studies/``; the working directory lies in it."""
    folder = tmp_path / "project"
    (folder / "tasks" / "tiny").mkdir(parents=True)
    (folder / "studies").mkdir()
    (folder / "tasks" / "__init__.py").touch()
    (folder / "tasks" / "tiny" / "task.py").write_text(TASK)
    monkeypatch.setenv("UNROLL_ROOT", str(folder))
    monkeypatch.chdir(folder)
    sys.path.insert(0, str(folder))
    return folder


@pytest.fixture
def write(project: Path) -> Callable[..., Path]:
    """Write ``studies/<name>/study.yaml`` and return its file."""

    def write(text: str = STUDY, name: str = "cells") -> Path:
        file = project / "studies" / name / "study.yaml"
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(text.encode())
        return file

    return write
