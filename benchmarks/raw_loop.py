"""A recurrent language model trained by plain PyTorch: no Lightning, no Ray, nothing is logged, kept or checked.

This is the limit that the platform is measured against, so it is written as fast as a plain loop can be without
changing the arithmetic: ``torch.nn`` layers, the whole text as one tensor of which windows are views, torch's own zero
states. Its perplexities are compared with the platform's, which shows that both did the same work.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.nn.utils import clip_grad_norm_

from tasks.language_modeling.batches import EVALUATION_TOKENS
from tasks.language_modeling.settings import LanguageModelingSettings, Network
from tasks.language_modeling.task import LanguageModeling, build_network
from tasks.recurrent.settings import build_initialization
from unroll.study import Job

KERNELS: dict[str, Callable[[int, int, int], nn.Module]] = {
    "elman": nn.RNN,
    "gru_reset_after": nn.GRU,
    "lstm": nn.LSTM,
}
OPTIMIZERS: dict[str, type[torch.optim.Adam | torch.optim.SGD]] = {"adam": torch.optim.Adam, "sgd": torch.optim.SGD}

State = Any
"""What a kernel of ``torch.nn`` carries: a tensor, or a pair of them; None for zeros."""


class RawModel(nn.Module):
    """Embedding, recurrent kernel, output layer.

    torch's kernels have a second bias vector, which adds nothing to the first: it stays zero, but for the GRU's part
    that the reset gate acts upon.
    """

    def __init__(self, settings: Network, *, vocabulary: int) -> None:
        super().__init__()
        embedding = settings.embedding or settings.hidden
        self.embedding = nn.Embedding(vocabulary, embedding)
        self.recurrent = KERNELS[settings.cell](embedding, settings.hidden, settings.depth)
        self.output = nn.Linear(settings.hidden, vocabulary)
        for name, bias in self.recurrent.named_parameters():
            if name.startswith("bias_hh"):
                hold(bias, after=2 * settings.hidden if settings.cell == "gru_reset_after" else None)

    def forward(self, tokens: Tensor, state: State) -> tuple[Tensor, State]:
        """Score the next token: ids of shape (time, batch) to logits of shape (time, batch, vocabulary)."""
        outputs, state = self.recurrent(self.embedding(tokens), state)
        return self.output(outputs), state


@dataclass(frozen=True, slots=True)
class RawResult:
    """What a raw trial took and came to: seconds of the loops alone, perplexities after the last epoch."""

    trial: str
    seconds: float
    validation: float
    test: float


@final
class RawTraining:
    """One trial of a study as a raw loop, on one thread: torch's setting for the process.

    Args:
        job: the trial; its cell is one of :data:`KERNELS`, without dropout, tied weights or a decay of the learning
            rate, and held-out text is read in one column.
    """

    def __init__(self, job: Job) -> None:
        torch.set_num_threads(1)
        settings = LanguageModelingSettings.model_validate(job.settings)
        corpus = LanguageModeling().prepare(settings, Path(job.cache))
        self._trial, self._training = job.trial.id, settings.training
        self._train = lay_out(corpus.train, start=corpus.start, columns=settings.training.batch_size)
        self._validation = lay_out(corpus.validation, start=corpus.start, columns=1)
        self._test = lay_out(corpus.test, start=corpus.start, columns=1)
        self._model = RawModel(settings.network, vocabulary=len(corpus.vocabulary))
        begin(self._model, settings.network, seed=job.trial.seed)
        build = OPTIMIZERS[settings.training.optimizer]
        self._weights = [weight for weight in self._model.parameters() if weight.requires_grad]
        self._optimizer = build(self._weights, lr=settings.training.learning_rate, fused=True)

    @property
    def windows(self) -> range:
        """Where the windows of an epoch begin."""
        return range(0, len(self._train) - 1, self._training.bptt)

    def run(self) -> RawResult:
        """Train with a validation after each epoch, then test."""
        start = time.perf_counter()
        validation = math.nan
        for _ in range(self._training.epochs):
            self.learn(self.windows, None)
            validation = self._perplexity(self._validation)
        test = self._perplexity(self._test)
        return RawResult(self._trial, time.perf_counter() - start, validation, test)

    def learn(self, windows: Iterable[int], state: State) -> State:
        """Truncated back-propagation through time over some windows; gives the state after the last one."""
        model, optimizer, training = self._model, self._optimizer, self._training
        clip_norm = math.inf if training.clip_norm is None else training.clip_norm
        per_token = training.reduction == "token_mean"
        model.train()
        for begin in windows:
            window = self._train[begin : begin + training.bptt + 1]
            targets = window[1:]
            logits, state = model(window[:-1], state)
            nats = cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="sum")
            loss = nats / (targets.numel() if per_token else targets.shape[1])
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            clip_grad_norm_(self._weights, clip_norm)
            optimizer.step()
            state = state.detach() if isinstance(state, Tensor) else tuple(part.detach() for part in state)
        return state

    @torch.inference_mode()
    def _perplexity(self, text: Tensor) -> float:
        self._model.eval()
        nats, state = torch.zeros((), dtype=torch.float64), None
        for begin in range(0, len(text) - 1, EVALUATION_TOKENS):
            window = text[begin : begin + EVALUATION_TOKENS + 1]
            logits, state = self._model(window[:-1], state)
            each = cross_entropy(logits.flatten(0, 1), window[1:].flatten(), reduction="none")
            nats += each.double().sum()
        return math.exp(nats.item() / (len(text) - 1))


def lay_out(ids: npt.NDArray[np.int32], *, start: int, columns: int) -> Tensor:
    """A text in contiguous columns, each after the token that precedes it: ids of shape (steps + 1, columns)."""
    steps = len(ids) // columns
    body = ids[: steps * columns].reshape(columns, steps)
    before = np.concatenate(([start], body[:-1, -1]))[:, None]
    return torch.from_numpy(np.concatenate((before, body), axis=1).T.astype(np.int64, order="C"))


def hold(bias: nn.Parameter, *, after: int | None) -> None:
    """Set a bias to zero and keep it there, but for the values from ``after`` on, which learn."""
    nn.init.zeros_(bias)
    if after is None:
        bias.requires_grad_(False)
        return
    learning = torch.zeros_like(bias)
    learning[after:] = 1
    bias.register_hook(lambda gradient: gradient * learning)  # type: ignore[no-untyped-call]


@torch.no_grad()
def begin(model: RawModel, settings: Network, *, seed: int) -> None:
    """Take over the weights that the platform's trial of this seed starts from."""
    network = build_network(settings, vocabulary=model.embedding.num_embeddings)
    build_initialization(settings).fill(network, seed=seed)
    own = dict(model.named_parameters())
    for name, weight in network.named_parameters():
        to = own[_raw_name(name)]
        to[-len(weight) :].copy_(weight)  # the GRU's second bias is the last part of torch's


def _raw_name(name: str) -> str:
    """``recurrent.forward_layers.1.cell.recur.weight`` is torch's ``recurrent.weight_hh_l1``; others are the same."""
    if not name.startswith("recurrent.forward_layers."):
        return name
    _, _, layer, _, weight = name.split(".", 4)
    return f"recurrent.{_RAW_NAMES[weight]}_l{layer}"


_RAW_NAMES = {
    "read.weight": "weight_ih",
    "read.bias": "bias_ih",
    "recur.weight": "weight_hh",
    "reset_bias": "bias_hh",
}
