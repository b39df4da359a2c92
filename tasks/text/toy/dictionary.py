"""The grammar's entries, made from the tables of the lexicon."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from tasks.text.toy import lexicon
from tasks.text.toy.dialects import Words
from tasks.text.toy.rules import Entry, Number, Rule

Table = dict[str, tuple[Rule, ...]]

SUBJECTS: Final = ("he", "she", "it", "they")
"""Pronouns, which stand for gender and number of a noun phrase."""
NUMBERS: Final[tuple[Number, ...]] = ("singular", "plural")
_NOUN_ENDINGS: Final[Mapping[Number, str]] = {"singular": "o", "plural": "oj"}
_VERB_ENDINGS: Final[Mapping[Number, str]] = {"singular": "as", "plural": "anz"}


def number_of(subject: str) -> Number:
    """Grammatical number of what this pronoun stands for."""
    return "plural" if subject == "they" else "singular"


def dictionary(words: Words) -> Table:
    """The entries of all word classes."""
    table: Table = {"ADJECTIVE": _adjectives(words), "PLACE": _places(words)}
    for symbol, (part_of_speech, rows) in words.invariable.items():
        table[symbol] = tuple(Entry((word,), part_of_speech, (other,), 1 / len(rows)) for word, other in rows)
    for gender in words.first_names:
        table[f"NAME:{gender}"] = _names(gender, words)
    for subject in SUBJECTS:
        table[f"NOUN:{subject}"] = _nouns(subject, words)
        table[f"PRONOUN:{subject}"] = _pronoun(subject)
    for number in NUMBERS:
        table |= _verbs(number, words)
    return table


def _adjectives(words: Words) -> tuple[Entry, ...]:
    rate = 1 / len(words.adjectives)
    return tuple(Entry((word,), "ADJ", (other,), rate, polarity=sign) for word, other, sign in words.adjectives)


def _places(words: Words) -> tuple[Entry, ...]:
    rate = 1 / len(words.places)
    return tuple(Entry(name, "PROPN", other, rate, number="singular", entity="LOC") for name, other in words.places)


def _names(gender: str, words: Words) -> tuple[Entry, ...]:
    """First names, as often alone as with a last name."""
    names: list[tuple[tuple[str, ...], tuple[str, ...], float]] = []
    first_names, last_names = words.first_names[gender], words.last_names
    for first, other_first in first_names:
        names.append(((first,), (other_first,), 0.5 / len(first_names)))
        rate = 0.5 / len(first_names) / len(last_names)
        names.extend(((first, last), (other_first, other_last), rate) for last, other_last in last_names)
    return tuple(Entry(name, "PROPN", other, rate, number="singular", entity="PER") for name, other, rate in names)


def _nouns(subject: str, words: Words) -> tuple[Entry, ...]:
    """Singular nouns that this pronoun stands for; behind *they*, the plurals of all nouns."""
    number = number_of(subject)
    place = NUMBERS.index(number)
    rows = words.nouns.get(subject) or [row for nouns in words.nouns.values() for row in nouns]
    return tuple(
        Entry((row[place],), "NOUN", (row[2] + _NOUN_ENDINGS[number],), 1 / len(rows), number=number) for row in rows
    )


def _pronoun(subject: str) -> tuple[Entry]:
    return (Entry((subject,), "PRON", (lexicon.PRONOUNS[subject],), number=number_of(subject)),)


def _verbs(number: Number, words: Words) -> Table:
    place, ending = NUMBERS.index(number), _VERB_ENDINGS[number]
    table: Table = {}
    for symbol, rows in words.verbs.items():
        table[f"{symbol}:{number}"] = tuple(
            # row: singular, plural, stem, polarity.
            Entry((row[:2][place],), "VERB", (row[2] + ending,), 1 / len(rows), number=number, polarity=row[3])
            for row in rows
        )
    for symbol, forms in lexicon.AUXILIARIES.items():
        word, other = forms[place]
        table[f"AUXILIARY:{symbol}:{number}"] = (Entry((word,), "AUX", (other,), number=number),)
    return table
