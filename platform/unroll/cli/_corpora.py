"""Known corpora on the command line: their names and folders."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from unroll.contract import UserError
from unroll.workflow.places import cache_folder

if TYPE_CHECKING:
    from unroll.contract import KnownCorpus, Library


def complete_corpus(incomplete: str) -> list[str]:
    """Known corpora; none where there is no project."""
    try:
        return [corpus.name for corpus, _ in known_corpora() if corpus.name.startswith(incomplete)]
    except (UserError, ImportError):
        return []


PlaceOption = Annotated[
    Path | None,
    typer.Option(
        "--to",
        metavar="FOLDER",
        show_default=False,
        help="The folder of all corpora, each in its own.  [default: corpora in $UNROLL_CACHE or ~/.cache/unroll]",
    ),
]
InOption = Annotated[
    Path | None,
    typer.Option(
        "--in", metavar="FOLDER", show_default=False, help="The folder of all corpora, as given to fetch with --to."
    ),
]


def corpora_root(place: Path | None) -> Path:
    """The folder that holds corpora: as given, else in the cache."""
    return place.expanduser() if place is not None else cache_folder() / "corpora"


def known_corpora() -> list[tuple[KnownCorpus, Library]]:
    """Every known corpus, with the library that knows it."""
    from unroll.study import load_libraries

    return [(corpus, library) for library in load_libraries() for corpus in library.known()]


def find_corpus(name: str) -> tuple[KnownCorpus, Library]:
    """The known corpus of this name.

    Raises:
        UserError: there is none; names the nearest.
    """
    from unroll.study import suggestion

    known = known_corpora()
    for corpus, library in known:
        if corpus.name == name:
            return corpus, library
    advice = suggestion(name, [corpus.name for corpus, _ in known])
    if Path(name).exists():
        advice = f"to inspect a file or folder: unroll data inspect --task TASK data.corpus=KIND data.path={name}"
    raise UserError("there is no such corpus", received=repr(name), advice=advice)
