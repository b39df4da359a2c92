"""From the tags of column files to BIO, with what a reader must know of how they were read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Literal

from tasks.text.errors import ErrorCollector
from tasks.text.format import Sentence
from tasks.text.splits import SPLITS
from tasks.text.tagged.schemes import OUTSIDE, Reading, Tags, looks_like, read_as, recognise
from unroll.contract import UserError

Repair = Literal["conlleval", "refuse"]
DeclaredScheme = Literal["auto", "plain", "bio", "iob1", "bioes"]
Sentences = Mapping[str, Sequence[Sentence]]

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


def refuse_unreadable(sentences: Sentences, reading: Reading, repair: Repair) -> None:
    """Refuse tags that have no reading, or that are not to be repaired.

    Args:
        sentences: by what errors call their file.
        reading: of all tags.
        repair: what to do with tags that break their scheme.

    Raises:
        UserError: tags are none of the scheme's, or break it and are not to be repaired (names the places of a kind).
    """
    errors = ErrorCollector()
    for where, sentence in ((where, each) for where, found in sentences.items() for each in found):
        unknown = unknown_tags(sentence, reading)
        for place in unknown:
            errors.add(
                UserError(
                    f"a tag of scheme {reading.scheme} must be O or a letter, a hyphen and a type, such as B-PER",
                    where=f"{where}, line {sentence.line + place}",
                    received=repr(sentence.labels[place][:40]),
                    advice="correct the tag, or set data.scheme (plain: the tags are no entity tags)",
                )
            )
        if not unknown and repair == "refuse":  # with an unknown tag no move is known to be broken
            for place, received in reading.convert(sentence.labels).breaches:
                where_exactly = f"{where}, line {sentence.line + place}"
                advice = "correct the tag, or set data.scheme, or data.repair=conlleval"
                errors.add(UserError(reading.rule, where=where_exactly, received=received, advice=advice))
    errors.refuse()


def unknown_tags(sentence: Sentence, reading: Reading) -> list[int]:
    """Places of the tags that the scheme lacks, from 0."""
    return [place for place, tag in enumerate(sentence.labels) if not reading.knows(tag)]


def to_bio(sentences: Sentences, reading: Reading) -> tuple[Sentences, dict[str, int]]:
    """The sentences of each split in BIO, and in how many places they had to be repaired."""
    converted = {split: [reading.convert(each.labels) for each in found] for split, found in sentences.items()}
    bio = {
        split: [each._replace(labels=tags) for each, (tags, _) in zip(found, converted[split], strict=True)]
        for split, found in sentences.items()
    }
    return bio, {split: sum(len(each.breaches) for each in found) for split, found in converted.items()}


def read_as_bio(
    sentences: Sequence[Sentence], *, where: str, scheme: DeclaredScheme, repair: Repair
) -> Sequence[Sentence]:
    """Sentences of one file with the tags that a corpus of it would have.

    Raises:
        UserError: see :func:`refuse_unreadable`.
    """
    reading = choose_reading([each.labels for each in sentences], scheme)
    if reading is None:
        return sentences
    refuse_unreadable({where: sentences}, reading, repair)
    return to_bio({where: sentences}, reading)[0][where]


def tag_warnings(
    sentences: Sentences, repairs: Mapping[str, int], scheme: DeclaredScheme, reading: Reading | None
) -> list[str]:
    """What a reader must know: that much was repaired, or that what looks like entities is read as plain tags.

    Args:
        sentences: of each split, in BIO where there is a reading.
        repairs: of each split.
        scheme: as the study declares it.
        reading: of all tags; None: as plain tags.
    """
    if reading is not None:
        return list(_repair_warnings(sentences, repairs, reading))
    tags = sorted({tag for split in SPLITS for each in sentences[split] for tag in each.labels})
    alike = looks_like(tags) if scheme == "auto" else None
    if alike is None:
        return []
    shown = ", ".join(tags[:_SHOWN]) + (", ..." if len(tags) > _SHOWN else "")
    return [
        f"The tags ({shown}) look like entities and are read as plain tags, so there is no entity_f1; "
        f"data.scheme={alike} reads them as entities."
    ]


def _repair_warnings(sentences: Sentences, repairs: Mapping[str, int], reading: Reading) -> Iterable[str]:
    for split in SPLITS:
        tags = sum(tag != OUTSIDE for each in sentences[split] for tag in each.labels)
        if repairs[split] > MOST_REPAIRED * tags:
            yield (
                f"{repairs[split]:,} of {tags:,} entity tags of the {split} text ({repairs[split] / tags:.1%}) break "
                f"scheme {reading.scheme} and are read as conlleval reads them (data.repair)."
            )
