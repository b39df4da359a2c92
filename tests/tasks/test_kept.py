"""What a task keeps of its data builds the same module again, without the data."""

import json
from pathlib import Path

import torch

from tests.tasks.run import same
from tests.tasks.variants import Variant, every_variant
from unroll.contract import Task
from unroll.study import restore_settings, set_locations
from unroll.study._settings import dumped, without


@every_variant
def test_a_module_is_built_again_from_what_was_kept(variant: Variant, cache: Path) -> None:
    task, settings = variant.task, variant.settings(10)
    if type(task).restored is Task.restored:
        return  # its weights stay, and nothing can be done with them
    dataset = task.prepare(settings, cache)
    kept = json.loads(json.dumps(task.kept(settings, dataset)))
    module = task.module(settings, dataset)
    module.initialise(1)  # type: ignore[operator]
    located = set_locations(task, dumped(settings))
    again = restore_settings(task, without(dumped(settings), ()), located, where="the record")
    assert again == settings
    restored = task.restored(again, kept)
    other = task.module(again, restored)
    assert task.steps(again, restored) == task.steps(settings, dataset), "schedules are built for so many"
    other.load_state_dict(module.state_dict())
    assert same(dict(other.state_dict()), dict(module.state_dict()))
    assert all(isinstance(part, torch.Tensor) for part in module.state_dict().values())
