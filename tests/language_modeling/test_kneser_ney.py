"""Kneser-Ney smoothing: against a slow version that counts with dictionaries, and against the published figure."""

import math
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.language_modeling.kneser_ney import KneserNey

VOCABULARY, END = 6, 0
NONE = VOCABULARY
"""Stands in a history where the sentence had no word yet."""

texts = st.lists(st.integers(0, VOCABULARY - 1), min_size=1, max_size=80)


def history(text: list[int], t: int, length: int) -> tuple[int, ...]:
    words: list[int] = []
    for back in range(1, length + 1):
        ended = words and words[0] in (END, NONE)
        words.insert(0, NONE if ended else (text[t - back] if t >= back else END))
    return tuple(words)


class Slow:
    """As in the paper, one dictionary per order."""

    def __init__(self, text: list[int], order: int) -> None:
        grams = [{(history(text, t, n - 1), text[t]) for t in range(len(text))} for n in range(1, order + 1)]
        self.counts: list[Counter[tuple[tuple[int, ...], int]]] = [
            Counter((h[1:], w) for h, w in longer) for longer in grams[1:]
        ]
        self.counts.append(Counter((history(text, t, order - 1), text[t]) for t in range(len(text))))
        self.discounts = [self.discount(Counter(counts.values())) for counts in self.counts]

    @staticmethod
    def discount(n: Counter[int]) -> list[float]:
        y = n[1] / (n[1] + 2 * n[2]) if n[1] else 0.0
        raw = [i - (i + 1) * y * n[i + 1] / n[i] if n[i] else y for i in (1, 2, 3)]
        return [0.0, *(min(max(d, 0.0), i) for i, d in enumerate(raw, 1))]

    def p(self, word: int, h: tuple[int, ...]) -> float:
        shorter = self.p(word, h[1:]) if h else 1 / VOCABULARY
        counts, discount = self.counts[len(h)], self.discounts[len(h)]
        after = {w: c for (g, w), c in counts.items() if g == h}
        if not after:
            return shorter
        kept = after.get(word, 0) - discount[min(after.get(word, 0), 3)]
        taken = sum(discount[min(c, 3)] for c in after.values())
        return (kept + taken * shorter) / sum(after.values())


@settings(deadline=None, max_examples=60)
@given(texts, texts, st.integers(1, 5))
def test_it_equals_the_slow_version(train: list[int], text: list[int], order: int) -> None:
    model = KneserNey.count(np.array(train), order=order, vocabulary=VOCABULARY, boundary=END)
    slow = Slow(train, order)
    expected = [slow.p(word, history(text, t, order - 1)) for t, word in enumerate(text)]
    np.testing.assert_allclose(model.probabilities(np.array(text)), expected, rtol=1e-12)


@settings(deadline=None, max_examples=40)
@given(texts, st.lists(st.integers(0, VOCABULARY - 1), max_size=8), st.integers(1, 5))
def test_probabilities_sum_to_one_after_any_history(train: list[int], before: list[int], order: int) -> None:
    model = KneserNey.count(np.array(train), order=order, vocabulary=VOCABULARY, boundary=END)
    each = [model.probabilities(np.array([*before, word]))[-1] for word in range(VOCABULARY)]
    assert min(each) >= 0
    assert math.isclose(sum(each), 1, rel_tol=1e-12)


def test_a_word_is_predicted_from_its_own_sentence_alone() -> None:
    train = np.random.default_rng(0).integers(0, VOCABULARY, 500)
    model = KneserNey.count(train, order=4, vocabulary=VOCABULARY, boundary=END)
    one, other = (model.probabilities(np.array([*before, END, 2, 3])) for before in ([1, 4], [5, 5]))
    np.testing.assert_array_equal(one[-2:], other[-2:])


def test_the_five_gram_reaches_the_published_perplexity_of_the_penn_treebank(corpora: Path) -> None:
    """141.2 on the test text (Mikolov et al. 2011), from another implementation."""
    read = {split: (corpora / "ptb" / f"ptb.{split}.txt").read_text() for split in ("train", "test")}
    words = {split: text.replace("\n", " <eos> ").split() for split, text in read.items()}
    ids = {word: i for i, word in enumerate(sorted(set(words["train"])))}
    train, test = (np.array([ids[word] for word in words[split]]) for split in ("train", "test"))
    model = KneserNey.count(train, order=5, vocabulary=len(ids), boundary=ids["<eos>"])
    assert np.exp(-np.log(model.probabilities(test)).mean()) == pytest.approx(141.2, abs=0.1)
