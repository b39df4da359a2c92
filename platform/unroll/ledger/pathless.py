"""Text of a record names no place of the machine that it was written on: results folders are moved and shared."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BeforeValidator

LONGEST = 20_000
"""Characters of a text that was not written by hand, such as an exception's message."""

_QUOTED = re.compile(r"""(?P<quote>['"`])/[^'"`\n]*/(?P<last>[^'"`/\n]*)/?(?P=quote)""")
_BARE = re.compile(r"(?<![\w.~/:@%+-])/(?:[^\s/'\"`,;:()\[\]{}<>=|]+/)+(?P<last>[^\s/'\"`,;()\[\]{}<>=|]*)")
_WHOLE = re.compile(r"(?P<before>(?:[\w.-]+=)?)/(?:[^,:;()'\"]*/)?(?P<last>[^/,:;()'\"]+)/?")
"""A word of a command line that is a path: there, blanks belong to it."""
_HALF_OF_PAIR = re.compile("[\ud800-\udfff]")


def without_paths(text: str) -> str:
    """Shorten absolute paths to their last part; what is relative, and addresses, stay.

    >>> without_paths("No such file: '/home/me/my data/train.txt'"), without_paths("data.path=/corpora/ptb")
    ("No such file: '.../train.txt'", 'data.path=.../ptb')
    >>> without_paths("see https://example.org/a/b, validation/perplexity")
    'see https://example.org/a/b, validation/perplexity'
    """
    if whole := _WHOLE.fullmatch(text):
        return f"{whole['before']}.../{whole['last']}"
    text = _QUOTED.sub(lambda found: f"{found['quote']}.../{found['last']}{found['quote']}", text)
    return _BARE.sub(lambda found: f".../{found['last']}", text)


def _clean(text: Any) -> Any:
    """What came from an exception or a command line, as a record can hold it."""
    if not isinstance(text, str):
        return text
    whole = _HALF_OF_PAIR.sub("\N{REPLACEMENT CHARACTER}", text)
    return without_paths(whole if len(whole) <= LONGEST else whole[:LONGEST] + "...")


Pathless = Annotated[str, BeforeValidator(_clean)]
"""Text without absolute paths, whatever it was made from."""
