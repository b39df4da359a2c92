"""Learning to translate."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, final

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from tasks.decoding.decoding import Decoding, Hypothesis, Request
from tasks.encoder_decoder.network import Conditioned, EncoderDecoder
from tasks.learning.descent import Learning
from tasks.remedies.module import RemedyModule
from tasks.remedies.remedy import PADDING, Examples, Remedy
from tasks.translation.batches import PairBatch
from tasks.translation.exposure import own_nats
from tasks.translation.tally import FORMULAS, Scorer, Tally
from unroll.contract import Formula, derive_seed

UNKNOWN_WRITTEN: Final = "⁇"
"""How ``<unk>`` is written in a translation: a word that no reference has. BLEU's 13a would make three of ``<unk>``."""


@final
class TranslationModule(RemedyModule[PairBatch, PairBatch]):
    """A remedy's loss over a batch of pairs; likelihood and translations of held-out text.

    ``train/loss`` is in nats per token, or what the remedy's is in. Of held-out text the loggers also get
    ``length_ratio``, tokens written / right tokens.

    Args:
        network: encoder and decoder.
        learning: how they learn.
        remedy: what is minimized.
        updates: optimizer steps of the whole run.
        own_rate: learning rate of the remedy's own weights; None: it has none.
        decoding: how translations are found.
        limit: most tokens of a translation, from the number of tokens of its source.
        words: of the target language, by number.
        detokenize: makes text of words.
        end: number of ``<eos>`` in the target language, which is also read before the first word.
        unknown: number of ``<unk>`` there; a translation that should have it is never exact.
        lowercase: whether BLEU and chrF leave case out of account.
    """

    network: EncoderDecoder

    def __init__(
        self,
        *,
        network: EncoderDecoder,
        learning: Learning,
        remedy: Remedy,
        updates: int,
        own_rate: float | None,
        decoding: Decoding,
        limit: Callable[[int], int],
        words: Sequence[str],
        detokenize: Callable[[Sequence[str]], str],
        end: int,
        unknown: int | None,
        lowercase: bool,
    ) -> None:
        super().__init__(network=network, learning=learning, remedy=remedy, updates=updates, own_rate=own_rate)
        self._decoding, self._limit = decoding, limit
        self._words = tuple(UNKNOWN_WRITTEN if number == unknown else word for number, word in enumerate(words))
        self._detokenize, self._end, self._unknown = detokenize, end, unknown
        self._scorer = Scorer(lowercase=lowercase)
        self.begin_counting()

    @property
    def end(self) -> int:
        """Number of ``<eos>`` in the target language."""
        return self._end

    def sequence_model(self, batch: PairBatch) -> Conditioned:
        """The distribution over translations of the batch's source sentences."""
        return self.network.bind(batch.source, batch.lengths)

    def examples(self, batch: PairBatch) -> Examples:
        """The right translations; in training a model writes at most half as many tokens more as the longest has."""
        targets = batch.targets
        return Examples(
            start=torch.full_like(batch.lengths, self._end),
            targets=targets,
            end=self._end,
            limit=len(targets) + len(targets) // 2,
            update=self.global_step,
            updates=self.updates,
        )

    def items(self, batch: PairBatch) -> int:
        """Tokens of the translations, ``<eos>`` included."""
        return int((batch.targets != PADDING).sum())

    @property
    def signatures(self) -> Mapping[str, str]:
        """Of BLEU and chrF."""
        return self._scorer.signatures()

    def translate(self, model: Conditioned, lengths: Tensor, seeds: Sequence[int]) -> list[list[Hypothesis]]:
        """Of each source sentence of a batch its translations, best first; see :class:`Request`."""
        limits = [self._limit(length) for length in lengths.tolist()]
        request = Request(
            step=model.next,
            state=model.begin(),
            start=torch.full_like(lengths, self._end),
            end=self._end,
            limits=torch.tensor(limits, device=lengths.device),
            seeds=seeds,
        )
        return self._decoding.decode(request)

    def text(self, hypothesis: Hypothesis) -> str:
        """A translation as text; an unknown word is :data:`UNKNOWN_WRITTEN`."""
        tokens = hypothesis.tokens[:-1] if hypothesis.finished else hypothesis.tokens
        return self._detokenize([self._words[token] for token in tokens])

    # Evaluation

    def begin_counting(self) -> None:
        """Count anew."""
        self._held_out, self._seed = Tally(), torch.initial_seed()

    def on_test_epoch_start(self) -> None:
        """Begin with the test data, of which more is asked."""
        super().on_test_epoch_start()
        self._held_out.own_nats = 0.0

    def count(self, batch: PairBatch) -> None:
        """Predict the right words of held-out pairs, and translate them."""
        model, tally = self.sequence_model(batch), self._held_out
        examples, real = self.examples(batch), batch.targets != PADDING
        features = model.read(model.embed(examples.inputs()), model.begin())
        logits, right = model.logits(features[real]), batch.targets[real]
        hits = logits.argmax(1) == right
        nats = cross_entropy(logits, right, reduction="none").double()
        tally.nats += nats.sum().item()
        tally.tokens += len(right)
        tally.forced += int(hits.sum())
        if tally.own_nats is not None:
            tally.own_nats += own_nats(model, examples)
        seeds = [derive_seed(self._seed, "translation", place) for place in batch.places.tolist()]
        found = [several[0] for several in self.translate(model, batch.lengths, seeds)]
        forced = torch.zeros_like(real).masked_scatter(real, hits).T.tolist()
        rows: list[dict[str, int]] = []
        for one, column, told in zip(found, batch.targets.T.tolist(), forced, strict=True):
            reference = [token for token in column if token != PADDING]
            free = [a == b for a, b in zip(one.tokens, reference, strict=False)]
            tally.free += sum(free)
            tally.by_place.add(told[: len(reference)], free)
            exact = list(one.tokens) == reference and self._unknown not in reference
            tally.exact += exact
            tally.unfinished += not one.finished
            tally.written += len(one.tokens)
            tally.translations.append(self.text(one))
            if self.per_example:
                hits_of_one = {"forced": sum(told[: len(reference)]), "free": sum(free), "tokens": len(reference)}
                ends = {"exact": int(exact), "unfinished": int(not one.finished)}
                rows.append(
                    {**hits_of_one, **ends, **self._scorer.bleu_sums(self.text(one), batch.references[len(rows)])}
                )
        tally.pairs += len(found)
        tally.references.extend(batch.references)
        if self.per_example:
            apart = torch.zeros(real.shape, dtype=nats.dtype, device=nats.device).masked_scatter(real, nats)
            counts = {name: torch.tensor([row[name] for row in rows]) for name in rows[0]}
            self.per_example.add(batch.references, nats=apart.sum(0), **counts)

    def scores(self) -> Mapping[str, float]:
        """Every metric of the tally."""
        return self._held_out.scores(self._scorer)

    def formulas(self) -> Mapping[str, Formula]:
        """See :data:`~tasks.translation.tally.FORMULAS`."""
        return FORMULAS
