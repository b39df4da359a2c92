"""Encoders by name: ``convolution`` is the one final Encoder in ``convolution.py``; a new file is a new one.

From the embeddings of a sentence's words to one vector, see :class:`~tasks.classification.encoder.Encoder`. Names are
known without importing torch.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

from tasks.named import NamedClasses

if TYPE_CHECKING:
    from tasks.classification.encoder import Encoder

__all__ = ["ENCODERS"]


def _base() -> type[Encoder]:
    from tasks.classification.encoder import Encoder

    return Encoder


ENCODERS: Final = NamedClasses(
    sys.modules[__name__], what="kind of encoder", base=_base, given=("embedding", "vocabulary")
)
