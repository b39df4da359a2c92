"""Schedules by name: ``cosine`` is the one final :class:`~tasks.learning.schedule.Schedule` in ``cosine.py`` here.

A new file is a new schedule; there is no list to add it to.
"""

from __future__ import annotations

import sys
from typing import Final

from tasks.learning.schedule import Schedule
from tasks.named import NamedClasses

__all__ = ["SCHEDULES"]

SCHEDULES: Final[NamedClasses[Schedule]] = NamedClasses(
    sys.modules[__name__], what="schedule", base="tasks.learning.schedule:Schedule", given=("steps",)
)
