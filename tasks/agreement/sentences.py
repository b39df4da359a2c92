"""What a reader gives: sentences, and the verbs in them that agree with a subject."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

MOST_ATTRACTORS: Final = 4
"""Up to so many attractors have an accuracy of their own, as in Linzen et al. 2016."""


class Verb(NamedTuple):
    """A verb that agrees with a subject before it."""

    place: int
    """How many words stand before the verb."""
    distance: int
    """How many words stand between subject and verb."""
    attractors: int
    """How many nouns between the two have another number than the subject."""
    plural: bool
    """Whether subject and verb are plural."""
    forms: tuple[str, str]
    """The verb's singular and plural; the one that the number asks for stands in the sentence."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence of words, and its verbs of which both forms are known."""

    words: tuple[str, ...]
    verbs: tuple[Verb, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """The sentences of a split.

    Args:
        sentences: all of them, verbs or none.
        facts: what a reader counted on its way: name -> number.
    """

    sentences: Sequence[Sentence]
    facts: dict[str, int]
