"""Labels for new sentences."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tasks.classification.batches import BatchMaker
from tasks.classification.network import Classifier
from tasks.classification.settings import ClassificationSettings
from tasks.learning.loaders import HELD_OUT_SENTENCES, sorted_batches
from tasks.text.format import Sentence
from tasks.text.labelled import LabelledCorpus, LabelledText
from tasks.text.new_text import read_sentences
from tasks.text.prepared import begins_of, words_of
from unroll.contract import Answer, NewText


def classify(
    text: NewText, *, settings: ClassificationSettings, corpus: LabelledCorpus, network: Classifier
) -> list[Answer]:
    """The label of each sentence, in batches like those of the test.

    Raises:
        UserError: the lines break the format, or there is no such format.
    """
    sentences = read_sentences(text, labels=("sentence",), settings=dict(settings.data))
    if settings.data.lowercase:
        sentences = [each._replace(words=tuple(map(str.lower, each.words))) for each in sentences]
    answers = [Answer(text="") for _ in sentences]
    places = [place for place, each in enumerate(sentences) if each.words]
    told = [sentences[place] for place in places]
    vocabulary, labels = corpus.vocabulary, corpus.labels.words
    words, unlabelled = vocabulary.encode(words_of(told)), np.zeros(len(told), np.int32)
    maker = BatchMaker(LabelledText(words=words, begins=begins_of(told), labels=unlabelled))
    for batch in sorted_batches(maker.lengths, size=HELD_OUT_SENTENCES):
        logits = network(maker.make(batch))
        guesses, shares = network.choose(logits).tolist(), network.probabilities(logits).tolist()
        for at, guess, row in zip(batch.tolist(), guesses, shares, strict=True):
            ranked = sorted(zip(labels, row, strict=True), key=lambda each: -each[1])
            unknown = sum(word not in vocabulary for word in told[at].words)
            strange = [label for label in told[at].labels if label not in corpus.labels]
            answers[places[at]] = _answer(told[at], labels[guess], unknown, strange, ranked)
    return answers


def _answer(
    sentence: Sentence, label: str, unknown: int, strange: Sequence[str], ranked: Sequence[tuple[str, float]]
) -> Answer:
    gold = sentence.labels[0] if sentence.labels else None
    return Answer(
        text=label,
        gold=gold,
        right=int(label == gold),
        counted=int(gold is not None),
        words=len(sentence.words),
        unknown=unknown,
        strange=strange,
        probabilities=dict(ranked),
    )
