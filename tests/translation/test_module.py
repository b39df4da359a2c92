"""Loss, counts and translations: against a slow version that knows one sentence and one step at a time."""

from __future__ import annotations

import math
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from tasks.remedies.remedy import PADDING
from tasks.text.parallel import ParallelCorpus
from tasks.text.vocabulary import EOS
from tasks.translation.batches import PairBatch
from tasks.translation.module import UNKNOWN_WRITTEN, TranslationModule
from tasks.translation.tally import Scorer
from tests.translation.conftest import TASK, module_of, settings_of

KINDS: list[dict[str, Any]] = [
    {"attention": "additive", "attention_size": 4},
    {"attention": "general", "looks": "after", "input_feeding": True, "cell": "lstm", "depth": 2},
    {"attention": "dot", "looks": "after", "reverse_source": True},
    {"attention": "none", "bridge": "copy", "cell": "lstm"},
]
PLACES = np.array([3, 0, 7, 5, 11])
every_kind = pytest.mark.parametrize("network", KINDS, ids=lambda network: network["attention"])


def batch_of(corpus: ParallelCorpus, network: dict[str, Any], *places: int, split: str = "train") -> PairBatch:
    made: PairBatch = TASK.maker(settings_of(network=network), corpus, split).make(np.array(places))
    return made


def slow_nats(module: TranslationModule, batch: PairBatch) -> tuple[Tensor, int, int]:
    """Sum over all tokens, each sentence alone, each step by itself; tokens, and those that are the likeliest."""
    total, tokens, right = torch.zeros((), dtype=torch.float64), 0, 0
    for column, length in enumerate(batch.lengths.tolist()):
        model = module.network.bind(batch.source[:length, [column]], batch.lengths[[column]])
        state, last = model.begin(), module.examples(batch).start[[column]]
        for target in batch.targets[:, column]:
            if target == PADDING:
                break
            log_probabilities, state = model.next(last, state)
            total = total - log_probabilities[0, target]
            right += int(log_probabilities[0].argmax() == target)
            tokens, last = tokens + 1, target.unsqueeze(0)
    return total, tokens, right


@every_kind
def test_loss_and_gradient_are_those_of_sentences_one_by_one(corpus: ParallelCorpus, network: dict[str, Any]) -> None:
    module = module_of(settings_of(network=network), corpus)
    batch = batch_of(corpus, network, *PLACES)
    loss = module.loss(batch)
    nats, tokens, _ = slow_nats(module, batch)
    assert loss.item() == pytest.approx((nats / tokens).item())
    assert module.items(batch) == module.terms(batch) == tokens
    weights = [*module.network.parameters()]
    fast, slow = (torch.autograd.grad(each, weights, allow_unused=True) for each in (loss, nats / tokens))
    for one, other in zip(fast, slow, strict=True):
        assert (one is None) == (other is None)
        assert one is None or torch.allclose(one, other, atol=1e-10)


@every_kind
def test_padding_is_never_read(corpus: ParallelCorpus, network: dict[str, Any]) -> None:
    module = module_of(settings_of(network=network), corpus)
    batch = batch_of(corpus, network, *PLACES)
    padding = torch.arange(len(batch.source)).unsqueeze(1) >= batch.lengths
    assert padding.any()
    other = batch._replace(source=torch.where(padding, 1 + batch.source, batch.source))
    assert torch.equal(module.loss(batch), module.loss(other))


@every_kind
@torch.no_grad()
def test_counts_are_those_of_sentences_one_by_one(corpus: ParallelCorpus, network: dict[str, Any]) -> None:
    module = module_of(settings_of(network=network), corpus)
    batch = batch_of(corpus, network, 0, 1, 2, 3, split="validation")
    module.begin_counting()
    module.count(batch)
    together = module.scores()
    module.begin_counting()
    for place in range(4):
        module.count(batch_of(corpus, network, place, split="validation"))
    assert dict(together) == pytest.approx(dict(module.scores()))
    nats, tokens, right = slow_nats(module, batch)
    assert together["loss"] == pytest.approx((nats / tokens).item())
    assert together["perplexity"] == pytest.approx(math.exp(nats / tokens))
    assert together["accuracy"] == right / tokens


@torch.no_grad()
def test_free_running_counts_are_those_of_what_was_written(corpus: ParallelCorpus) -> None:
    module = module_of(settings_of(), corpus)
    batch = batch_of(corpus, {}, *range(4), split="test")
    module.begin_counting()
    module.count(batch)
    found = [one[0] for one in module.translate(module.sequence_model(batch), batch.lengths, [0] * 4)]
    references = [[token for token in column if token != PADDING] for column in batch.targets.T.tolist()]
    places = [list(zip(a.tokens, b, strict=False)) for a, b in zip(found, references, strict=True)]
    hits, tokens = sum(a == b for pairs in places for a, b in pairs), sum(map(len, references))
    scores = module.scores()
    assert scores["free_running_accuracy"] == hits / tokens
    assert scores["exact_match"] == sum(list(a.tokens) == b for a, b in zip(found, references, strict=True)) / 4
    assert scores["length_ratio"] == sum(len(one.tokens) for one in found) / tokens
    assert scores["unfinished"] == sum(not one.finished for one in found) / 4
    end = corpus.target_vocabulary.number(EOS)
    texts = [module.text(one) for one in found]
    for text, one in zip(texts, found, strict=True):
        words = corpus.target_vocabulary.decode([token for token in one.tokens if token != end])
        assert text == corpus.detokenize(words).replace("<unk>", UNKNOWN_WRITTEN)
    assert scores["bleu"] == Scorer(lowercase=False).score(texts, list(batch.references))["bleu"]


def test_a_perfect_translator_reaches_the_bounds(corpus: ParallelCorpus) -> None:
    """References in tokens, as text, score as if they were right: tokenization loses nothing that counts."""
    text = corpus.test
    words = corpus.target_vocabulary.decode(text.target.words.tolist())
    ends = text.target.begins.tolist()
    written = [corpus.detokenize(words[begin:end]) for begin, end in pairwise(ends)]
    scores = Scorer(lowercase=False).score(written, list(text.references))
    assert scores == pytest.approx({"bleu": 100.0, "chrf": 100.0})
    assert corpus.bounds["test/bleu"] == corpus.bounds["test/chrf"] == 100.0


@pytest.mark.parametrize("lowercase", [False, True])
def test_scores_are_those_of_sacrebleus_command(tmp_path: Path, lowercase: bool) -> None:
    written = ["the cat sat on a mat .", "Two men, walking their dogs.", "", f"a {UNKNOWN_WRITTEN} house"]
    references = ["The cat sat on the mat.", "Two men are walking their dogs.", "Nobody knows.", "A small house"]
    (tmp_path / "written").write_text("\n".join(written) + "\n")
    (tmp_path / "right").write_text("\n".join(references) + "\n")
    scores = Scorer(lowercase=lowercase).score(written, references)
    for metric, case in (("bleu", "-lc"), ("chrf", "--chrf-lowercase")):
        command = [sys.executable, "-m", "sacrebleu", str(tmp_path / "right"), "-i", str(tmp_path / "written")]
        command += ["-m", metric, "-b", "-w", "6", "--force", *([case] if lowercase else [])]
        told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        assert float(told) == pytest.approx(scores[metric], abs=1e-6)


def test_signatures_are_kept_with_the_outcome(corpus: ParallelCorpus) -> None:
    found = TASK.conditions(module_of(settings_of(), corpus))
    assert "case:mixed" in found["bleu"]
    assert "tok:13a" in found["bleu"]
    assert found["chrf"].startswith("nrefs:1|")
