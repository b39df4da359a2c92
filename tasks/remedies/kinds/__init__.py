"""Remedies by name: ``mixer`` is the one final :class:`~tasks.remedies.remedy.Remedy` in ``mixer.py`` of this folder.

A new file is a new remedy; there is no list to add it to. Names are known without importing torch.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

from tasks.named import NamedClasses

if TYPE_CHECKING:
    from tasks.remedies.remedy import Remedy

__all__ = ["REMEDIES"]

REMEDIES: Final[NamedClasses[Remedy]] = NamedClasses(
    sys.modules[__name__], what="remedy", base="tasks.remedies.remedy:Remedy", given=("features",)
)
