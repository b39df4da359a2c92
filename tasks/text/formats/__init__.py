"""File formats: one class in each file, and the file's name is the format's.

A new format is a new file. ``data.corpus`` takes its name in every task that needs such labels
(:attr:`tasks.text.format.Format.labels`), and ``unroll data inspect`` shows it.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any, Final

from tasks.named import NamedClasses
from tasks.text.format import Format

__all__ = ["FORMATS", "build_format"]

FORMATS: Final[NamedClasses[Format]] = NamedClasses(
    sys.modules[__name__], what="format", base="tasks.text.format:Format"
)


def build_format(name: str, settings: Mapping[str, Any]) -> Format:
    """A format with those of its options that the settings have; the others stay at their defaults.

    Raises:
        UserError: there is no such format, or its file is broken.
    """
    return FORMATS.find(name)(**{option: settings[option] for option in FORMATS.options(name) if option in settings})
