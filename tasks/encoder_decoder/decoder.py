"""From a source sentence and the words so far to the next word."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple, cast, final

import torch
from torch import Tensor, nn

from tasks.encoder_decoder.attention import Attention, Memory
from tasks.encoder_decoder.bridge import Bridge
from tasks.encoder_decoder.embedding import build_embedding
from tasks.encoder_decoder.encoder import Encoded
from tasks.recurrent.cell import State
from tasks.recurrent.stack import RecurrentNetwork

Looks = Literal["before", "after"]
"""When a decoder looks at the source. ``before``: from its last state. The context is part of what its layers read, and
``tanh(W [s; c; e] + b)`` of new state, context and last word, of the size of an embedding, is what the output layer
reads (Bahdanau et al. 2015, arXiv 1409.0473, who take the larger of two values in place of tanh). ``after``: from its
new state; both give an attentional vector, from which the word is read (Luong et al. 2015, arXiv 1508.04025)."""


class DecoderState(NamedTuple):
    """What a decoder knows before a step; the batch is the first dimension of every tensor.

    Args:
        layers: state of each layer.
        memory: the source; None without attention.
        fed: the last attentional vector, where it is fed back, shape (batch, hidden); None otherwise.
    """

    layers: tuple[State, ...]
    memory: Memory | None
    fed: Tensor | None


class Features(NamedTuple):
    """What the output layer reads of a step, and what was looked at.

    Args:
        values: shape (batch, size).
        weights: attention to each word of the source, shape (batch, source); None without attention.
    """

    values: Tensor
    weights: Tensor | None


@final
class Decoder(nn.Module):
    """Recurrent layers over embedded words, with or without attention, and an output layer.

    Without attention the first state is all that it knows of the source (Sutskever et al. 2014, arXiv 1409.3215).

    Args:
        vocabulary: number of words of the target language.
        embedding: size of a word's embedding.
        network: the recurrent layers; they read :meth:`reads` values.
        hidden: size of their output.
        features: size of the encoder's outputs.
        bridge: makes the first state.
        attention: how the source is looked at; None: not at all.
        looks: when it is looked at.
        input_feeding: whether the last attentional vector is read with the next word (Luong et al. 2015, section 3.3);
            only where the source is looked at ``after``.
        dropout: of what the output layer reads, while training; the outputs of the layers have the network's.
        normal: whether embeddings begin with N(0, 1).
    """

    def __init__(
        self,
        *,
        vocabulary: int,
        embedding: int,
        network: RecurrentNetwork,
        hidden: int,
        features: int,
        bridge: Bridge,
        attention: Attention | None,
        looks: Looks,
        input_feeding: bool,
        dropout: float,
        normal: bool = False,
    ) -> None:
        super().__init__()
        self.embedding = build_embedding(vocabulary, embedding, normal=normal)
        self.network, self.bridge, self.attention = network, bridge, attention
        self._looks, self._input_feeding, self._hidden = looks, input_feeding, hidden
        size = hidden
        self.attentional = self.readout = None
        if attention is not None and looks == "after":
            self.attentional = nn.Linear(hidden + features, size, bias=False)
        elif attention is not None:
            size = embedding
            self.readout = nn.Linear(hidden + features + embedding, size)
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(size, vocabulary)

    @staticmethod
    def reads(*, embedding: int, hidden: int, features: int, attention: bool, looks: Looks, input_feeding: bool) -> int:
        """Size of what the layers read at each step."""
        context = features if attention and looks == "before" else 0
        return embedding + context + (hidden if input_feeding else 0)

    def begin(self, encoded: Encoded) -> DecoderState:
        """The state before the first word."""
        memory = None if self.attention is None else self.attention.remember(encoded.outputs, encoded.lengths)
        fed = encoded.outputs.new_zeros(len(encoded.lengths), self._hidden) if self._input_feeding else None
        return DecoderState(self.bridge(encoded.finals), memory, fed)

    def step(self, embedded: Tensor, state: DecoderState) -> tuple[Features, DecoderState]:
        """One step.

        Args:
            embedded: the last word, shape (batch, embedding); a mixture of words where a remedy wants one.
            state: before the step.
        """
        values, weights, after = self._advance(embedded, state)
        return Features(self._finish(values), weights), after

    def _advance(self, embedded: Tensor, state: DecoderState) -> tuple[Tensor, Tensor | None, DecoderState]:
        """One step up to what needs no other step: see :meth:`_finish`; and the weights of its look."""
        attention, memory, weights = self.attention, state.memory, None
        # In the order that `reads` adds up: word, context, last attentional vector.
        read = [embedded]
        context = embedded
        if attention is not None and memory is not None and self._looks == "before":
            context, weights = _look(attention, state.layers[-1][0], memory)  # s_{t-1}: h of the top layer
            read.append(context)
        if state.fed is not None:
            read.append(state.fed)
        outputs, layers = self.network(torch.cat(read, 1).unsqueeze(0), state.layers)
        values, fed = outputs[0], None
        if attention is not None and memory is not None:
            if self._looks == "before":
                values = torch.cat([values, context, embedded], 1)
            else:
                context, weights = _look(attention, values, memory)  # s_t
                values = self._attend(context, values)
                fed = values if self._input_feeding else None
        # The memory goes from state to state, so that a search which keeps some rows keeps their sources with them.
        return values, weights, DecoderState(layers, memory, fed)

    def _finish(self, values: Tensor) -> Tensor:
        """What the output layer reads, from what steps gave; for one step or for many."""
        if self.readout is not None:
            read: Tensor = self.readout(values)
            values = read.tanh()
        return values if self.attention is None else cast("Tensor", self.dropout(values))

    def read(self, embedded: Tensor, state: DecoderState) -> Tensor:
        """All steps of given words, as teacher forcing has them.

        Args:
            embedded: shape (target, batch, embedding).
            state: before the first of them.

        Returns:
            What the output layer reads, shape (target, batch, size).
        """
        if self._steps_alone:
            values = list[Tensor]()
            for word in embedded.unbind():
                one, _, state = self._advance(word, state)
                values.append(one)
            return self._finish(torch.stack(values))
        outputs, _ = self.network(embedded, state.layers, final_state=False)
        if self.attention is None or state.memory is None:
            return cast("Tensor", outputs)
        contexts, _ = self.attention(outputs.transpose(0, 1), state.memory)
        return self._finish(self._attend(contexts.transpose(0, 1), outputs))

    def logits(self, values: Tensor) -> Tensor:
        """Of every word of the vocabulary, shape (..., vocabulary), from :class:`Features`' values (..., size)."""
        logits: Tensor = self.output(values)
        return logits

    @property
    def _steps_alone(self) -> bool:
        """Whether a step needs what the last one looked at, so that steps cannot be taken together."""
        return self.attention is not None and (self._looks == "before" or self._input_feeding)

    def _attend(self, context: Tensor, outputs: Tensor) -> Tensor:
        """``tanh(W [c; s])`` (Luong et al. 2015, equation 5)."""
        attentional: Tensor = cast("nn.Linear", self.attentional)(torch.cat([context, outputs], -1))
        return attentional.tanh()


def _look(attention: Attention, query: Tensor, memory: Memory) -> tuple[Tensor, Tensor]:
    """From one state: a context (batch, features) and weights (batch, source)."""
    found: Any = attention(query.unsqueeze(1), memory)
    return found[0].squeeze(1), found[1].squeeze(1)
