"""A translator with additive attention in plain PyTorch: torch's own layers, no Lightning, nothing is logged or kept.

This is the limit that a training epoch of ``translation`` is measured against. It does what ``translation.yaml`` beside
it describes: a bidirectional GRU over packed sentences, a dense bridge, a GRU cell that looks at the source before each
step, a readout, and dropout in the same places. A test gives it the platform's weights and compares the losses.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import final

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.nn.utils import clip_grad_norm_
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from benchmarks.raw_loop import hold
from tasks.encoder_decoder.network import EncoderDecoder
from tasks.remedies.remedy import PADDING
from tasks.translation.batches import PairBatch
from tasks.translation.settings import Network, TranslationSettings
from tasks.translation.task import Translation
from unroll.study import Job


@final
class RawTranslator(nn.Module):
    """Encoder, attention and decoder, and the loss of a batch.

    Args:
        settings: one layer of ``gru_reset_after``, bidirectional, attention additive that looks before a step.
        source: size of the source vocabulary.
        target: size of the target vocabulary.
        end: number of ``<eos>``.
    """

    def __init__(self, settings: Network, *, source: int, target: int, end: int) -> None:
        super().__init__()
        embedding, hidden, size = settings.embedding, settings.hidden, settings.decoder_size
        attention = settings.attention_size or 256
        self._end, features = end, 2 * hidden
        self.source, self.target = nn.Embedding(source, embedding), nn.Embedding(target, embedding)
        self.encoder = nn.GRU(embedding, hidden, bidirectional=True)
        self.bridge = nn.Linear(features, size)
        self.query, self.key = nn.Linear(size, attention, bias=False), nn.Linear(features, attention)
        self.score = nn.Linear(attention, 1, bias=False)
        self.cell = nn.GRUCell(embedding + features, size)
        self.readout = nn.Linear(size + features + embedding, embedding)
        self.output = nn.Linear(embedding, target)
        self.dropout = nn.Dropout(settings.dropout)
        for kernel in (self.encoder, self.cell):
            for name, bias in kernel.named_parameters():
                if name.startswith("bias_hh"):
                    hold(bias, after=2 * len(bias) // 3)

    def forward(self, batch: PairBatch) -> Tensor:
        """Mean negative log-likelihood of a token of the right translations."""
        packed = pack_padded_sequence(self.dropout(self.source(batch.source)), batch.lengths, enforce_sorted=False)
        read, finals = self.encoder(packed)
        outputs = self.dropout(pad_packed_sequence(read)[0]).transpose(0, 1)  # (batch, source, features)
        keys = self.key(outputs)
        real = torch.arange(outputs.shape[1]) < batch.lengths.unsqueeze(1)
        mask = torch.zeros(real.shape).masked_fill(~real, -torch.inf)
        state = self.bridge(torch.cat([finals[0], finals[1]], 1)).tanh()
        start = torch.full_like(batch.targets[:1], self._end)
        embedded = self.target(torch.cat([start, batch.targets[:-1].clamp(min=0)]))
        seen = []
        for word in embedded:
            scores = self.score((self.query(state).unsqueeze(1) + keys).tanh()).squeeze(2) + mask
            context = (scores.softmax(1).unsqueeze(1) @ outputs).squeeze(1)
            state = self.cell(self.dropout(torch.cat([word, context], 1)), state)
            seen.append(torch.cat([self.dropout(state), context, word], 1))
        logits = self.output(self.dropout(self.readout(torch.stack(seen)).tanh()))
        return cross_entropy(logits.flatten(0, 1), batch.targets.flatten(), ignore_index=PADDING)

    @torch.no_grad()
    def begin(self, network: EncoderDecoder) -> None:
        """Take over the platform's weights."""
        own = dict(self.named_parameters())
        for name, weight in network.named_parameters():
            to = own[_raw_name(name)]
            to[-len(weight) :].copy_(weight)  # the GRU's second bias is the last part of torch's


@final
class RawTranslation:
    """One trial as a raw loop, on one thread: torch's setting for the process.

    Args:
        job: the trial, of :data:`benchmarks/translation.yaml`.
    """

    def __init__(self, job: Job) -> None:
        torch.set_num_threads(1)
        task, settings = Translation(), TranslationSettings.model_validate(job.settings)
        corpus = task.prepare(settings, Path(job.cache))
        sizes = {"source": len(corpus.vocabulary), "target": len(corpus.target_vocabulary)}
        self.model = RawTranslator(settings.network, **sizes, end=corpus.target_vocabulary.number("<eos>"))
        self._clip = settings.training.clip_norm
        self._weights = [weight for weight in self.model.parameters() if weight.requires_grad]
        self._optimizer = torch.optim.Adam(self._weights, lr=settings.training.learning_rate, fused=True)
        self._loader: Iterable[PairBatch] = task.data(settings, corpus, job.trial.seed).train_dataloader()

    def times(self, segment: int) -> list[float]:
        """Seconds per step of each whole segment of the epoch, making its batches included."""
        batches, times = iter(self._loader), list[float]()
        self.model.train()
        while True:
            start = time.perf_counter()
            done = sum(map(self._step, islice(batches, segment)))
            if done < segment:
                return times
            times.append((time.perf_counter() - start) / segment)

    def _step(self, batch: PairBatch) -> int:
        self._optimizer.zero_grad()
        self.model(batch).backward()
        if self._clip is not None:
            clip_grad_norm_(self._weights, self._clip)
        self._optimizer.step()
        return 1


def _raw_name(name: str) -> str:
    """``encoder.network.backward_layers.0.cell.recur.weight`` is torch's ``encoder.weight_hh_l0_reverse``."""
    for begin, raw, end in _ROOMS:
        if name.startswith(begin):
            return f"{raw}.{_WEIGHTS[name.removeprefix(begin)]}{end}"
    return name.removeprefix("decoder.attention.").removeprefix("decoder.").replace("bridge.layers.0.0.", "bridge.")


_ROOMS = (
    ("encoder.embedding.", "source", ""),
    ("decoder.embedding.", "target", ""),
    ("encoder.network.forward_layers.0.cell.", "encoder", "_l0"),
    ("encoder.network.backward_layers.0.cell.", "encoder", "_l0_reverse"),
    ("decoder.network.forward_layers.0.cell.", "cell", ""),
)
_WEIGHTS = {
    "weight": "weight",
    "read.weight": "weight_ih",
    "read.bias": "bias_ih",
    "recur.weight": "weight_hh",
    "reset_bias": "bias_hh",
}
