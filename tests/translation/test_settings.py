"""What translators refuse before anything starts, and what follows from sizes."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from pydantic import ValidationError
from scipy.stats import kstest

from tasks.text.parallel import ParallelCorpus
from tests.translation.conftest import TASK, module_of, settings_of


@pytest.mark.parametrize(
    ("sections", "told"),
    [
        ({"network": {"attention": "adive"}}, "did you mean 'additive'?"),
        ({"network": {"attention": "dot", "attention_size": 3}}, "attention dot has no use for attention_size"),
        ({"network": {"attention": "none", "looks": "after"}}, "attention none has no use for looks"),
        ({"network": {"input_feeding": True}}, "looks before has no use for input_feeding"),
        ({"network": {"attention": "dot", "decoder_hidden": 5}}, "received 5 and 12; attention general"),
        ({"network": {"bridge": "copy", "decoder_hidden": 5}}, "received 12 of the encoder's layers and 5"),
        ({"network": {"attention": "none", "bridge": "none"}}, "leave nothing of the source"),
        (
            {
                "network": {
                    "embedding_initialization": "normal",
                    "initialization": "uniform",
                    "initialization_scale": 0.1,
                }
            },
            "goes with initialization scaled",
        ),
        ({"network": {"recurrent_dropout": 0.1}}, "attention that looks before a step"),
        ({"network": {"dropout": 0.1, "dropout_kind": "locked"}}, "one mask for a sentence"),
        (
            {
                "network": {"attention": "none", "recurrent_dropout": 0.1},
                "training": {"remedy": "scheduled_sampling"},
            },
            "with remedy scheduled_sampling the decoder takes them one by one",
        ),
        ({"decoding": {"method": "greedy", "width": 3}}, "method greedy has no use for width"),
    ],
)
def test_what_means_nothing_is_refused(sections: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError) as caught:
        settings_of(**sections)
    assert told in str(caught.value)


@pytest.mark.parametrize(
    "network",
    [
        {"attention": "none", "recurrent_dropout": 0.1},
        {"attention": "general", "looks": "after", "dropout": 0.1, "dropout_kind": "locked"},
        {"zoneout": 0.1},
    ],
)
def test_noise_that_is_right_is_allowed(network: dict[str, Any]) -> None:
    settings_of(network=network)


def test_the_decoder_is_as_large_as_both_directions_of_the_encoder(corpus: ParallelCorpus) -> None:
    assert settings_of().network.decoder_size == 12
    assert settings_of(network={"direction": "forward"}).network.decoder_size == 6
    assert "network.decoder_hidden" in set(TASK.unused(settings_of(network={"decoder_hidden": 12})))
    for network in ({"connections": "skip", "depth": 2}, {"direction": "backward", "depth": 2, "attention": "dot"}):
        module = module_of(settings_of(network=network), corpus)
        sizes = settings_of(network=network).network
        assert module.network.decoder.network.outputs == sizes.outputs


def test_embeddings_may_begin_as_torchs_do(corpus: ParallelCorpus) -> None:
    drawn = {}
    for name in ("scaled", "normal"):
        module: Any = TASK.module(settings_of(network={"embedding": 50, "embedding_initialization": name}), corpus)
        module.initialise(3)
        drawn[name] = dict(module.network.named_parameters())
    assert all(
        torch.equal(weight, drawn["normal"][name]) == ("embedding" not in name)
        for name, weight in drawn["scaled"].items()
    )
    for side in ("encoder", "decoder"):
        values = drawn["normal"][f"{side}.embedding.weight"].detach().flatten().double().numpy()
        assert kstest(values, "norm").pvalue > 1e-3


def test_what_a_decoding_does_anyhow_is_known() -> None:
    told = settings_of(decoding={"method": "beam", "width": 5, "alpha": 1.0})
    assert {name for name in TASK.unused(told) if name.startswith("decoding.")} == {"decoding.width"}


def test_operations_are_those_of_the_matrices(corpus: ParallelCorpus) -> None:
    """Counted by hand for a GRU of 12 that looks from 12 at 12 values, with 4 units of attention."""
    settings = settings_of(network={"attention_size": 4})
    source = corpus.train.source.lengths.mean()
    target = corpus.train.target.lengths.mean() + 1
    words = len(corpus.target_vocabulary)
    encoder = 2 * (3 * 6 * (5 + 6)) * 2
    step = 2 * 3 * 12 * (5 + 12 + 12) + 2 * (12 + 12 + 5) * 5 + 2 * 5 * words
    look = 2 * (12 * 4 + 12 * 4 + 4) + 2 * (4 + 12) * source
    bridge = 2 * 12 * 12
    assert TASK.flops_per_token(settings, corpus) == round(step + look + (encoder * source + bridge) / target)


def test_what_a_remedys_options_come_to_on_the_data_is_told(corpus: ParallelCorpus) -> None:
    plain = list(TASK.warnings(settings_of(), corpus))
    hot = settings_of(training={"remedy": "reward_augmented", "payoff_temperature": 1.0})
    told = [text for text in TASK.warnings(hot, corpus) if text not in plain]
    assert len(told) == 1
    assert f"by others of the {len(corpus.target_vocabulary):,}:" in told[0]
    cold = settings_of(training={"remedy": "reward_augmented", "payoff_temperature": 0.05})
    assert list(TASK.warnings(cold, corpus)) == plain
