"""A sentence of the toy language with all that is known about it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from random import Random
from typing import Final, Literal

from tasks.text.toy.derivation import Derivation, draw
from tasks.text.toy.dialects import Dialect
from tasks.text.toy.grammar import CLAUSES, toy_grammar
from tasks.text.toy.rules import Number
from unroll.contract import derive_seed

Sentiment = Literal["negative", "neutral", "positive"]

_SENTIMENTS: Final[Mapping[int, Sentiment]] = {-1: "negative", 0: "neutral", 1: "positive"}
_NOUNS: Final = frozenset({"NOUN", "PROPN"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ToySentence:
    """One sentence.

    Args:
        words: the sentence.
        parts_of_speech: a tag of Universal Dependencies for each word.
        entity_tags: a BIO tag for each word; the entities are persons (``PER``) and places (``LOC``).
        sentiment: whether praise or blame prevails.
        translation: the sentence in the other language.
        log_probability: natural logarithm of the probability that the grammar gives the sentence.
        subject_number: of the main clause's subject.
        subject_index: place of the subject's head in ``words``.
        verb_index: place of the verb that agrees with it.
        attractors: nouns between the two whose number is not the subject's.
    """

    words: tuple[str, ...]
    parts_of_speech: tuple[str, ...]
    entity_tags: tuple[str, ...]
    sentiment: Sentiment
    translation: tuple[str, ...]
    log_probability: float
    subject_number: Number
    subject_index: int
    verb_index: int
    attractors: int


def generate(seed: int, stream: str, sentences: int, dialect: Dialect = "plain") -> list[ToySentence]:
    """The first sentences of a random stream, the same in every process.

    Args:
        seed: of all streams.
        stream: name of the stream; streams of other names are independent.
        sentences: how many.
        dialect: whose words they are made of.
    """
    return list(islice(endless(seed, stream, dialect), sentences))


def endless(seed: int, stream: str, dialect: Dialect = "plain") -> Iterator[ToySentence]:
    """The random stream that :func:`generate` begins with, without an end."""
    grammar = toy_grammar(dialect)
    random = Random(derive_seed(seed, "toy language", stream))  # noqa: S311 - its stream is the same in every Python
    while True:
        yield annotate(draw(grammar, random))


def annotate(derivation: Derivation) -> ToySentence:
    """A sentence and its annotation, from its derivation."""
    leaves = list(derivation.leaves())
    entries = [leaf.entry for leaf in leaves]
    clause = derivation  # the outermost subject and verb phrase
    while clause.symbol not in CLAUSES:
        clause = clause.head_part()
    number = CLAUSES[clause.symbol]
    subject, verb = (_place(leaves, part.head()) for part in clause.parts)
    return ToySentence(
        words=tuple(word for entry in entries for word in entry.words),
        parts_of_speech=tuple(entry.part_of_speech for entry in entries for _ in entry.words),
        entity_tags=tuple(
            "O" if entry.entity is None else f"{'I' if place else 'B'}-{entry.entity}"
            for entry in entries
            for place, _ in enumerate(entry.words)
        ),
        sentiment=_SENTIMENTS[(derivation.sentiment() > 0) - (derivation.sentiment() < 0)],  # by the sign of the sum
        translation=derivation.translation(),
        log_probability=derivation.log_probability(),
        subject_number=number,
        subject_index=sum(len(entry.words) for entry in entries[:subject]),
        verb_index=sum(len(entry.words) for entry in entries[:verb]),
        # Names are nouns too; a place or a person has a number like any other.
        attractors=sum(
            entry.part_of_speech in _NOUNS and entry.number not in (None, number)
            for entry in entries[subject + 1 : verb]
        ),
    )


def _place(leaves: Sequence[Derivation], wanted: Derivation) -> int:
    """Place of this very leaf; an equal one may stand elsewhere."""
    return next(place for place, leaf in enumerate(leaves) if leaf is wanted)
