"""The part of a file that was downloaded so far, and what is needed to go on with it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, final


@final
class Partial:
    """A file that grows, beside a note on where it comes from.

    It is gone on with only if the server named its version (``ETag`` or ``Last-Modified``): otherwise nobody could tell
    whether the rest belongs to the same file.

    Args:
        path: of the growing file; the note lies beside it.
        url: where it comes from; what came from another one is forgotten.
    """

    def __init__(self, path: Path, url: str) -> None:
        self.path, self.url = path, url
        self._note = path.with_name(f"{path.name}.json")
        noted = self._read_note()
        self.validator = str(noted.get("validator") or "")
        """What ``If-Range`` takes; empty where the server named no version."""
        self.whole: int | None = noted.get("whole") if isinstance(noted.get("whole"), int) else None
        """Bytes of the whole file, where the server told."""
        if not self.validator:
            path.unlink(missing_ok=True)

    @property
    def size(self) -> int:
        """Bytes that are here."""
        return self.path.stat().st_size if self.path.exists() else 0

    @property
    def is_whole(self) -> bool:
        """Whether all that the server promised is here."""
        return self.whole is not None and self.size == self.whole

    def begin(self, validator: str, whole: int | None) -> None:
        """Forget what is here and note what is going to come."""
        self.discard()
        self.validator, self.whole = validator, whole
        self._note.write_text(json.dumps({"url": self.url, "validator": validator, "whole": whole}), encoding="utf-8")

    def discard(self) -> None:
        """Forget what is here."""
        self.path.unlink(missing_ok=True)
        self._note.unlink(missing_ok=True)
        self.validator, self.whole = "", None

    def _read_note(self) -> dict[str, Any]:
        try:
            noted = json.loads(self._note.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError):  # absent, or torn by whatever ended the process
            return {}
        return noted if isinstance(noted, dict) and noted.get("url") == self.url else {}
