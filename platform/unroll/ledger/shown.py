"""What a trial's model made of a few examples, for people to look at."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Self

from pydantic import Field, field_validator, model_validator

from unroll.contract import Example
from unroll.ledger.pathless import Pathless
from unroll.study.trial import Frozen

MOST_EXAMPLES, MOST_WORDS = 20, 200
"""Of a trial, and of a matrix in each direction."""
_DIGITS = 4
"""Decimals of a share: more than a colour can show."""

Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Words = Annotated[tuple[Pathless, ...], Field(max_length=MOST_WORDS)]


class ShownExample(Frozen):
    """One :class:`unroll.contract.Example`, as it is written down."""

    title: Pathless
    texts: dict[str, Pathless]
    rows: Words = ()
    columns: Words = ()
    values: tuple[tuple[Share, ...], ...] = ()
    meaning: Pathless = ""

    @field_validator("values")
    @classmethod
    def _are_rounded(cls, values: tuple[tuple[float, ...], ...]) -> tuple[tuple[float, ...], ...]:
        return tuple(tuple(round(value, _DIGITS) for value in row) for row in values)

    @model_validator(mode="after")
    def _has_the_shape_of_its_words(self) -> Self:
        if [len(row) for row in self.values] != [len(self.columns)] * len(self.rows):
            raise ValueError("values must have a row for each word of rows, a number for each of columns")
        return self


class ShownExamples(Frozen):
    """Those of one trial."""

    trial: str
    examples: Annotated[tuple[ShownExample, ...], Field(max_length=MOST_EXAMPLES)]

    @classmethod
    def of(cls, trial: str, examples: Iterable[Example]) -> Self:
        """As a task gave them.

        Raises:
            ValueError: there are too many, or one is too long.
        """
        shown = [
            ShownExample(
                title=each.title,
                texts=dict(each.texts),
                rows=tuple(each.rows),
                columns=tuple(each.columns),
                values=tuple(map(tuple, each.values)),
                meaning=each.meaning,
            )
            for each in examples
        ]
        return cls(trial=trial, examples=tuple(shown))
