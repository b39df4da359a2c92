"""``unroll predict``: ask a finished trial about new text."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from unroll.cli._options import ArmOption, FolderArgument, SeedOption
from unroll.cli._output import print_lines
from unroll.contract import UserError
from unroll.terminal.text import harmless, visible

if TYPE_CHECKING:
    from unroll.contract import Answer
    from unroll.workflow.predicting import Predictor

MOST_NAMED = 8
"""Gold labels unknown to the model that are told by name."""


def predict(
    folder: FolderArgument,
    file: Annotated[
        str, typer.Argument(metavar="FILE", show_default=False, help="Text to ask about; - is standard input.")
    ],
    arm: ArmOption = None,
    seed: SeedOption = None,
    format: Annotated[  # noqa: A002  (the option's own name)
        str | None,
        typer.Option(
            "--format", metavar="NAME", show_default=False, help="File format with gold labels: conllu, label_text, ..."
        ),
    ] = None,
    encoding: Annotated[str, typer.Option("--encoding", metavar="NAME", help="Encoding of the text.")] = "utf-8",
    probabilities: Annotated[
        bool,
        typer.Option(
            "--probabilities", help="Print the probability of every label behind the answer, where the task gives it."
        ),
    ] = False,
) -> None:
    """Label, tag or translate new text with a finished trial: one answer for each line, as lines come.

    Where a format tells the gold labels, their score is printed to standard error in the end.
    """
    from unroll.workflow.predicting import Predictor, read_texts
    from unroll.workflow.records import open_results
    from unroll.workflow.trained import choose_trial, load_trained

    ledger = open_results(folder)
    chosen = choose_trial(ledger, arm=arm, seed=seed)
    trained = load_trained(ledger, chosen)
    predictor = Predictor(trained)
    print_lines(*(visible(note) for note in (chosen.note, trained.note) if note), stderr=True)
    for answer in predictor.answers(read_texts(file, format=format, encoding=encoding)):
        sys.stdout.write(_line(answer, probabilities=probabilities) + "\n")
        sys.stdout.flush()
    _tell(predictor)


def _line(answer: Answer, *, probabilities: bool) -> str:
    if probabilities and answer.words and not answer.probabilities:  # of a blank line there are none
        raise UserError("the trial's task gives no probabilities", where="--probabilities", advice="leave it out")
    shares = answer.probabilities.items() if probabilities else ()
    return "\t".join([harmless(answer.text), *(f"{harmless(name)}={share:.4g}" for name, share in shares)])


def _tell(predictor: Predictor) -> None:
    counts = f" ({predictor.right:,} of {predictor.counted:,})" if predictor.counted else ""
    for name, score in predictor.scores.items():
        print_lines(f"{name} {score!r}{counts if name == 'accuracy' else ''}", stderr=True)
    if predictor.strange:
        times, named = (
            predictor.strange.total(),
            ", ".join(visible(each) for each in list(predictor.strange)[:MOST_NAMED]),
        )
        more = f" and {len(predictor.strange) - MOST_NAMED} more" if len(predictor.strange) > MOST_NAMED else ""
        print_lines(
            f"{times:,} of {predictor.counted:,} gold labels {_are(times)} none that the model has, and cannot be "
            f"answered rightly: {named}{more}",
            stderr=True,
        )
    if unknown := predictor.unknown:
        print_lines(
            f"{unknown:,} of {predictor.words:,} words {_are(unknown)} unknown to the model: read as <unk>", stderr=True
        )


def _are(count: int) -> str:
    return "is" if count == 1 else "are"
