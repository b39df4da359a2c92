"""Problems by name: ``adding`` is the one final Problem in ``adding.py`` of this folder; a new file is a new one."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

from tasks.named import NamedClasses

if TYPE_CHECKING:
    from tasks.long_range.problem import Problem

__all__ = ["check_problem", "find_problem", "problem_names"]


def _base() -> type[Problem]:
    from tasks.long_range.problem import Problem

    return Problem


_PROBLEMS: Final = NamedClasses(sys.modules[__name__], what="problem", base=_base)
problem_names: Final = _PROBLEMS.names
check_problem: Final = _PROBLEMS.check


def find_problem(name: str) -> Problem:
    """The problem of this name.

    Raises:
        UserError: there is no such problem, or its file does not hold one that is whole.
    """
    return _PROBLEMS.find(name)()
