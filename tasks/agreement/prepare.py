"""From sentences with verbs to a prepared corpus."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from tasks.agreement.corpus import AgreementCorpus, AgreementText
from tasks.agreement.sentences import MOST_ATTRACTORS, Sentence, Split, Verb
from tasks.text.prepared import HELD_OUT, Facts, begins_of, refuse_empty, words_of
from tasks.text.splits import SPLITS
from tasks.text.vocabulary import EOS, UNKNOWN, Vocabulary


def prepare(
    splits: Mapping[str, Split],
    *,
    vocabulary_size: int | None = None,
    minimum_count: int = 1,
    required: Sequence[str] = (),
    bounds: Mapping[str, float] | None = None,
    warnings: Sequence[str] = (),
    where: Mapping[str, str],
) -> AgreementCorpus:
    """Fit the words on the training sentences alone and write all sentences in their numbers.

    Args:
        splits: sentences of each split.
        vocabulary_size: most words to keep, ``<unk>`` and ``<eos>`` included; None keeps all.
        minimum_count: words that the training text has less often are read as ``<unk>``.
        required: words of the vocabulary beside those of the training text.
        bounds: see :class:`~tasks.text.prepared.Corpus`.
        warnings: see there.
        where: what errors call the text of each split.

    Returns:
        The corpus. Verbs of which the vocabulary lacks a form are left out.

    Raises:
        UserError: a split has no sentence, or no verb is left of it.
    """
    more = "give more text"
    refuse_empty({split: len(splits[split].sentences) for split in SPLITS}, "sentence", where, more)
    vocabulary = Vocabulary.fit(
        words_of(splits["train"].sentences),
        size=vocabulary_size,
        minimum_count=minimum_count,
        required=(*required, EOS, UNKNOWN),
    )
    texts = {split: _number(splits[split].sentences, vocabulary) for split in SPLITS}
    verbs = {split: len(text.lengths) for split, text in texts.items()}
    refuse_empty(verbs, "verb whose two forms are known", where, more)
    return AgreementCorpus(
        vocabulary=vocabulary,
        train=texts["train"],
        validation=texts["validation"],
        test=texts["test"],
        facts=_facts(splits, texts, vocabulary),
        bounds=bounds or {},
        warnings=warnings,
    )


def _number(sentences: Sequence[Sentence], vocabulary: Vocabulary) -> AgreementText:
    begins = begins_of(sentences)
    # A verb with a form that is read as <unk> cannot be asked about: both forms would be the same word.
    known: list[tuple[int, Verb]] = [
        (int(begin), verb)
        for begin, sentence in zip(begins, sentences, strict=False)
        for verb in sentence.verbs
        if all(form in vocabulary for form in verb.forms)
    ]
    return AgreementText(
        words=vocabulary.encode(words_of(sentences)),
        begins=begins,
        prefixes=np.array([begin for begin, _ in known], np.int64),
        lengths=np.array([verb.place for _, verb in known], np.int64),
        distances=np.array([verb.distance for _, verb in known], np.int64),
        attractors=np.array([verb.attractors for _, verb in known], np.int64),
        plural=np.array([verb.plural for _, verb in known], np.bool_),
        # Reshaped for a text without verbs, which is refused only after it was counted.
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
    for split in HELD_OUT:
        repeated = sum(sentence.words in seen for sentence in splits[split].sentences)
        facts[f"{split} sentences also in training"] = repeated
        for attractors in range(MOST_ATTRACTORS + 1):
            facts[f"{split} verbs with {attractors} attractors"] = int((texts[split].attractors == attractors).sum())
    return facts


def majority_accuracy(train: AgreementText, held_out: AgreementText) -> float:
    """Accuracy of always answering the commoner number of the training text."""
    return float((held_out.plural == (train.plural.mean() > 0.5)).mean())
