"""What a remedy is given and what it gives."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Final, Literal, Protocol

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

PADDING: Final = -100
"""What stands in targets where a sentence is over: torch's own sign for "count nothing here"."""


class SequenceModel(Protocol):
    """``p(y | x) = prod_t p(y_t | y_1 .. y_{t-1}, x)`` for the x of one batch."""

    def begin(self) -> Any:
        """The state before the first token of every sentence; the batch comes first in all its tensors."""

    def embed(self, tokens: Tensor) -> Tensor:
        """What the model reads of tokens, shape (..., embedding)."""

    def step(self, embedded: Tensor, state: Any) -> tuple[Tensor, Any]:
        """Read one token per sentence, (batch, embedding); gives features (batch, size) and the new state."""

    def read(self, embedded: Tensor, state: Any) -> Tensor:
        """The features of all steps at once, (time, batch, size), where all tokens are known: what steps would give."""

    def logits(self, features: Tensor) -> Tensor:
        """Of the next token, shape (..., vocabulary)."""

    def repeat(self, times: int) -> SequenceModel:
        """The same with each sentence of the batch standing so many times in a row."""

    def evaluating(self) -> AbstractContextManager[SequenceModel]:
        """Within, the same without dropout and without gradients."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Examples:
    """Right sequences of one batch, and how far training is.

    Args:
        start: what is read before the first token, shape (batch,).
        targets: right tokens, the end symbol last, :data:`PADDING` behind it, shape (time, batch).
        end: the end symbol.
        limit: most tokens that a model may write in training, the end symbol included.
        update: number of updates before this one.
        updates: of the whole run.
    """

    start: Tensor
    targets: Tensor
    end: int
    limit: int
    update: int
    updates: int

    @property
    def real(self) -> Tensor:
        """Where there is a target, shape (time, batch)."""
        return self.targets != PADDING

    def gold(self, time: int) -> Tensor:
        """What teacher forcing reads at a step, shape (batch,); something harmless behind the end."""
        return self.start if time == 0 else self.targets[time - 1].clamp(min=0)

    def inputs(self) -> Tensor:
        """All of :meth:`gold`, shape (time, batch)."""
        return torch.cat([self.start.unsqueeze(0), self.targets[:-1].clamp(min=0)])

    def repeat(self, times: int) -> Examples:
        """Each sentence so many times in a row."""
        start, targets = self.start.repeat_interleave(times), self.targets.repeat_interleave(times, dim=1)
        return replace(self, start=start, targets=targets)

    def references(self) -> list[list[int]]:
        """Each sentence's right tokens without the end symbol."""
        return [[token for token in column if token not in (PADDING, self.end)] for column in self.targets.T.tolist()]


@dataclass(frozen=True, slots=True)
class Objective:
    """What one update minimizes.

    Args:
        loss: of the model's weights, a scalar.
        own: of the remedy's own weights (a baseline, a discriminator), a scalar that no other weight has a part in;
            None where there is nothing to learn now. They learn from nothing else: what ``loss`` leaves in their
            gradients is thrown away.
        logged: numbers that say what the remedy did, by name.
    """

    loss: Tensor
    own: Tensor | None = None
    logged: Mapping[str, float] = field(default_factory=dict)


class Remedy(nn.Module, ABC):
    """A way to train. Final subclasses live in ``tasks/remedies/kinds/<name>.py``, one per file.

    A constructor takes, by keyword, ``features: int`` (size of a step's features), and beyond it whatever it calls
    options: settings of ``training`` of the same name. Whatever it draws comes from torch's own generator, which is
    seeded for every update.
    """

    warm_start: ClassVar[bool] = False
    """Whether it is meant to begin with weights of a trial that was trained by teacher forcing."""
    warm_rate: ClassVar[float] = 1.0
    """What the model's learning rate is multiplied with behind a warm start, where settings do not give it."""
    own_rate: ClassVar[float | None] = None
    """Learning rate of the remedy's own weights, by Adam, where settings do not give it; None: it has no weights."""
    mean_of: ClassVar[Literal["tokens", "sentences"] | None] = None
    """What its loss is a mean of; None: of several things, so that batches cannot be added up to a larger one."""

    of_running_text: ClassVar[bool] = False
    """Whether it also trains models of running text, window by window: a window begins and ends anywhere, so that a
    sequence which the model ends itself, or which is rewarded as a whole, means nothing there."""

    @abstractmethod
    def objective(self, model: SequenceModel, examples: Examples) -> Objective:
        """What this update minimizes."""

    def warnings(self, *, vocabulary: int, length: int) -> Sequence[str]:  # noqa: ARG002
        """What must be known of its options before anything is trained, in whole sentences; nothing, as here.

        Args:
            vocabulary: number of tokens, the end symbol included.
            length: tokens of a right sequence, on average and without the end symbol; at least 1.
        """
        return ()


def negative_log_likelihood(logits: Tensor, targets: Tensor) -> Tensor:
    """Mean over all real tokens, in nats: from (time, batch, vocabulary) and (time, batch)."""
    return cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=PADDING)


def token_log_probabilities(logits: Tensor, tokens: Tensor) -> Tensor:
    """Of given tokens, shape (time, batch); 0 at :data:`PADDING`."""
    chosen = logits.log_softmax(-1).gather(-1, tokens.clamp(min=0).unsqueeze(-1)).squeeze(-1)
    return chosen.masked_fill(tokens == PADDING, 0.0)
