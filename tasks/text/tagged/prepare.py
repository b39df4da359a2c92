"""From tagged sentences to a prepared corpus."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tasks.text.splits import SPLITS
from tasks.text.store import Parts
from tasks.text.tagged.corpus import STRANGE_TAG, Group, TaggedText, fingerprint, spelling_fingerprint
from tasks.text.vocabulary import UNKNOWN, Vocabulary
from unroll.contract import UserError

Facts = dict[str, int | float | str]
_HELD_OUT: Final = SPLITS[1:]


@dataclass(frozen=True, slots=True)
class TaggedSentence:
    """A sentence: its words, and as many tags.

    Args:
        words: at least one.
        tags: the tag of each.
        repairs: places where they broke their scheme before they were repaired.
    """

    words: tuple[str, ...]
    tags: tuple[str, ...]
    repairs: int = 0


Sentences = Mapping[str, Sequence[TaggedSentence]]
Counts = Mapping[str, Counter[str]]
"""Word -> how often the training text has it with each tag."""


def prepare_sentences(
    sentences: Sentences,
    *,
    vocabulary_size: int | None = None,
    minimum_count: int = 1,
    required_words: Sequence[str] = (),
    required_tags: Sequence[str] = (),
    bounds: Mapping[str, float] | None = None,
    warnings: Sequence[str] = (),
    where: Mapping[str, str],
) -> Parts:
    """Fit words and tags on the training sentences alone and write all sentences in their numbers.

    Args:
        sentences: of each split; none is empty.
        vocabulary_size: most words to keep, ``<unk>`` included; None keeps all.
        minimum_count: words that the training text has less often are read as ``<unk>``.
        required_words: words of the vocabulary beside those of the training text.
        required_tags: tags beside those of the training text.
        bounds: see :class:`~tasks.text.tagged.corpus.TaggedCorpus`.
        warnings: see there.
        where: what errors call the text of each split.

    Returns:
        What :func:`~tasks.text.tagged.cache.cached` keeps.

    Raises:
        UserError: a split has no sentence, or there is a single tag.
    """
    _refuse_empty(sentences, where)
    counts = _count(sentences["train"])
    vocabulary = Vocabulary.fit(
        _words(sentences["train"]),
        size=vocabulary_size,
        minimum_count=minimum_count,
        required=(*required_words, UNKNOWN),
    )
    tags = Vocabulary.fit(_tags(sentences["train"]), required=required_tags)
    _refuse_one_tag(tags, where["train"])
    texts = {split: _number(sentences[split], vocabulary, tags, counts) for split in SPLITS}
    characters, forms, numbers = _spell(sentences)
    return Parts(
        arrays={f"{split}-{name}": array for split, text in texts.items() for name, array in vars(text).items()}
        | {f"{split}-forms": array for split, array in numbers.items()},
        words={"vocabulary": vocabulary, "tags": tags, "characters": characters, "forms": forms},
        record={
            "spelling": spelling_fingerprint(characters, forms, numbers),
            "facts": _facts(sentences, texts, vocabulary, tags, counts),
            "bounds": dict(bounds or {}),
            "warnings": list(warnings),
            "fingerprint": fingerprint(vocabulary, tags, texts),
        },
    )


def tags_of(sentences: Sequence[TaggedSentence]) -> set[str]:
    """All tags of these sentences."""
    return set(_tags(sentences))


def _spell(sentences: Sentences) -> tuple[Vocabulary, Vocabulary, dict[str, NDArray[np.int32]]]:
    """Characters of the training text, all forms, and the form of each word."""
    characters = Vocabulary.fit((c for word in _words(sentences["train"]) for c in word), required=(UNKNOWN,))
    forms = Vocabulary(tuple(dict.fromkeys(word for split in SPLITS for word in _words(sentences[split]))))
    return characters, forms, {split: forms.encode(_words(sentences[split])) for split in SPLITS}


def _words(sentences: Sequence[TaggedSentence]) -> Iterable[str]:
    return (word for sentence in sentences for word in sentence.words)


def _tags(sentences: Sequence[TaggedSentence]) -> Iterable[str]:
    return (tag for sentence in sentences for tag in sentence.tags)


def _count(sentences: Sequence[TaggedSentence]) -> Counts:
    counts: dict[str, Counter[str]] = {}
    for word, tag in zip(_words(sentences), _tags(sentences), strict=True):
        counts.setdefault(word, Counter())[tag] += 1
    return counts


def _number(
    sentences: Sequence[TaggedSentence], vocabulary: Vocabulary, tags: Vocabulary, counts: Counts
) -> TaggedText:
    numbers = {tag: number for number, tag in enumerate(tags.words)}
    return TaggedText(
        words=vocabulary.encode(_words(sentences)),
        tags=np.fromiter((numbers.get(tag, STRANGE_TAG) for tag in _tags(sentences)), np.int32),
        groups=np.fromiter((_group(word, counts) for word in _words(sentences)), np.int8),
        begins=np.fromiter(accumulate((len(each.words) for each in sentences), initial=0), np.int64),
    )


def _group(word: str, counts: Counts) -> Group:
    if word not in counts:
        return Group.UNKNOWN
    return Group.PLAIN if len(counts[word]) == 1 else Group.AMBIGUOUS


def _facts(
    sentences: Sentences, texts: Mapping[str, TaggedText], vocabulary: Vocabulary, tags: Vocabulary, counts: Counts
) -> Facts:
    facts: Facts = {"vocabulary": len(vocabulary), "tags": len(tags)}
    for split, text in texts.items():
        facts[f"{split} sentences"] = len(text)
        facts[f"{split} tokens"] = len(text.words)
        facts[f"{split} longest sentence"] = int(text.lengths.max())
        facts[f"{split} words read as <unk>"] = float((text.words == vocabulary.unknown).mean())
        facts[f"{split} ambiguous rate"] = float((text.groups == Group.AMBIGUOUS).mean())
        if repairs := sum(each.repairs for each in sentences[split]):
            facts[f"{split} entity tags repaired"] = repairs
    seen = {sentence.words for sentence in sentences["train"]}
    commonest = _commonest(counts, tags)
    for split in _HELD_OUT:
        text = texts[split]
        facts[f"{split} unknown rate"] = float((text.groups == Group.UNKNOWN).mean())
        facts[f"{split} tags that training lacks"] = int((text.tags == STRANGE_TAG).sum())
        facts[f"{split} sentences also in training"] = sum(each.words in seen for each in sentences[split])
        facts[f"{split} accuracy of each word's commonest tag"] = _baseline(sentences[split], text.tags, commonest)
    return facts


def _commonest(counts: Counts, tags: Vocabulary) -> Mapping[str, int]:
    """Number of the tag that each training word has most often; the commoner one of all where two are level."""
    return {word: min((-times, tags.number(tag)) for tag, times in count.items())[1] for word, count in counts.items()}


def _baseline(sentences: Sequence[TaggedSentence], tags: NDArray[np.int32], commonest: Mapping[str, int]) -> float:
    """Accuracy of a tagger without any context, which calls unknown words by the commonest tag, number 0."""
    guesses = np.fromiter((commonest.get(word, 0) for word in _words(sentences)), np.int32)
    return float((guesses == tags).mean())


def _refuse_one_tag(tags: Vocabulary, where: str) -> None:
    if len(tags) < 2:
        raise UserError(
            "the training text must have at least two tags",
            where=where,
            received=f"{tags.words[0]!r} alone",
            advice="is the file cut off, or another column the tag?",
        )


def _refuse_empty(sentences: Sentences, where: Mapping[str, str]) -> None:
    for split in SPLITS:
        if not sentences[split]:
            raise UserError(
                f"the {split} text must hold at least one sentence",
                where=where[split],
                advice="give more sentences, or set data.validation_fraction and data.test_fraction",
            )
