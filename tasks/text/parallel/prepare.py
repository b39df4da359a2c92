"""From pairs of raw sentences to a prepared corpus."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, Literal, NamedTuple

from tasks.text.format import Sentence
from tasks.text.parallel.corpus import ParallelCorpus, ParallelText, RawLines
from tasks.text.parallel.tokenization import Tokenization, TokenKind, fit_subwords
from tasks.text.prepared import (
    FEW_LINES,
    HELD_OUT,
    Facts,
    SentenceText,
    begins_of,
    refuse_empty,
    refuse_unknown,
    words_of,
)
from tasks.text.splits import SPLITS
from tasks.text.vocabulary import EOS, UNKNOWN, Vocabulary
from unroll.contract import UserError

Vocabularies = Literal["separate", "shared"]
SIDES: Final = ("source", "target")
_BLEU_ORDER: Final = 4
_BEST: Final = {
    "loss": 0.0,
    "perplexity": 1.0,
    "accuracy": 1.0,
    "free_running_accuracy": 1.0,
    "exact_match": 1.0,
    "chrf": 100.0,
}
"""What is reached, by the names of translation's metrics, where a source determines its target."""
_FOREIGN: Final = "are the splits of one language? else lower data.minimum_count or raise data.vocabulary_size"


class Pair(NamedTuple):
    """A raw sentence and its translation; a blank one counts as missing.

    Args:
        source: a line of text.
        target: its translation.
    """

    source: str
    target: str


class _Tokenized(NamedTuple):
    """A pair in tokens, and the target as it is written."""

    source: Sentence
    target: Sentence
    reference: str


def prepare_pairs(
    pairs: Mapping[str, Sequence[Pair]],
    *,
    tokens: TokenKind,
    lowercase: bool = False,
    vocabularies: Vocabularies,
    vocabulary_size: int | None = None,
    minimum_count: int = 1,
    longest: int | None = None,
    required: Sequence[Pair] = (),
    exact: bool = False,
    warnings: Sequence[str] = (),
    where: Mapping[str, str],
) -> ParallelCorpus:
    """Fit tokens on the training pairs alone and write all pairs in their numbers.

    A pair of which a side has no token is left out and counted.

    Args:
        pairs: of each split; no token may be ``<eos>``.
        tokens: what a token is.
        lowercase: whether text is read without regard to case; references stay as they are.
        vocabularies: whether each language has its own, or both share one and its subwords.
        vocabulary_size: most tokens of a vocabulary, ``<unk>`` and ``<eos>`` included; None: all, of subwords an error.
        minimum_count: tokens that the training text has less often are read as ``<unk>``.
        longest: most tokens of either side of a training pair; a longer pair is left out and counted. None: any.
        required: texts whose words or characters are known however rare they are; unless ``vocabulary_size`` is given.
        exact: whether a source determines its target, so that no other answer could be right.
        warnings: see :class:`~tasks.text.prepared.Corpus`.
        where: what errors call the text of each split.

    Raises:
        UserError: a split has no pair, subwords have no size, or more than half of a text's tokens are unknown.
    """
    tokenizations = _tokenizations(pairs["train"], tokens, lowercase, vocabularies, vocabulary_size)
    tokenized = {split: [_tokenize(pair, *tokenizations) for pair in pairs[split]] for split in SPLITS}
    whole = {
        split: [each for each in text if each.source.words and each.target.words] for split, text in tokenized.items()
    }
    kept = {**whole, "train": [each for each in whole["train"] if longest is None or _length(each) <= longest]}
    refuse_empty({split: len(text) for split, text in kept.items()}, "pair", where, FEW_LINES.format("pairs"))
    known = [_tokenize(pair, *tokenizations) for pair in required] if vocabulary_size is None else []
    source, target = _vocabularies(kept["train"], known, vocabularies, vocabulary_size, minimum_count)
    texts = {split: _number(text, source, target) for split, text in kept.items()}
    facts: Facts = {"source vocabulary": len(source), "target vocabulary": len(target)}
    for split, text in texts.items():
        facts |= _facts(split, text, source, target)
    empty = {split: missing for split, text in tokenized.items() if (missing := len(text) - len(whole[split]))}
    facts |= {f"{split} pairs left out, a side is empty": missing for split, missing in empty.items()}
    if longest is not None:
        facts["train pairs left out, longer than data.longest"] = len(whole["train"]) - len(kept["train"])
    facts |= _repeated(kept)
    for side in SIDES:
        unknown = {split: float(facts[f"{split} {side} tokens read as <unk>"]) for split in SPLITS}
        refuse_unknown(unknown, f"{side} tokens", where, _FOREIGN)
    return ParallelCorpus(
        vocabulary=source,
        target_vocabulary=target,
        tokenization=tokenizations[0],
        target_tokenization=tokenizations[1],
        train=texts["train"],
        validation=texts["validation"],
        test=texts["test"],
        facts=facts,
        bounds=_bounds(texts, facts) if exact else {},
        warnings=[
            *(
                f"{missing:,} of {len(pairs[split]):,} {split} pairs are left out, for a side is empty."
                for split, missing in empty.items()
            ),
            *warnings,
        ],
    )


def _tokenizations(
    train: Sequence[Pair], tokens: TokenKind, lowercase: bool, vocabularies: Vocabularies, vocabulary_size: int | None
) -> tuple[Tokenization, Tokenization]:
    if tokens != "subwords":
        tokenization = Tokenization(kind=tokens, lowercase=lowercase)
        return tokenization, tokenization
    if vocabulary_size is None:
        rule, advice = "subwords need the size of their vocabulary", "set data.vocabulary_size=8_000, for instance"
        raise UserError(rule, where="data.vocabulary_size", received="null", advice=advice)
    sources, targets = [pair.source for pair in train], [pair.target for pair in train]
    size = vocabulary_size - 1  # <eos> is no subword
    if vocabularies == "shared":
        shared = fit_subwords([*sources, *targets], size=size, lowercase=lowercase)
        return shared, shared
    source, target = (fit_subwords(texts, size=size, lowercase=lowercase) for texts in (sources, targets))
    return source, target


def _tokenize(pair: Pair, source: Tokenization, target: Tokenization) -> _Tokenized:
    return _Tokenized(
        Sentence(tuple(source.split(pair.source))),
        Sentence(tuple(target.split(pair.target))),
        pair.target,
    )


def _length(pair: _Tokenized) -> int:
    return max(len(pair.source.words), len(pair.target.words))


def _vocabularies(
    train: Sequence[_Tokenized],
    required: Sequence[_Tokenized],
    vocabularies: Vocabularies,
    size: int | None,
    minimum_count: int,
) -> tuple[Vocabulary, Vocabulary]:
    def fit(*sides: str) -> Vocabulary:
        marks = sorted({EOS, UNKNOWN, *_words(required, sides)})
        return Vocabulary.fit(_words(train, sides), size=size, minimum_count=minimum_count, required=marks)

    return (fit(*SIDES),) * 2 if vocabularies == "shared" else (fit("source"), fit("target"))


def _words(text: Sequence[_Tokenized], sides: Sequence[str]) -> Iterator[str]:
    return words_of(getattr(pair, side) for side in sides for pair in text)


def _number(text: Sequence[_Tokenized], source: Vocabulary, target: Vocabulary) -> ParallelText:
    def number(sentences: Sequence[Sentence], vocabulary: Vocabulary) -> SentenceText:
        return SentenceText(words=vocabulary.encode(words_of(sentences)), begins=begins_of(sentences))

    return ParallelText(
        source=number([each.source for each in text], source),
        target=number([each.target for each in text], target),
        references=RawLines.of([each.reference for each in text]),
    )


def _facts(split: str, text: ParallelText, source: Vocabulary, target: Vocabulary) -> Facts:
    facts: Facts = {f"{split} pairs": len(text)}
    for side, sentences, vocabulary in (("source", text.source, source), ("target", text.target, target)):
        facts[f"{split} {side} tokens"] = len(sentences.words)
        facts[f"{split} longest {side} sentence"] = int(sentences.lengths.max())
        facts[f"{split} {side} tokens read as <unk>"] = float((sentences.words == vocabulary.unknown).mean())
    return facts


def _repeated(kept: Mapping[str, Sequence[_Tokenized]]) -> Facts:
    """How many held-out sentences of either language stand in the training text, too."""
    seen = {side: {getattr(each, side).words for each in kept["train"]} for side in SIDES}
    return {
        f"{split} {side} sentences also in training": sum(
            getattr(each, side).words in seen[side] for each in kept[split]
        )
        for split in HELD_OUT
        for side in SIDES
    }


def _bounds(texts: Mapping[str, ParallelText], facts: Facts) -> dict[str, float]:
    """What the references themselves reach, on texts of which all is known.

    BLEU is not defined of a text without a run of four words.
    """
    bounds = dict[str, float]()
    for split in HELD_OUT:
        if not any(facts[f"{split} {side} tokens read as <unk>"] for side in SIDES):
            bounds |= {f"{split}/{metric}": best for metric, best in _BEST.items()}
            if any(len(line.split()) >= _BLEU_ORDER for line in texts[split].references):
                bounds[f"{split}/bleu"] = 100.0
    return bounds
