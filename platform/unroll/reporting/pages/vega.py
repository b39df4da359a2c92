"""Vega for the browser: the one script that all charts of a page share."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from functools import cache
from importlib.metadata import version
from pathlib import Path

import vl_convert

from unroll.contract import NotOurs, check_ours
from unroll.ledger.files import StorageError, write_atomic

DIGESTS = {"1.9.0.post1": "373b1f84072b31010f15ceb787be6b415c53936411aae267c8c2b2b6ccde46e7"}
"""SHA-256 of the script by version of vl-convert. What is kept runs in the browser of whoever opens a report, so it
must be what the library makes, whoever may write in the cache; of another version, nothing is kept."""


def vega_script(folder: Path | None) -> str:
    """Vega, Vega-Lite and vega-embed, as text that may stand inside a script element.

    Args:
        folder: the cache in which it is kept, since to put it together takes a second; None to do so every time.
    """
    made_by = version("vl-convert-python")
    if folder is None or made_by not in DIGESTS or not _is_ours(folder):
        return _bundle()
    file, digest = folder / "vega" / f"vl-convert-{made_by}.js", DIGESTS[made_by]
    with suppress(OSError, UnicodeDecodeError):
        kept = file.read_bytes().decode()
        if digest == _digest(kept):  # whatever else was put there never reaches a page
            return kept
    script = _bundle()
    if digest == _digest(script):  # on another kind of machine it may not be
        with suppress(StorageError):  # then the next page takes its second again
            write_atomic(file, script.encode(), durable=False)
    return script


def _is_ours(folder: Path) -> bool:
    """Whether it may be written to: not where another account could put a link or a pipe in the way."""
    try:
        check_ours(folder)
    except (NotOurs, OSError):
        return False
    return True


def _digest(script: str) -> str:
    return hashlib.sha256(script.encode()).hexdigest()


@cache
def _bundle() -> str:
    return str(vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")).replace("</script", "<\\/script")
