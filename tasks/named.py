"""Classes by the names of their files, and which settings each of several kinds has.

A new file in a folder is a new cell, decoder or problem. What its constructor takes beyond what all of them are given
are settings of its own.
"""

from __future__ import annotations

import difflib
import importlib
import inspect
import pkgutil
import traceback
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, Generic, TypeVar, final

from unroll.contract import Settings, UnusedSettings, UserError

Base = TypeVar("Base")


def refuse_unused(
    settings: Settings,
    *,
    choice: str,
    kinds: Iterable[str],
    has: Callable[[Any], Collection[str]],
    among: Iterable[str] | None = None,
) -> None:
    """A setting that the chosen kind never looks at must not seem to have done something.

    Args:
        settings: a section of settings.
        choice: its field that names the kind, which may be null.
        kinds: all that there are.
        has: gives the settings of a kind; not called while all that is asked about are at their defaults.
        among: settings that are asked about; None: all but ``choice``.

    Raises:
        UnusedSettings: a setting of other kinds is not at its default; names the kinds that have it.
    """
    fields, kind = type(settings).model_fields, getattr(settings, choice)
    names = fields.keys() - {choice} if among is None else set(among)
    # Values at their defaults do no harm, and complete settings hold all of them.
    given = [name for name in fields if name in names and getattr(settings, name) != fields[name].default]
    had = has(kind) if given else ()
    if unused := [name for name in given if name not in had]:
        others = " or ".join(other for other in kinds if set(unused) <= set(has(other))) or "another"
        rule = f"{choice} {kind or 'null'} has no use for {', '.join(unused)}: leave it out, or choose {others}"
        raise UnusedSettings(rule, unused=unused, choice=choice)


@final
class NamedClasses(Generic[Base]):
    """The one subclass of a base in each file of a folder, by the file's name; files that begin with ``_`` hold pieces.

    Names are known without importing a file, and so without torch.

    Args:
        package: the folder, as Python imports it.
        what: what one of them is called in errors, ``cell`` for instance.
        base: their base, ``module:class``, imported only when a class is asked for.
        given: arguments that every constructor is given; what else one takes are its options.
    """

    def __init__(self, package: ModuleType, *, what: str, base: str, given: Collection[str] = ()) -> None:
        self._package, self._what, self._base, self._given = package, what, base, given

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

    def validate(self, name: str) -> str:
        """:meth:`check` as a validator of settings.

        Raises:
            ValueError: there is no such file.
        """
        try:
            return self.check(name)
        except UserError as error:
            raise ValueError(f"{error.rule}; {error.advice}") from None

    def options(self, name: str) -> Mapping[str, inspect.Parameter]:
        """What the constructor of this class takes beyond what all are given: settings of the same names."""
        parameters = inspect.signature(self.find(name)).parameters
        return {option: parameter for option, parameter in parameters.items() if option not in self._given}

    def find(self, name: str) -> type[Base]:
        """The class of this name.

        Raises:
            UserError: there is no such file, it cannot be imported, or it does not hold one whole class.
        """
        module, base, where = self._import(self.check(name)), self._resolve_base(), self._file(name)
        here = [c for _, c in inspect.getmembers(module, inspect.isclass) if c.__module__ == module.__name__]
        found = [c for c in here if issubclass(c, base)]
        if len(found) != 1:
            rule = f"a {self._what}'s file holds exactly one subclass of {base.__name__}"
            raise UserError(rule, where=where, received=f"{len(found)}")
        if missing := _missing(found[0], base):
            rule = f"a {self._what} defines {' and '.join(missing)}"
            raise UserError(rule, where=where, received=found[0].__name__)
        return found[0]

    def _resolve_base(self) -> type[Base]:
        base: type[Base] = pkgutil.resolve_name(self._base)
        return base

    def _import(self, name: str) -> ModuleType:
        """A file; what is wrong with it is its author's to know, with the line."""
        try:
            return importlib.import_module(f"{self._package.__name__}.{name}")
        # Whatever it raises: a file of a user's is executed here for the first time.
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
