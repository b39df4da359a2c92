"""Ways of writing entities as a tag for each word, recognised and converted to one: BIO.

* ``bio`` (IOB2): ``B-x`` begins an entity of type x, ``I-x`` continues it, ``O`` is outside.
* ``iob1`` (Ramshaw and Marcus 1995, arXiv cmp-lg/9505040; CoNLL-2003): ``B-x`` only where an entity follows another
  one of its type, else ``I-x`` begins it too.
* ``bioes`` (also BILOU, BMES, BMEWO): ``E-x`` or ``L-x`` ends an entity of several words, ``S-x``, ``U-x`` or ``W-x``
  is one of one word, ``M-x`` is ``I-x``.

What breaks its scheme is read as ``conlleval`` reads it (Tjong Kim Sang and Buchholz 2000), and ``seqeval`` in its
default mode: every tag but ``O`` belongs to an entity, which begins where it must. That is one reading for all schemes.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal, NamedTuple, final

Scheme = Literal["bio", "iob1", "bioes"]
OUTSIDE: Final = "O"
ONE_TYPE: Final = "_"
"""Type of entities whose tags have none: ``B``, ``I``, ``O``."""
_ENTITY: Final = re.compile(r"[BIESLUMW]-.+")
_TELLING: Final = frozenset("BIESLU")
"""Letters one of which a text has whose tags are entities."""
_SYNONYMS: Final = {"L": "E", "U": "S", "W": "S", "M": "I"}
_RULES: Final[dict[Scheme, str]] = {
    "bio": "in scheme bio I-x continues an entity of type x",
    "iob1": "in scheme iob1 B-x follows an entity of type x, and others begin with I-x",
    "bioes": "in scheme bioes an entity is S-x, or B-x, any I-x, and E-x",
}
_STANDARD: Final = re.compile(r"(?P<kind>[BIESLUMW])-(?P<type>.+)")
_WRITINGS: Final = (
    _STANDARD,
    re.compile(r"(?P<kind>[BIESLUMW])[-_](?P<type>.+)", re.IGNORECASE),
    re.compile(r"(?P<type>.+)[-_](?P<kind>[BIESLUMW])", re.IGNORECASE),
    re.compile(r"(?P<kind>[BIESLUMW])(?P<type>)", re.IGNORECASE),
)
"""How a tag is written: ``B-PER``; ``b-per`` or ``B_PER``; ``PER-B``; ``B``."""

Tags = Sequence[str]


class Breach(NamedTuple):
    """Where a sentence breaks its scheme.

    Args:
        place: of the tag in its sentence, from 0.
        found: what stands there, and behind what.
    """

    place: int
    found: str


class Converted(NamedTuple):
    """A sentence in BIO.

    Args:
        tags: as conlleval reads those that it was written in.
        breaches: of its scheme.
    """

    tags: tuple[str, ...]
    breaches: tuple[Breach, ...]


@final
@dataclass(frozen=True, slots=True)
class Reading:
    """How the tags of a text are read.

    Args:
        scheme: which tag may follow which.
        writing: how a tag is written: matches it, with groups ``kind`` and ``type``.
    """

    scheme: Scheme
    writing: re.Pattern[str] = _STANDARD

    @property
    def rule(self) -> str:
        """What the scheme asks for."""
        return _RULES[self.scheme]

    def knows(self, tag: str) -> bool:
        """Whether this is a tag of the scheme."""
        return _parts(tag, self) is not None

    def convert(self, tags: Tags) -> Converted:
        """The tags of a sentence in BIO, and where they break the scheme.

        Args:
            tags: known ones.
        """
        converted: list[str] = []
        breaches: list[Breach] = []
        before, of = OUTSIDE, ""
        for place, tag in enumerate(tags):
            kind, entity = _parts(tag, self) or (OUTSIDE, "")
            if not _follows(kind, before, same=entity == of, scheme=self.scheme):
                behind = f"after {tags[place - 1]}" if place else "at the start of a sentence"
                breaches.append(Breach(place, f"{tag} {behind}"))
            # conlleval: every tag but O is inside an entity, which begins here unless the one before goes on.
            begins = kind in "BS" or before in "OES" or entity != of
            converted.append(OUTSIDE if kind == OUTSIDE else f"{'B' if begins else 'I'}-{entity}")
            before, of = kind, entity
        if self.scheme == "bioes" and before in "BI":
            breaches.append(Breach(len(tags) - 1, f"{tags[-1]} at the end of a sentence"))
        return Converted(tuple(converted), tuple(breaches))


@lru_cache(maxsize=10_000)
def _parts(tag: str, reading: Reading) -> tuple[str, str] | None:
    """Kind, one of BIES, and type of a tag; the type of ``O`` is empty. None of a tag that the scheme lacks."""
    if tag == OUTSIDE or (tag == OUTSIDE.lower() and reading.writing is not _STANDARD):
        return OUTSIDE, ""
    if (written := reading.writing.fullmatch(tag)) is None:
        return None
    wide = reading.scheme == "bioes"  # of the others B and I are all
    kind = written["kind"].upper()
    kind = _SYNONYMS.get(kind, kind) if wide else kind  # of bioes alone: in bio an M is no tag
    return (kind, written["type"] or ONE_TYPE) if kind in ("BIES" if wide else "BI") else None


def recognise(sentences: Sequence[Tags]) -> Reading | None:
    """How a text is read; None where its tags are no entity tags, or written in a way that is not sure.

    One entity is enough: with ``E`` or ``S`` it is ``bioes``; else the first one begins with ``B`` in ``bio`` and with
    ``I`` in ``iob1``, unless the other of the two is broken in fewer places.
    """
    kinds = [tag[0] for sentence in sentences for tag in sentence if _ENTITY.fullmatch(tag)]
    if _TELLING.isdisjoint(kinds):
        return None
    if not set(kinds) <= {"B", "I"}:
        return Reading("bioes")
    # In iob1 a text's first entity can only begin with I, in bio only with B.
    schemes: list[Scheme] = ["bio", "iob1"] if kinds[0] == "B" else ["iob1", "bio"]
    # Of two that are broken equally often, the one that the first entity names.
    return min(map(Reading, schemes), key=lambda each: sum(len(each.convert(tags).breaches) for tags in sentences))


def read_as(scheme: Scheme, tags: Collection[str]) -> Reading:
    """How a text with these tags is read in a scheme: in the first writing that all of them fit."""
    readings = [Reading(scheme, writing) for writing in _WRITINGS]
    return next((each for each in readings if all(map(each.knows, tags))), readings[0])


def looks_like(tags: Collection[str]) -> Scheme | None:
    """The scheme that plain tags seem to be written in: they fit one, written in another way than the standard.

    It is not sure: ``B``, ``I`` and ``O`` may be anything, and so may ``x_s``.
    """
    if len(tags) < 2 or not any(each in tags for each in (OUTSIDE, OUTSIDE.lower(), "B")):
        return None
    schemes: tuple[Scheme, ...] = ("bio", "bioes")
    return next((scheme for scheme in schemes if all(map(read_as(scheme, tags).knows, tags))), None)


def _follows(kind: str, before: str, *, same: bool, scheme: Scheme) -> bool:
    """Whether a tag of this kind can stand behind one of kind ``before``; ``same``: of its type."""
    match scheme:
        case "bio":
            return kind != "I" or same
        case "iob1":
            return kind != "B" or same
        case "bioes":
            inside = before in "BI"
            return (kind in "IE" and same) if inside else kind in "OBS"
