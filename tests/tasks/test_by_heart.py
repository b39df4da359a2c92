"""Whatever task is found, ten examples of it can be learned by heart: gradients reach all that they should."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl

from tests.tasks.run import quiet_trainer
from tests.tasks.variants import Variant, every_variant

FAR_BELOW = 1 / 20
"""Share of its first value that the loss on ten examples must fall below: no answer that ignores the input does."""
MOST_STEPS = 1000
"""A budget, not a claim: the slowest task takes some 600, a few more or fewer by the processor's rounding."""


class Only:
    """Epochs of one batch, always the same."""

    def __init__(self, batch: Any) -> None:
        self._batch = batch

    def __len__(self) -> int:
        return 1

    def __iter__(self) -> Iterator[Any]:
        yield self._batch


class Losses(pl.Callback):
    """The loss of every step; stops once it is far below the first."""

    def __init__(self) -> None:
        self.seen: list[float] = []

    def on_train_batch_end(self, trainer: pl.Trainer, module: Any, outputs: Any, *args: Any) -> None:
        self.seen.append(float(outputs["loss"]))
        trainer.should_stop = self.learned

    @property
    def learned(self) -> bool:
        return self.seen[-1] < FAR_BELOW * self.seen[0]


@every_variant
def test_ten_examples_are_learned_by_heart(variant: Variant, cache: Path) -> None:
    task, settings = variant.task, variant.settings(10)
    dataset = task.prepare(settings, cache)
    module: Any = task.module(settings, dataset)
    if not any(weight.requires_grad for weight in module.parameters()):
        pytest.skip("it counts: nothing is learned step by step")
    module.initialise(0)
    data: Any = task.data(settings, dataset, 0)
    losses = Losses()
    trainer = quiet_trainer(max_epochs=MOST_STEPS, callbacks=[losses], limit_val_batches=0)
    trainer.fit(module, Only(next(iter(data.train_dataloader()))), data.val_dataloader())
    assert losses.learned, losses.seen[:: MOST_STEPS // 10]
