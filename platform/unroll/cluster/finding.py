"""One thing that was looked at."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """What an examination found at one place, in words for people and without any secret."""

    name: str
    ok: bool
    detail: str
    advice: str = ""
    """What to do about it; empty where all is well."""
