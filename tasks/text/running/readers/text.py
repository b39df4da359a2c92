"""Plain text from ``data.path``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from tasks.text.running.corpus import TokenCorpus
from tasks.text.running.plain import read_plain
from unroll.contract import UserError

if TYPE_CHECKING:
    from tasks.text.running.settings import TextData

SETTINGS: Final = (
    "path",
    "level",
    "encoding",
    "validation_fraction",
    "test_fraction",
    "vocabulary_size",
    "minimum_count",
    "training_sentences",
)


def read(settings: TextData, cache: Path) -> TokenCorpus:
    """Read the file or folder at ``settings.path``.

    Raises:
        UserError: there is no path, or what lies there is missing or malformed.
    """
    if settings.path is None:
        raise UserError("corpus text needs a path", where="data.path", advice="add data.path=FOLDER, or a file")
    return read_plain(
        settings.path,
        level=settings.level,
        encoding=settings.encoding,
        validation_fraction=settings.validation_fraction,
        test_fraction=settings.test_fraction,
        vocabulary_size=settings.vocabulary_size,
        minimum_count=settings.minimum_count,
        training_sentences=settings.training_sentences,
        cache=cache,
    )
