"""Tags for new sentences."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tasks.learning.loaders import HELD_OUT_SENTENCES, sorted_batches
from tasks.tagging.batches import BatchMaker
from tasks.tagging.network import Tagger
from tasks.tagging.settings import TaggingSettings
from tasks.tagging.spelling import Speller
from tasks.text.format import Sentence
from tasks.text.formats import FORMATS
from tasks.text.new_text import read_sentences
from tasks.text.prepared import begins_of, words_of
from tasks.text.tagged import Spelling, TaggedCorpus, TaggedText
from tasks.text.tagged.entity_tags import read_as_bio
from tasks.text.vocabulary import Vocabulary
from unroll.contract import Answer, NewText


def tag(text: NewText, *, settings: TaggingSettings, corpus: TaggedCorpus, network: Tagger) -> list[Answer]:
    """The tags of each sentence, in batches like those of the test.

    Raises:
        UserError: the lines break the format, or there is no such format.
    """
    data = settings.data
    sentences: Sequence[Sentence] = read_sentences(text, labels=("word", "entity"), settings=dict(data))
    if text.format is not None and FORMATS.find(text.format).labels == "entity":
        sentences = read_as_bio(sentences, where=text.where, scheme=data.scheme, repair=data.repair)
    answers = [Answer(text="") for _ in sentences]
    places = [place for place, each in enumerate(sentences) if each.words]
    told = [sentences[place] for place in places]
    words, vocabulary = corpus.vocabulary.encode(words_of(told)), corpus.vocabulary
    maker = BatchMaker(
        TaggedText(
            words=words, begins=begins_of(told), tags=np.zeros_like(words), groups=np.zeros(len(words), np.int8)
        ),
        speller=Speller(_spelling(told, corpus), "test") if network.characters is not None else None,
    )
    for batch in sorted_batches(maker.lengths, size=HELD_OUT_SENTENCES):
        guesses = network.decode(maker.make(batch)).T.tolist()
        for at, row in zip(batch.tolist(), guesses, strict=True):
            found = corpus.tags.decode(row[: len(told[at].words)])
            unknown = sum(word not in vocabulary for word in told[at].words)
            strange = [gold for gold in told[at].labels if gold not in corpus.tags]
            answers[places[at]] = _answer(told[at], found, unknown, strange)
    return answers


def _spelling(sentences: Sequence[Sentence], corpus: TaggedCorpus) -> Spelling:
    """How the words are written, in the characters that the network knows."""
    forms = Vocabulary(tuple(dict.fromkeys(words_of(sentences))))
    return Spelling.of_one(forms, forms.encode(words_of(sentences)), corpus.spelling.characters)


def _answer(sentence: Sentence, tags: Sequence[str], unknown: int, strange: Sequence[str]) -> Answer:
    gold = sentence.labels
    return Answer(
        text=" ".join(tags),
        gold=" ".join(gold) if gold else None,
        right=sum(map(str.__eq__, tags, gold)),
        counted=len(gold),
        words=len(sentence.words),
        unknown=unknown,
        strange=strange,
    )
