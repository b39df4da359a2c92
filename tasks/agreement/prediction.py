"""The number of the verb that comes next, for new beginnings of sentences."""

from __future__ import annotations

from typing import Any

import numpy as np

from tasks.agreement.batches import PrefixMaker
from tasks.agreement.corpus import AgreementCorpus, AgreementText
from tasks.agreement.network import NumberPredictor
from tasks.learning.loaders import HELD_OUT_SENTENCES, sorted_batches
from tasks.text.new_text import read_sentences
from tasks.text.prepared import begins_of, words_of
from unroll.contract import Answer, NewText, UserError

_NUMBERS = ("singular", "plural")


def predict_numbers(text: NewText, *, data: dict[str, Any], corpus: AgreementCorpus, network: object) -> list[Answer]:
    """``singular`` or ``plural`` for each line of words before a verb.

    Raises:
        UserError: a format is named, or the network was trained to predict words.
    """
    if not isinstance(network, NumberPredictor):
        rule = "a trial of agreement answers lines where it was trained to predict numbers"
        raise UserError(rule, where="training.objective", received="language_model")
    sentences = read_sentences(text, labels=(), settings=data)
    answers = [Answer(text="") for _ in sentences]
    places = [place for place, each in enumerate(sentences) if each.words]
    told = [sentences[place] for place in places]
    begins, nothing = begins_of(told), np.zeros(len(told), np.int64)
    read = AgreementText(
        words=corpus.vocabulary.encode(words_of(told)),
        begins=begins,
        prefixes=begins[:-1],
        lengths=np.diff(begins),
        distances=nothing,
        attractors=nothing,
        plural=nothing.astype(np.bool_),
        forms=np.zeros((len(told), 2), np.int64),
    )
    maker = PrefixMaker(read, start=corpus.start)
    for batch in sorted_batches(maker.lengths, size=HELD_OUT_SENTENCES):
        shares = network(maker.make(batch)).double().sigmoid().tolist()
        for at, plural in zip(batch.tolist(), shares, strict=True):
            ranked = sorted(zip(_NUMBERS, (1 - plural, plural), strict=True), key=lambda each: -each[1])
            words = told[at].words
            answers[places[at]] = Answer(
                text=_NUMBERS[plural > 0.5],
                words=len(words),
                unknown=sum(word not in corpus.vocabulary for word in words),
                probabilities=dict(ranked),
            )
    return answers
