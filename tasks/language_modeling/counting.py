"""Learning an n-gram model: one pass that counts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, final

import numpy as np
import torch
from pytorch_lightning.trainer.states import TrainerFn
from torch import Tensor, nn
from torch.optim import Optimizer

from tasks.language_modeling.batches import PADDING
from tasks.language_modeling.completion import Completer, Completions
from tasks.language_modeling.exposure.measurement import ExposureMeasurement
from tasks.language_modeling.kneser_ney import Ids, KneserNey
from tasks.language_modeling.likelihood import Likelihood
from tasks.language_modeling.text_model import CountedModel
from tasks.learning.evaluation import ScoredModule, count_step
from tasks.text.running import TokenCorpus

_COUNTED: dict[tuple[str, int], int] = {}


def count_grams(corpus: TokenCorpus, order: int) -> int:
    """How many counts a model of the training text keeps: its different n-grams of all lengths up to ``order``.

    A plan asks several times; counting takes seconds, so that a process does it once for each text that has a
    fingerprint. One that was restored without its words has none.
    """
    key = (corpus.fingerprint, order)
    if key in _COUNTED:
        return _COUNTED[key]
    counts = len(_count(corpus.train, order, len(corpus.vocabulary), corpus.start).counts())
    if corpus.fingerprint:
        _COUNTED[key] = counts
    return counts


def _count(text: Any, order: int, vocabulary: int, boundary: int) -> KneserNey:
    return KneserNey.count(np.asarray(text, np.int64), order=order, vocabulary=vocabulary, boundary=boundary)


@final
@dataclass(slots=True)
class Reading:
    """Held-out text, segment by segment.

    Args:
        likelihood: how the text was predicted so far.
        before: the last words of each column, shape (words, columns); None at the text's start.
        completer: what ranks its words, too; None: nothing does.
        completions: how they were ranked.
    """

    likelihood: Likelihood = field(default_factory=Likelihood)
    before: Ids | None = None
    completer: Completer | None = None
    completions: Completions = field(default_factory=Completions)

    def read(self, segment: Tensor, model: KneserNey) -> None:
        """Score one segment, ids of shape (time + 1, columns): each but the first is predicted."""
        ids: Ids = segment.cpu().numpy()
        before = ids[:1] if self.before is None else self.before
        text = np.concatenate((before, ids[1:]))
        for column in text.T:
            known = int((column[len(before) :] != PADDING).sum())  # padding stands at the end
            self._score(column[: len(before) + known], known, model)
        self.before = text[max(0, len(text) - len(model.orders) + 1) :]

    def _score(self, words: Ids, known: int, model: KneserNey) -> None:
        if not known:
            return
        nats = -np.log(model.probabilities(words)[-known:]).sum()
        self.likelihood = self.likelihood.plus(torch.tensor(nats, dtype=torch.float64), known)
        if self.completer is not None:
            expected = torch.from_numpy(model.distributions(model.histories(words)[-known:]))
            self.completions = self.completions.plus(self.completer.rank(expected, torch.from_numpy(words[-known:])))


@final
class CountingModule(ScoredModule[Tensor]):
    """Kneser-Ney counts of the training text, taken in one training step; perplexity on held-out text.

    See :class:`~tasks.language_modeling.kneser_ney.KneserNey`. There is one batch, the whole text, and one step, which
    follows no gradient. The counts are the module's only parameter: they are what the model stores and learns.

    Args:
        order: length of the longest n-grams.
        vocabulary: number of word types.
        boundary: the word that ends a sentence.
        counts: how many counts the training text is going to give.
        characters: whether a token is a character.
        completer: what ranks the tokens of the test text; None: nothing does.
        exposure: what measures exposure bias after the test; None: nothing does.
    """

    def __init__(
        self,
        *,
        order: int,
        vocabulary: int,
        boundary: int,
        counts: int,
        characters: bool,
        completer: Completer | None = None,
        exposure: ExposureMeasurement | None = None,
    ) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.counts = nn.Parameter(torch.zeros(counts), requires_grad=False)
        self.items_seen = 0
        self._order, self._vocabulary, self._boundary, self._characters = order, vocabulary, boundary, characters
        self._completer, self._exposure = completer, exposure
        self._model: KneserNey | None = None
        self.register_state_dict_post_hook(_add_grams)  # type: ignore[no-untyped-call]
        self.register_load_state_dict_pre_hook(_take_grams)  # type: ignore[no-untyped-call]
        self._train, self._held_out = Likelihood(), Reading()

    def initialise(self, seed: int) -> None:  # noqa: ARG002
        """Nothing is drawn."""
        self.counts.data.zero_()

    def configure_optimizers(self) -> Optimizer:
        """Lightning wants one; it takes no step."""
        return torch.optim.SGD([self.counts], lr=1.0)

    def training_step(self, batch: Tensor, batch_idx: int) -> Tensor:  # noqa: ARG002
        """Count the whole text, ids of shape (tokens + 1, 1).

        Returns:
            Nats per token of the text under its own counts.
        """
        text = batch[1:, 0].cpu().numpy()
        model = _count(text, self._order, self._vocabulary, self._boundary)
        self._keep(model)
        read = Reading()
        read.read(batch, model)
        self._train, self.items_seen = read.likelihood, self.items_seen + len(text)
        count_step(self.trainer)
        return self._train.mean().to(batch.device)

    def _keep(self, model: KneserNey) -> None:
        self._model = model
        self.counts.data.copy_(torch.from_numpy(model.counts()))

    @property
    def model(self) -> KneserNey | None:
        """What was counted; None before."""
        return self._model

    def adopt(self, grams: Mapping[str, Tensor]) -> None:
        """Take n-grams in place of counting: ``<order>.<name>`` -> tensor, of single words first."""
        orders: list[dict[str, Tensor]] = [{} for _ in range(self._order)]
        for name, part in grams.items():
            order, _, what = name.partition(".")
            orders[int(order)][what] = part
        self._model = KneserNey.from_state(orders, vocabulary=self._vocabulary, boundary=self._boundary)

    # Evaluation

    def begin_counting(self) -> None:
        """Start the text anew."""
        self._held_out = Reading()

    def on_test_epoch_start(self) -> None:
        """Begin with the test text, whose words are ranked where that is asked for."""
        self._held_out = Reading(completer=self._completer)

    def count(self, batch: Tensor) -> None:
        """Score one segment of held-out text, ids of shape (time + 1, columns)."""
        if self._model is None:
            raise RuntimeError("nothing was counted yet")
        self._held_out.read(batch, self._model)

    def scores(self) -> Mapping[str, float]:
        """Perplexity, of characters bits per character, and where it was asked for how the text is completed."""
        likelihood = self._held_out.likelihood.scores(characters=self._characters)
        return likelihood | self._held_out.completions.scores()

    def on_test_epoch_end(self) -> None:
        """Log the scores of the whole test text, and exposure bias where it was asked for."""
        super().on_test_epoch_end()
        if self._exposure is not None and self._model is not None:
            self.log_whole(self._exposure.measure(CountedModel(self._model), self.device))

    def on_validation_epoch_end(self) -> None:
        """Perplexity of the whole validation text, and of the training text under its own counts."""
        super().on_validation_epoch_end()
        if self.trainer.state.fn == TrainerFn.FITTING:
            self.log("train/perplexity", self._train.perplexity())

    # Checkpoints

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep what no state of a module holds."""
        checkpoint["language_modeling"] = {
            "items_seen": self.items_seen,
            "train": (self._train.nats, self._train.tokens),
        }

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Take up what :meth:`on_save_checkpoint` kept."""
        kept = checkpoint["language_modeling"]
        self.items_seen, self._train = kept["items_seen"], Likelihood(*kept["train"])


_GRAMS = "grams."
"""What the names of n-grams begin with in a module's state, before the number of the order."""


def _add_grams(module: nn.Module, state: dict[str, Any], prefix: str, metadata: Any) -> None:  # noqa: ARG001
    """The state of a module that has counted holds the n-grams, not their counts alone."""
    model = module.model if isinstance(module, CountingModule) else None
    for number, order in enumerate(model.state_dict() if model else ()):
        state |= {f"{prefix}{_GRAMS}{number}.{name}": part for name, part in order.items()}


def _take_grams(module: nn.Module, state: dict[str, Any], prefix: str, *_: Any) -> None:
    """Take them out of a state before torch looks for parameters of their names."""
    begin, counts = prefix + _GRAMS, state.get(f"{prefix}counts")
    found = {name.removeprefix(begin): state.pop(name) for name in list(state) if name.startswith(begin)}
    if isinstance(module, CountingModule) and counts is not None:
        module.counts.data = torch.empty_like(counts)  # of whatever text they are, perhaps not of the module's
        if found:
            module.adopt(found)
