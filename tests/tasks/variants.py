"""Every task of the project, small, in each kind that its own settings name: nothing is registered here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin

import pytest
from pydantic import ValidationError
from pydantic.fields import FieldInfo

from unroll.contract import Settings
from unroll.study import discover_tasks, load_task
from unroll.study._settings import put, setting_fields, validated
from unroll.study.project import AnyTask

PASSED_OVER = {
    "data.corpus",  # other kinds read files: tests/tasks/test_files.py
    *("data.tokens", "data.vocabularies", "data.direction"),  # of pairs: tests/text/test_parallel.py
    "training.optimizer",  # each wants a learning rate of its own
    "training.omega_form",  # says nothing while omega is off
}


@dataclass(frozen=True)
class Variant:
    """A task with one setting that is not its default, or with none."""

    name: str
    changed: Mapping[str, Any]

    def __str__(self) -> str:
        return "-".join([self.name, *(f"{path.split('.')[1]}={value}" for path, value in self.changed.items())])

    @property
    def task(self) -> AnyTask:
        return load_task(self.name)

    def settings(self, examples: int, *, batch: int | None = None, dropout: float = 0.0) -> Settings:
        """So many examples, in batches of a size (else all in one); the same rate for every dropout that there is."""
        fields = setting_fields(self.task.settings)
        sizes = {"training.epochs": 2, "training.batch_size": batch or examples}
        chosen: dict[str, Any] = {path: value for path, value in sizes.items() if path in fields}
        chosen |= {**self.task.small(examples), **self.changed}
        for path in fields:
            if "dropout" in path and _is_valid(self.task, {**chosen, path: dropout}):
                chosen[path] = dropout
        return _settings(self.task, chosen)


def variants() -> Iterator[Variant]:
    """Each task as it is, then with each other value of the choices that are its own."""
    for name in discover_tasks():
        yield Variant(name, {})
        task = load_task(name)
        for path, field in setting_fields(task.settings).items():
            if path not in PASSED_OVER and _declares(task.settings, path):
                others = [value for value in choices(field) if value != field.default]
                yield from (Variant(name, {path: value}) for value in others if _is_valid(task, {path: value}))


def _settings(task: AnyTask, chosen: Mapping[str, Any]) -> Settings:
    nested: dict[str, Any] = {}
    for path, value in chosen.items():
        put(nested, path, value)
    return validated(task.settings, nested)


def _is_valid(task: AnyTask, chosen: Mapping[str, Any]) -> bool:
    try:
        _settings(task, chosen)
    except ValidationError:
        return False
    return True


def choices(field: FieldInfo) -> tuple[Any, ...]:
    """Values of an enum or a Literal; none of a setting that is no choice."""
    extra = field.json_schema_extra
    if isinstance(extra, dict) and isinstance(extra.get("enum"), list):
        return tuple(extra["enum"])  # type: ignore[arg-type]
    kinds = (field.annotation, *get_args(field.annotation))
    return tuple(value for kind in kinds if get_origin(kind) is Literal for value in get_args(kind))


def _declares(settings: type[Settings], path: str) -> bool:
    """Whether the task's own class has this setting: what it inherits is tested where it comes from."""
    section, name = path.split(".")
    model = settings.model_fields[section].annotation
    return name in getattr(model, "__annotations__", {})


every_variant = pytest.mark.parametrize("variant", list(variants()), ids=str, scope="module")
"""For tests that any task must pass."""
