"""A filled checklist as Markdown and LaTeX."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from unroll import __version__
from unroll.ledger.files import write_atomic
from unroll.reporting.checklist.answer import Answer
from unroll.reporting.checklist.answers import find_answers
from unroll.reporting.checklist.subject import Subject
from unroll.reporting.checklist.venue import Item, Venue, load_venue, venue_names
from unroll.reporting.numbers import plain
from unroll.reporting.pages import latex, markdown

AUTHOR = "author"
"""Stands where the ledger cannot answer."""


@dataclass(frozen=True)
class Filled:
    """An item with what the ledger says; no answer where it says nothing."""

    item: Item
    answers: Sequence[Answer]

    @property
    def sources(self) -> list[str]:
        """Where the answers come from, each once."""
        return list(dict.fromkeys(source for answer in self.answers for source in answer.sources))


def fill(venue: Venue, subject: Subject) -> list[Filled]:
    """Every item of a venue's list."""
    known = find_answers()
    found: dict[str, Answer | None] = {}  # one answer serves several items
    for item in venue.items:
        for name in item.answers:
            if name not in found:
                found[name] = known[name](subject)
    return [Filled(item, [each for name in item.answers if (each := found[name])]) for item in venue.items]


def write_checklists(names: Sequence[str], subject: Subject, folder: Path) -> list[Path]:
    """Write ``checklist-<venue>.md`` and ``.tex``; gives their paths.

    Raises:
        UserError: there is no such venue.
        StorageError: the disk refused.
    """
    venues = {name: load_venue(name) for name in names}
    written = []
    for name, venue in venues.items():
        filled = fill(venue, subject)
        for render, ending in ((_markdown, "md"), (_latex, "tex")):
            path = folder / f"checklist-{name}.{ending}"
            text = "\n".join(render(venue, filled, subject)) + "\n"
            write_atomic(path, text.encode(), durable=False)
            written.append(path)
    return written


def written_before(folder: Path) -> list[str]:
    """Venues whose lists lie in a folder, and so are written anew with its report."""
    return [name for name in venue_names() if (folder / f"checklist-{name}.md").is_file()]


def _introduction(venue: Venue, filled: Sequence[Filled], subject: Subject) -> str:
    done = sum(bool(each.answers) for each in filled)
    return (
        f"{venue.title} ({venue.edition}), filled by Unroll {__version__} from the records of the study "
        f"{subject.findings.plan.study}: {done} of {len(filled)} items are answered from the ledger, the others are "
        "the author's. Topics are in Unroll's words: the venue's form has the wording that counts."
    )


def _markdown(venue: Venue, filled: Sequence[Filled], subject: Subject) -> Iterator[str]:
    def text(words: str) -> str:
        return markdown.escape(plain(words))

    yield f"# {text(venue.title)}: {text(subject.findings.plan.study)}"
    yield ""
    yield text(_introduction(venue, filled, subject))
    for each in filled:
        yield ""
        yield f"## {text(each.item.number)} {text(each.item.topic)}"
        yield ""
        if not each.answers:
            yield f"*{AUTHOR}*"
            continue
        yield from (f"- {text(line)}" for answer in each.answers for line in answer.lines)
        yield ""
        yield f"From {', '.join(map(_linked, each.sources))}."
        if each.item.author:
            yield ""
            yield f"*{AUTHOR}*: {text(each.item.author)}"


def _linked(source: str) -> str:
    if source.startswith("#"):
        return f"[report: {source[1:]}](report.html{source})"
    return f"[{source}]({source})" if source.startswith("tables/") else f"`{source}`"


def _latex(venue: Venue, filled: Sequence[Filled], subject: Subject) -> Iterator[str]:
    def text(words: str) -> str:
        return latex.escape(plain(words))

    yield "% To be read with \\input; it needs no package."
    yield rf"\section*{{{text(venue.title)}: {text(subject.findings.plan.study)}}}"
    yield text(_introduction(venue, filled, subject))
    yield r"\begin{description}"
    for each in filled:
        yield rf"\item[{{{text(each.item.number)} {text(each.item.topic)}}}]"
        if not each.answers:
            yield rf"\emph{{{AUTHOR}}}"
            continue
        yield r"\leavevmode\begin{itemize}"
        yield from (rf"\item {{}}{text(line)}" for answer in each.answers for line in answer.lines)
        yield r"\end{itemize}"
        sources = (f"report: {source[1:]}" if source.startswith("#") else source for source in each.sources)
        yield "From " + ", ".join(rf"\texttt{{{text(source)}}}" for source in sources) + "."
        if each.item.author:
            yield rf"\emph{{{AUTHOR}}}: {text(each.item.author)}"
    yield r"\end{description}"
