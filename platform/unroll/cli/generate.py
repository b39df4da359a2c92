"""``unroll generate``: let a finished trial go on with text."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from unroll.cli._options import ArmOption, FolderArgument, SeedOption
from unroll.cli._output import error_lines, print_lines
from unroll.contract import UserError
from unroll.terminal.text import harmless, visible

if TYPE_CHECKING:
    from unroll.workflow.generating import Generator

MOST_NAMED = 8
"""Unknown words that are told by name."""


def generate(
    folder: FolderArgument,
    how: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[OPTION=VALUE]...",
            show_default=False,
            help="How text is written: method=sampling temperature=0.8 top_k=20 samples=3 length=40, or method=beam.",
        ),
    ] = None,
    arm: ArmOption = None,
    seed: SeedOption = None,
    prompt: Annotated[
        str | None,
        typer.Option(
            "--prompt",
            metavar="TEXT",
            show_default=False,
            help="Beginning of the text, perhaps empty.  [default: lines of standard input]",
        ),
    ] = None,
    suggestions: Annotated[
        int | None,
        typer.Option(
            "--next", metavar="N", min=1, show_default=False, help="List the N likeliest next words, and write nothing."
        ),
    ] = None,
    draw: Annotated[int, typer.Option("--draw", metavar="N", help="What is drawn depends on it.")] = 0,
    scores: Annotated[
        bool, typer.Option("--scores", help="Print behind each text the log-probability of what was written.")
    ] = False,
    encoding: Annotated[str, typer.Option("--encoding", metavar="NAME", help="Encoding of standard input.")] = "utf-8",
) -> None:
    """Go on with text by a finished trial: with one beginning, with lines as they come, or with what you type."""
    from unroll.workflow.generating import Generator
    from unroll.workflow.records import open_results
    from unroll.workflow.trained import choose_trial, load_trained

    if suggestions is not None and (how or scores):
        rule = "the likeliest next words are the same however text is written"
        raise UserError(rule, where="--next", received=" ".join(how or ["--scores"]), advice="leave it out")
    ledger = open_results(folder)
    chosen = choose_trial(ledger, arm=arm, seed=seed)
    generator = Generator(load_trained(ledger, chosen), how or (), draw=draw)
    if chosen.note:
        print_lines(visible(chosen.note), stderr=True)
    if prompt is None and sys.stdin is not None and sys.stdin.isatty():  # None: closed before the program began
        _converse(generator, suggestions, scores=scores)
        return
    for beginning, where in [(prompt, "--prompt")] if prompt is not None else _lines(encoding):
        try:
            _answer(generator, beginning, suggestions, scores=scores)
        except UserError as error:
            error.where = error.where or where
            raise
    _tell_unknown(generator.unknown, generator.unit)


def _lines(encoding: str) -> Iterator[tuple[str, str]]:
    """Lines of standard input as they come, each with its place."""
    from unroll.workflow.predicting import STANDARD_INPUT, read_texts

    for text in read_texts(STANDARD_INPUT, format=None, encoding=encoding):
        for number, line in enumerate(text.lines, start=text.first):
            yield line, f"{text.where}, line {number}"


def _converse(generator: Generator, suggestions: int | None, *, scores: bool) -> None:
    """Go on with what is typed, until the input ends; a mistake ends nothing."""
    import readline  # noqa: F401  (input() edits the line with it)

    print_lines(f"goes on by {generator.unit} with what you type; an empty line is a beginning, too; Ctrl-D ends")
    while True:
        try:
            beginning = input("> ")
        except EOFError:
            print_lines("")
            return
        before = generator.unknown.copy()
        try:
            _answer(generator, beginning, suggestions, scores=scores)
        except UserError as error:
            print_lines(*(f"error: {line}" for line in error_lines(error)), stderr=True)
        _tell_unknown(generator.unknown - before, generator.unit)


def _answer(generator: Generator, beginning: str, suggestions: int | None, *, scores: bool) -> None:
    if suggestions is not None:
        for unit, probability in generator.suggest(beginning, suggestions):
            name = repr(unit) if generator.unit == "character" else harmless(unit)
            sys.stdout.write(f"{name}\t{probability:.4g}\n")
    else:
        for found in generator.write(beginning):
            score = f"\t{found.log_probability:.4f}" if scores else ""
            line = beginning.rpartition("\n")[2] + found.text
            sys.stdout.write(f"{harmless(line)}{score}\n")
    sys.stdout.flush()


def _tell_unknown(unknown: Counter[str], unit: str) -> None:
    if not unknown:
        return
    named = ", ".join(visible(each) for each in list(unknown)[:MOST_NAMED])
    more = f" and {len(unknown) - MOST_NAMED} more" if len(unknown) > MOST_NAMED else ""
    count = f"{unknown.total():,} {unit}{'s are' if unknown.total() > 1 else ' is'}"
    print_lines(f"{count} unknown to the model, read as <unk>: {named}{more}", stderr=True)
