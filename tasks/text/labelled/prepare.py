"""From labelled sentences to a prepared corpus."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import numpy as np

from tasks.text.errors import format_places
from tasks.text.format import Sentence
from tasks.text.labelled.corpus import LabelledCorpus, LabelledText
from tasks.text.prepared import (
    FEW_LINES,
    HELD_OUT,
    Facts,
    begins_of,
    refuse_empty,
    refuse_one_label,
    refuse_unknown,
    words_of,
)
from tasks.text.splits import SPLITS
from tasks.text.vocabulary import UNKNOWN, Vocabulary
from unroll.contract import UserError

_SHOWN: Final = 10
"""Most labels that an error lists."""
_MOST_UNSEEN: Final = 0.5
"""Share of a text's labels that the training text lacks from which on it can hardly be of the same task."""

Sentences = Mapping[str, Sequence[Sentence]]


def prepare_sentences(
    sentences: Sentences,
    *,
    vocabulary_size: int | None = None,
    minimum_count: int = 1,
    required_words: Sequence[str] = (),
    required_labels: Iterable[str] = (),
    bounds: Mapping[str, float] | None = None,
    warnings: Sequence[str] = (),
    where: Mapping[str, str],
) -> LabelledCorpus:
    """Fit words and labels on the training sentences alone and write all sentences in their numbers.

    Args:
        sentences: of each split, with one label each.
        vocabulary_size: most words to keep, ``<unk>`` included; None keeps all.
        minimum_count: words that the training text has less often are read as ``<unk>``.
        required_words: words of the vocabulary beside those of the training text.
        required_labels: labels beside those of the training text.
        bounds: see :class:`~tasks.text.prepared.Corpus`.
        warnings: see there.
        where: what errors call the text of each split.

    Raises:
        UserError: a split has no sentence, training has a single label, or more than half of a text's words or labels
            are unknown.
    """
    refuse_empty({split: len(sentences[split]) for split in SPLITS}, "sentence", where, FEW_LINES.format("sentences"))
    # Sorted, not ranked: the number of a label must not depend on how many sentences are learned from.
    labels = Vocabulary(tuple(sorted({*_labels(sentences["train"]), *required_labels})))
    refuse_one_label(labels, "label", where)
    foreign = {split: [each for each in sentences[split] if each.labels[0] not in labels] for split in HELD_OUT}
    _refuse_foreign(foreign, sentences, labels, where)
    unseen = Vocabulary(tuple(sorted({label for split in HELD_OUT for label in _labels(foreign[split])})))
    vocabulary = Vocabulary.fit(
        words_of(sentences["train"]),
        size=vocabulary_size,
        minimum_count=minimum_count,
        required=(*required_words, UNKNOWN),
    )
    numbered = Vocabulary((*labels.words, *unseen.words))  # those that nobody can answer come last
    texts = {
        split: LabelledText(
            words=vocabulary.encode(words_of(sentences[split])),
            begins=begins_of(sentences[split]),
            labels=numbered.encode(_labels(sentences[split])),
        )
        for split in SPLITS
    }
    facts = _facts(sentences, texts, vocabulary, labels)
    refuse_unknown(
        {split: float(facts[f"{split} words read as <unk>"]) for split in SPLITS},
        "words",
        where,
        "are the splits of one language? else lower data.minimum_count or raise data.vocabulary_size",
    )
    return LabelledCorpus(
        vocabulary=vocabulary,
        labels=labels,
        unseen=unseen,
        train=texts["train"],
        validation=texts["validation"],
        test=texts["test"],
        facts=facts,
        bounds=bounds or {},
        warnings=[
            *(
                f"{len(found):,} of {len(sentences[split]):,} {split} sentences have a label that the training text "
                f"lacks ({_list(sorted(set(_labels(found))))}): every answer to them counts as wrong."
                for split, found in foreign.items()
                if found
            ),
            *warnings,
        ],
    )


def _labels(sentences: Iterable[Sentence]) -> Iterable[str]:
    return (sentence.labels[0] for sentence in sentences)


def _facts(
    sentences: Sentences, texts: Mapping[str, LabelledText], vocabulary: Vocabulary, labels: Vocabulary
) -> Facts:
    facts: Facts = {"vocabulary": len(vocabulary), "labels": len(labels)}
    commonest = np.bincount(texts["train"].labels).argmax()  # what a classifier without any input would answer
    for split, text in texts.items():
        facts[f"{split} sentences"] = len(text)
        facts[f"{split} tokens"] = len(text.words)
        facts[f"{split} longest sentence"] = int(text.lengths.max())
        facts[f"{split} words read as <unk>"] = float((text.words == vocabulary.unknown).mean())
        facts[f"{split} accuracy of the commonest label"] = float((text.labels == commonest).mean())
        counts = np.bincount(text.labels, minlength=len(labels))
        facts[f"{split} sentences of the rarest label"] = int(counts[: len(labels)].min())
    seen = {sentence.words for sentence in sentences["train"]}
    for split in HELD_OUT:
        facts[f"{split} sentences with a label that training lacks"] = int((texts[split].labels >= len(labels)).sum())
        facts[f"{split} sentences also in training"] = sum(each.words in seen for each in sentences[split])
    return facts


def _refuse_foreign(foreign: Sentences, sentences: Sentences, labels: Vocabulary, where: Mapping[str, str]) -> None:
    for split, found in foreign.items():
        if len(found) > len(sentences[split]) * _MOST_UNSEEN:
            raise UserError(
                f"at most half of the {split} sentences may have a label that the training text lacks",
                where=format_places([f"{where[split]}, line {each.line}" for each in found], len(found)),
                received=_list(sorted(set(_labels(found)))),
                advice=f"the training text has {_list(labels.words)}; is the {split} text one without labels?",
            )


def _list(labels: Sequence[str]) -> str:
    more = f" and {len(labels) - _SHOWN} more" if len(labels) > _SHOWN else ""
    return ", ".join(map(repr, labels[:_SHOWN])) + more
