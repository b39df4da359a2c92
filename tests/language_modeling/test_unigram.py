"""What one reaches who ignores the input: the training text's frequencies, against a slow count and by hand."""

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tasks.language_modeling.settings import LanguageModelingSettings
from tasks.language_modeling.task import LanguageModeling
from tasks.text.running import TokenCorpus


def slow_perplexity(corpus: TokenCorpus, text: list[int]) -> float:
    counts, words = Counter(corpus.train.tolist()), len(corpus.vocabulary)
    total = len(corpus.train) + words
    return math.exp(-sum(math.log((counts[word] + 1) / total) for word in text) / len(text))


@pytest.mark.parametrize("level", ["word", "character"])
def test_chance_is_that_of_frequencies(tmp_path: Path, level: str) -> None:
    task = LanguageModeling()
    settings = LanguageModelingSettings.model_validate({"data": {"sentences": 200, "level": level}})
    corpus = task.prepare(settings, tmp_path)
    chance = task.chance(settings, corpus)
    for split, text in (("validation", corpus.validation), ("test", corpus.test)):
        expected = slow_perplexity(corpus, text.tolist())
        assert chance[f"{split}/perplexity"] == pytest.approx(expected, rel=1e-12)
        if level == "character":
            assert chance[f"{split}/bits_per_character"] == pytest.approx(math.log2(expected), rel=1e-12)
    assert len(chance) == (4 if level == "character" else 2)
    assert chance.keys() <= task.metrics.keys()


def test_a_word_that_the_training_text_lacks_is_possible(corpus_of: Callable[..., TokenCorpus]) -> None:
    ids = {"train": [0, 1, 1, 0], "validation": [2, 2], "test": [1, 0]}
    texts: dict[str, Any] = {split: np.array(text, np.int32) for split, text in ids.items()}
    corpus = replace(corpus_of(train=4, vocabulary=3), **texts)
    chance = LanguageModeling().chance(LanguageModelingSettings(), corpus)
    assert chance == pytest.approx({"validation/perplexity": 7.0, "test/perplexity": 7 / 3})
