"""The live table: what must be seen of a running study, whatever the size of the screen and of the study."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence, Set
from typing import TYPE_CHECKING

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.text import Text

from unroll.ledger import FINAL, MISSING, Progress
from unroll.reporting.numbers import duration
from unroll.terminal.text import format_value, visible
from unroll.workflow.tally import line_of

if TYPE_CHECKING:
    from unroll.workflow.tally import Tally

RUNNING_ROWS = 12
"""Most running trials that are shown; of the others, their number."""
TURN_SECONDS = 5.0
"""Arms for which there is no room are shown in turn, each for this long."""
GAP = 2
"""Blanks between columns."""

Row = Mapping[str, str]


def draw(tally: Tally, *, width: int, height: int) -> list[Text]:
    """The lines of the table: fewer than ``height``, none longer than ``width``.

    Counts and the time left come last and are always there; above them arms, then as many running trials as fit.
    """
    running = tally.running()
    last = chop_words(headline(tally, running), width)
    room = max(0, height - 1 - len(last))
    rows = _running_rows(len(running), len(tally.planned), room)
    trials = _trials(tally, running, width, rows) if rows else []
    arms = _arms(tally, running, width, room - len(trials)) if room > len(trials) + 1 else []
    return [*arms, *trials, *(Text(line, style="bold") for line in last)]


def headline(tally: Tally, running: Sequence[Progress]) -> str:
    """One line: how many trials have ended, how many run, what time is left."""
    if not (tally.ended or running):
        return "waiting for the first trial to start"
    left = tally.seconds_left(running)
    parts = [f"{tally.before + tally.ended} of {len(tally.trials)} trials ended", f"{len(running)} running"]
    return ", ".join([*parts, f"about {duration(left)} left"] if left is not None else parts)


def _running_rows(running: int, arms: int, room: int) -> int:
    """Lines for running trials: what arms leave (each part has a heading), at least a third of the room."""
    spare = room - 2
    return max(0, min(running, RUNNING_ROWS, max(spare - arms, spare // 3)))


def _arms(tally: Tally, running: Sequence[Progress], width: int, room: int) -> list[Text]:
    """A heading and a line for each arm; where not all fit, those with running trials and a page of others."""
    names = list(tally.planned)
    newest = _newest(tally, running)
    heading, *lines = fit(
        [[_arm(tally, name, newest, *manner) for name in names] for manner in _manners(tally.plan.metric)],
        right={"done", *_headings(tally.plan.metric)},
        width=width,
    )
    places = room - 1
    if len(names) <= places:
        return [heading, *lines]
    busy = {line_of(tally.trials[note.trial]) for note in running}
    shown = take_turns([name in busy for name in names], places - 1, int(tally.seconds // TURN_SECONDS))
    hidden = len(names) - len(shown)
    more = f"… {hidden} more {'arm' if hidden == 1 else 'arms'}, in turn"
    return [heading, *(lines[number] for number in shown), Text(cut(more, width), style="dim")]


def take_turns(busy: Sequence[bool], places: int, turn: int) -> list[int]:
    """Which of too many lines are shown.

    Args:
        busy: of each line, whether it should always be seen.
        places: how many are shown at most.
        turn: number of the page.

    Returns:
        Numbers of lines: the busy ones, where they leave room for others, and a page of the others; in ``turn`` after
        ``turn`` every line comes by.
    """
    first = [number for number, is_busy in enumerate(busy) if is_busy]
    others = [number for number, is_busy in enumerate(busy) if not is_busy]
    if len(first) >= places:
        first, others = [], [*first, *others]
    window = places - len(first)
    # The last page may be short; after as many turns as there are pages every line has come by.
    page = turn % math.ceil(len(others) / window) if window > 0 else 0
    return [*first, *others[page * window : (page + 1) * window]]


def _headings(metric: str) -> tuple[str, str]:
    """The metric by its name and, where that is too long, by its end."""
    return visible(metric), visible(metric).rpartition("/")[2]


def _manners(metric: str) -> list[tuple[int, str, bool]]:
    """Ever narrower ways to write an arm: columns of its bar, heading of the metric, whether other ends have names."""
    long, short = _headings(metric)
    return [(20, long, True), (8, long, True), (0, long, True), (0, short, True), (0, short, False)]


def _newest(tally: Tally, running: Sequence[Progress]) -> dict[str, float]:
    """Arm -> the deciding metric of its running trial that is furthest."""
    # The furthest comes last, and so its value is the one that stays.
    known = sorted((note for note in running if tally.plan.metric in note.metrics), key=lambda note: note.step)
    return {line_of(tally.trials[note.trial]): note.metrics[tally.plan.metric] for note in known}


def _arm(tally: Tally, name: str, newest: Mapping[str, float], bar: int, heading: str, named: bool) -> Row:
    """Its line: the metric is the mean of completed trials, or after ``~`` what the furthest has reached by now."""
    statuses = tally.arm_statuses(name)
    done, planned = sum(statuses[status] for status in FINAL), tally.planned[name]
    others = {status: count for status, count in statuses.items() if status not in {"completed", MISSING}}
    words = ", ".join(f"{count} {status}" for status, count in sorted(others.items()))
    mean = tally.arm_mean(name)
    about = f"~{format_value(newest[name])}" if name in newest else ""
    return {
        "arm": visible(name),
        "done": f"{_bar(done, planned, bar)} {done}/{planned}".strip(),
        heading: about if mean is None else format_value(mean),
        **({"not completed": words} if named else {"lost": str(sum(others.values()) or "")}),
    }


def _bar(done: int, planned: int, width: int) -> str:
    filled = width * done // planned if planned else width
    return f"{'━' * filled}{'╌' * (width - filled)}"


def _trials(tally: Tally, running: Sequence[Progress], width: int, places: int) -> list[Text]:
    """A heading and a line for each running trial; of those for which there is no room, their number."""
    hidden = len(running) - places
    shown = running if hidden <= 0 else running[: places - 1]
    columns = ("running", "epoch", "step", "newest", "for")
    kept = [columns, *(tuple(name for name in columns if name not in without) for without in _EXPENDABLE)]
    rows = [_trial(tally, note) for note in shown]
    lines = fit([[{name: row[name] for name in names} for row in rows] for names in kept], right=set(), width=width)
    more = [Text(cut(f"and {len(running) - len(shown)} more", width), style="dim")] if hidden > 0 else []
    return [*(lines or [Text("running", style="bold")]), *more]


_EXPENDABLE = ({"epoch"}, {"epoch", "for"}, {"epoch", "for", "newest"}, {"epoch", "for", "newest", "step"})
"""Columns of running trials that are left out on ever narrower screens."""


def _trial(tally: Tally, progress: Progress) -> Row:
    trial = tally.trials[progress.trial]
    name, value = newest_metric(progress.metrics, tally.plan.metric)
    return {
        "running": visible(trial.name),
        "epoch": f"{progress.epoch:,}",
        "step": f"{progress.step:,}" + (f" of {progress.steps:,}" if progress.steps else ""),
        "newest": visible(f"{name} {format_value(value)}") if name else "",
        "for": duration(progress.seconds),
    }


def newest_metric(metrics: Mapping[str, float], deciding: str) -> tuple[str, float | None]:
    """The metric that decides; before it is known, one of training, or whatever there is."""
    names = [deciding, *(name for name in metrics if name.startswith("train/")), *metrics]
    return next(((name, metrics[name]) for name in names if name in metrics), ("", None))


def fit(manners: Sequence[Sequence[Row]], *, right: Set[str], width: int) -> list[Text]:
    """A heading and a line for each row, in the first manner that fits.

    Args:
        manners: the same rows, written ever narrower; columns that are empty in all rows are left out.
        right: columns that are aligned to the right.
        width: of the screen. The first column is cut, to half of it before anything is written narrower.
    """
    for rows in manners:
        names = [name for name in (rows[0] if rows else ()) if any(row[name] for row in rows)]
        needs = {name: max(cell_len(text) for text in (name, *(row[name] for row in rows))) for name in names}
        spare = width - sum(needs.values()) - GAP * (len(names) - 1)
        if not names:
            return []
        # What does not fit is taken from the first column, names, until half of the screen is left for it.
        if needs[names[0]] + spare >= min(needs[names[0]], width // 2):
            break
    needs[names[0]] = max(1, min(needs[names[0]], needs[names[0]] + spare))
    heading = Text(_line({name: name for name in names}, needs, right, width), style="bold")
    return [heading, *(Text(_line(row, needs, right, width)) for row in rows)]


def _line(row: Row, needs: Mapping[str, int], right: Set[str], width: int) -> str:
    cells = ((name, cut(row[name], need), need) for name, need in needs.items())
    padded = (
        " " * (need - cell_len(text)) + text if name in right else set_cell_size(text, need)
        for name, text, need in cells
    )
    return cut((" " * GAP).join(padded).rstrip(), width)


def cut(text: str, width: int) -> str:
    """A text of at most this many columns; what is taken out is its middle, since names differ at their ends."""
    if cell_len(text) <= width:
        return text
    if width < 3:
        return set_cell_size(text, width)
    end = (width - 1) // 2
    return f"{set_cell_size(text, width - 1 - end)}…{set_cell_size(text[::-1], end)[::-1]}"


def chop_words(text: str, width: int) -> list[str]:
    """Lines of at most this many columns, between words where that can be."""
    return [line.plain.rstrip() for line in Text(text).wrap(Console(width=width), width)]
