"""An answer to an item of a checklist."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the ledger says.

    Args:
        lines: sentences, each a paragraph or an entry of its own; at least one.
        sources: where it comes from: records, by their path in the results folder; the report's ``tables/``; its
            sections, by their anchor behind ``#``.
    """

    lines: tuple[str, ...]
    sources: tuple[str, ...]
