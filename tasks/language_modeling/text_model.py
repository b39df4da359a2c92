"""Language models of every kind as models of the next token, which :mod:`tasks.decoding` writes text with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, final

import numpy as np
import torch
from torch import Tensor

from tasks.decoding.decoding import Request
from tasks.language_modeling.kneser_ney import KneserNey


class TextModel(Protocol):
    """A language model that goes on with texts, a token of each at a time; networks are such as they are."""

    def initial_state(self, batch: int) -> Any:
        """What it knows of ``batch`` texts before their first token, see :class:`~tasks.decoding.decoding.Step`."""

    def step(self, tokens: Tensor, state: Any) -> tuple[Tensor, Any]:
        """See :class:`~tasks.decoding.decoding.Step`."""


@final
class CountedModel:
    """N-grams; their state is the last ``order - 1`` tokens, shape (batch, order - 1).

    Args:
        model: what was counted.
    """

    def __init__(self, model: KneserNey) -> None:
        self._model = model

    def initial_state(self, batch: int) -> Tensor:
        """Nothing but ends of sentences."""
        return torch.full((batch, len(self._model.orders) - 1), self._model.boundary)

    def step(self, tokens: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """See :class:`~tasks.decoding.decoding.Step`; in float64."""
        state = torch.cat([state, tokens.unsqueeze(1)], dim=1)[:, 1:]
        probabilities = self._model.distributions(state.cpu().numpy().astype(np.int64))
        return torch.from_numpy(probabilities).log().to(tokens.device), state


def continuation_request(
    model: TextModel, text: Sequence[int], *, limit: int, end: int | None, seed: int, device: torch.device | None = None
) -> Request:
    """What asks a decoding to go on with a text.

    Args:
        model: the language model.
        text: its tokens, beginning with what stands before every text; at least one.
        limit: most tokens that follow.
        end: the token that ends what follows; None: only the limit does.
        seed: what a sampling draws from.
        device: where the model is.
    """
    tokens, state = torch.tensor(text, device=device), model.initial_state(1)
    for place in range(len(text) - 1):
        _, state = model.step(tokens[place : place + 1], state)
    return Request(
        step=model.step,
        state=state,
        start=tokens[-1:],
        end=end,
        limits=torch.tensor([limit], device=device),
        seeds=(seed,),
    )
