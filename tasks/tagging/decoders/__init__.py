"""Decoders by name: ``crf`` is the one final :class:`~tasks.tagging.decoder.Decoder` in ``crf.py`` of this folder.

A new file is a new decoder; there is no list to add it to. Names are known without importing torch.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

from tasks.named import NamedClasses

if TYPE_CHECKING:
    from tasks.tagging.decoder import Decoder

__all__ = ["DECODERS"]


DECODERS: Final[NamedClasses[Decoder]] = NamedClasses(
    sys.modules[__name__], what="decoder", base="tasks.tagging.decoder:Decoder", given=("inputs", "tags")
)
