"""Settings of recurrent networks, shared by all tasks: the one home of their defaults."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field, field_validator

from tasks.recurrent.cells import cell_names, check_cell
from unroll.contract import Settings, UserError

if TYPE_CHECKING:
    from tasks.recurrent.stack import RecurrentNetwork

# Far beyond any real use: what is above it is a slip, and would end in an error of torch's or in none at all.
WIDEST = 65_536


class RecurrentSettings(Settings):
    """Recurrent layers and what stands between them."""

    cell: str = Field(
        "lstm", json_schema_extra={"enum": list(cell_names())}, description="Recurrent cell of every layer."
    )
    hidden: int = Field(128, ge=1, le=WIDEST, description="Size of each recurrent layer's output.")
    depth: int = Field(1, ge=1, le=64, description="Number of recurrent layers.")
    dropout: float = Field(0.0, ge=0, lt=1, description="Zaremba's dropout: into every layer and out of the last.")

    @field_validator("cell")
    @classmethod
    def _is_a_cell(cls, name: str) -> str:
        try:
            return check_cell(name)
        except UserError as error:
            raise ValueError(f"{error.rule}; {error.advice}") from None


def build_recurrent(settings: RecurrentSettings, *, inputs: int) -> RecurrentNetwork:
    """The recurrent layers that the settings describe, reading vectors of size ``inputs``."""
    from tasks.recurrent.stack import RecurrentNetwork

    return RecurrentNetwork(
        cell=settings.cell,
        inputs=inputs,
        hidden=settings.hidden,
        depth=settings.depth,
        dropout=settings.dropout,
    )
