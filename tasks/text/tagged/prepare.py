"""From tagged sentences to a prepared corpus."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from tasks.text.format import Sentence
from tasks.text.prepared import FEW_LINES, HELD_OUT, Facts, begins_of, refuse_empty, refuse_one_label, words_of
from tasks.text.splits import SPLITS
from tasks.text.tagged.corpus import UNSEEN_TAG, Group, Spelling, TaggedCorpus, TaggedText
from tasks.text.vocabulary import UNKNOWN, Vocabulary

Sentences = Mapping[str, Sequence[Sentence]]
Counts = Mapping[str, Counter[str]]
"""Word -> how often the training text has it with each tag."""


def prepare_sentences(
    sentences: Sentences,
    *,
    vocabulary_size: int | None = None,
    minimum_count: int = 1,
    required_words: Sequence[str] = (),
    required_tags: Sequence[str] = (),
    repairs: Mapping[str, int] | None = None,
    bounds: Mapping[str, float] | None = None,
    warnings: Sequence[str] = (),
    where: Mapping[str, str],
) -> TaggedCorpus:
    """Fit words and tags on the training sentences alone and write all sentences in their numbers.

    Args:
        sentences: of each split, with a label for each word: its tag.
        vocabulary_size: most words to keep, ``<unk>`` included; None keeps all.
        minimum_count: words that the training text has less often are read as ``<unk>``.
        required_words: words of the vocabulary beside those of the training text.
        required_tags: tags beside those of the training text.
        repairs: of each split, places where tags broke their scheme before they were repaired.
        bounds: see :class:`~tasks.text.prepared.Corpus`.
        warnings: see there.
        where: what errors call the text of each split.

    Raises:
        UserError: a split has no sentence, or there is a single tag.
    """
    refuse_empty({split: len(sentences[split]) for split in SPLITS}, "sentence", where, FEW_LINES.format("sentences"))
    train = sentences["train"]
    counts: dict[str, Counter[str]] = {}
    for word, tag in zip(words_of(train), _tags(train), strict=True):
        # By the training text alone: a word's group must not depend on held-out tags.
        counts.setdefault(word, Counter())[tag] += 1
    vocabulary = Vocabulary.fit(
        words_of(train), size=vocabulary_size, minimum_count=minimum_count, required=(*required_words, UNKNOWN)
    )
    tags = Vocabulary.fit(_tags(train), required=required_tags)
    refuse_one_label(tags, "tag", where)
    texts = {split: _number(sentences[split], vocabulary, tags, counts) for split in SPLITS}
    forms = Vocabulary(tuple(dict.fromkeys(word for split in SPLITS for word in words_of(sentences[split]))))
    return TaggedCorpus(
        vocabulary=vocabulary,
        tags=tags,
        train=texts["train"],
        validation=texts["validation"],
        test=texts["test"],
        spelling=Spelling(
            characters=Vocabulary.fit((c for word in words_of(train) for c in word), required=(UNKNOWN,)),
            forms=forms,
            train=forms.encode(words_of(train)),
            validation=forms.encode(words_of(sentences["validation"])),
            test=forms.encode(words_of(sentences["test"])),
        ),
        facts=_facts(sentences, texts, vocabulary, tags, counts, repairs or {}),
        bounds=bounds or {},
        warnings=warnings,
    )


def _tags(sentences: Sequence[Sentence]) -> Iterable[str]:
    return (tag for sentence in sentences for tag in sentence.labels)


def _number(sentences: Sequence[Sentence], vocabulary: Vocabulary, tags: Vocabulary, counts: Counts) -> TaggedText:
    # Not `tags.encode`: a tag that only held-out text has is no error here, but a number that is never right.
    numbers = {tag: number for number, tag in enumerate(tags.words)}
    return TaggedText(
        words=vocabulary.encode(words_of(sentences)),
        tags=np.fromiter((numbers.get(tag, UNSEEN_TAG) for tag in _tags(sentences)), np.int32),
        groups=np.fromiter((_group(word, counts) for word in words_of(sentences)), np.int8),
        begins=begins_of(sentences),
    )


def _group(word: str, counts: Counts) -> Group:
    if word not in counts:
        return Group.UNKNOWN
    return Group.PLAIN if len(counts[word]) == 1 else Group.AMBIGUOUS


def _facts(
    sentences: Sentences,
    texts: Mapping[str, TaggedText],
    vocabulary: Vocabulary,
    tags: Vocabulary,
    counts: Counts,
    repairs: Mapping[str, int],
) -> Facts:
    facts: Facts = {"vocabulary": len(vocabulary), "tags": len(tags)}
    for split, text in texts.items():
        facts[f"{split} sentences"] = len(text)
        facts[f"{split} tokens"] = len(text.words)
        facts[f"{split} longest sentence"] = int(text.lengths.max())
        facts[f"{split} words read as <unk>"] = float((text.words == vocabulary.unknown).mean())
        facts[f"{split} ambiguous rate"] = float((text.groups == Group.AMBIGUOUS).mean())
        if repaired := repairs.get(split):
            facts[f"{split} entity tags repaired"] = repaired
    seen = {sentence.words for sentence in sentences["train"]}
    # Of two tags that a word has equally often, the one with the smaller number: the commoner one of the whole text.
    commonest = {
        word: min((-times, tags.number(tag)) for tag, times in count.items())[1] for word, count in counts.items()
    }
    for split in HELD_OUT:
        text = texts[split]
        facts[f"{split} unknown rate"] = float((text.groups == Group.UNKNOWN).mean())
        facts[f"{split} tags that training lacks"] = int((text.tags == UNSEEN_TAG).sum())
        facts[f"{split} sentences also in training"] = sum(each.words in seen for each in sentences[split])
        # A tagger without any context; unknown words have the commonest tag of all, number 0.
        guesses = np.fromiter((commonest.get(word, 0) for word in words_of(sentences[split])), np.int32)
        facts[f"{split} accuracy of each word's commonest tag"] = float((guesses == text.tags).mean())
    return facts
