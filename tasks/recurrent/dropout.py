"""Dropout: on what layers read and write, and on what they carry through time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from torch import Tensor, nn
from torch.nn.functional import dropout

from tasks.recurrent.cell import State
from tasks.recurrent.noise import Noise


@final
class Dropout(nn.Module):
    """Drops values of sequences and scales up the others; off in evaluation.

    Args:
        rate: probability that a value is dropped.
        locked: one mask for all steps of a sequence (variational dropout, Gal and Ghahramani 2016, arXiv 1512.05287);
            otherwise a mask for each step.
    """

    def __init__(self, rate: float, *, locked: bool) -> None:
        super().__init__()
        self._rate, self._locked = rate, locked

    def forward(self, sequences: Tensor) -> Tensor:
        """Sequences of shape (time, batch, features) with values dropped."""
        if not self.training or self._rate == 0:
            return sequences
        if self._locked:
            return sequences * _scaled_mask(sequences[:1], self._rate)  # (1, batch, features), for all steps
        return dropout(sequences, self._rate)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class StateNoise:
    """How the state is disturbed on its way through time.

    Args:
        recurrent: probability that a value of h is dropped where it enters the recurrent products, the same values at
            all steps of a sequence (Gal and Ghahramani 2016).
        zoneout: probability that a value of h stays what it was instead of being updated (Krueger et al. 2017, arXiv
            1606.01305). In evaluation h becomes the expectation of the two.
        zoneout_memory: the same for the other parts of the state: c of an LSTM.
    """

    recurrent: float = 0.0
    zoneout: float = 0.0
    zoneout_memory: float = 0.0

    def draw(self, state: State, *, steps: int, training: bool) -> Noise | None:
        """Noise for one reading of a batch; None where there is nothing to do.

        Args:
            state: the state before the first step, parts of shape (batch, hidden).
            steps: how many steps are read.
            training: whether to draw at random; otherwise expectations.
        """
        h, *memory = state
        recurrent = _scaled_mask(h, self.recurrent) if training and self.recurrent else None
        # Once one part of the state has a share, all have: a rate of 0 gives a share of 0, one number.
        rates = (self.zoneout, *(self.zoneout_memory for _ in memory))
        keep = tuple(_kept(h, rate, steps=steps, training=training) for rate in rates) if any(rates) else ()
        return Noise(recurrent=recurrent, keep=keep) if keep or recurrent is not None else None


def _scaled_mask(like: Tensor, rate: float) -> Tensor:
    # Its expectation is 1, so that evaluation needs no mask.
    return like.new_empty(like.shape).bernoulli_(1 - rate).div_(1 - rate)


def _kept(like: Tensor, rate: float, *, steps: int, training: bool) -> Tensor:
    if training and rate:
        return like.new_empty(steps, *like.shape).bernoulli_(rate)
    return like.new_full((1, 1, 1), rate)  # the expectation, of all steps, sequences and units
