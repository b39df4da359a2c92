"""How many tokens at the beginning of a sentence are still the right ones (Ranzato et al. 2016, algorithm 1)."""

from __future__ import annotations

from dataclasses import dataclass

from tasks.remedies.remedy import Examples


@dataclass(frozen=True, slots=True, kw_only=True)
class PrefixAnnealing:
    """Falls from all tokens to none, some tokens at a time.

    Args:
        start: updates before the first of the stages, in which all tokens are still right; the first fall ends it.
        every: updates of a stage; None: so that the last third of the run has no right token left.
        by: tokens at each fall.
    """

    start: int
    every: int | None
    by: int

    def length(self, examples: Examples) -> int:
        """Tokens of the longest sentence of a batch that are still right; 0 in the end."""
        longest = len(examples.targets)
        falls = -(-longest // self.by)
        every = max(1, (2 * (examples.updates - self.start)) // (3 * falls)) if self.every is None else self.every
        fallen = max(0, examples.update - self.start) // every
        return max(0, longest - self.by * fallen)
