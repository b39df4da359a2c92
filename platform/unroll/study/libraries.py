"""Find libraries of corpora, as tasks are found: by looking into the folders of ``tasks/``."""

from __future__ import annotations

import importlib
import inspect
from pathlib import Path

from unroll.contract import Library, UserError
from unroll.study.project import make_importable


def load_libraries() -> list[Library]:
    """Import every ``tasks/<folder>/library.py`` and build its one library.

    Raises:
        UserError: such a file does not hold exactly one.
    """
    make_importable()
    folders = importlib.import_module("tasks").__path__
    names = {file.parent.name for folder in folders for file in Path(folder).glob("*/library.py")}
    return [_load(f"tasks.{name}.library") for name in sorted(names)]


def _load(module: str) -> Library:
    classes = [value for value in vars(importlib.import_module(module)).values() if isinstance(value, type)]
    own = [each for each in classes if issubclass(each, Library) and each.__module__ == module]
    concrete = [each for each in own if not inspect.isabstract(each)]
    if len(concrete) != 1:
        found = ", ".join(sorted(each.__name__ for each in concrete)) or "none"
        raise UserError("must hold exactly one concrete Library", where=module, received=found)
    return concrete[0]()
