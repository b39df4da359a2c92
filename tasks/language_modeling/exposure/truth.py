"""The true distribution of the next token, where it is known: of the toy language, word by word."""

from __future__ import annotations

from typing import Protocol, final

import numpy as np
from numpy.typing import NDArray

from tasks.text.toy import Beginning, NextWord, toy_grammar
from tasks.text.vocabulary import Vocabulary


class Truth(Protocol):
    """What is known of a text's source."""

    def after(self, tokens: tuple[int, ...]) -> NDArray[np.float64] | None:
        """Probability of every token behind these, shape (vocabulary,); None where such a text does not exist."""


@final
class ToyTruth:
    """Sentences of the toy language, each behind the end of the last one and independent of it.

    So the next word depends on those of the sentence that it stands in, and on nothing before: where a text has left
    the language, the next sentence is a new chance.

    Args:
        vocabulary: holds every word of the language.
        end: number of the token that ends a sentence.
    """

    def __init__(self, vocabulary: Vocabulary, *, end: int) -> None:
        self._vocabulary, self._end = vocabulary, end
        self._model = NextWord(toy_grammar())
        self._begun: dict[tuple[int, ...], Beginning] = {(): self._model.start}

    def after(self, tokens: tuple[int, ...]) -> NDArray[np.float64] | None:
        """See :meth:`Truth.after`."""
        ends = [place for place, token in enumerate(tokens) if token == self._end]
        sentence = tokens[ends[-1] + 1 :] if ends else tokens
        for place in range(len(sentence)):
            if (begun := sentence[: place + 1]) not in self._begun:
                word = self._vocabulary.words[sentence[place]]
                self._begun[begun] = self._model.read(self._begun[begun[:-1]], word)
        if not (beginning := self._begun[sentence]):
            return None
        found = np.zeros(len(self._vocabulary))
        for follows, probability in self._model.distribution(beginning).items():
            found[self._end if follows is None else self._vocabulary.number(follows)] = probability
        return found
