"""Unroll: comparative experiments with recurrent networks, from a question in YAML to a report.

>>> import unroll
>>> unroll.plan("quickstart", "training.epochs=1", seeds=2)      # doctest: +SKIP
>>> done = unroll.run("quickstart", "training.epochs=1", seeds=2)      # doctest: +SKIP
>>> unroll.results(done.folder)      # doctest: +SKIP

These functions do what the commands of the same names do, see ``docs/use-from-python.md``. Importing the package loads
none of the libraries behind them.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from unroll.api import (
        Answer,
        Continuation,
        Overview,
        RunResult,
        Trained,
        UserError,
        generate,
        history,
        plan,
        predict,
        report,
        results,
        run,
        trained,
    )

__version__ = "0.1.0"
__all__ = [
    "Answer",
    "Continuation",
    "Overview",
    "RunResult",
    "Trained",
    "UserError",
    "__version__",
    "generate",
    "history",
    "plan",
    "predict",
    "report",
    "results",
    "run",
    "trained",
]


def __getattr__(name: str) -> object:
    """The functions are imported by their first use (PEP 562): other modules of the package need none of them."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from unroll import api

    return getattr(api, name)


def __dir__() -> list[str]:
    return __all__
