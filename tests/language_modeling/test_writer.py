"""Completions of a trained model, judged by the grammar of the toy language."""

from pathlib import Path

import pytest
import torch

from tasks.language_modeling.settings import LanguageModelingSettings, WritingSettings
from tasks.language_modeling.task import LanguageModeling
from tasks.text.toy import toy_grammar
from tasks.text.toy.prefixes import END, NextWord
from tests.tasks.run import Run


@pytest.mark.slow
def test_what_a_trained_model_writes_is_mostly_of_the_language(tmp_path: Path) -> None:
    """Of sentences from the test text: what it expects next is possible there, and how it ends them is grammatical."""
    task, grammar = LanguageModeling(), NextWord(toy_grammar())
    chosen = {"batch_size": 8, "epochs": 8, "learning_rate": 4e-3, "schedule": "cosine"}
    settings = LanguageModelingSettings.model_validate(
        {"data": {"sentences": 6000}, "network": {"hidden": 96}, "training": chosen}
    )
    corpus = task.prepare(settings, tmp_path)
    writer = task.writer(settings, corpus, Run(task, settings, corpus).module.eval())
    sentences = [line.split() for line in " ".join(corpus.vocabulary.decode(corpus.test[:600])).split("<eos>")[:40]]
    expected, grammatical = list[float](), 0
    with torch.inference_mode():
        for words in sentences:
            for read in range(len(words)):
                possible = grammar.distribution(grammar.read_all(words[:read])).keys()
                suggested = writer.suggest(" ".join(words[:read]), len(corpus.vocabulary))
                expected.append(sum(share for word, share in suggested if word in possible))
            begun = " ".join(words[:2])
            (found,) = writer.write(begun, WritingSettings(method="greedy"), seed=0)
            whole = grammar.read_all((begun + found.text).split())
            grammatical += found.finished and bool(whole) and END in grammar.distribution(whole)
    assert sum(expected) / len(expected) > 0.9
    assert grammatical > len(sentences) / 2
