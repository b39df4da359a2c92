"""Where a translator looks while it writes, of a few sentences."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
import torch

from tasks.decoding.decoding import Hypothesis
from tasks.text.parallel import ParallelCorpus
from tasks.translation.batches import BatchMaker, PairBatch
from tasks.translation.module import TranslationModule
from unroll.contract import Example, derive_seed

SHOWN: Final = 4
"""Sentences of the test text that are shown, the first ones that are not too short or too long."""
_SHORTEST, _LONGEST = 4, 20
"""Words of such a sentence, and of its right translation."""


def show(maker: BatchMaker, *, reverse: bool, corpus: ParallelCorpus, module: TranslationModule) -> Iterator[Example]:
    """The first sentences of the test text, their translations, and where was looked for every word.

    Args:
        maker: of the test text, with references.
        reverse: whether source sentences are read from the end.
        corpus: whose words they are.
        module: in evaluation.
    """
    sides = (corpus.test.source.lengths, corpus.test.target.lengths)
    fits = [(lengths >= _SHORTEST) & (lengths <= _LONGEST) for lengths in sides]
    for place in np.flatnonzero(fits[0] & fits[1])[:SHOWN].tolist():
        batch = maker.make(np.array([place]))
        batch = batch._replace(**{name: getattr(batch, name).to(module.device) for name in ("source", "lengths")})
        model = module.sequence_model(batch)
        best = module.translate(model, batch.lengths, [derive_seed("example", place)])[0][0]
        numbers = batch.source[:, 0].flip(0) if reverse else batch.source[:, 0]
        source = corpus.vocabulary.decode(numbers.tolist())
        weights = _weights(module, batch, best)
        yield Example(
            title=f"test sentence {place + 1}",
            texts={
                "source": corpus.tokenization.join(list(source)),
                "reference": batch.references[0],
                "translation": module.text(best),
            },
            rows=corpus.target_vocabulary.decode(best.tokens) if weights else (),
            columns=source if weights else (),
            values=[row[::-1] if reverse else row for row in weights],
            meaning="weight of each source word (columns) when a word is written (rows)" if weights else "",
        )


def _weights(module: TranslationModule, batch: PairBatch, best: Hypothesis) -> list[list[float]]:
    """Attention to each word as it was read, for every word that was written; nothing without attention."""
    model = module.sequence_model(batch)
    state, last, found = model.begin(), torch.full_like(batch.lengths, module.end), list[list[float]]()
    for token in best.tokens:
        features, state = model.look(model.embed(last), state)
        if features.weights is None:
            return []
        # Rounding may lead out of the interval by the last bit.
        found.append(features.weights[0].double().clamp(0, 1).tolist())
        last = torch.full_like(batch.lengths, token)
    return found
