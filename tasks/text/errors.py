"""Errors in files, collected: all places of a kind are reported together, not one in each run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, final

from unroll.contract import UserError, UserErrors

_SHOWN: Final = 3
"""Places of a kind that are named; the others are counted."""


@final
class ErrorCollector:
    """What is wrong with a text: ``with errors:`` keeps an error of the block. Errors of one rule are of a kind."""

    def __init__(self) -> None:
        self._found: dict[str, list[UserError]] = {}

    def __enter__(self) -> None:
        """Begin a block whose error is kept; no generator, for there may be a block for each word of a text."""

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> bool:
        """Keep an error of the block, and go on behind it."""
        for each in error.errors if isinstance(error, UserErrors) else [error]:
            if isinstance(each, UserError):
                self.add(each)
        return isinstance(error, UserError)  # swallowed; any other error goes on

    def add(self, error: UserError) -> None:
        """Keep an error."""
        self._found.setdefault(error.rule, []).append(error)

    def refuse(self) -> None:
        """Raise what was collected.

        Raises:
            UserError: for a kind of errors, the first one, with the places of the others.
            UserErrors: there are several kinds.
        """
        errors = []
        for first, *others in self._found.values():
            where = format_places([first.where, *(other.where for other in others)], 1 + len(others))
            errors.append(UserError(first.rule, where=where, received=first.received, advice=first.advice))
        if errors:
            raise errors[0] if len(errors) == 1 else UserErrors(errors)


def format_places(places: Sequence[str], count: int) -> str:
    """So many places of which these are the first: ``train.txt, line 3, and 7 more places (line 5, line 8, ...)``."""
    first, others = places[0], places[1:_SHOWN]
    if count == 1:
        return first
    file = first.rpartition(", line ")[0]
    named = [place.removeprefix(f"{file}, ") for place in others]
    named += ["..."] if count > len(places[:_SHOWN]) else []
    return f"{first}, and {count - 1:,} more place{'s' if count > 2 else ''} ({', '.join(named)})"
