"""Translations of new sentences."""

from __future__ import annotations

import numpy as np

from tasks.learning.loaders import sorted_batches
from tasks.text.parallel import ParallelCorpus, ParallelText, RawLines
from tasks.text.prepared import SentenceText
from tasks.text.vocabulary import EOS
from tasks.translation.batches import TOGETHER, BatchMaker
from tasks.translation.module import TranslationModule
from tasks.translation.settings import TranslationSettings
from unroll.contract import Answer, NewText, UserError, derive_seed


def translate(
    text: NewText, *, settings: TranslationSettings, corpus: ParallelCorpus, module: TranslationModule
) -> list[Answer]:
    """The best translation of each line, found as in the trial's test; none of a blank one.

    What a sampling draws for a line depends on its number alone.

    Raises:
        UserError: the lines are said to be of a format: they must be plain text.
    """
    if text.format is not None:
        raise UserError("a translator reads plain text, a sentence a line", where="--format", received=text.format)
    numbers = [corpus.encode(line) for line in text.lines]
    answers = [Answer(text="") for _ in numbers]
    places = [place for place, each in enumerate(numbers) if len(each)]
    if not places:
        return answers
    told = [numbers[place] for place in places]
    source = SentenceText(
        words=np.concatenate(told), begins=np.concatenate([[0], np.cumsum([len(each) for each in told])])
    )
    # No right translation is known: each is empty.
    target = SentenceText(words=np.zeros(1, np.int32), begins=np.zeros(len(told) + 1, np.int64))
    maker = BatchMaker(
        ParallelText(source=source, target=target, references=RawLines.of(())),
        end=corpus.target_vocabulary.number(EOS),
        reverse=settings.network.reverse_source,
        references=False,
    )
    for batch in sorted_batches(maker.lengths, size=TOGETHER):
        made = maker.make(batch)
        seeds = [derive_seed("translation", text.first + places[at]) for at in batch.tolist()]
        found = module.translate(module.sequence_model(made), made.lengths, seeds)
        for at, several in zip(batch.tolist(), found, strict=True):
            answers[places[at]] = Answer(
                text=module.text(several[0]),
                words=len(told[at]),
                unknown=int((told[at] == corpus.vocabulary.unknown).sum()),
            )
    return answers
