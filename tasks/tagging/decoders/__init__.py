"""Decoders by name: ``crf`` is the one final :class:`~tasks.tagging.decoder.Decoder` in ``crf.py`` of this folder.

A new file is a new decoder; there is no list to add it to. Names are known without importing torch.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from tasks.named import NamedClasses
from unroll.contract import IdleSettings

if TYPE_CHECKING:
    from tasks.tagging.decoder import Decoder

__all__ = ["check_decoder", "check_options", "decoder_names", "find_decoder"]


def _base() -> type[Decoder]:
    from tasks.tagging.decoder import Decoder

    return Decoder


_DECODERS: Final = NamedClasses(sys.modules[__name__], what="decoder", base=_base)
decoder_names: Final = _DECODERS.names
check_decoder: Final = _DECODERS.check
find_decoder: Final = _DECODERS.find


def check_options(name: str, options: Iterable[str]) -> None:
    """Refuse what a decoder does not take. Loads torch only where there is something to check.

    Raises:
        IdleSettings: the decoder has no such option; names those that have it.
    """
    for option in options:
        if option not in _options(name):
            takers = [other for other in decoder_names() if option in _options(other)]
            rule = f"{option} is a setting of decoder {' or '.join(takers) or 'none'}, received for {name}"
            raise IdleSettings(rule, idle=[option], choice="decoder")


def _options(name: str) -> set[str]:
    """What the constructor takes beyond ``self``, ``inputs`` and ``tags``."""
    return set(inspect.signature(find_decoder(name).__init__).parameters) - {"self", "inputs", "tags"}
