"""The raw translator is the platform's: with the same weights it has the same loss and gradient."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from benchmarks.raw_translator import RawTranslator
from tasks.text.vocabulary import EOS
from tasks.translation.settings import TranslationSettings
from tasks.translation.task import Translation
from tests.benchmarks.test_smallest import measure


def test_losses_and_gradients_are_the_platforms(tmp_path: Path) -> None:
    task = Translation()
    network = {"cell": "gru_reset_after", "hidden": 6, "embedding": 5, "attention_size": 4}
    settings = TranslationSettings.model_validate({"data": {"sentences": 20}, "network": network})
    corpus = task.prepare(settings, tmp_path)
    module: Any = task.module(settings, corpus)
    module.initialise(0)
    sizes = {"source": len(corpus.vocabulary), "target": len(corpus.target_vocabulary)}
    raw = RawTranslator(settings.network, **sizes, end=corpus.target_vocabulary.number(EOS))
    raw.begin(module.network)
    batch = task.maker(settings, corpus, "train").make(np.array([3, 0, 7, 5]))
    losses = module.eval().loss(batch), raw.eval()(batch)
    assert losses[1].item() == pytest.approx(losses[0].item(), rel=1e-5)
    ours = module.network.decoder.readout.weight, module.network.encoder.network.backward_layers[0].cell.recur.weight
    theirs = raw.readout.weight, raw.get_parameter("encoder.weight_hh_l0_reverse")
    gradients = [torch.autograd.grad(loss, of) for loss, of in zip(losses, (ours, theirs), strict=True)]
    assert all(torch.allclose(a, b, atol=1e-6) for a, b in zip(*gradients, strict=True))


@pytest.mark.slow
def test_translation_epoch(tmp_path: Path) -> None:
    (found,) = measure("translation_epoch", out=tmp_path / "out.json")
    assert [ratio["goal"] for ratio in found["ratios"]] == [1.15]
