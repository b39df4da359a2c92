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
    found = [value for value in vars(importlib.import_module(module)).values() if _is_library(value, module)]
    if len(found) != 1:
        names = ", ".join(sorted(value.__name__ for value in found)) or "none"
        raise UserError("must hold exactly one concrete Library", where=module, received=names)
    library: Library = found[0]()
    return library


def _is_library(value: object, module: str) -> bool:
    is_class = isinstance(value, type) and issubclass(value, Library)
    return is_class and not inspect.isabstract(value) and value.__module__ == module
