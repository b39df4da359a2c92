"""Training by remedies goes on from any checkpoint; what is trained once and decoded in several ways."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tasks.text.parallel import ParallelCorpus
from tasks.translation.settings import Decoding
from tests.tasks.run import Run, same
from tests.translation.conftest import TASK, settings_of


@pytest.mark.parametrize(
    "training",
    [
        {"remedy": "reinforce", "reward": "accuracy", "warm_epochs": 0},
        {"remedy": "professor_forcing", "discriminator": 3, "heard_above": 0.0},
        {"remedy": "scheduled_sampling", "accumulate": 2},
    ],
    ids=lambda training: training["remedy"],
)
def test_a_remedy_goes_on_from_a_checkpoint_as_if_nothing_had_been(
    corpus: ParallelCorpus, training: dict[str, Any], tmp_path: Path
) -> None:
    settings = settings_of(network={"dropout": 0.2}, training=training)
    whole = Run(TASK, settings, corpus, save=tmp_path)
    steps = sorted(int(file.stem) for file in tmp_path.glob("*.ckpt"))
    for step in (steps[0], steps[-2]):
        resumed = Run(TASK, settings, corpus, checkpoint=tmp_path / f"{step}.ckpt")
        assert same(resumed.end(), whole.end())
        assert resumed.rows == whole.rows[-len(resumed.rows) :]
    named = {name for _, name, _ in whole.rows}
    logged = {"reinforce": "reward", "professor_forcing": "state_distance", "scheduled_sampling": "right_tokens"}
    assert f"train/{logged[training['remedy']]}" in named


def test_a_beam_is_tested_with_the_weights_that_greedy_trained() -> None:
    beam = settings_of(decoding={"method": "beam", "width": 3})
    trained = TASK.warm_start(beam)
    assert trained == settings_of()
    assert TASK.epochs(beam) == 0
    assert TASK.warm_start(settings_of()) is None


def test_a_warm_remedy_under_a_beam_begins_with_what_the_remedy_trained() -> None:
    training = {"remedy": "mixer", "epochs": 6, "warm_epochs": 2, "remedy_learning_rate": 1e-4}
    beam = settings_of(training=training, decoding={"method": "beam"})
    remedy = TASK.warm_start(beam)
    assert remedy is not None
    assert remedy.decoding == Decoding()
    assert (remedy.training.remedy, TASK.epochs(remedy)) == ("mixer", 4)
    first = TASK.warm_start(remedy)
    assert first == settings_of(training={"epochs": 2})
    assert TASK.warm_start(first) is None
    control = TASK.control(beam)
    assert control is not None
    assert control["training.remedy"] == "teacher_forcing"
    assert "training.epochs" not in control


def test_nothing_of_validation_is_promised_where_nothing_is_trained(corpus: ParallelCorpus) -> None:
    absent = TASK.absent(settings_of(decoding={"method": "sampling"}), corpus)
    assert set(absent) == {name for name in TASK.metrics if name.startswith("validation/")}


def test_a_module_that_only_decodes_can_be_built_for_any_schedule(corpus: ParallelCorpus) -> None:
    training = {"schedule": "linear", "warmup": 3}
    TASK.module(settings_of(training=training, decoding={"method": "beam"}), corpus)


def test_kept_words_rebuild_the_module(corpus: ParallelCorpus) -> None:
    settings = settings_of(training={"warmup": 3})
    left = TASK.restored(settings, TASK.kept(settings, corpus))
    module: Any = TASK.module(settings, left)
    whole: Any = TASK.module(settings, corpus)
    assert {n: w.shape for n, w in module.state_dict().items()} == {n: w.shape for n, w in whole.state_dict().items()}
    assert left.encode(corpus.train.references[0]).dtype == corpus.train.source.words.dtype
