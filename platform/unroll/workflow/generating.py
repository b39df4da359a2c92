"""Let a finished trial go on with text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import TypeVar

from unroll.contract import Continuation, UserError, derive_seed
from unroll.study import load_options
from unroll.workflow.trained import Trained, as_tested, list_tasks

T = TypeVar("T")


class Generator:
    """Asks a trained module to go on with beginnings of texts, and counts what it does not know.

    Args:
        trained: the trial's module.
        options: ``key=value`` of how text is written, as on the command line.
        draw: what is drawn depends on it, on how many beginnings came before, and on nothing else.

    Raises:
        UserError: the trial's task goes on with no text, or has no such options.
    """

    def __init__(self, trained: Trained, options: Sequence[str] = (), *, draw: int = 0) -> None:
        if trained.task.writing is None:
            rule = f"a trial of {trained.trial.task} goes on with no text"
            others = list_tasks(lambda task: task.writing is not None)
            raise UserError(rule, advice=f"tasks that define writing and writer do{others}")
        self._trained, self._draw, self._asked = trained, draw, 0
        self._options = load_options(trained.task.writing, options)
        self._writer = trained.task.writer(trained.settings, trained.dataset, trained.module)
        self.unit = self._writer.unit
        self.unknown = Counter[str]()
        """How often each unit was read as ``<unk>``."""

    def write(self, beginning: str) -> Sequence[Continuation]:
        """Ways to go on with a beginning, the best first.

        Raises:
            UserError: it cannot be read.
        """
        seed = derive_seed(self._draw, self._asked)
        return self._ask(beginning, lambda: self._writer.write(beginning, self._options, seed=seed))

    def suggest(self, beginning: str, count: int) -> Sequence[tuple[str, float]]:
        """The likeliest next units with their probabilities.

        Raises:
            UserError: the beginning cannot be read.
        """
        return self._ask(beginning, lambda: self._writer.suggest(beginning, count))

    def _ask(self, beginning: str, answer: Callable[[], T]) -> T:
        self._asked += 1
        with as_tested(self._trained):
            answered = answer()
        self.unknown.update(self._writer.unknown(beginning))
        return answered
