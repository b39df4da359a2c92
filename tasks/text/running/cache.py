"""Prepared texts: streams of tokens in the store of this node."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.text.running.corpus import TokenCorpus, fingerprint
from tasks.text.store import Parts, hash_file, stored
from tasks.text.vocabulary import Vocabulary

__all__ = ["Prepared", "cached", "hash_file"]


@dataclass(frozen=True, eq=False, kw_only=True)
class Prepared:
    """What a reader makes of its sources; the cache turns it into a :class:`TokenCorpus`."""

    vocabulary: Vocabulary
    splits: Mapping[str, NDArray[np.int32]]
    start: int
    facts: Mapping[str, int | float | str]
    bounds: Mapping[str, float] = field(default_factory=dict)
    warnings: Sequence[str] = ()


def cached(cache: Path, content: Mapping[str, Any], build: Callable[[], Prepared]) -> TokenCorpus:
    """The corpus of this content, made by ``build`` unless the cache holds it.

    Args:
        cache: folder of all entries; made if need be.
        content: everything that the corpus depends on, as JSON: reader and its version, options, hashes of sources.
        build: reads the sources.

    Raises:
        UserError: the sources are malformed, or the cache cannot be written.
    """
    parts = stored(cache, content, lambda: _parts(build()), fingerprints=_fingerprints)
    return TokenCorpus(
        vocabulary=parts.words["vocabulary"],
        train=parts.arrays["train"],
        validation=parts.arrays["validation"],
        test=parts.arrays["test"],
        **parts.record,
    )


def _fingerprints(parts: Parts) -> dict[str, str]:
    return {"fingerprint": fingerprint(parts.words["vocabulary"], parts.arrays, parts.record["start"])}


def _parts(prepared: Prepared) -> Parts:
    return Parts(
        arrays=prepared.splits,
        words={"vocabulary": prepared.vocabulary},
        record={
            "start": prepared.start,
            "facts": dict(prepared.facts),
            "bounds": dict(prepared.bounds),
            "warnings": list(prepared.warnings),
            "fingerprint": fingerprint(prepared.vocabulary, prepared.splits, prepared.start),
        },
    )
