"""From lines of text to streams of word numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, Literal

from tasks.text.running.cache import Prepared
from tasks.text.splits import SPLITS
from tasks.text.vocabulary import EOS, Vocabulary
from unroll.contract import UserError

Level = Literal["word", "character"]

_MOST_UNKNOWN: Final = 0.5
"""Share of unknown words in a text from which on its perplexity says nothing about its language."""


def tokenize(lines: Sequence[str], level: Level) -> Iterator[str]:
    r"""Tokens of a text, lazily.

    Words are what (Unicode) white space separates; each line ends with ``<eos>``, and blank lines are skipped.
    Characters are those of the text, each line ending with ``\n``, the last one too.
    """
    for line in lines:
        if level == "character":
            yield from line
            yield "\n"
        elif words := line.split():
            yield from words
            yield EOS


def prepare_streams(
    lines: Mapping[str, Sequence[str]],
    *,
    level: Level,
    vocabulary_size: int | None = None,
    minimum_count: int = 1,
    required: Sequence[str] = (),
    bounds: Mapping[str, float] | None = None,
    warnings: Sequence[str] = (),
    where: Mapping[str, str],
    doubt: str = "",
) -> Prepared:
    """Fit the vocabulary on the training text alone and write all texts in its numbers.

    Args:
        lines: for each split its lines, without line ends.
        level: what a token is.
        vocabulary_size: most words to keep; None keeps all.
        minimum_count: words that the training text has less often become ``<unk>``.
        required: words of the vocabulary beside those of the training text.
        bounds: see :class:`~tasks.text.running.corpus.TokenCorpus`.
        warnings: see there.
        where: what errors call the text of each split.
        doubt: a question that comes first in the advice of errors which a misread text would also cause.

    Raises:
        UserError: a split has no token, or half of its tokens are unknown.
    """
    counts = {split: Counter(tokenize(lines[split], level)) for split in SPLITS}
    _refuse_empty(counts, where, doubt)
    end = EOS if level == "word" else "\n"
    vocabulary = Vocabulary.fit(
        counts["train"], size=vocabulary_size, minimum_count=minimum_count, required=(*required, end)
    )
    if any(word not in vocabulary for split in SPLITS for word in counts[split]):
        vocabulary = vocabulary.with_unknown()
    facts = {"vocabulary": len(vocabulary), **_sizes(counts), **_repetitions(lines), **_unknown(counts, vocabulary)}
    if level == "word":
        facts["blank lines skipped"] = sum(not line.strip() for split in SPLITS for line in lines[split])
    _refuse_unknown(facts, where, doubt)
    return Prepared(
        vocabulary=vocabulary,
        splits={split: vocabulary.encode(tokenize(lines[split], level)) for split in SPLITS},
        start=vocabulary.number(end),
        facts=facts,
        bounds=bounds or {},
        warnings=warnings,
    )


def _sizes(counts: Mapping[str, Counter[str]]) -> dict[str, int | float | str]:
    return {f"{split} tokens": count.total() for split, count in counts.items()}


def _unknown(counts: Mapping[str, Counter[str]], vocabulary: Vocabulary) -> dict[str, int | float | str]:
    """Share of each split's tokens that became ``<unk>``; one that stands in the text itself is not counted."""
    unknown = {
        split: sum(times for word, times in count.items() if word not in vocabulary) for split, count in counts.items()
    }
    return {f"{split} unknown rate": unknown[split] / counts[split].total() for split in SPLITS}


def _repetitions(lines: Mapping[str, Sequence[str]]) -> dict[str, int | float | str]:
    """How many held-out lines a model has seen in training, blank ones aside."""
    seen = {" ".join(line.split()) for line in lines["train"]} - {""}
    return {
        f"{split} lines also in training": sum(" ".join(line.split()) in seen for line in lines[split])
        for split in ("validation", "test")
    }


def _refuse_empty(counts: Mapping[str, Counter[str]], where: Mapping[str, str], doubt: str) -> None:
    for split, count in counts.items():
        if not count:
            raise UserError(
                f"the {split} text must hold at least one token",
                where=where[split],
                advice=f"{doubt and doubt + ' else '}give more lines, "
                "or set data.validation_fraction and data.test_fraction",
            )


def _refuse_unknown(facts: Mapping[str, int | float | str], where: Mapping[str, str], doubt: str) -> None:
    for split in SPLITS:
        rate = float(facts[f"{split} unknown rate"])
        if rate > _MOST_UNKNOWN:
            raise UserError(
                f"at most half of the {split} tokens may be unknown",
                where=where[split],
                received=f"{rate:.0%}",
                advice=f"{doubt and doubt + ' '}are the splits of one language? "
                "else raise data.vocabulary_size or lower data.minimum_count",
            )
