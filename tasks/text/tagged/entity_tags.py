"""From the tags of column files to BIO, with what a reader must know of how they were read."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final, Literal

from tasks.text.mistakes import Mistakes
from tasks.text.splits import SPLITS
from tasks.text.tagged.prepare import TaggedSentence, tags_of
from tasks.text.tagged.schemes import OUTSIDE, Reading, Scheme, Tags, looks_like, read_as, recognise
from unroll.contract import UserError

if TYPE_CHECKING:
    from tasks.text.formats.columns import Cell

Rows = Collection[Sequence[Sequence["Cell"]]]
"""The sentences of each file."""
Repair = Literal["conlleval", "refuse"]
DeclaredScheme = Literal["auto", "plain"] | Scheme

MOST_REPAIRED: Final = 0.01
"""Share of the entity tags of a text from which on a reader must know that they were repaired."""
_SHOWN: Final = 3
"""Tags that stand for all in a warning."""


def choose_reading(texts: Sequence[Tags], scheme: DeclaredScheme) -> Reading | None:
    """How the sentences of all files together are read; None: as plain tags."""
    match scheme:
        case "plain":
            return None
        case "auto":
            return recognise(texts)
        case _:
            return read_as(scheme, {tag for tags in texts for tag in tags})


def refuse_unreadable(rows: Rows, reading: Reading, repair: Repair) -> None:
    """Refuse tags that have no reading, or that are not to be repaired.

    Raises:
        UserError: tags are none of the scheme's, or break it and are not to be repaired (names the places of a kind).
    """
    mistakes = Mistakes()
    for sentence in (cells for sentences in rows for cells in sentences):
        unknown = [cell for cell in sentence if not reading.knows(cell.tag)]
        for cell in unknown:
            mistakes.add(_foreign(cell, reading))
        if not unknown and repair == "refuse":
            for place, found in reading.convert([cell.tag for cell in sentence]).breaches:
                advice = "mend the tag, or set data.scheme, or data.repair=conlleval"
                mistakes.add(UserError(reading.rule, where=sentence[place].place, received=found, advice=advice))
    mistakes.refuse()


def _foreign(cell: Cell, reading: Reading) -> UserError:
    return UserError(
        f"a tag of scheme {reading.scheme} must be O or a letter, a hyphen and a type, such as B-PER",
        where=cell.place,
        received=repr(cell.tag[:40]),
        advice="mend the tag, or set data.scheme (plain: the tags are no entity tags)",
    )


def to_sentence(cells: Sequence[Cell], reading: Reading | None) -> TaggedSentence:
    """Words and tags, in BIO where they are entity tags."""
    words, tags = tuple(cell.word for cell in cells), tuple(cell.tag for cell in cells)
    if reading is None:
        return TaggedSentence(words, tags)
    converted = reading.convert(tags)
    return TaggedSentence(words, converted.tags, repairs=len(converted.breaches))


def tell_tags(
    sentences: Mapping[str, Sequence[TaggedSentence]], scheme: DeclaredScheme, reading: Reading | None
) -> list[str]:
    """What a reader must know: that much was repaired, or that what looks like entities is read as plain tags."""
    if reading is not None:
        return list(_tell_repairs(sentences, reading))
    tags = sorted({tag for split in SPLITS for tag in tags_of(sentences[split])})
    alike = looks_like(tags) if scheme == "auto" else None
    if alike is None:
        return []
    shown = ", ".join(tags[:_SHOWN]) + (", ..." if len(tags) > _SHOWN else "")
    return [
        f"The tags ({shown}) look like entities and are read as plain tags, so there is no entity_f1; "
        f"data.scheme={alike} reads them as entities."
    ]


def _tell_repairs(sentences: Mapping[str, Sequence[TaggedSentence]], reading: Reading) -> Iterator[str]:
    for split in SPLITS:
        repairs = sum(each.repairs for each in sentences[split])
        tags = sum(tag != OUTSIDE for each in sentences[split] for tag in each.tags)
        if repairs > MOST_REPAIRED * tags:
            yield (
                f"{repairs:,} of {tags:,} entity tags of the {split} text ({repairs / tags:.1%}) break scheme "
                f"{reading.scheme} and are read as conlleval reads them (data.repair)."
            )
