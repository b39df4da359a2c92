"""The toy language: sentences of a known grammar, generated from ``data.seed``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from tasks.text.corpus import TokenCorpus
from tasks.text.toy import read_toy

if TYPE_CHECKING:
    from tasks.text.settings import TextData

SETTINGS: Final = ("level", "sentences", "training_sentences", "seed")


def read(settings: TextData, cache: Path) -> TokenCorpus:
    """Generate ``settings.sentences`` training sentences and a fifth of it for validation and test each."""
    return read_toy(
        sentences=settings.sentences,
        training_sentences=settings.training_sentences,
        seed=settings.seed,
        level=settings.level,
        cache=cache,
    )
