"""From lines of text to streams of word numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

from tasks.text.prepared import FEW_LINES, HELD_OUT, Facts, refuse_empty, refuse_unknown
from tasks.text.running.corpus import TokenCorpus
from tasks.text.splits import SPLITS
from tasks.text.vocabulary import EOS, Vocabulary

Level = Literal["word", "character"]


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
) -> TokenCorpus:
    """Fit the vocabulary on the training text alone and write all texts in its numbers.

    Args:
        lines: for each split its lines, without line ends.
        level: what a token is.
        vocabulary_size: most words to keep; None keeps all.
        minimum_count: words that the training text has less often become ``<unk>``.
        required: words of the vocabulary beside those of the training text.
        bounds: see :class:`~tasks.text.prepared.Corpus`.
        warnings: see there.
        where: what errors call the text of each split.
        doubt: a question that comes first in the advice of errors which a misread text would also cause.

    Raises:
        UserError: a split has no token, or half of its tokens are unknown.
    """
    # Tokens are made twice, once to count and once to number them, so that no list of all of them is kept.
    counts = {split: Counter(tokenize(lines[split], level)) for split in SPLITS}
    advice = FEW_LINES.format("lines")
    sizes = {split: count.total() for split, count in counts.items()}
    refuse_empty(sizes, "token", where, f"{doubt} else {advice}" if doubt else advice)
    end = EOS if level == "word" else "\n"
    # Fitted on the training text alone; <unk> joins only where it is needed, for no model can learn an unused word.
    vocabulary = Vocabulary.fit(
        counts["train"], size=vocabulary_size, minimum_count=minimum_count, required=(*required, end)
    )
    if any(word not in vocabulary for split in SPLITS for word in counts[split]):
        vocabulary = vocabulary.with_unknown()
    unknown = {
        split: sum(times for word, times in count.items() if word not in vocabulary) / count.total()
        for split, count in counts.items()
    }
    refuse_unknown(
        unknown,
        "tokens",
        where,
        f"{doubt and doubt + ' '}are the splits of one language? "
        "else raise data.vocabulary_size or lower data.minimum_count",
    )
    facts: Facts = {"vocabulary": len(vocabulary), **{f"{split} tokens": size for split, size in sizes.items()}}
    seen = {" ".join(line.split()) for line in lines["train"]} - {""}
    for split in HELD_OUT:
        facts[f"{split} lines also in training"] = sum(" ".join(line.split()) in seen for line in lines[split])
    # One <unk> that stands in the text itself is a word, and not counted.
    facts |= {f"{split} unknown rate": rate for split, rate in unknown.items()}
    if level == "word":
        facts["blank lines skipped"] = sum(not line.strip() for split in SPLITS for line in lines[split])
    return TokenCorpus(
        vocabulary=vocabulary,
        train=vocabulary.encode(tokenize(lines["train"], level)),
        validation=vocabulary.encode(tokenize(lines["validation"], level)),
        test=vocabulary.encode(tokenize(lines["test"], level)),
        start=vocabulary.number(end),
        facts=facts,
        bounds=bounds or {},
        warnings=warnings,
    )
