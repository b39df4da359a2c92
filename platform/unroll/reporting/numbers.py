"""Numbers and names as text for readers."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterable
from statistics import median

DASH = "–"
"""Stands where there is no value."""
MINUS = "−"
LONGEST = 300
"""Characters of a message that a page shows; the files hold all of it."""
FORMULA = r"^[\s\x00-\x1f\x7f-\x9f\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]*[=+\-@＝＋－＠]"
"""Beginnings of text that a spreadsheet takes for a formula, also in full width and behind what is not seen: blanks,
control characters (regular expressions do not agree which of them are blanks) and marks without width."""
BIDI = frozenset("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def choose_decimals(
    values: Iterable[float | None],
    spreads: Iterable[float | None] = (),
    differences: Iterable[float | None] = (),
) -> int:
    """Decimals for one table: two significant digits of the smallest spread and of the smallest difference.

    A spread counts as a hundredth of their median at least: an arm that collapsed, and is the same on every seed, asks
    for no digits that are noise for all others. A difference of less than a tenth of the smallest spread is noise and
    asks for no digit of its own. Where there is neither spread nor difference, four significant digits of the smallest
    value.
    """
    seen = [abs(number) for number in spreads if number and math.isfinite(number)]
    difference, size = (
        min((abs(number) for number in numbers if number and math.isfinite(number)), default=None)
        for numbers in (differences, values)
    )
    spread = max(min(seen), median(seen) / 100) if seen else None
    if spread is not None and difference is not None:
        # At least a tenth of the spread, or noise would ask for digits; at most the spread, which needs its own.
        difference = min(spread, max(difference, spread / 10))
    finest, digits = difference or spread or size, 4 if difference is None and spread is None else 2
    return 1 if finest is None else max(0, min(6, digits - 1 - math.floor(math.log10(finest))))


def fixed(value: float | None, decimals: int, *, sign: bool = False) -> str:
    """A number with grouped thousands and a real minus sign; NaN and infinities by name, nothing as a dash."""
    if value is None:
        return DASH
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else ("∞" if value > 0 else f"{MINUS}∞")
    if abs(value) >= 10**9:
        return f"{value:+.3g}" if sign else f"{value:.3g}"
    text = f"{value:+,.{decimals}f}" if sign else f"{value:,.{decimals}f}"
    return text.replace("-", MINUS)


def whole(value: int | None) -> str:
    """A count with grouped thousands, nothing as a dash."""
    return DASH if value is None else f"{value:,}"


def span(low: float | None, high: float | None, decimals: int, *, sign: bool = False) -> str:
    """An interval by its ends."""
    if low is None or high is None:
        return DASH
    return f"{fixed(low, decimals, sign=sign)} to {fixed(high, decimals, sign=sign)}"


def percent(share: float | None, *, sign: bool = False) -> str:
    """A share with two or three significant digits."""
    if share is None:
        return DASH
    size = abs(100 * share)
    if size == 0:
        return "0 %"
    return fixed(100 * share, 0 if size >= 99.5 else 1 if size >= 1 else 2, sign=sign) + " %"


def percent_span(low: float, high: float) -> str:
    """An interval of shares, ``55.5 to 99.7 %``; 0 and 1 have no decimals."""
    return " to ".join(fixed(100 * end, 0 if end in (0, 1) else 1) for end in (low, high)) + " %"


def p_value(p: float | None) -> str:
    """A p-value with three significant digits; never zero."""
    if p is None:
        return DASH
    return f"{p:.3g}" if p >= 1e-4 else f"{p:.1e}"


def rate(value: float | None) -> str:
    """A throughput with three significant digits."""
    if value is None or not math.isfinite(value):
        return DASH
    return fixed(value, 0) if value >= 1000 else f"{value:.3g}"


def duration(seconds: float | None) -> str:
    """``0.4 s``, ``12 s``, ``3 min 05 s``, ``2 h 10 min``."""
    if seconds is None or not math.isfinite(seconds):
        return DASH
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes_left = divmod(minutes, 60)
    if hours:  # seconds are of no use any more
        return f"{hours} h {minutes_left:02d} min"
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"


def count(number: int, noun: str) -> str:
    """``1 trial``, ``2 trials``."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def listed(names: Iterable[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    *head, last = list(names) or [""]
    return f"{', '.join(head)} and {last}" if head else last


def ranges(numbers: Iterable[int]) -> str:
    """``0–3, 7`` for 0, 1, 2, 3 and 7."""
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]}{DASH}{run[-1]}" for run in runs) or DASH


def plain(text: object) -> str:
    """Text on one line: line breaks become spaces; control and direction characters, which hide text, become �."""
    words = " ".join(str(text).split())
    if words.isprintable():  # the usual case: neither a control nor a direction character is printable
        return words
    return "".join("�" if c in BIDI or unicodedata.category(c) in ("Cc", "Cs") else c for c in words)


def shorten(text: str, longest: int = LONGEST) -> str:
    """The beginning of a long text."""
    return text if len(text) <= longest else text[: longest - 1] + "…"
