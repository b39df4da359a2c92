"""Classes by the names of their files: a new file in a folder is a new cell, decoder or problem."""

from __future__ import annotations

import difflib
import importlib
import inspect
import pkgutil
import traceback
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Generic, TypeVar, final

from unroll.contract import UserError

Base = TypeVar("Base")


@final
class NamedClasses(Generic[Base]):
    """The one subclass of a base in each file of a folder, by the file's name; files that begin with ``_`` hold pieces.

    Names are known without importing a file, and so without torch.

    Args:
        package: the folder, as Python imports it.
        what: what one of them is called in errors, ``cell`` for instance.
        base: gives the base, imported only when a class is asked for.
    """

    def __init__(self, package: ModuleType, *, what: str, base: Callable[[], type[Base]]) -> None:
        self._package, self._what, self._base = package, what, base

    def names(self) -> tuple[str, ...]:
        """All names, sorted."""
        return tuple(sorted(m.name for m in pkgutil.iter_modules(self._package.__path__) if m.name[0] != "_"))

    def check(self, name: str) -> str:
        """Give the name back if there is such a file.

        Raises:
            UserError: there is none; lists those that there are.
        """
        names = self.names()
        if name in names:
            return name
        near = difflib.get_close_matches(name.lower(), names, n=1)
        new = f"a new {self._what} is a new file in {self._package.__name__.replace('.', '/')}"
        raise UserError(
            f"a {self._what} is one of {', '.join(names)}",
            received=repr(name),
            advice=f"did you mean {near[0]!r}?" if near else new,
        )

    def find(self, name: str) -> type[Base]:
        """The class of this name.

        Raises:
            UserError: there is no such file, it cannot be imported, or it does not hold one whole class.
        """
        module, base, where = self._import(self.check(name)), self._base(), self._file(name)
        here = [c for _, c in inspect.getmembers(module, inspect.isclass) if c.__module__ == module.__name__]
        found = [c for c in here if issubclass(c, base)]
        if len(found) != 1:
            rule = f"a {self._what}'s file holds exactly one subclass of {base.__name__}"
            raise UserError(rule, where=where, received=f"{len(found)}")
        if missing := _missing(found[0], base):
            rule = f"a {self._what} defines {' and '.join(missing)}"
            raise UserError(rule, where=where, received=found[0].__name__)
        return found[0]

    def _import(self, name: str) -> ModuleType:
        """A file; what is wrong with it is its author's to know, with the line."""
        try:
            return importlib.import_module(f"{self._package.__name__}.{name}")
        except Exception as error:
            line = error.lineno if isinstance(error, SyntaxError) else _last_line(error, name)
            rule = f"a {self._what}'s file must be importable"
            where = self._file(name) + (f":{line}" if line else "")
            raise UserError(rule, where=where, received=f"{type(error).__name__}: {error}") from error

    def _file(self, name: str) -> str:
        return f"{self._package.__name__.replace('.', '/')}/{name}.py"


def _missing(found: type, base: type) -> list[str]:
    """Methods that are still abstract, and class variables that the base declares and nobody has set."""
    declared = [name for name, kind in inspect.get_annotations(base).items() if str(kind).startswith("ClassVar")]
    abstract: frozenset[str] = getattr(found, "__abstractmethods__", frozenset())
    return sorted({*abstract, *(name for name in declared if not hasattr(found, name))})


def _last_line(error: Exception, name: str) -> int | None:
    """Where in the file of this name an error came from."""
    frames = traceback.extract_tb(error.__traceback__)
    return next((frame.lineno for frame in reversed(frames) if Path(frame.filename).name == f"{name}.py"), None)
