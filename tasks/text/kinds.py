"""Kinds of corpora are the modules of a folder: found there by name, chosen by ``data.corpus``."""

from __future__ import annotations

import os
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from types import ModuleType
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar, cast, final

from pydantic_core import PydanticKnownError

from unroll.contract import IdleSettings, Settings, UserError

if TYPE_CHECKING:
    from tasks.text.section import DataSection

Corpus = TypeVar("Corpus", covariant=True)


class Reader(Protocol[Corpus]):
    """What a module of such a folder offers."""

    SETTINGS: tuple[str, ...]
    """Names of the settings that it looks at."""

    def read(self, settings: Any, cache: Path) -> Corpus:
        """The corpus that a ``data`` section names, prepared in ``cache``.

        Raises:
            UserError: the data are missing or malformed.
        """


@final
class Kinds(Generic[Corpus]):
    """The modules of a package, each a reader of corpora of one form.

    Args:
        package: the folder.
    """

    def __init__(self, package: ModuleType) -> None:
        self._package = package.__name__
        self.names = tuple(sorted(module.name for module in iter_modules(package.__path__)))

    def reader(self, name: str) -> Reader[Corpus]:
        """The module of this name."""
        return cast("Reader[Corpus]", import_module(f"{self._package}.{name}"))

    def load(self, section: DataSection, cache: Path) -> Corpus:
        """The corpus that a ``data`` section names, from ``cache`` where it was prepared before.

        Raises:
            UserError: the data are missing or malformed, or too few of them are to be learned from.
        """
        try:
            return self.reader(section.corpus).read(section, cache)
        except UserError as error:
            if (few := section.training_sentences) is not None and self._is_whole_text_sound(section, cache):
                doubt = f"is data.training_sentences, {few:,}, too small?"
                error.advice = f"{error.advice}; {doubt}" if error.advice else doubt
            raise

    def _is_whole_text_sound(self, section: DataSection, cache: Path) -> bool:
        """Whether the mistake is gone where all sentences are learned from: then their number made it."""
        try:
            self.reader(section.corpus).read(section.model_copy(update={"training_sentences": None}), cache)
        except UserError:
            return False
        return True

    def check(self, name: str) -> str:
        """Give the name back if there is such a kind.

        Raises:
            PydanticKnownError: there is none; lists those that there are.
        """
        if name not in self.names:
            raise PydanticKnownError("literal_error", {"expected": " or ".join(f"'{name}'" for name in self.names)})
        return name

    def refuse_idle(self, settings: Settings, name: str) -> None:
        """A setting that this kind of corpus never looks at must not seem to have done something.

        Raises:
            IdleSettings: such a setting is not at its default.
        """
        used = {"corpus", *self.reader(name).SETTINGS}
        fields = type(settings).model_fields
        idle = [field for field in fields if field not in used and getattr(settings, field) != fields[field].default]
        if idle:
            others = " or ".join(other for other in self.names if set(idle) <= set(self.reader(other).SETTINGS))
            raise IdleSettings(
                f"corpus {name} has no use for {', '.join(idle)}: leave it out, or choose {others or 'another'}",
                idle=idle,
                choice="corpus",
            )


def absolute(path: Path | None) -> Path | None:
    """A worker's process stands in another folder than the command's; an unknown user's ``~`` stays as it is."""
    return None if path is None else Path(os.path.expanduser(path)).absolute()
