"""Prepared tagged corpora in the store of this node."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from tasks.text.splits import SPLITS
from tasks.text.store import Parts, stored
from tasks.text.tagged.corpus import Spelling, TaggedCorpus, TaggedText, fingerprint, spelling_fingerprint

_LAYOUT: Final = 2
"""Raised when the parts of an entry change."""


def cached(cache: Path, content: Mapping[str, Any], build: Callable[[], Parts]) -> TaggedCorpus:
    """The corpus of this content, made by ``build`` unless the cache holds it.

    Args:
        cache: folder of all entries; made if need be.
        content: everything that the corpus depends on, as JSON: reader and its version, options, hashes of sources.
        build: reads the sources, and gives what :func:`~tasks.text.tagged.prepare.prepare_sentences` does.

    Raises:
        UserError: the sources are malformed, or the cache cannot be written.
    """
    parts = stored(cache, {"tagged": _LAYOUT, **content}, build, fingerprints=_fingerprints)
    train, validation, test = (_text(parts, split) for split in SPLITS)
    return TaggedCorpus(
        vocabulary=parts.words["vocabulary"],
        tags=parts.words["tags"],
        train=train,
        validation=validation,
        test=test,
        spelling=_spelling(parts),
        **{name: value for name, value in parts.record.items() if name != "spelling"},
    )


def _fingerprints(parts: Parts) -> dict[str, str]:
    spelling = _spelling(parts)
    texts = {split: _text(parts, split) for split in SPLITS}
    return {
        "fingerprint": fingerprint(parts.words["vocabulary"], parts.words["tags"], texts),
        "spelling": spelling_fingerprint(spelling.characters, spelling.forms, spelling.numbers),
    }


def _spelling(parts: Parts) -> Spelling:
    return Spelling(
        characters=parts.words["characters"],
        forms=parts.words["forms"],
        numbers={split: parts.arrays[f"{split}-forms"] for split in SPLITS},
        fingerprint=parts.record["spelling"],
    )


def _text(parts: Parts, split: str) -> TaggedText:
    words, tags, groups, begins = (parts.arrays[f"{split}-{name}"] for name in ("words", "tags", "groups", "begins"))
    return TaggedText(words=words, tags=tags, groups=groups, begins=begins)
