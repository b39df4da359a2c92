"""A tag for each word from left to right, given the one before it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, final

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from tasks.decoding.decoding import Request
from tasks.decoding.decodings.beam import Beam
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
        time, batch = len(outputs), torch.arange(len(lengths), device=outputs.device)

        def step(tags: Tensor, state: Any) -> tuple[Tensor, Any]:
            words, sentences = state
            return (emissions[words, sentences] + moves[tags]).log_softmax(1), (words + 1, sentences)

        request = Request(
            step=step,
            state=(torch.zeros_like(batch), batch),
            start=torch.full_like(batch, self._tags),
            end=None,
            limits=lengths.to(outputs.device),
        )
        # All sequences of a sentence have its length, by which nothing need be divided.
        found = Beam(width=self._beam, length_normalization="none").decode(request)
        padded = [[*best.tokens, *[0] * (time - len(best.tokens))] for best, *_ in found]
        return torch.tensor(padded, device=outputs.device).T
