"""``unroll data``: corpora that are known by name, and what corpora look like."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from unroll.cli._inspection import show_inspection
from unroll.cli._options import FormatOption
from unroll.cli._output import Format, print_lines, print_rows, shell_line, shown
from unroll.contract import UserError
from unroll.terminal.text import visible
from unroll.workflow.places import cache_folder, trusted_cache

if TYPE_CHECKING:
    from unroll.contract import Inspection, KnownCorpus, Library

app = typer.Typer(no_args_is_help=True, help="List, fetch and inspect corpora.")


def complete_corpus(incomplete: str) -> list[str]:
    """Known corpora; none where there is no project."""
    try:
        return [corpus.name for corpus, _ in _known_corpora() if corpus.name.startswith(incomplete)]
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


@app.command("list")
def list_corpora(
    place: InOption = None,
    format: FormatOption = Format.TABLE,  # noqa: A002  (the option's own name)
) -> None:
    """Show the corpora that are known by name, and the folders of those that were fetched.

    "Not yet" stands where the task that a corpus is made for does not exist in this project.
    """
    from unroll.study import discover_tasks

    rows = [_row(corpus, library, _corpora_root(place)) for corpus, library in _known_corpora()]
    if format is Format.TABLE:
        tasks = discover_tasks()
        rows = [{key: row[key] for key in ("name", "task", "licence", "folder")} for row in rows]
        for row in rows:
            row["task"] += "" if row["task"] in tasks else " (not yet)"
    print_rows(rows, format)


@app.command()
def fetch(
    name: Annotated[str, typer.Argument(metavar="NAME", autocompletion=complete_corpus, help="A known corpus.")],
    to: PlaceOption = None,
) -> None:
    """Download a known corpus, verify it and put it into place; do nothing if it is there.

    A broken download is resumed. Licences are the makers': `unroll data list` names them.
    """
    from unroll.cli._fetching import watching
    from unroll.study import discover_tasks

    corpus, library = _find_corpus(name)
    with watching() as watch:
        folder = library.fetch(name, _corpora_root(to), watch)
    print_lines(visible(f"{name} is in {shown(folder)}; licence: {corpus.licence}"))
    if corpus.task not in discover_tasks():
        print_lines(visible(f"no task reads it yet: {corpus.task} does not exist"))
    elif corpus.settings:
        print_lines(f"settings  {shell_line([*corpus.settings, f'data.path={shown(folder)}'])}   (task {corpus.task})")


@app.command()
def inspect(
    name: Annotated[
        str | None,
        typer.Argument(metavar="[NAME]", autocompletion=complete_corpus, show_default=False, help="A known corpus."),
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[KEY=VALUE]...", show_default=False, help="With --task: settings, as data.path=FOLDER."
        ),
    ] = None,
    task: Annotated[
        str | None,
        typer.Option("--task", metavar="TASK", show_default=False, help="Look at what this task reads, by settings."),
    ] = None,
    place: InOption = None,
    format: FormatOption = Format.TABLE,  # noqa: A002  (the option's own name)
) -> None:
    """Show sizes, sentence lengths, labels, unknown words, repetitions across splits, and what is odd about files.

    Either NAME, a known corpus that was fetched, or --task with the settings that a study would give.
    """
    words = [*([name] if name is not None else []), *(settings or [])]
    if task is not None:
        facts, warnings, inspection = _inspect_task(task, words)
    elif len(words) == 1 and "=" not in words[0]:
        facts, warnings, inspection = {}, [], _inspect_known(words[0], _corpora_root(place))
    else:
        raise UserError(
            "inspect needs the name of a corpus, or --task TASK with its settings", received=" ".join(words)
        )
    show_inspection(facts, warnings, inspection, format)


def _inspect_known(name: str, root: Path) -> Inspection:
    _, library = _find_corpus(name)
    if not (folder := root / name).is_dir():
        advice = f"unroll data fetch {name}, or name another folder with --in"
        raise UserError("the corpus must have been fetched", where=str(folder), advice=advice)
    return library.inspect(name, folder)


def _inspect_task(name: str, overrides: list[str]) -> tuple[dict[str, Any], list[str], Inspection | None]:
    """Facts and warnings that a plan would show, by the task's own reader, and a library's look at the files."""
    from unroll.study import load_libraries, load_settings, load_task

    chosen, task = load_settings(name, overrides), load_task(name)
    dataset = task.prepare(chosen, trusted_cache())
    found = (library.inspect_settings(chosen) for library in load_libraries())
    inspection = next((inspection for inspection in found if inspection is not None), None)
    return dict(dataset.facts), list(task.warnings(chosen, dataset)), inspection


def _row(corpus: KnownCorpus, library: Library, root: Path) -> dict[str, Any]:
    place = library.locate(corpus.name, root)
    return {
        "name": corpus.name,
        "task": corpus.task,
        "licence": corpus.licence,
        "folder": shown(place) if place else None,
        "title": corpus.title,
        "settings": " ".join(corpus.settings),
        "homepage": corpus.homepage,
    }


def _corpora_root(place: Path | None) -> Path:
    """The folder that holds corpora: as given, else in the cache."""
    return place.expanduser() if place is not None else cache_folder() / "corpora"


def _known_corpora() -> list[tuple[KnownCorpus, Library]]:
    """Every known corpus, with the library that knows it."""
    from unroll.study import load_libraries

    return [(corpus, library) for library in load_libraries() for corpus in library.known()]


def _find_corpus(name: str) -> tuple[KnownCorpus, Library]:
    """The known corpus of this name.

    Raises:
        UserError: there is none; names the nearest.
    """
    from unroll.study import suggestion

    known = _known_corpora()
    for corpus, library in known:
        if corpus.name == name:
            return corpus, library
    advice = suggestion(name, [corpus.name for corpus, _ in known])
    if Path(name).exists():
        advice = f"to inspect a file or folder: unroll data inspect --task TASK data.corpus=KIND data.path={name}"
    raise UserError("there is no such corpus", received=repr(name), advice=advice)
