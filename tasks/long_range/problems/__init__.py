"""Problems by name: ``adding`` is the one final Problem in ``adding.py`` of this folder; a new file is a new one."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

from tasks.named import NamedClasses

if TYPE_CHECKING:
    from tasks.long_range.problem import Problem

__all__ = ["PROBLEMS", "find_problem"]


PROBLEMS: Final[NamedClasses[Problem]] = NamedClasses(
    sys.modules[__name__], what="problem", base="tasks.long_range.problem:Problem"
)


def find_problem(name: str) -> Problem:
    """The problem of this name.

    Raises:
        UserError: there is no such problem, or its file does not hold one that is whole.
    """
    return PROBLEMS.find(name)()
