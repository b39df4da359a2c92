"""Import large libraries without the garbage collector, which takes a quarter of the time that torch's import takes."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def gc_paused() -> Iterator[None]:
    """Import in peace: what a module makes lives as long as the process, and searching it for garbage is in vain.

    Afterwards the collector works again and leaves aside what is there by then.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was_enabled:
            gc.enable()
