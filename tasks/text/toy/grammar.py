"""The grammar of the toy language.

Agreement is written into the symbols: ``CLAUSE:she:do`` is a clause whose subject is a *she* and whose verb asks for
*do* in a question tag. Four pronouns stand for gender and number of a subject (*he, she, it* are singular, *they*
plural), so a tag at the end of a sentence tells how its subject began:

    the girl near the red houses that the kings see sings , does n't she ?

It is unambiguous, because

* a noun phrase takes at most one modifier after its noun, so a chain of modifiers can only branch to the right;
* a verb phrase takes no prepositional phrase, and an adverb only behind a verb without object or before the verb;
* only noun phrases without modifiers behind the noun are joined by ``and``, and whole clauses only by ``, and``;
* no word has two parts of speech, except ``that``: behind a verb it opens a clause, behind a noun a modifier.

In the dialect ``homographs`` many words have two; there the whole sentence tells which. The dialect ``chains`` has
other sentences, which are unambiguous for the first reason.

Expected sizes are finite: the recursive alternatives have small probabilities.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Final

from tasks.text.toy.chains import chains
from tasks.text.toy.dialects import WORDS, Dialect
from tasks.text.toy.dictionary import NUMBERS, SUBJECTS, Table, dictionary, number_of
from tasks.text.toy.rules import Grammar, Number, Phrase, phrase

SUBJECT_RATES: Final = dict(zip(SUBJECTS, (0.2, 0.2, 0.2, 0.4), strict=True))
"""How often a noun phrase is one that this pronoun stands for."""
VERB_RATES: Final = {"do": 0.75, "be": 0.25}
"""How often a clause's verb asks for this auxiliary in a tag."""
CLAUSES: Final = {f"CLAUSE:{subject}:{verb}": number_of(subject) for subject in SUBJECTS for verb in VERB_RATES}
"""Symbols whose parts are a subject and the verb phrase that agrees with it, and the number of both."""


@cache
def toy_grammar(dialect: Dialect = "plain") -> Grammar:
    """The whole grammar with the words of a dialect; start symbol ``SENTENCE``."""
    table: Table = {**_sentences(), **_special(), **_modifiers(), **dictionary(WORDS[dialect])}
    for subject in SUBJECTS:
        table |= _noun_phrases(subject)
    for number in NUMBERS:
        table |= _verb_phrases(number)
    if dialect == "chains":
        table = _reached("SENTENCE", table | chains())
    return Grammar("SENTENCE", table)


def _reached(start: str, table: Table) -> Table:
    """The rules of the symbols that a derivation from ``start`` can hold."""
    reached, waiting = {}, [start]
    while waiting:
        symbol = waiting.pop()
        if symbol not in reached:
            reached[symbol] = table[symbol]
            waiting.extend(part for rule in table[symbol] if isinstance(rule, Phrase) for part in rule.parts)
    return reached


def _clauses() -> Iterator[tuple[str, str, float]]:
    """Subject and auxiliary of each kind of clause, with its probability."""
    return ((subject, verb, p * q) for subject, p in SUBJECT_RATES.items() for verb, q in VERB_RATES.items())


def _sentences() -> Table:
    table: Table = {
        "SENTENCE": (
            phrase(0.36, "CLAUSE", "STOP"),
            phrase(0.40, "TAGGED"),
            # The second clause is the main one; in the other language `when` follows its clause.
            phrase(0.12, "WHEN", "CLAUSE", "COMMA", "CLAUSE", "STOP", head=3, order=(1, 0, 2, 3, 4)),
            phrase(0.12, "CLAUSE", "COMMA", "AND", "CLAUSE", "STOP"),
        ),
        "CLAUSE": tuple(phrase(p, f"CLAUSE:{subject}:{verb}") for subject, verb, p in _clauses()),
        "TAGGED": tuple(phrase(p, f"TAGGED:{subject}:{verb}") for subject, verb, p in _clauses()),
    }
    for subject, verb, _ in _clauses():
        number = number_of(subject)
        clause, auxiliary = f"CLAUSE:{subject}:{verb}", f"AUXILIARY:{verb}:{number}"
        table[clause] = (phrase(1, f"SUBJECT:{subject}", f"VERB PHRASE:{verb}:{number}", head=1),)
        tag = ("COMMA", auxiliary, "NT", f"PRONOUN:{subject}", "QUESTION MARK")
        # `, does n't she ?` becomes `, she n't does ?`, word for word.
        table[f"TAGGED:{subject}:{verb}"] = (phrase(1, clause, *tag, order=(0, 1, 4, 3, 2, 5)),)
    return table


def _noun_phrases(subject: str) -> Table:
    """Noun phrases that one pronoun stands for; a translated adjective follows its noun."""
    number = number_of(subject)
    nominal, determiner = f"NOMINAL:{subject}", f"DETERMINER:{number}"
    return {
        f"SUBJECT:{subject}": (phrase(0.1, f"PRONOUN:{subject}"), phrase(0.9, f"NOUN PHRASE:{subject}")),
        f"NOUN PHRASE:{subject}": (
            phrase(0.5, determiner, nominal, head=1),
            phrase(0.3, determiner, nominal, f"MODIFIER:{number}", head=1),
            phrase(0.2, f"SPECIAL:{subject}"),
        ),
        f"SIMPLE:{subject}": (phrase(1, determiner, nominal, head=1),),
        nominal: (phrase(0.75, f"NOUN:{subject}"), phrase(0.25, "ADJECTIVE", nominal, head=1, order=(1, 0))),
    }


def _special() -> Table:
    """Noun phrases of a kind that only one pronoun stands for: names, places, pairs."""
    table: Table = {
        f"SPECIAL:{gender}": (phrase(0.8, f"NAME:{gender}"), phrase(0.2, f"NAME:{gender}", "LOCATION"))
        for gender in ("he", "she")
    }
    table["SPECIAL:it"] = (phrase(1, "PLACE"),)
    table["SPECIAL:they"] = (phrase(1, "SIMPLE", "AND", "SIMPLE", head=2),)
    return table


def _modifiers() -> Table:
    """What may follow a noun: a place, a prepositional phrase, a clause that the noun is subject or object of."""
    table: Table = {
        "NOUN PHRASE": tuple(phrase(p, f"NOUN PHRASE:{subject}") for subject, p in SUBJECT_RATES.items()),
        "SIMPLE": tuple(phrase(p, f"SIMPLE:{subject}") for subject, p in SUBJECT_RATES.items()),
        "OBJECT CLAUSE": tuple(
            phrase(p, f"NOUN PHRASE:{subject}", f"TRANSITIVE:{number_of(subject)}", head=1)
            for subject, p in SUBJECT_RATES.items()
        ),
        "LOCATION": (phrase(1, "PLACE PREPOSITION", "PLACE", order=(1, 0)),),
    }
    for number in NUMBERS:
        table[f"MODIFIER:{number}"] = (
            phrase(0.15, "LOCATION"),
            phrase(0.40, "PREPOSITION", "NOUN PHRASE", order=(1, 0)),
            phrase(0.25, "RELATIVE", f"VERB PHRASE:{number}", head=1),  # dogs that sleep: agrees with the noun
            phrase(0.20, "RELATIVE", "OBJECT CLAUSE", head=1),  # dogs that the king sees: does not
        )
        table[f"VERB PHRASE:{number}"] = tuple(
            phrase(p, f"VERB PHRASE:{verb}:{number}") for verb, p in VERB_RATES.items()
        )
    return table


def _verb_phrases(number: Number) -> Table:
    """Verb phrases; a translated verb stands at the end."""
    verb, transitive, be = f"INTRANSITIVE:{number}", f"TRANSITIVE:{number}", f"AUXILIARY:be:{number}"
    return {
        f"VERB PHRASE:do:{number}": (
            phrase(0.26, verb),
            phrase(0.18, verb, "MANNER", order=(1, 0)),
            phrase(0.10, "FREQUENCY", verb, head=1),
            phrase(0.26, transitive, "NOUN PHRASE", order=(1, 0)),
            phrase(0.08, "FREQUENCY", transitive, "NOUN PHRASE", head=1, order=(2, 0, 1)),
            phrase(0.12, f"CLAUSAL:{number}", "THAT", "CLAUSE", order=(1, 2, 0)),
        ),
        f"VERB PHRASE:be:{number}": (
            phrase(0.55, be, "ADJECTIVE", order=(1, 0)),
            phrase(0.20, be, "VERY", "ADJECTIVE", order=(2, 1, 0)),
            phrase(0.25, be, "NOT", "ADJECTIVE", order=(2, 1, 0), sign=-1),
        ),
    }
