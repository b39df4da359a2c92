"""From sentences with verbs to a prepared corpus."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate
from typing import Final

import numpy as np

from tasks.agreement.corpus import AgreementText, fingerprint
from tasks.agreement.sentences import MOST_ATTRACTORS, Sentence, Split, Verb, refuse_empty
from tasks.text.splits import SPLITS
from tasks.text.store import Parts
from tasks.text.vocabulary import EOS, UNKNOWN, Vocabulary

Facts = dict[str, int | float | str]
_HELD_OUT: Final = SPLITS[1:]


def prepare(
    splits: Mapping[str, Split],
    *,
    vocabulary_size: int | None = None,
    minimum_count: int = 1,
    required: Sequence[str] = (),
    bounds: Mapping[str, float] | None = None,
    warnings: Sequence[str] = (),
    where: Mapping[str, str],
) -> Parts:
    """Fit the words on the training sentences alone and write all sentences in their numbers.

    Args:
        splits: sentences of each split.
        vocabulary_size: most words to keep, ``<unk>`` and ``<eos>`` included; None keeps all.
        minimum_count: words that the training text has less often are read as ``<unk>``.
        required: words of the vocabulary beside those of the training text.
        bounds: see :class:`~tasks.agreement.corpus.AgreementCorpus`.
        warnings: see there.
        where: what errors call the text of each split.

    Returns:
        What :func:`~tasks.agreement.corpus.cached` keeps. Verbs of which the vocabulary lacks a form are left out.

    Raises:
        UserError: a split has no sentence, or no verb is left of it.
    """
    refuse_empty({split: len(each.sentences) for split, each in splits.items()}, "sentence", where)
    vocabulary = Vocabulary.fit(
        _words(splits["train"].sentences),
        size=vocabulary_size,
        minimum_count=minimum_count,
        required=(*required, EOS, UNKNOWN),
    )
    texts = {split: _number(splits[split].sentences, vocabulary) for split in SPLITS}
    refuse_empty({split: len(text.lengths) for split, text in texts.items()}, "verb whose two forms are known", where)
    return Parts(
        arrays={f"{split}-{name}": array for split, text in texts.items() for name, array in vars(text).items()},
        words={"vocabulary": vocabulary},
        record={
            "facts": _facts(splits, texts, vocabulary),
            "bounds": dict(bounds or {}),
            "warnings": list(warnings),
            "fingerprint": fingerprint(vocabulary, texts),
        },
    )


def _words(sentences: Sequence[Sentence]) -> Iterable[str]:
    return (word for sentence in sentences for word in sentence.words)


def _number(sentences: Sequence[Sentence], vocabulary: Vocabulary) -> AgreementText:
    begins = np.fromiter(accumulate((len(each.words) for each in sentences), initial=0), np.int64)
    known: list[tuple[int, Verb]] = [
        (int(begin), verb)
        for begin, sentence in zip(begins, sentences, strict=False)
        for verb in sentence.verbs
        if all(form in vocabulary for form in verb.forms)
    ]
    return AgreementText(
        words=vocabulary.encode(_words(sentences)),
        begins=begins,
        prefixes=np.array([begin for begin, _ in known], np.int64),
        lengths=np.array([verb.place for _, verb in known], np.int64),
        distances=np.array([verb.distance for _, verb in known], np.int64),
        attractors=np.array([verb.attractors for _, verb in known], np.int64),
        plural=np.array([verb.plural for _, verb in known], np.bool_),
        forms=np.array([vocabulary.encode(verb.forms) for _, verb in known], np.int64).reshape(-1, 2),
    )


def _facts(splits: Mapping[str, Split], texts: Mapping[str, AgreementText], vocabulary: Vocabulary) -> Facts:
    facts: Facts = {"vocabulary": len(vocabulary)}
    for split, text in texts.items():
        verbs = sum(len(sentence.verbs) for sentence in splits[split].sentences)
        facts[f"{split} sentences"] = len(text.begins) - 1
        facts[f"{split} tokens"] = len(text.words)
        facts[f"{split} words read as <unk>"] = float((text.words == vocabulary.unknown).mean())
        facts |= {f"{split} {name}": number for name, number in splits[split].facts.items()}
        facts[f"{split} verbs with a form that is read as <unk>"] = verbs - len(text.lengths)
        facts[f"{split} verbs"] = len(text.lengths)
        facts[f"{split} share of plural verbs"] = float(text.plural.mean())
    seen = {sentence.words for sentence in splits["train"].sentences}
    for split in _HELD_OUT:
        repeated = sum(sentence.words in seen for sentence in splits[split].sentences)
        facts[f"{split} sentences also in training"] = repeated
        for attractors in range(MOST_ATTRACTORS + 1):
            facts[f"{split} verbs with {attractors} attractors"] = int((texts[split].attractors == attractors).sum())
    return facts


def majority_accuracy(train: AgreementText, held_out: AgreementText) -> float:
    """Accuracy of whoever always says the number that is the commoner one in the training text."""
    return float((held_out.plural == (train.plural.mean() > 0.5)).mean())
