"""Subjects and their verbs in trees of Universal Dependencies.

A subject is a noun that depends as ``nsubj`` (or a subtype, ``nsubj:outer`` aside) and whose number is singular or
plural. Its verb is the finite word with a number among the subject's head and the auxiliaries and copulas of that head:
``have`` in *the dogs have slept*, ``are`` in *the dogs are old*. Only a verb behind its subject counts, and only one
whose number is the subject's: two that disagree are a coordination, whose first noun alone is the ``nsubj``, or a slip.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from tasks.text.formats.conllu import Column, Row, parse_features

COLUMNS: Final[tuple[Column, ...]] = ("form", "lemma", "upos", "feats", "head", "deprel")
NUMBERS: Final = ("Sing", "Plur")
_NOUNS: Final = frozenset({"NOUN", "PROPN"})
_CARRIERS: Final = frozenset({"aux", "cop"})
_PARADIGM: Final = ("Mood", "Tense", "Aspect", "Voice", "Polarity")
"""Features that two forms of a verb share when only their number is another."""


@dataclass(frozen=True, slots=True)
class Word:
    """One word of a tree; ``head`` is its head's place, -1 at the root."""

    form: str
    lemma: str
    upos: str
    features: dict[str, str]
    head: int
    relation: str

    @property
    def number(self) -> str | None:
        """``Sing`` or ``Plur``; None for a word that is neither."""
        number = self.features.get("Number")
        return number if number in NUMBERS else None

    @property
    def finite(self) -> bool:
        """Whether this is a finite verb that a noun can be the subject of, as far as the treebank is annotated."""
        features = self.features
        return features.get("VerbForm", "Fin") == "Fin" and features.get("Person", "3") == "3"

    @property
    def paradigm(self) -> tuple[str, ...]:
        """What a verb's singular and plural have in common."""
        return (self.lemma.lower(), *(self.features.get(name, "") for name in _PARADIGM))


class Agreement(NamedTuple):
    """Places of a subject and of the verb that carries its number."""

    subject: int
    verb: int


def read_tree(rows: Sequence[Row]) -> list[Word]:
    """The words of a sentence whose rows hold :data:`COLUMNS`."""
    return [
        Word(form, lemma, upos, parse_features(features), int(head) - 1, relation)
        for form, lemma, upos, features, head, relation in rows
    ]


def find_agreements(tree: Sequence[Word]) -> Iterator[Agreement]:
    """Every subject with a number, and the verb behind it that carries one; whether they agree is yet to be seen."""
    for place, word in enumerate(tree):
        subject = word.relation.split(":")[0] == "nsubj" and word.relation != "nsubj:outer" and word.head >= 0
        if subject and word.upos in _NOUNS and word.number:
            carriers = [verb for verb in _carriers(tree, word.head) if tree[verb].number and tree[verb].finite]
            # Two words with a number at one head do not say which of them agrees.
            if len(carriers) == 1 and place < carriers[0]:
                yield Agreement(place, carriers[0])


def count_attractors(tree: Sequence[Word], agreement: Agreement) -> int:
    """Nouns between subject and verb whose number is the other one."""
    between, number = tree[agreement.subject + 1 : agreement.verb], tree[agreement.subject].number
    return sum(word.upos in _NOUNS and word.number not in (None, number) for word in between)


def _carriers(tree: Sequence[Word], head: int) -> Iterator[int]:
    """The head, if it is a verb, and its auxiliaries and copulas."""
    for place, word in enumerate(tree):
        depends = word.head == head and word.relation.split(":")[0] in _CARRIERS
        if depends or (place == head and word.upos in ("VERB", "AUX")):
            yield place
