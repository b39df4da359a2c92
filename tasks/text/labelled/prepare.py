"""From labelled sentences to a prepared corpus."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

import numpy as np

from tasks.text.labelled.corpus import LabelledText, fingerprint
from tasks.text.mistakes import tell_places
from tasks.text.splits import SPLITS
from tasks.text.store import Parts
from tasks.text.vocabulary import UNKNOWN, Vocabulary
from unroll.contract import UserError

Facts = dict[str, int | float | str]
_HELD_OUT: Final = SPLITS[1:]
_SHOWN: Final = 10
"""Most labels that an error lists."""
_MOST_UNKNOWN: Final = 0.5
"""Share of a text's words above which it can hardly be of the training text's language; of labels, of its task."""


@dataclass(frozen=True, slots=True)
class LabelledSentence:
    """A sentence: its words, its label, and where it stands (file and line)."""

    words: tuple[str, ...]
    label: str
    place: str


Sentences = Mapping[str, Sequence[LabelledSentence]]


def prepare_sentences(
    sentences: Sentences,
    *,
    vocabulary_size: int | None = None,
    minimum_count: int = 1,
    required_words: Sequence[str] = (),
    required_labels: Sequence[str] = (),
    bounds: Mapping[str, float] | None = None,
    warnings: Sequence[str] = (),
    where: Mapping[str, str],
) -> Parts:
    """Fit words and labels on the training sentences alone and write all sentences in their numbers.

    Args:
        sentences: of each split; each has at least one word.
        vocabulary_size: most words to keep, ``<unk>`` included; None keeps all.
        minimum_count: words that the training text has less often are read as ``<unk>``.
        required_words: words of the vocabulary beside those of the training text.
        required_labels: labels beside those of the training text.
        bounds: see :class:`~tasks.text.labelled.corpus.LabelledCorpus`.
        warnings: see there.
        where: what errors call the text of each split.

    Returns:
        What :func:`~tasks.text.labelled.cache.cached` keeps.

    Raises:
        UserError: a split has no sentence, training has a single label, or more than half of a text's words or labels
            are unknown.
    """
    _refuse_empty(sentences, where)
    labels = Vocabulary(tuple(sorted({each.label for each in sentences["train"]}.union(required_labels))))
    _refuse_labels(sentences, labels, where["train"])
    found = {sentence.label for split in _HELD_OUT for sentence in sentences[split]}
    strange = Vocabulary(tuple(sorted(found.difference(labels.words))))
    vocabulary = Vocabulary.fit(
        _words(sentences["train"]),
        size=vocabulary_size,
        minimum_count=minimum_count,
        required=(*required_words, UNKNOWN),
    )
    texts = {split: _number(sentences[split], vocabulary, (*labels.words, *strange.words)) for split in SPLITS}
    facts = _facts(sentences, texts, vocabulary, labels)
    _refuse_unknown(facts, where)
    return Parts(
        arrays={f"{split}-{name}": array for split, text in texts.items() for name, array in vars(text).items()},
        words={"vocabulary": vocabulary, "labels": labels, "strange": strange},
        record={
            "facts": facts,
            "bounds": dict(bounds or {}),
            "warnings": [*_tell_strange(sentences, strange), *warnings],
            "fingerprint": fingerprint(vocabulary, labels, strange, texts),
        },
    )


def _words(sentences: Sequence[LabelledSentence]) -> Iterable[str]:
    return (word for sentence in sentences for word in sentence.words)


def _number(sentences: Sequence[LabelledSentence], vocabulary: Vocabulary, labels: tuple[str, ...]) -> LabelledText:
    return LabelledText(
        words=vocabulary.encode(_words(sentences)),
        begins=np.fromiter(accumulate((len(each.words) for each in sentences), initial=0), np.int64),
        labels=Vocabulary(labels).encode(each.label for each in sentences),
    )


def _facts(
    sentences: Sentences, texts: Mapping[str, LabelledText], vocabulary: Vocabulary, labels: Vocabulary
) -> Facts:
    facts: Facts = {"vocabulary": len(vocabulary), "labels": len(labels)}
    commonest = np.bincount(texts["train"].labels).argmax()
    for split, text in texts.items():
        facts[f"{split} sentences"] = len(text)
        facts[f"{split} tokens"] = len(text.words)
        facts[f"{split} longest sentence"] = int(text.lengths.max())
        facts[f"{split} words read as <unk>"] = float((text.words == vocabulary.unknown).mean())
        facts[f"{split} accuracy of the commonest label"] = float((text.labels == commonest).mean())
        counts = np.bincount(text.labels, minlength=len(labels))
        facts[f"{split} sentences of the rarest label"] = int(counts[: len(labels)].min())
    seen = {sentence.words for sentence in sentences["train"]}
    for split in _HELD_OUT:
        facts[f"{split} sentences with a label that training lacks"] = int((texts[split].labels >= len(labels)).sum())
        facts[f"{split} sentences also in training"] = sum(each.words in seen for each in sentences[split])
    return facts


def _refuse_empty(sentences: Sentences, where: Mapping[str, str]) -> None:
    for split in SPLITS:
        if not sentences[split]:
            raise UserError(
                f"the {split} text must hold at least one sentence",
                where=where[split],
                advice="give more sentences, or set data.validation_fraction and data.test_fraction",
            )


def _refuse_labels(sentences: Sentences, labels: Vocabulary, where: str) -> None:
    if len(labels) < 2:
        raise UserError(
            "the training text must have at least two labels",
            where=where,
            received=f"{labels.words[0]!r} alone",
            advice="is the file cut off, or another column the label?",
        )
    for split in _HELD_OUT:
        strange = [sentence for sentence in sentences[split] if sentence.label not in labels]
        if len(strange) > len(sentences[split]) * _MOST_UNKNOWN:
            raise UserError(
                f"at most half of the {split} sentences may have a label that the training text lacks",
                where=tell_places([sentence.place for sentence in strange], len(strange)),
                received=_list(sorted({sentence.label for sentence in strange})),
                advice=f"the training text has {_list(labels.words)}; is the {split} text one without labels?",
            )


def _tell_strange(sentences: Sentences, strange: Vocabulary) -> Iterable[str]:
    """A warning for each text that has labels which nobody could learn."""
    for split in _HELD_OUT:
        found = [sentence for sentence in sentences[split] if sentence.label in strange]
        if found:
            names = _list(sorted({sentence.label for sentence in found}))
            yield (
                f"{len(found):,} of {len(sentences[split]):,} {split} sentences have a label that the training text "
                f"lacks ({names}): whatever is said of them is wrong."
            )


def _list(labels: Sequence[str]) -> str:
    more = f" and {len(labels) - _SHOWN} more" if len(labels) > _SHOWN else ""
    return ", ".join(map(repr, labels[:_SHOWN])) + more


def _refuse_unknown(facts: Facts, where: Mapping[str, str]) -> None:
    for split in SPLITS:
        rate = float(facts[f"{split} words read as <unk>"])
        if rate > _MOST_UNKNOWN:
            raise UserError(
                f"at most half of the {split} words may be unknown",
                where=where[split],
                received=f"{rate:.0%}",
                advice="are the splits of one language? else lower data.minimum_count or raise data.vocabulary_size",
            )
