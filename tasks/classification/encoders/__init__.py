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


ENCODERS: Final[NamedClasses[Encoder]] = NamedClasses(
    sys.modules[__name__],
    what="kind of encoder",
    base="tasks.classification.encoder:Encoder",
    given=("embedding", "vocabulary"),
)
