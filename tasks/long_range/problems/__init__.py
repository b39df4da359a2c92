"""Problems by name: ``adding`` is the one final Problem in ``adding.py`` of this folder; a new file is a new one."""

from __future__ import annotations

import difflib
import importlib
import inspect
import pkgutil
from typing import TYPE_CHECKING

from unroll.contract import UserError

if TYPE_CHECKING:
    from tasks.long_range.problem import Problem

__all__ = ["check_problem", "find_problem", "problem_names"]


def problem_names() -> tuple[str, ...]:
    """Names of all problems, sorted."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules(__path__)))


def check_problem(name: str) -> str:
    """Give the name back if there is such a problem.

    Raises:
        UserError: there is none; lists those that there are.
    """
    names = problem_names()
    if name in names:
        return name
    near = difflib.get_close_matches(name.lower(), names, n=1)
    raise UserError(
        f"a problem is one of {', '.join(names)}",
        received=repr(name),
        advice=f"did you mean {near[0]!r}?" if near else "a new problem is a new file in tasks/long_range/problems",
    )


def find_problem(name: str) -> Problem:
    """The problem of this name.

    Raises:
        UserError: there is no such problem.
    """
    from tasks.long_range.problem import Problem

    module = importlib.import_module(f"{__name__}.{check_problem(name)}")
    here = [c for _, c in inspect.getmembers(module, inspect.isclass) if c.__module__ == module.__name__]
    (problem,) = [c for c in here if issubclass(c, Problem)]
    built: Problem = problem()
    return built
