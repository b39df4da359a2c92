"""Ray on one machine for one run, without what serves a cluster, its spectators, other machines, or Ray's makers.

Ray's own code knows every part that is left out as absent; only ``ray.init`` has no argument for it. So this reaches
into Ray, whose version the package pins. Together they would cost 3 s of processor time and a second of waiting.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any


@contextmanager
def lean() -> Iterator[None]:
    """A Ray that is started while the block runs is the smallest one that runs trials."""
    from ray._private import parameter, services, utils
    from ray.air._internal import usage

    # No autoscaler's monitor, which ends only when it is killed, and none of logs: what workers print is not shown.
    parameters = functools.partial(parameter.RayParams, no_monitor=True, include_log_monitor=False)
    # No server of the dashboard, as where it fails to start, and agents as in an installation without the dashboard.
    absent = ImportError("there is no dashboard")
    with ExitStack() as stack:
        for module, name, value in (
            (parameter, "RayParams", parameters),
            (services, "start_api_server", lambda *_, **__: (None, None)),
            (utils, "get_dashboard_dependency_error", lambda: absent),
            # Ray takes the address of this machine for that of loopback, and what listens there is open to the network.
            (services, "resolve_ip_for_localhost", lambda host: host),
            # No counting of callbacks by kind, which imports wandb and others to know them; nothing is sent anyway.
            (usage, "tag_callbacks", lambda _: False),
        ):
            stack.enter_context(_replaced(module, name, value))
        yield


@contextmanager
def _replaced(module: Any, name: str, value: Any) -> Iterator[None]:
    before = getattr(module, name)
    setattr(module, name, value)
    try:
        yield
    finally:
        setattr(module, name, before)
