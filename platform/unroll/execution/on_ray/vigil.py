"""Who stands still? The driver's watch over trials whose own watchdog stands with them: stopped, or stuck in C code."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from unroll.ledger import Ledger

START_SECONDS = 60.0
"""What a trial may take on top, from the start of its process to its first note."""
LONGEST_TURN = 5.0
"""Most seconds that count between two looks: while the driver itself stood still, it saw nothing."""


@dataclass(frozen=True, slots=True)
class _Seen:
    note: str
    since: float


class Vigil:
    """Judges by notes of progress that change, seen by one clock: those of other nodes may be wrong.

    Args:
        ledger: where trials note how far they are, at least once a second while they progress.
        seconds: longest time without progress. A trial's own watchdog, which can tell more, ends it after so long; here
            it has a little longer.
        trials: those that may run; notes that they have before they run are no news.
        clock: seconds, monotonic.
    """

    def __init__(
        self,
        ledger: Ledger,
        *,
        seconds: float,
        trials: Iterable[str],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ledger, self._clock = ledger, clock
        self._patience = 1.25 * seconds + 1.0
        self._old = self._notes(trials)
        self._seen: dict[str, _Seen] = {}
        self._looked_at, self._now = clock(), 0.0

    def look(self, running: Iterable[str]) -> list[str]:
        """Those of the running trials that stand still; call it about once a second."""
        now = self._clock()
        self._now += min(now - self._looked_at, LONGEST_TURN)
        self._looked_at = now
        running = list(running)
        notes = self._notes(running)
        before, self._seen = self._seen, {}
        for trial in running:
            note, seen = notes.get(trial, ""), before.get(trial)
            if seen is None:
                starting = note == self._old.get(trial, "")
                self._seen[trial] = _Seen(note, self._now + START_SECONDS * starting)
            else:
                self._seen[trial] = seen if note == seen.note else _Seen(note, self._now)
        return [trial for trial, seen in self._seen.items() if self._now - seen.since > self._patience]

    def forget(self, trial: str) -> None:
        """The trial's process is gone: whatever it noted is no news of the next one."""
        seen = self._seen.pop(trial, None)
        self._old[trial] = self._notes([trial]).get(trial, seen.note if seen else "")

    def _notes(self, trials: Iterable[str]) -> dict[str, str]:
        """What each trial has noted, as text: two notes that hold the same NaN would be unequal."""
        return {trial: note.model_dump_json() for trial, note in self._ledger.progress(trials).items()}
