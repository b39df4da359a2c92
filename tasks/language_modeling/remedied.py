"""A window of running text as a sequence that remedies for exposure bias can train."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import cast, final

import torch
from torch import Tensor

from tasks.language_modeling.network import LanguageModel
from tasks.recurrent.cell import State
from tasks.remedies.own_weights import OwnWeights
from tasks.remedies.remedy import Examples, Objective, Remedy


@final
class Window:
    """The distribution over what follows in the columns of a text: a :class:`~tasks.remedies.remedy.SequenceModel`.

    Args:
        network: recurrent.
        before: its state before the window, without gradients; parts of shape (batch, hidden).
    """

    def __init__(self, network: LanguageModel, before: tuple[State, ...]) -> None:
        self._network, self._before = network, before

    def begin(self) -> tuple[State, ...]:
        """See :meth:`SequenceModel.begin`."""
        return self._before

    def embed(self, tokens: Tensor) -> Tensor:
        """See :meth:`SequenceModel.embed`."""
        return cast("Tensor", self._network.embedding(tokens))

    def step(self, embedded: Tensor, state: tuple[State, ...]) -> tuple[Tensor, tuple[State, ...]]:
        """See :meth:`SequenceModel.step`."""
        outputs, after = self._network.recurrent(embedded.unsqueeze(0), state)
        return outputs[0], after

    def read(self, embedded: Tensor, state: tuple[State, ...]) -> Tensor:
        """See :meth:`SequenceModel.read`."""
        outputs, _ = self._network.recurrent(embedded, state)
        return cast("Tensor", outputs)

    def logits(self, features: Tensor) -> Tensor:
        """See :meth:`SequenceModel.logits`."""
        return cast("Tensor", self._network.output(features))

    def repeat(self, times: int) -> Window:
        """See :meth:`SequenceModel.repeat`."""
        copies = tuple(tuple(part.repeat_interleave(times, dim=0) for part in layer) for layer in self._before)
        return Window(self._network, copies)

    @contextmanager
    def evaluating(self) -> Iterator[Window]:
        """See :meth:`SequenceModel.evaluating`."""
        training = self._network.training
        self._network.eval()
        try:
            with torch.no_grad():
                yield self
        finally:
            self._network.train(training)


@final
@dataclass(slots=True)
class TextRemedy:
    """How a remedy trains a language model, window by window.

    Every window begins where the text is: with the state behind the right words before it, and with a right word. What
    the model reads of its own within a window is not carried on, and the end of a sentence is a token like any other.

    Args:
        remedy: what is minimized.
        own: its own weights.
        end: the token that ends a sentence.
        updates: optimizer steps of the whole run.
        logged: what was last told of a window.
    """

    remedy: Remedy
    own: OwnWeights
    end: int
    updates: int
    logged: Mapping[str, float] = field(default_factory=dict)

    def objective(self, network: LanguageModel, before: tuple[State, ...], window: Tensor, *, update: int) -> Objective:
        """What is minimized.

        Args:
            network: what learns.
            before: its state before the window.
            window: ids of shape (time + 1, batch): each but the last is read, each but the first is right.
            update: optimizer steps done.
        """
        targets = window[1:]
        examples = Examples(
            start=window[0], targets=targets, end=self.end, limit=len(targets), update=update, updates=self.updates
        )
        found = self.remedy.objective(Window(network, before), examples)
        self.logged = {"objective": found.loss.item(), **found.logged}
        return found
