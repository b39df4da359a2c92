"""Columns with a tab between each two; the first line names them. There is no quoting: ``"`` is a character."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tasks.text.labelled.corpus import LabelledCorpus
from tasks.text.labelled.sources import FIELD_SETTINGS, FILE_SETTINGS, Row, read_files
from tasks.text.labelled.table import pick_columns

if TYPE_CHECKING:
    from tasks.text.labelled.settings import LabelledData

SETTINGS: Final = FILE_SETTINGS + FIELD_SETTINGS


def read(settings: LabelledData, cache: Path) -> LabelledCorpus:
    """Read the file or folder at ``settings.path``; of a folder, the files whose names end in ``.tsv``.

    Raises:
        UserError: there is no path, or what lies there is missing or malformed (names file and line).
    """

    def parse(lines: Sequence[str], where: str) -> Iterable[Row]:
        rows = ((number, line.split("\t")) for number, line in enumerate(lines, start=1))
        return pick_columns(rows, text=settings.text_field, label=settings.label_field, where=where)

    return read_files(settings, cache, kind="tsv", ending=".tsv", parse=parse, fields=FIELD_SETTINGS)
