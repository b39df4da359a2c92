"""Pieces of held-out text that begin with a sentence."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from unroll.contract import UserError

Ids = NDArray[np.int32]


class Pieces(NamedTuple):
    """Two sets of as many pieces of one length, from parts of the text that do not overlap.

    Args:
        prefixes: what models go on with, shape (pieces, length).
        references: what their text is compared with, of the same shape.
    """

    prefixes: Ids
    references: Ids


def cut_pieces(text: Ids, *, start: int, pieces: int, length: int) -> Pieces:
    """The first sentences of a text with what follows them, and as many of the sentences behind all that.

    Args:
        text: a held-out text.
        start: the token that ends a sentence and stands before the text.
        pieces: how many of each.
        length: tokens of each.

    Raises:
        UserError: the text has fewer.
    """
    begins = np.concatenate(([0], np.flatnonzero(text == start) + 1))
    begins = begins[begins + length <= len(text)]
    first = begins[:pieces]
    later = begins[begins >= first[-1] + length][:pieces] if len(first) else first
    if len(later) < pieces:
        raise UserError(
            f"the test text must have two sets of {pieces:,} sentences, each sentence with what follows it: "
            f"{length} tokens",
            where="training.exposure_bias",
            received=f"{len(begins):,} sentences",
            advice="lower it, or give more text",
        )
    return Pieces(*(text[each[:, None] + np.arange(length)] for each in (first, later)))
