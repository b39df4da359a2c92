"""Language models trained by remedies for exposure bias, window by window."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from pydantic import ValidationError

from tasks.language_modeling.remedied import Window
from tasks.language_modeling.settings import LanguageModelingSettings
from tasks.language_modeling.task import LanguageModeling
from tasks.recurrent.stack import detach
from tasks.remedies.kinds.teacher_forcing import TeacherForcing
from tasks.remedies.remedy import Examples
from tasks.text.running import TokenCorpus
from tests.tasks.run import Run, same
from unroll.contract import UnusedSettings

TASK = LanguageModeling()
REMEDIES: list[dict[str, Any]] = [
    {"remedy": "scheduled_sampling", "annealing": "linear"},
    {"remedy": "data_as_demonstrator"},
    {"remedy": "end_to_end", "mixture": 2},
    {"remedy": "professor_forcing", "discriminator": 6, "own_learning_rate": 1e-2},
]
every_remedy = pytest.mark.parametrize("remedy", REMEDIES, ids=lambda remedy: remedy["remedy"])


def settings_of(network: dict[str, Any] | None = None, **training: Any) -> LanguageModelingSettings:
    small = {"epochs": 2, "batch_size": 3, "bptt": 4, "learning_rate": 0.02, **training}
    shape = {"cell": "lstm", "hidden": 8, "embedding": 5, **(network or {})}
    return LanguageModelingSettings.model_validate({"network": shape, "training": small})


def module_of(settings: LanguageModelingSettings, corpus: TokenCorpus) -> Any:
    module: Any = TASK.module(settings, corpus)
    module.initialise(1)
    return module


@pytest.mark.parametrize("cell", ["elman", "lstm"])
def test_teacher_forcing_of_a_window_is_the_loss_of_today(corpus_of: Callable[..., TokenCorpus], cell: str) -> None:
    module = module_of(settings_of({"cell": cell, "depth": 2, "tie_weights": False}), corpus_of(train=60)).double()
    windows = torch.randint(0, 11, (2, 5, 3), generator=torch.Generator().manual_seed(0))
    weights = list(module.network.parameters())
    module.loss(windows[0])  # a state to begin with
    before = module._training_state.carried
    found = TeacherForcing(features=8).objective(
        Window(module.network, before),
        Examples(start=windows[1][0], targets=windows[1][1:], end=0, limit=4, update=0, updates=1),
    )
    today = module.loss(windows[1])
    assert torch.allclose(found.loss, today)
    one, other = (torch.autograd.grad(loss, weights) for loss in (found.loss, today))
    assert all(torch.allclose(a, b) for a, b in zip(one, other, strict=True))


def test_scheduled_sampling_that_never_samples_learns_as_teacher_forcing(corpus_of: Callable[..., TokenCorpus]) -> None:
    corpus = corpus_of(train=90)
    chosen: dict[str, Any] = {"remedy": "scheduled_sampling", "annealing": "constant", "right_tokens": 1.0}
    plain, sampled = (Run(TASK, settings_of(**each), corpus) for each in ({}, chosen))
    rest = [row for row in sampled.rows if row[1] not in OWN]
    assert [row[:2] for row in plain.rows] == [row[:2] for row in rest]
    for (_, name, value), (_, _, again) in zip(plain.rows, rest, strict=True):
        assert again == pytest.approx(value, rel=1e-4), name
    shares = {value for _, name, value in sampled.rows if name == "train/right_tokens"}
    assert shares == {1.0}


OWN = {"train/right_tokens", "train/objective"}


@every_remedy
def test_the_state_that_is_carried_is_that_of_right_words(
    corpus_of: Callable[..., TokenCorpus], remedy: dict[str, Any]
) -> None:
    module = module_of(settings_of(**remedy), corpus_of(train=60))
    window = torch.randint(0, 11, (5, 3), generator=torch.Generator().manual_seed(0))
    _, expected = module.network(window[:-1], module.network.initial_state(3))
    module.optimizers = lambda **_: module.configure_optimizers()
    torch.manual_seed(0)
    minimized = module.back_propagate(window)
    assert minimized.isfinite()
    carried = module._training_state.carried
    for layer, right in zip(carried, detach(expected), strict=True):
        assert all(torch.allclose(a, b, atol=1e-6) for a, b in zip(layer, right, strict=True))
    assert all(weight.grad is not None for weight in module.network.parameters())


@every_remedy
def test_a_resumed_run_goes_on_exactly(
    corpus_of: Callable[..., TokenCorpus], tmp_path: Path, remedy: dict[str, Any]
) -> None:
    """With dropout and several windows to a batch, from checkpoints within an epoch and between two."""
    settings, corpus = settings_of({"dropout": 0.3}, **remedy), corpus_of(train=3 * 70)
    whole = Run(TASK, settings, corpus, save=tmp_path)
    checkpoints = sorted(tmp_path.glob("*.ckpt"), key=lambda path: int(path.stem))
    assert len(checkpoints) > 3
    for checkpoint in (checkpoints[0], checkpoints[len(checkpoints) // 2]):
        resumed = Run(TASK, settings, corpus, checkpoint=checkpoint)
        assert same(resumed.end(), whole.end())
        assert resumed.rows_after(int(checkpoint.stem)) == whole.rows_after(int(checkpoint.stem))


def test_the_gates_of_professor_forcing_are_told_and_the_modes_come_together(
    corpus_of: Callable[..., TokenCorpus],
) -> None:
    """Of a text that a model can learn nothing of, so that nothing but the adversary moves the states."""
    corpus = corpus_of(train=3 * 240, seed=3)
    told: dict[float, dict[str, list[float]]] = {}
    for adversary in (0.0, 3.0):
        chosen: dict[str, Any] = {"adversary": adversary, "discriminator": 16, "own_learning_rate": 0.01}
        settings = settings_of(remedy="professor_forcing", epochs=2, heard_above=0.5, **chosen)
        run = Run(TASK, settings, corpus, log_every=1)
        rows: dict[str, list[float]] = {}
        for _, name, value in run.rows:
            rows.setdefault(name, []).append(value)
        told[adversary] = rows
    with_, without = told[3.0], told[0.0]
    assert {0.0, 1.0} == set(with_["train/discriminator_heard"]) | set(with_["train/discriminator_learns"])
    assert with_["train/objective"] != with_["train/loss"]
    last = [sum(rows["train/state_distance"][-60:]) / 60 for rows in (without, with_)]
    assert last[1] < last[0]


@every_remedy
def test_a_remedy_names_its_control(remedy: dict[str, Any]) -> None:
    control = TASK.control(settings_of(**remedy))
    assert control is not None
    assert control["training.remedy"] == "teacher_forcing"
    assert TASK.control(settings_of()) is None
    assert TASK.warm_start(settings_of()) is None
    warm = TASK.warm_start(settings_of(**remedy, warm_epochs=1))
    assert warm is not None
    assert (warm.training.remedy, warm.training.epochs) == ("teacher_forcing", 1)


def test_what_does_not_go_with_running_text_is_refused() -> None:
    for remedy in ("mixer", "minimum_risk", "interpolation"):
        with pytest.raises(
            ValidationError, match=r"must do without whole sentences.*choose among data_as_demonstrator"
        ):
            settings_of(remedy=remedy)
    for network in ({"kind": "ngram", "order": 3}, {"kind": "window", "order": 3}):
        chosen = {"network": network, "training": {"remedy": "scheduled_sampling"}}
        with pytest.raises(ValidationError, match="remedy needs kind recurrent"):
            LanguageModelingSettings.model_validate(chosen)
    with pytest.raises(ValidationError, match="omega"):
        settings_of({"cell": "elman"}, remedy="scheduled_sampling", omega=1.0)
    with pytest.raises(ValidationError, match="reduction time_sum is for teacher forcing"):
        settings_of(remedy="scheduled_sampling", reduction="time_sum")
    with pytest.raises(ValidationError, match="recurrent_dropout would keep one mask for a window"):
        settings_of({"recurrent_dropout": 0.2}, remedy="scheduled_sampling")
    assert issubclass(UnusedSettings, ValueError)
