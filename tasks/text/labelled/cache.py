"""Prepared labelled corpora in the store of this node."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from tasks.text.labelled.corpus import LabelledCorpus, LabelledText, fingerprint
from tasks.text.splits import SPLITS
from tasks.text.store import Parts, stored

_LAYOUT: Final = 2
"""Raised when the parts of an entry change."""


def cached(cache: Path, content: Mapping[str, Any], build: Callable[[], Parts]) -> LabelledCorpus:
    """The corpus of this content, made by ``build`` unless the cache holds it.

    Args:
        cache: folder of all entries; made if need be.
        content: everything that the corpus depends on, as JSON: reader and its version, options, hashes of sources.
        build: reads the sources, and gives what :func:`~tasks.text.labelled.prepare.prepare_sentences` does.

    Raises:
        UserError: the sources are malformed, or the cache cannot be written.
    """
    parts = stored(cache, {"labelled": _LAYOUT, **content}, build, fingerprints=_fingerprints)
    train, validation, test = (_text(parts, split) for split in SPLITS)
    return LabelledCorpus(
        vocabulary=parts.words["vocabulary"],
        labels=parts.words["labels"],
        strange=parts.words["strange"],
        train=train,
        validation=validation,
        test=test,
        **parts.record,
    )


def _fingerprints(parts: Parts) -> dict[str, str]:
    texts = {split: _text(parts, split) for split in SPLITS}
    vocabulary, labels, strange = (parts.words[name] for name in ("vocabulary", "labels", "strange"))
    return {"fingerprint": fingerprint(vocabulary, labels, strange, texts)}


def _text(parts: Parts, split: str) -> LabelledText:
    words, begins, labels = (parts.arrays[f"{split}-{name}"] for name in ("words", "begins", "labels"))
    return LabelledText(words=words, begins=begins, labels=labels)
