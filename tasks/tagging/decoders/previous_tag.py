"""A tag for each word from left to right, given the one before it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from tasks.tagging.batches import PADDING
from tasks.tagging.decoder import Decoder


@final
class PreviousTagDecoder(Decoder):
    """``p(y_t | y_{t-1}, x) = softmax(W [h_t; e(y_{t-1})] + b)`` with a learned embedding e of tags, and of the start.

    Trained on the right last tag and decoded on its own guess: exposure bias in small (Ranzato et al. 2016, arXiv
    1511.06732). Normalised at each word, hence label bias (Lafferty et al. 2001, of McCallum et al. 2000's MEMM).

    Args:
        inputs: size of h.
        tags: the tags.
        tag_embedding: size of e.
        beam: sequences that are kept at each step of decoding; 1 is greedy.
    """

    def __init__(self, *, inputs: int, tags: Sequence[str], tag_embedding: int = 16, beam: int = 1) -> None:
        super().__init__()
        self._tags, self._beam = len(tags), beam
        self.embedding = nn.Embedding(self._tags + 1, tag_embedding)  # the last one: before the first word
        # The two halves of W, so that the part for h is drawn like a softmax's.
        self.output = nn.Linear(inputs, self._tags)
        self.move = nn.Linear(tag_embedding, self._tags, bias=False)

    def loss(self, outputs: Tensor, tags: Tensor, lengths: Tensor) -> Tensor:  # noqa: ARG002 - tags mark padding
        """See :meth:`Decoder.loss`; the last tag is the right one."""
        before = torch.cat([torch.full_like(tags[:1], self._tags), tags[:-1].clamp(min=0)])
        logits = self.output(outputs) + self.move(self.embedding(before))
        return cross_entropy(logits.flatten(0, 1), tags.flatten(), ignore_index=PADDING)

    @torch.no_grad()
    def decode(self, outputs: Tensor, lengths: Tensor) -> Tensor:
        """The best sequence that the beam still holds at the end, see :meth:`Decoder.decode`."""
        emissions = self.output(outputs)
        moves = self.move(self.embedding.weight)  # (tags + 1, tags)
        time, batch, tags = emissions.shape
        scores = emissions.new_zeros(batch, 1)  # of each sequence kept so far, best first
        last = torch.full((batch, 1), tags, device=emissions.device)
        steps = list[tuple[Tensor, Tensor]]()
        for t in range(time):
            longer = scores.unsqueeze(2) + (emissions[t].unsqueeze(1) + moves[last]).log_softmax(2)
            real = (t < lengths).unsqueeze(1)
            # At padding a sequence goes on in one way only, which costs nothing.
            idle = torch.full_like(longer, -torch.inf)
            idle[:, :, 0] = scores
            choices = torch.where(real.unsqueeze(2), longer, idle).flatten(1)
            scores, best = choices.topk(min(self._beam, choices.shape[1]), dim=1)
            source, last = best // tags, best % tags
            steps.append((source, last))
        return _way_back(steps)


def _way_back(steps: list[tuple[Tensor, Tensor]]) -> Tensor:
    """The tags of the best sequence, shape (time, batch), from (source, tag) of those kept, shapes (batch, kept)."""
    place = torch.zeros_like(steps[-1][0][:, :1])
    tags = list[Tensor]()
    for source, tag in reversed(steps):
        tags.append(tag.gather(1, place).squeeze(1))
        place = source.gather(1, place)
    return torch.stack(tags[::-1])
