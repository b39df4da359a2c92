"""From the last states of an encoder to the first ones of a decoder."""

from __future__ import annotations

from typing import Literal, cast, final

import torch
from torch import Tensor, nn

from tasks.recurrent.cell import State

BridgeName = Literal["dense", "copy", "none"]


@final
class Bridge(nn.Module):
    """Each part of each layer's first state, of the same part of the encoder's layer at the same depth.

    ``dense``: ``tanh(V h + b)`` of all directions' last states together (Cho et al. 2014, arXiv 1406.1078, appendix
    A.1; Bahdanau et al. 2015 take the backward one's alone), without tanh for parts that are not bounded by it, such
    as an LSTM's c. ``copy``: the last states as they are, directions one after the other (Sutskever et al. 2014,
    arXiv 1409.3215). ``none``: zeros: all that a decoder learns of the source is by attention.

    Args:
        name: which of them.
        depth: layers of encoder and decoder.
        parts: names of a state's parts, the output first.
        features: size of an encoder's state, all directions together.
        hidden: size of a decoder's state.

    Raises:
        ValueError: states of other sizes are to be copied.
    """

    def __init__(self, name: BridgeName, *, depth: int, parts: tuple[str, ...], features: int, hidden: int) -> None:
        super().__init__()
        if name == "copy" and features != hidden:
            raise ValueError(
                f"bridge copy needs states of one size, received {features} of the encoder and {hidden} of the decoder"
            )
        self._name, self._hidden = name, hidden
        layers = range(depth if name == "dense" else 0)
        self.layers = nn.ModuleList(nn.ModuleList(nn.Linear(features, hidden) for _ in parts) for _ in layers)

    def forward(self, finals: tuple[tuple[State, ...], ...]) -> tuple[State, ...]:
        """The decoder's first states, one per layer, parts of shape (batch, hidden), from :class:`Encoded`'s finals."""
        # From levels of directions of parts to levels of parts, each of shape (batch, features).
        joined = [tuple(torch.cat(ways, dim=1) for ways in zip(*level, strict=True)) for level in finals]
        if self._name == "copy":
            return tuple(joined)
        if self._name == "none":
            return tuple(tuple(part.new_zeros(len(part), self._hidden) for part in state) for state in joined)
        return tuple(
            tuple(self._carry(linears, place, part) for place, part in enumerate(state))
            for linears, state in zip(self.layers, joined, strict=True)
        )

    @staticmethod
    def _carry(linears: nn.Module, place: int, part: Tensor) -> Tensor:
        carried: Tensor = cast("nn.ModuleList", linears)[place](part)
        return carried.tanh() if place == 0 else carried  # the first part is h, which a cell bounds
