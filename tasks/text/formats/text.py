"""Plain text: each line that is not blank is a sentence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

from tasks.text.format import Format, Sentence


@final
class Text(Format):
    """Sentences of words with white space between them."""

    labels = "none"

    def parse(self, lines: Sequence[str], where: str) -> list[Sentence]:  # noqa: ARG002
        """See :meth:`tasks.text.format.Format.parse`; nothing is refused."""
        return [
            Sentence(words, line=number) for number, line in enumerate(lines, start=1) if (words := tuple(line.split()))
        ]
