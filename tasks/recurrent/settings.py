"""Settings of recurrent networks, shared by all tasks: the one home of their defaults."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from tasks.recurrent.cells import CELLS, cell_names
from tasks.recurrent.options import OPTIONS, Option, check_initializer, check_options
from unroll.contract import Renamed, Settings

if TYPE_CHECKING:
    from tasks.recurrent.initialization import Initialization
    from tasks.recurrent.stack import RecurrentNetwork

# Far beyond any real use: what is above it is a slip, and would end in an error of torch's or in none at all.
# The compiler of the loop takes the number that follows for the batch (compiler/trace.py).
WIDEST = 65_536


class RecurrentSettings(Settings):
    """Recurrent layers, what stands between them, and how their weights begin."""

    cell: str = Field(
        "lstm", json_schema_extra={"enum": list(cell_names())}, description="Recurrent cell of every layer."
    )
    activation: str | None = Field(
        None, description="Function of cells that offer several, tanh or relu for instance; null: the cell's own."
    )
    ablation: str | None = Field(
        None, description="What a cell does without, for cells that offer it; null: the cell is whole."
    )
    layer_norm: bool | None = Field(
        None, description="Layer normalization within the cell, for cells that offer it; null: the cell's own choice."
    )
    hidden: int = Field(128, ge=1, le=WIDEST, description="Size of each recurrent layer, in each direction.")
    depth: int = Field(1, ge=1, le=64, description="Number of recurrent layers.")
    direction: Literal["forward", "backward", "bidirectional"] = Field(
        "forward", description="Order in which a sequence is read; bidirectional: both, concatenated."
    )
    stacking: Literal["interleaved", "independent"] = Field(
        "interleaved",
        description="Deep bidirectional networks: interleaved: every layer reads both directions of the layer below; "
        "independent: two separate networks, concatenated at the top.",
    )
    connections: Literal["plain", "skip", "residual"] = Field(
        "plain",
        description="skip: the input to every layer, every layer to the output (Graves 2013); residual: every layer "
        "but the first adds what it reads to what it writes.",
    )
    dropout: float = Field(0.0, ge=0, lt=1, description="Zaremba's dropout: into every layer and out of the last.")
    dropout_kind: Literal["each_step", "locked"] = Field(
        "each_step", description="each_step: another mask at each step; locked: one for all (Gal and Ghahramani 2016)."
    )
    recurrent_dropout: float = Field(
        0.0, ge=0, lt=1, description="Dropout of h where it enters the recurrent matrices, the same at all steps."
    )
    zoneout: float = Field(
        0.0, ge=0, lt=1, description="Probability that a value of h stays what it was (Krueger et al. 2017)."
    )
    zoneout_memory: float = Field(
        0.0, ge=0, lt=1, description="The same for the rest of the state: c of an LSTM. Cells of h alone have none."
    )
    forget_bias: float | None = Field(
        1.0,
        ge=-1000,
        le=1000,
        description="Initial bias of every forget gate; null: as drawn. Cells without a forget gate have none.",
    )
    initialization: Literal["scaled", "uniform"] = Field(
        "scaled", description="scaled: U(-1/sqrt(n), 1/sqrt(n)); uniform: U(-a, a) with a = initialization_scale."
    )
    initialization_scale: float | None = Field(
        None, gt=0, le=1000, description="Half-width a; needed by uniform alone."
    )
    recurrent_initialization: Literal["orthogonal", "identity", "gaussian", "sparse"] | None = Field(
        None,
        description="What draws the recurrent matrices, each gate's for itself; gaussian: N(0, 1/hidden); sparse: 15 "
        "values per row, spectral radius 0.95 (Pascanu et al. 2013); null: the cell's own, or as all other weights.",
    )
    recurrent_gain: float = Field(
        1.0, gt=0, le=1000, description="What each initial recurrent matrix is multiplied with, whatever draws it."
    )
    # Trials' ids know the compiled loop by its earlier name, which is accepted, too.
    loop: Annotated[Literal["auto", "compiled", "plain"], Renamed({"compiled": "common"})] = Field(
        "auto",
        description="How a cell is run over time, with equal numbers up to rounding: auto: torch's fused kernel where "
        "there is one and it is faster; compiled: each cell's step compiled to C, which compares cells and not "
        "kernels; plain: Python.",
    )

    @field_validator("cell")
    @classmethod
    def _is_a_cell(cls, name: str) -> str:
        return CELLS.validate(name)

    @model_validator(mode="after")
    def _the_cell_takes_its_options(self) -> Self:
        check_options(self, cell=self.cell, options=self.options)
        check_initializer(self.cell, self.recurrent_initialization, self.recurrent_gain)
        return self

    @model_validator(mode="after")
    def _stacking_has_two_directions(self) -> Self:
        if self.stacking == "independent" and self.direction != "bidirectional":
            raise ValueError(f"stacking independent needs direction bidirectional, received {self.direction}")
        return self

    @model_validator(mode="after")
    def _scale_goes_with_uniform(self) -> Self:
        if (self.initialization == "uniform") != (self.initialization_scale is not None):
            raise ValueError(
                "initialization_scale is needed by initialization uniform, and by no other, "
                f"received {json.dumps(self.initialization_scale)} for {self.initialization}"
            )
        return self

    @property
    def options(self) -> dict[str, Option]:
        """Arguments of the cell's constructor beyond sizes."""
        options: dict[str, Option | None] = {name: getattr(self, name) for name in OPTIONS}
        return {name: value for name, value in options.items() if value is not None}


def build_recurrent(settings: RecurrentSettings, *, inputs: int) -> RecurrentNetwork:
    """The recurrent layers that the settings describe, reading vectors of size ``inputs``."""
    from tasks.recurrent.dropout import StateNoise
    from tasks.recurrent.stack import RecurrentNetwork

    return RecurrentNetwork(
        cell=settings.cell,
        options=settings.options,
        inputs=inputs,
        hidden=settings.hidden,
        depth=settings.depth,
        direction=settings.direction,
        stacking=settings.stacking,
        connections=settings.connections,
        dropout=settings.dropout,
        locked=settings.dropout_kind == "locked",
        noise=StateNoise(
            recurrent=settings.recurrent_dropout,
            zoneout=settings.zoneout,
            zoneout_memory=settings.zoneout_memory,
        ),
        loop=settings.loop,
    )


def build_initialization(settings: RecurrentSettings) -> Initialization:
    """How the settings draw the weights of a network, recurrent or not."""
    from tasks.recurrent.initialization import Initialization

    return Initialization(
        scale=settings.initialization_scale,
        forget_bias=settings.forget_bias,
        recurrent=settings.recurrent_initialization,
        recurrent_gain=settings.recurrent_gain,
    )
