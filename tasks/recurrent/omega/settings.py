"""Which networks Omega goes with, known without importing torch."""

from __future__ import annotations

from tasks.recurrent.settings import RecurrentSettings
from unroll.contract import UnusedSettings

ELMAN_CELLS = ("elman", "irnn")
"""Cells whose state is h = f(W x + b + U h)."""


def check_omega(network: RecurrentSettings) -> None:
    """Refuse networks that Omega is not defined for; see :class:`tasks.recurrent.omega.omega.Omega`.

    Raises:
        ValueError: the cell is no Elman network, or something disturbs its state between steps.
    """
    if network.cell not in ELMAN_CELLS:
        rule = f"omega is defined for the cells {' and '.join(ELMAN_CELLS)}, received {network.cell}"
        raise UnusedSettings(rule, unused=["training.omega"], choice="network.cell")
    if network.zoneout or network.recurrent_dropout:
        raise ValueError(
            "omega needs states that nothing disturbs between steps, "
            f"received zoneout {network.zoneout} and recurrent_dropout {network.recurrent_dropout}"
        )
