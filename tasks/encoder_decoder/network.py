"""Encoder and decoder together, and how a remedy or a search sees them for one batch."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast, final

import torch
from torch import Tensor, nn

from tasks.decoding.decoding import select_rows
from tasks.encoder_decoder.decoder import Decoder, DecoderState, Features
from tasks.encoder_decoder.encoder import Encoder


@final
class EncoderDecoder(nn.Module):
    """``p(y | x)``, the words of y one after the other.

    Args:
        encoder: reads x.
        decoder: writes y.
    """

    def __init__(self, encoder: Encoder, decoder: Decoder) -> None:
        super().__init__()
        self.encoder, self.decoder = encoder, decoder

    def bind(self, source: Tensor, lengths: Tensor) -> Conditioned:
        """The model of the translations of a batch.

        Args:
            source: numbers of words, shape (time, batch).
            lengths: number of real words of each sentence, shape (batch,).
        """
        return Conditioned(self, source, lengths)


@final
class Conditioned:
    """The distribution over translations of one batch: a :class:`~tasks.remedies.remedy.SequenceModel`.

    Args:
        model: the network.
        source: shape (time, batch).
        lengths: shape (batch,).
        state: before the first word, where it is known already.
    """

    def __init__(
        self, model: EncoderDecoder, source: Tensor, lengths: Tensor, state: DecoderState | None = None
    ) -> None:
        self._model, self._source, self._lengths, self._state = model, source, lengths, state

    def begin(self) -> DecoderState:
        """The state before the first word; the source is read once."""
        if self._state is None:
            model = self._model
            self._state = model.decoder.begin(model.encoder(self._source, self._lengths))
        return self._state

    def embed(self, tokens: Tensor) -> Tensor:
        """See :meth:`SequenceModel.embed`."""
        return cast("Tensor", self._model.decoder.embedding(tokens))

    def step(self, embedded: Tensor, state: DecoderState) -> tuple[Tensor, DecoderState]:
        """See :meth:`SequenceModel.step`."""
        features, new = self._model.decoder.step(embedded, state)
        return features.values, new

    def look(self, embedded: Tensor, state: DecoderState) -> tuple[Features, DecoderState]:
        """The same with the weights of the attention."""
        return self._model.decoder.step(embedded, state)

    def read(self, embedded: Tensor, state: DecoderState) -> Tensor:
        """See :meth:`SequenceModel.read`."""
        return self._model.decoder.read(embedded, state)

    def logits(self, features: Tensor) -> Tensor:
        """See :meth:`SequenceModel.logits`."""
        return self._model.decoder.logits(features)

    def next(self, tokens: Tensor, state: DecoderState) -> tuple[Tensor, DecoderState]:
        """See :class:`~tasks.decoding.decoding.Step`."""
        features, new = self.step(self.embed(tokens), state)
        return self.logits(features).log_softmax(1), new

    def repeat(self, times: int) -> Conditioned:
        """See :meth:`SequenceModel.repeat`; the source is not read again."""
        rows = torch.arange(len(self._lengths), device=self._lengths.device).repeat_interleave(times)
        state: DecoderState = select_rows(self.begin(), rows)  # a sentence's copies are neighbours
        return Conditioned(self._model, self._source[:, rows], self._lengths[rows], state)

    @contextmanager
    def evaluating(self) -> Iterator[Conditioned]:
        """See :meth:`SequenceModel.evaluating`; the source is read again, without dropout."""
        training = self._model.training
        self._model.eval()
        try:
            with torch.no_grad():
                # Without the state that is known already: dropout may have gone through it.
                yield Conditioned(self._model, self._source, self._lengths)
        finally:
            self._model.train(training)
