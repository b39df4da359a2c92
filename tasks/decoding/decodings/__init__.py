"""Decodings by name: ``beam`` is the one final :class:`~tasks.decoding.decoding.Decoding` in ``beam.py`` here.

A new file is a new decoding; there is no list to add it to. What its constructor takes are its options, settings of
:class:`~tasks.decoding.settings.DecodingSettings`. Names are known without importing torch.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

from tasks.named import NamedClasses

if TYPE_CHECKING:
    from tasks.decoding.decoding import Decoding

__all__ = ["DECODINGS"]


DECODINGS: Final[NamedClasses[Decoding]] = NamedClasses(
    sys.modules[__name__], what="decoding", base="tasks.decoding.decoding:Decoding"
)
