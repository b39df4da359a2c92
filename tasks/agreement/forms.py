"""The singular and the plural of a verb, as the training text of a treebank shows them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import final

from tasks.agreement.treebank import NUMBERS, Word


@final
class VerbForms:
    """Pairs of forms that differ in number alone: same lemma, mood, tense, aspect, voice and polarity, third person.

    Of each number the form that the trees have most often counts, the first in the order of code points where two are
    level; so ``is`` counts and ``'s`` does not. A verb whose two forms are the same (*went*) shows no number.

    Args:
        trees: of the training text, and of nothing else.
    """

    def __init__(self, trees: Iterable[Sequence[Word]]) -> None:
        counts: dict[tuple[str, ...], dict[str, Counter[str]]] = {}
        for word in (word for tree in trees for word in tree):
            if word.upos in ("VERB", "AUX") and word.number and word.finite:
                numbers = counts.setdefault(word.paradigm, {number: Counter() for number in NUMBERS})
                # Lower case: the same form at the beginning of a sentence, or in a headline.
                numbers[word.number][word.form.lower()] += 1
        self._pairs = {
            paradigm: (_commonest(numbers["Sing"]), _commonest(numbers["Plur"]))
            for paradigm, numbers in counts.items()
            if all(numbers.values())
        }

    def find(self, verb: Word) -> tuple[str, str] | None:
        """The two forms of this verb; None where one is unknown, both are the same, or this is neither of them."""
        pair = self._pairs.get(verb.paradigm)
        if pair is None or verb.number is None or pair[0] == pair[1] or verb.form != pair[NUMBERS.index(verb.number)]:
            return None
        return pair


def _commonest(forms: Counter[str]) -> str:
    return min(forms, key=lambda form: (-forms[form], form))
