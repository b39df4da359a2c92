"""Scores over the whole of held-out data."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from hashlib import blake2b
from typing import Generic, TypeVar, final

import numpy as np
import pytorch_lightning as pl
import torch
from torch import Tensor

from unroll.contract import ExampleScores, Formula

HeldOutT = TypeVar("HeldOutT")


@final
class ExampleSums:
    """What each example of the test data adds to sums, collected batch by batch."""

    def __init__(self) -> None:
        self._parts: dict[str, list[Tensor]] = {}
        self._known = blake2b(digest_size=16)

    def add(self, known: Iterable[Tensor | str], **parts: Tensor) -> None:
        """With the examples of one more batch.

        Args:
            known: what the examples are, whatever is learned and whatever numbers words have: lengths, labels, texts.
            parts: sum -> what each example adds, shape (batch,).
        """
        for each in known:
            text = each if isinstance(each, str) else ",".join(map(str, each.tolist()))
            self._known.update(f"{len(text)}:{text};".encode())
        for name, part in parts.items():
            self._parts.setdefault(name, []).append(part.detach().cpu())

    def scores(self, formulas: Mapping[str, Formula]) -> ExampleScores | None:
        """Of all that were added; None where nothing was.

        Args:
            formulas: by the full name of a metric.
        """
        if not self._parts:
            return None
        columns = {name: torch.cat(parts).numpy() for name, parts in self._parts.items()}
        sums = {name: part.astype(np.int64) if part.dtype == np.bool_ else part for name, part in columns.items()}
        return ExampleScores(test_set=self._known.hexdigest(), sums=sums, metrics=formulas)


class ScoredModule(pl.LightningModule, ABC, Generic[HeldOutT]):
    """A module whose held-out data are counted batch by batch and scored once, never averaged over batches.

    After each epoch :meth:`scores` of the validation data are logged as ``validation/NAME``, in the end those of the
    test data as ``test/NAME``.

    A subclass with :meth:`formulas` adds, in :meth:`count`, each example of the test data to :attr:`per_example`.
    """

    per_example: ExampleSums | None = None
    """Collects what each example adds; None while other data than the test's are counted."""

    @abstractmethod
    def begin_counting(self) -> None:
        """Count anew."""

    @abstractmethod
    def count(self, batch: HeldOutT) -> None:
        """Count what was right in some of the held-out data."""

    @abstractmethod
    def scores(self) -> Mapping[str, float]:
        """Of all that was counted, by name without the split."""

    def formulas(self) -> Mapping[str, Formula]:
        """How scores follow from what examples add, by name without the split; none, as here: that is not kept."""
        return {}

    def example_scores(self) -> ExampleScores | None:
        """What each example of the test data added, once the test is over."""
        of_test = {f"test/{name}": formula for name, formula in self.formulas().items()}
        return self.per_example.scores(of_test) if self.per_example else None

    def on_validation_epoch_start(self) -> None:
        """Begin with the validation data."""
        self.per_example = None
        self.begin_counting()

    def validation_step(self, batch: HeldOutT) -> None:
        """Count in some of the validation data."""
        self.count(batch)

    def on_validation_epoch_end(self) -> None:
        """Log the scores of the whole validation data."""
        self.log_scores("validation")

    def on_test_epoch_start(self) -> None:
        """Begin with the test data."""
        self.per_example = ExampleSums()
        self.begin_counting()

    def test_step(self, batch: HeldOutT) -> None:
        """Count in some of the test data."""
        self.count(batch)

    def on_test_epoch_end(self) -> None:
        """Log the scores of the whole test data."""
        self.log_scores("test")

    def log_scores(self, split: str) -> Mapping[str, float]:
        """Log the scores of what was counted; gives them, by name without the split."""
        scores = self.scores()
        self.log_whole({f"{split}/{name}": score for name, score in scores.items()})
        self.log("step", float(self.global_step))  # Lightning's name for the step that the loggers get
        return scores

    def log_whole(self, values: Mapping[str, float]) -> None:
        """Log the values of all held-out data as they are: of Python's numbers ``self.log`` keeps but 32 bits."""
        self.log_dict({name: torch.tensor(value, dtype=torch.float64) for name, value in values.items()})


def count_step(trainer: pl.Trainer) -> None:
    """Make Lightning count an optimizer step that it did not see: ``global_step`` is this number.

    Its own wrapper of an optimizer does the same, and calls hooks besides that nobody has here: a tenth of a
    millisecond per step, a twentieth of a small network's. A test fails where these names are no longer Lightning's.
    """
    # `ready` before a step, `completed` after it: Lightning counts both, and global_step is the second.
    steps = trainer.fit_loop.epoch_loop.manual_optimization.optim_step_progress
    steps.increment_ready()
    steps.increment_completed()
