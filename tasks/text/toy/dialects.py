"""Dialects of the toy language: other words, or other sentences."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from tasks.text.toy import homographs, lexicon, namesakes

Dialect = Literal["plain", "homographs", "namesakes", "chains"]
"""``plain``: no word but ``that`` has two parts of speech. ``homographs``: many have, see :mod:`.homographs`.
``namesakes``: persons and places have the same names, see :mod:`.namesakes`. ``chains``: the words of ``plain`` in
sentences of one shape, with up to four nouns between subject and verb, see :mod:`.chains`."""

Noun = tuple[str, str, str]
Verb = tuple[str, str, str, int]
Adjective = tuple[str, str, int]
Invariable = tuple[str, tuple[tuple[str, str], ...]]
Name = tuple[str, str]
Place = tuple[tuple[str, ...], tuple[str, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """The tables of :mod:`.lexicon` that differ between dialects, with the columns that are described there."""

    nouns: Mapping[str, tuple[Noun, ...]]
    verbs: Mapping[str, tuple[Verb, ...]]
    adjectives: tuple[Adjective, ...]
    invariable: Mapping[str, Invariable]
    first_names: Mapping[str, tuple[Name, ...]] = field(default_factory=lambda: lexicon.FIRST_NAMES)
    last_names: tuple[Name, ...] = lexicon.LAST_NAMES
    places: tuple[Place, ...] = lexicon.PLACES


_PLAIN: Final = Words(
    nouns=lexicon.NOUNS, verbs=lexicon.VERBS, adjectives=lexicon.ADJECTIVES, invariable=lexicon.INVARIABLE
)
WORDS: Final[Mapping[Dialect, Words]] = {
    "plain": _PLAIN,
    "chains": _PLAIN,
    "homographs": Words(
        nouns=homographs.NOUNS,
        verbs=homographs.VERBS,
        adjectives=homographs.ADJECTIVES,
        invariable=homographs.INVARIABLE,
    ),
    "namesakes": Words(
        nouns=lexicon.NOUNS,
        verbs=lexicon.VERBS,
        adjectives=lexicon.ADJECTIVES,
        invariable=lexicon.INVARIABLE,
        first_names=namesakes.FIRST_NAMES,
        last_names=namesakes.LAST_NAMES,
        places=namesakes.PLACES,
    ),
}
