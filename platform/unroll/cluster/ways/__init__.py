"""Ways onto a cluster: one file each, found by being there; its class ``Way`` is what a target of this kind says."""

from __future__ import annotations

import pkgutil
from importlib import import_module

from unroll.cluster.target import Target


def way_names() -> list[str]:
    """Every kind of target, sorted."""
    return sorted(found.name for found in pkgutil.iter_modules(__path__) if not found.name.startswith("_"))


def load_way(kind: str) -> type[Target]:
    """The settings and the doing of one kind; ``kind`` is one of :func:`way_names`."""
    way: type[Target] = import_module(f"{__name__}.{kind}").Way
    return way
