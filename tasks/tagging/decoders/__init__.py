"""Decoders by name: ``crf`` is the one final :class:`~tasks.tagging.decoder.Decoder` in ``crf.py`` of this folder.

A new file is a new decoder; there is no list to add it to. Names are known without importing torch.
"""

from __future__ import annotations

import difflib
import importlib
import inspect
import pkgutil
from collections.abc import Iterable
from typing import TYPE_CHECKING

from unroll.contract import UserError

if TYPE_CHECKING:
    from tasks.tagging.decoder import Decoder

__all__ = ["check_decoder", "check_options", "decoder_names", "find_decoder"]


def decoder_names() -> tuple[str, ...]:
    """Names of all decoders, sorted."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules(__path__)))


def check_decoder(name: str) -> str:
    """Give the name back if there is such a decoder.

    Raises:
        UserError: there is none; lists those that there are.
    """
    names = decoder_names()
    if name in names:
        return name
    near = difflib.get_close_matches(name.lower(), names, n=1)
    raise UserError(
        f"a decoder is one of {', '.join(names)}",
        received=repr(name),
        advice=f"did you mean {near[0]!r}?" if near else "a new decoder is a new file in tasks/tagging/decoders",
    )


def find_decoder(name: str) -> type[Decoder]:
    """The class of the decoder of this name.

    Raises:
        UserError: there is no such decoder.
    """
    from tasks.tagging.decoder import Decoder

    module = importlib.import_module(f"{__name__}.{check_decoder(name)}")
    here = [c for _, c in inspect.getmembers(module, inspect.isclass) if c.__module__ == module.__name__]
    (decoder,) = [c for c in here if issubclass(c, Decoder)]
    return decoder


def check_options(name: str, options: Iterable[str]) -> None:
    """Refuse what a decoder does not take. Loads torch only where there is something to check.

    Raises:
        ValueError: the decoder has no such option; names those that have it.
    """
    for option in options:
        if option not in _options(name):
            takers = [other for other in decoder_names() if option in _options(other)]
            raise ValueError(f"{option} is a setting of decoder {' or '.join(takers) or 'none'}, received for {name}")


def _options(name: str) -> set[str]:
    """What the constructor takes beyond ``self``, ``inputs`` and ``tags``."""
    return set(inspect.signature(find_decoder(name).__init__).parameters) - {"self", "inputs", "tags"}
