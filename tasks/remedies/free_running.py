"""Letting a model read its own words."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from tasks.remedies.remedy import PADDING, Examples, SequenceModel

Choose = Callable[[Tensor], Tensor]
"""From logits (batch, vocabulary) a token for each sentence."""


class FreeRun(NamedTuple):
    """What a model wrote.

    Args:
        tokens: shape (time, batch), :data:`~tasks.remedies.remedy.PADDING` behind the end symbol.
        features: of each step, with gradients to the weights and none to the choices, shape (time, batch, size).
    """

    tokens: Tensor
    features: Tensor

    def sentences(self, end: int) -> list[list[int]]:
        """Tokens of each sentence without the end symbol."""
        return [[token for token in column if token not in (PADDING, end)] for column in self.tokens.T.tolist()]


def draw(logits: Tensor) -> Tensor:
    """A token from the model's distribution, shape (batch,); any one where that is NaN, as the loss then is, too."""
    return torch.multinomial(logits.softmax(1).nan_to_num(nan=1.0), 1).squeeze(1)


def most_probable(logits: Tensor) -> Tensor:
    """The most probable token, shape (batch,)."""
    return logits.argmax(1)


def run_free(
    model: SequenceModel, examples: Examples, choose: Choose, *, limit: int, forced: int = 0, stops: bool = True
) -> FreeRun:
    """Write from the start on; every choice is read at the next step.

    Args:
        model: what writes.
        examples: where it begins.
        choose: how a token is chosen; no gradient flows through it.
        limit: most tokens.
        forced: so many tokens at the beginning are the right ones and not chosen.
        stops: whether a sentence is over at its end symbol; otherwise all have ``limit`` tokens.
    """
    state, read = model.begin(), examples.start
    over = torch.zeros_like(read, dtype=torch.bool)
    tokens, features = list[Tensor](), list[Tensor]()
    for time in range(limit):
        now, state = model.step(model.embed(read), state)
        if time < forced:
            token = examples.targets[time]
        else:
            with torch.no_grad():
                token = choose(model.logits(now))
        token = torch.where(over, PADDING, token)
        tokens.append(token)
        features.append(now)
        if stops:
            over = over | (token == examples.end) | (token == PADDING)
            if bool(over.all()):
                break
        read = token.clamp(min=0)
    return FreeRun(torch.stack(tokens), torch.stack(features))
