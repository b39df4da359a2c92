"""What a decoding is given and what it gives."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from lightning_utilities.core.apply_func import apply_to_collection
from torch import Tensor


class Step(Protocol):
    """A model of the next token, autoregressive: ``p(y_t | y_1 .. y_{t-1})``, whatever else it is conditioned on."""

    def __call__(self, tokens: Tensor, state: Any, /) -> tuple[Tensor, Any]:
        """Read one token per row and give the distribution of the next one.

        Args:
            tokens: shape (rows,).
            state: what the model knows before them: tensors with the rows in their first dimension, in tuples, lists
                and dicts of any depth.

        Returns:
            Natural logarithms of probabilities, shape (rows, vocabulary), and the new state.
        """


def forbid(step: Step, tokens: Sequence[int]) -> Step:
    """A model that never gives these tokens; the log-probabilities of all others are the model's own."""

    def others(last: Tensor, state: Any) -> tuple[Tensor, Any]:
        log_probabilities, state = step(last, state)
        left = log_probabilities.clone()
        left[:, list(tokens)] = -torch.inf
        return left, state

    return others


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """One sequence that a decoding found.

    Args:
        tokens: what follows the start, with the end symbol if it is finished.
        log_probability: natural logarithm of the product of the tokens' probabilities, as the model has them:
            temperature and truncation of a sampling do not change it.
        finished: whether it ends with the end symbol, not by its limit.
    """

    tokens: tuple[int, ...]
    log_probability: float
    finished: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is to be decoded: a batch of sentences.

    Args:
        step: the model.
        state: its state before the first token, a row for each sentence.
        start: the first token that the model reads, shape (batch,); no part of a hypothesis.
        end: the symbol that finishes a hypothesis; None where only the limit does.
        limits: most tokens of each sentence's hypotheses, the end symbol included, shape (batch,), at least 1.
        seeds: one for each sentence; what is drawn for it depends on nothing else. Only samplings read them.
    """

    step: Step
    state: Any
    start: Tensor
    end: int | None
    limits: Tensor
    seeds: Sequence[int] = ()


class Decoding(ABC):
    """A way to choose sequences. Final subclasses live in ``tasks/decoding/decodings/<name>.py``, one per file.

    A constructor's keyword arguments are its settings.
    """

    @abstractmethod
    def decode(self, request: Request) -> list[list[Hypothesis]]:
        """For each sentence its hypotheses, at least one, best first; unfinished ones stand behind finished ones."""


def select_rows(state: Any, rows: Tensor) -> Any:
    """Rows of every tensor of a state, in a new order or several times."""
    return apply_to_collection(state, Tensor, torch.index_select, 0, rows)
