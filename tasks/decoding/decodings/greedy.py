"""The most probable token at each step."""

from __future__ import annotations

from typing import final

from tasks.decoding.decoding import Decoding, Hypothesis, Request
from tasks.decoding.decodings._one_by_one import extend


@final
class Greedy(Decoding):
    """``y_t = argmax_v p(v | y_1 .. y_{t-1})``: a beam of width 1."""

    def decode(self, request: Request) -> list[list[Hypothesis]]:
        """See :meth:`Decoding.decode`; one hypothesis per sentence."""
        return [[one] for one in extend(request, lambda log_probabilities, _, __: log_probabilities.argmax(1))]
