"""Vega for the browser: the one script that all charts of a page share."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from functools import cache
from importlib.metadata import version
from pathlib import Path

import vl_convert

from unroll.ledger.files import StorageError, write_atomic


def vega_script(folder: Path | None) -> str:
    """Vega, Vega-Lite and vega-embed, as text that may stand inside a script element.

    Args:
        folder: the cache in which it is kept, since to put it together takes a second; None to do so every time.
    """
    if folder is None:
        return _bundle()
    file = folder / "vega" / f"vl-convert-{version('vl-convert-python')}.js"
    script = _read(file)
    if script is None:
        script = _bundle()
        with suppress(StorageError):  # then the next page takes its second again
            write_atomic(file, f"{_digest(script)}\n{script}".encode(), durable=False)
    return script


def _read(file: Path) -> str | None:
    """What was kept, if it is still what was written."""
    try:
        digest, _, script = file.read_bytes().decode().partition("\n")
    except (OSError, UnicodeDecodeError):
        return None
    return script if digest == _digest(script) else None


def _digest(script: str) -> str:
    return hashlib.sha256(script.encode()).hexdigest()


@cache
def _bundle() -> str:
    return str(vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")).replace("</script", "<\\/script")
