"""Sentences of the toy language in which up to four nouns stand between the subject and its verb.

    these old dogs near the girl behind two kings sleep quietly .

A subject takes no prepositional phrase, or one, two, three or four, all equally often, and each phrase modifies the
noun before it. Every noun is singular or plural with probability 1/2 whatever the others are, so what stands between
subject and verb says nothing about the verb's number: who does not see the subject is right half of the time.
"""

from __future__ import annotations

from typing import Final

from tasks.text.toy.dictionary import NUMBERS, SUBJECTS, Table, number_of
from tasks.text.toy.rules import Number, Rule, phrase

LONGEST: Final = 4
"""Most prepositional phrases after a subject."""
_RATES: Final = dict(zip(SUBJECTS, (1 / 6, 1 / 6, 1 / 6, 1 / 2), strict=True))
"""How often a noun is one that this pronoun stands for: as often singular as plural."""
_VERB_RATES: Final = {"do": 0.75, "be": 0.25}


def chains() -> Table:
    """The rules that differ from those of :func:`~tasks.text.toy.grammar.toy_grammar`."""
    table: Table = {
        "SENTENCE": (phrase(1, "CLAUSE", "STOP"),),
        "CLAUSE": tuple(
            phrase(p * q, f"CLAUSE:{subject}:{verb}")
            for subject, p in _RATES.items()
            for verb, q in _VERB_RATES.items()
        ),
        "SIMPLE": tuple(phrase(p, f"SIMPLE:{subject}") for subject, p in _RATES.items()),
    }
    for length in range(1, LONGEST + 1):
        # A chain of n phrases is one phrase and a chain of n - 1: lengths are drawn once, not phrase by phrase.
        more = (f"CHAIN:{length - 1}",) if length > 1 else ()
        table[f"CHAIN:{length}"] = (phrase(1, "PREPOSITION", "SIMPLE", *more),)
    for subject in SUBJECTS:
        table[f"SUBJECT:{subject}"] = _subject(subject)
    for number in NUMBERS:
        table[f"VERB PHRASE:do:{number}"] = _verb_phrase(number)
    return table


def _subject(subject: str) -> tuple[Rule, ...]:
    noun = (f"DETERMINER:{number_of(subject)}", f"NOMINAL:{subject}")
    rate = 1 / (LONGEST + 1)
    longer = (phrase(rate, *noun, f"CHAIN:{length}", head=1) for length in range(1, LONGEST + 1))
    return (phrase(rate, *noun, head=1), *longer)


def _verb_phrase(number: Number) -> tuple[Rule, ...]:
    """Short, without another clause, and with nothing between the subject and the verb."""
    intransitive, transitive = f"INTRANSITIVE:{number}", f"TRANSITIVE:{number}"
    return (
        phrase(0.4, intransitive),
        phrase(0.3, intransitive, "MANNER", order=(1, 0)),
        phrase(0.3, transitive, "SIMPLE", order=(1, 0)),
    )
