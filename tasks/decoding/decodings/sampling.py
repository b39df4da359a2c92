"""Tokens drawn from the model's own distribution."""

from __future__ import annotations

from dataclasses import replace
from typing import final

import torch
from torch import Tensor

from tasks.decoding.decoding import Decoding, Hypothesis, Request, select_rows
from tasks.decoding.decodings._one_by_one import extend
from unroll.contract import derive_seed


@final
class Sampling(Decoding):
    """``y_t ~ p(. | y_1 .. y_{t-1})``, one token after the other (ancestral sampling).

    Truncations are applied in the order temperature, ``top_k``, ``top_p``; what is left is renormalised.

    Args:
        samples: hypotheses per sentence, drawn independently.
        temperature: logits are divided by it; 1 is the model, towards 0 it is greedy.
        top_k: only this many most probable tokens (Fan et al. 2018, arXiv 1805.04833, section 5); None: all.
        top_p: only the smallest set of most probable tokens whose probabilities sum to at least this (nucleus
            sampling, Holtzman et al. 2020, arXiv 1904.09751, equation 2); None: all.
    """

    def __init__(
        self, *, samples: int = 1, temperature: float = 1.0, top_k: int | None = None, top_p: float | None = None
    ) -> None:
        self._samples, self._temperature, self._top_k, self._top_p = samples, temperature, top_k, top_p

    def decode(self, request: Request) -> list[list[Hypothesis]]:
        """See :meth:`Decoding.decode`; ``samples`` hypotheses per sentence, sorted by the model's probability.

        A sentence's draws depend on its seed alone: not on the batch, nor on the device.
        """
        batch, most = len(request.start), int(request.limits.max())
        rows = torch.arange(batch, device=request.start.device).repeat_interleave(self._samples)
        draws = torch.stack(
            [
                _uniform(most, derive_seed(seed, "sample", number))
                for seed in request.seeds
                for number in range(self._samples)
            ]
        ).to(request.start.device)
        repeated = replace(
            request, state=select_rows(request.state, rows), start=request.start[rows], limits=request.limits[rows]
        )
        found = extend(repeated, lambda scores, sentences, step: self._draw(scores, draws[sentences, step]))
        by_sentence = [found[first : first + self._samples] for first in range(0, len(found), self._samples)]
        return [sorted(s, key=lambda h: (not h.finished, -h.log_probability)) for s in by_sentence]

    def _draw(self, log_probabilities: Tensor, uniform: Tensor) -> Tensor:
        """Invert the cumulative distribution, most probable tokens first, at a uniform number per row."""
        sorted_, tokens = (log_probabilities.double() / self._temperature).sort(dim=1, descending=True, stable=True)
        if self._top_k is not None:
            sorted_[:, self._top_k :] = -torch.inf
        probabilities = sorted_.softmax(1)
        if self._top_p is not None:
            before = probabilities.cumsum(1) - probabilities
            probabilities = probabilities.masked_fill(before >= self._top_p, 0.0)  # the first one always stays
        cumulative = probabilities.cumsum(1)
        places = torch.searchsorted(cumulative, (uniform * cumulative[:, -1]).unsqueeze(1), right=True)
        # Rounding may lead behind the last possible token; of a model that has diverged, NaN, none is.
        most = ((probabilities > 0).sum(1, keepdim=True) - 1).clamp(min=0)
        return tokens.gather(1, torch.minimum(places, most)).squeeze(1)


def _uniform(count: int, seed: int) -> Tensor:
    """Numbers in [0, 1), drawn on the CPU whatever device decodes."""
    return torch.rand(count, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
