"""How a decoder looks at the source sentence: ``dot`` is the one final attention in ``dot.py`` of this folder.

A new file is a new attention; there is no list to add it to. Names are known without importing torch.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

from tasks.named import NamedClasses

if TYPE_CHECKING:
    from tasks.encoder_decoder.attention import Attention

__all__ = ["ATTENTIONS"]

ATTENTIONS: Final[NamedClasses[Attention]] = NamedClasses(
    sys.modules[__name__],
    what="attention",
    base="tasks.encoder_decoder.attention:Attention",
    given=("queries", "features"),
)
