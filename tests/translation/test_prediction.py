"""New sentences are translated as those of the test."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from tasks.remedies.remedy import PADDING
from tasks.text.parallel import ParallelCorpus
from tests.translation.conftest import TASK, module_of, settings_of
from unroll.contract import NewText, UserError


@torch.no_grad()
@pytest.mark.parametrize("network", [{}, {"reverse_source": True, "attention": "none"}], ids=["plain", "reversed"])
def test_test_sentences_are_translated_as_in_the_test(corpus: ParallelCorpus, network: dict[str, Any]) -> None:
    settings = settings_of(network=network)
    module = module_of(settings, corpus)
    text, words = corpus.test.source, corpus.vocabulary
    sentences = [words.decode(text.words[a:b].tolist()) for a, b in zip(text.begins[:-1], text.begins[1:], strict=True)]
    lines = [" ".join(sentence) for sentence in sentences]
    left = TASK.restored(settings, TASK.kept(settings, corpus))
    answers = TASK.predict(settings, left, module, NewText(lines=[*lines, " ", "zzz"], where="-"))
    expected = []
    for place in range(len(lines)):
        batch = TASK.maker(settings, corpus, "test").make(torch.tensor([place]).numpy())
        assert (batch.targets != PADDING).all()
        expected.append(module.text(module.translate(module.sequence_model(batch), batch.lengths, [0])[0][0]))
    assert [answer.text for answer in answers[: len(lines)]] == expected
    assert (answers[-2].text, answers[-2].words) == ("", 0)
    assert (answers[-1].words, answers[-1].unknown) == (1, 1)


def test_a_translator_reads_plain_text(corpus: ParallelCorpus) -> None:
    with pytest.raises(UserError, match="plain text, a sentence a line"):
        TASK.predict(
            settings_of(), corpus, module_of(settings_of(), corpus), NewText(lines=["a"], where="-", format="tsv")
        )
    blank = TASK.predict(settings_of(), corpus, module_of(settings_of(), corpus), NewText(lines=[""], where="-"))
    assert [answer.text for answer in blank] == [""]
