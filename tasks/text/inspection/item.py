"""A sentence as an inspection sees it."""

from __future__ import annotations

from typing import NamedTuple


class Item(NamedTuple):
    """Words of a sentence, and its labels: none, one for the sentence, or one for each word."""

    words: tuple[str, ...]
    labels: tuple[str, ...] = ()
