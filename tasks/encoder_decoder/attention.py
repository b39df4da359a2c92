"""Attention of a decoder to the words of the source sentence."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import NamedTuple

import torch
from torch import Tensor, nn


class Memory(NamedTuple):
    """What an encoder leaves to look at; the batch comes first, so that searches can choose rows.

    Args:
        values: the encoder's outputs, shape (batch, source, features).
        keys: what scores compare a query with, shape (batch, source, size); see :meth:`Attention.keys`.
        mask: 0 at real words and -inf at padding, shape (batch, 1, source).
    """

    values: Tensor
    keys: Tensor
    mask: Tensor


class Attention(nn.Module, ABC):
    """``a = softmax(score(s, h_1), .., score(s, h_S))`` and the context ``c = sum_j a_j h_j``.

    Final subclasses live in ``tasks/encoder_decoder/attentions/<name>.py``, one per file. A constructor takes,
    by keyword, ``queries: int`` (size of a decoder's state s) and ``features: int`` (of an encoder's output h), beyond
    these whatever it calls options: settings of ``network`` of the same name.
    """

    def remember(self, outputs: Tensor, lengths: Tensor) -> Memory:
        """Prepare a batch of source sentences once for all steps of decoding.

        Args:
            outputs: of the encoder, shape (source, batch, features).
            lengths: number of real words of each, shape (batch,).
        """
        values = outputs.transpose(0, 1).contiguous()
        real = torch.arange(values.shape[1], device=values.device) < lengths.unsqueeze(1)  # (batch, source)
        # Added to scores. A sentence has a word at least, so no softmax is over -inf alone.
        mask = torch.zeros_like(real, dtype=values.dtype).masked_fill(~real, -torch.inf)
        return Memory(values, self.keys(values), mask.unsqueeze(1))

    def forward(self, queries: Tensor, memory: Memory) -> tuple[Tensor, Tensor]:
        """Look at the source from one or many states of the decoder.

        Args:
            queries: shape (batch, target, queries).
            memory: see :meth:`remember`.

        Returns:
            Contexts, shape (batch, target, features), and weights, shape (batch, target, source), that sum to 1 over
            the source and are 0 at padding.
        """
        weights = (self.scores(queries, memory.keys) + memory.mask).softmax(2)
        return weights @ memory.values, weights  # c_t = sum_j a_tj h_j

    @abstractmethod
    def keys(self, values: Tensor) -> Tensor:
        """What of a score needs no query: from shape (batch, source, features) to (batch, source, size)."""

    @abstractmethod
    def scores(self, queries: Tensor, keys: Tensor) -> Tensor:
        """How well each word of the source answers each query, shape (batch, target, source), any real number."""

    def operations(self, source: float) -> float:
        """Operations of the matrix products per word of the target, for source sentences of so many words.

        Projections of the memory are shared by all steps of a sentence: they count for about one step per word.
        """
        products = sum(2 * weight.numel() for weight in self.parameters() if weight.dim() > 1)  # a multiply and an add
        return products + self.operations_per_source_word() * source

    @abstractmethod
    def operations_per_source_word(self) -> int:
        """Operations of a score and of its part of the context, for one query and one word of the source."""
