"""Ways of writing entities as a tag for each word, recognised and converted to one: BIO.

* ``bio`` (IOB2): ``B-x`` begins an entity of type x, ``I-x`` goes on with it, ``O`` is outside.
* ``iob1`` (Ramshaw and Marcus 1995, arXiv cmp-lg/9505040; CoNLL-2003): ``B-x`` only where an entity follows another
  one of its type, else ``I-x`` begins it too.
* ``bioes`` (also BILOU): ``E-x`` or ``L-x`` ends an entity of several words, ``S-x`` or ``U-x`` is one of one word.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final, Literal

from unroll.contract import UserError

Scheme = Literal["bio", "iob1", "bioes"]
OUTSIDE: Final = "O"
_ENTITY: Final = re.compile(r"[BIESLU]-.+")
_SYNONYMS: Final = {"L": "E", "U": "S"}
_RULES: Final[dict[Scheme, str]] = {
    "bio": "in scheme bio I-x goes on with an entity of type x",
    "iob1": "in scheme iob1 B-x follows an entity of type x, and others begin with I-x",
    "bioes": "in scheme bioes an entity is S-x, or B-x, any I-x, and E-x",
}

Tags = Sequence[str]
Places = Sequence[str]
"""For each tag of a sentence, what errors call its place."""


def recognise(sentences: Iterable[Tags]) -> Scheme | None:
    """The scheme of a text; None where its tags are no entity tags.

    One entity is enough: with ``E`` or ``S`` it is ``bioes``; else the first one begins with ``B`` in ``bio`` and with
    ``I`` in ``iob1``. Whether all the others keep to it is for :func:`convert` to say.
    """
    kinds = [tag[0] for sentence in sentences for tag in sentence if _ENTITY.fullmatch(tag)]
    if not kinds:
        return None
    if not set(kinds) <= {"B", "I"}:
        return "bioes"
    return "bio" if kinds[0] == "B" else "iob1"


def convert(tags: Tags, scheme: Scheme, places: Places) -> tuple[str, ...]:
    """The tags of a sentence in BIO.

    Raises:
        UserError: a tag is none of the scheme's, or stands where it cannot (names its place).
    """
    converted: list[str] = []
    before, of = "O", ""
    for tag, place in zip(tags, places, strict=True):
        kind, entity = _parts(tag, scheme, place)
        if not _follows(kind, before, same=entity == of, scheme=scheme):
            raise UserError(
                _RULES[scheme],
                where=place,
                received=f"{tag} after {f'{before}-{of}' if of else before}",
                advice="mend the tag, or set data.scheme",
            )
        begins = kind in "BS" or (kind == "I" and entity != of)
        converted.append(OUTSIDE if kind == "O" else f"{'B' if begins else 'I'}-{entity}")
        before, of = kind, entity
    if scheme == "bioes" and before in "BI":
        raise UserError(_RULES[scheme], where=places[-1], received=f"{before}-{of} at the end of a sentence")
    return tuple(converted)


def _parts(tag: str, scheme: Scheme, place: str) -> tuple[str, str]:
    """Kind and type of a tag; the type of ``O`` is empty."""
    if tag == OUTSIDE:
        return "O", ""
    kind = _SYNONYMS.get(tag[0], tag[0]) if scheme == "bioes" else tag[0]
    if not _ENTITY.fullmatch(tag) or kind not in ("BIES" if scheme == "bioes" else "BI"):
        raise UserError(
            f"a tag of scheme {scheme} must be O or a letter, a hyphen and a type, such as B-PER",
            where=place,
            received=repr(tag[:40]),
            advice="mend the tag, or set data.scheme (plain: the tags are no entity tags)",
        )
    return kind, tag[2:]


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
