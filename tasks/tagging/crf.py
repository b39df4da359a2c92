"""The linear-chain conditional random field: one distribution over whole tag sequences."""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor, nn

FORBIDDEN = -1e4
"""Score of a move that cannot be: exp of it is 0 in every floating type, and unlike -inf it has a gradient."""


@final
class ConditionalRandomField(nn.Module):
    """``p(y | x) = exp(score(x, y)) / sum over y' of exp(score(x, y'))`` (Lafferty et al. 2001; Lample et al. 2016).

    ``score(x, y) = start[y_1] + sum_t emissions[t, y_t] + sum_t transitions[y_{t-1}, y_t] + end[y_L]``, as in Lample et
    al. 2016 (arXiv 1603.01360, section 2.2) with learned scores for both ends. Everything is batched over sentences of
    different lengths; what stands at padding is never seen.

    Args:
        tags: number of tags.
        allowed: which moves can be, shape (tags + 1, tags + 1): from each tag, or from the beginning (last row), to
            each tag, or to the end (last column). None: all.
    """

    allowed: Tensor

    def __init__(self, tags: int, *, allowed: Tensor | None = None) -> None:
        super().__init__()
        self.transitions = nn.Parameter(torch.zeros(tags, tags))
        self.start = nn.Parameter(torch.zeros(tags))
        self.end = nn.Parameter(torch.zeros(tags))
        everything = torch.ones(tags + 1, tags + 1, dtype=torch.bool)
        self.register_buffer("allowed", everything if allowed is None else allowed, persistent=False)

    def log_likelihood(self, emissions: Tensor, tags: Tensor, lengths: Tensor) -> Tensor:
        """``log p(tags | emissions)`` of each sentence, shape (batch,).

        Args:
            emissions: shape (time, batch, tags).
            tags: shape (time, batch); what is at padding is never seen.
            lengths: number of real steps, at least 1, shape (batch,).
        """
        return self.score(emissions, tags, lengths) - self.log_partition(emissions, lengths)

    def score(self, emissions: Tensor, tags: Tensor, lengths: Tensor) -> Tensor:
        """Score of one tag sequence per sentence, shape (batch,); arguments as in :meth:`log_likelihood`."""
        transitions, start, end = self._moves()
        real = _real(len(emissions), lengths)
        tags = tags.where(real, 0)  # padding is no index
        emitted = emissions.gather(2, tags.unsqueeze(2)).squeeze(2).where(real, 0.0).sum(0)
        moved = transitions[tags[:-1], tags[1:]].where(real[1:], 0.0).sum(0)  # into each real word but the first
        last = tags.gather(0, (lengths - 1).unsqueeze(0)).squeeze(0)
        return start[tags[0]] + emitted + moved + end[last]

    def log_partition(self, emissions: Tensor, lengths: Tensor) -> Tensor:
        """``log sum over y of exp(score(y))`` by the forward algorithm, shape (batch,)."""
        transitions, start, end = self._moves()
        forward = start + emissions[0]  # (batch, tags): log-sum over all beginnings that end in a tag
        for t, emission in enumerate(emissions[1:].unbind(), 1):
            # forward_t[j] = log sum_i exp(forward_{t-1}[i] + transitions[i, j]) + emissions[t, j]
            longer = (forward.unsqueeze(2) + transitions).logsumexp(1) + emission
            forward = longer.where((t < lengths).unsqueeze(1), forward)  # a sentence that has ended keeps its sums
        return (forward + end).logsumexp(1)

    @torch.no_grad()
    def decode(self, emissions: Tensor, lengths: Tensor) -> Tensor:
        """The best tag sequence of each sentence (Viterbi), shape (time, batch), 0 at padding."""
        transitions, start, end = self._moves()
        best, came_from = start + emissions[0], []
        for t, emission in enumerate(emissions[1:].unbind(), 1):
            longer, source = (best.unsqueeze(2) + transitions).max(1)  # the same with a maximum, and where it came from
            real = (t < lengths).unsqueeze(1)
            best = (longer + emission).where(real, best)
            # At padding a tag comes from itself, so that the way back begins at each sentence's last real step.
            came_from.append(source.where(real, torch.arange(source.shape[1], device=source.device)))
        return self._way_back((best + end).argmax(1), came_from).where(_real(len(emissions), lengths), 0)

    @staticmethod
    def _way_back(last: Tensor, came_from: list[Tensor]) -> Tensor:
        tags = [last]
        for source in reversed(came_from):
            tags.append(source.gather(1, tags[-1].unsqueeze(1)).squeeze(1))
        return torch.stack(tags[::-1])

    def _moves(self) -> tuple[Tensor, Tensor, Tensor]:
        """Scores of all moves, with those that cannot be."""
        allowed = self.allowed
        return (
            self.transitions.masked_fill(~allowed[:-1, :-1], FORBIDDEN),
            self.start.masked_fill(~allowed[-1, :-1], FORBIDDEN),
            self.end.masked_fill(~allowed[:-1, -1], FORBIDDEN),
        )


def _real(time: int, lengths: Tensor) -> Tensor:
    """Which steps are real, shape (time, batch)."""
    return torch.arange(time, device=lengths.device).unsqueeze(1) < lengths
