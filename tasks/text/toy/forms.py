"""The two forms of each verb of the toy language."""

from __future__ import annotations

from collections.abc import Iterator

from tasks.text.toy import lexicon
from tasks.text.toy.dialects import WORDS, Dialect


def verb_forms(dialect: Dialect) -> dict[str, tuple[str, str]]:
    """Every form of a verb or an auxiliary of a dialect -> the singular and the plural that it is one of."""
    return {form: pair for pair in _pairs(dialect) for form in pair}


def _pairs(dialect: Dialect) -> Iterator[tuple[str, str]]:
    for rows in WORDS[dialect].verbs.values():
        yield from (row[:2] for row in rows)
    yield from ((singular, plural) for (singular, _), (plural, _) in lexicon.AUXILIARIES.values())
