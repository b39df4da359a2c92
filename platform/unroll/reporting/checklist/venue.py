"""The checklists of venues: data files that are found by being there."""

from __future__ import annotations

import tomllib
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Annotated

from pydantic import Field

from unroll.contract import UserError
from unroll.study import suggestion
from unroll.study.trial import Frozen

Text = Annotated[str, Field(min_length=1)]


class Item(Frozen):
    """One item of a list: its number there, its topic in our own words, and what answers it."""

    number: Text
    topic: Text
    answers: tuple[Text, ...] = ()
    """Names of functions of ``answers``; none: it is the author's alone."""
    author: str = ""
    """What stays for the author of an item that is answered in part."""


class Venue(Frozen):
    """A venue's list."""

    title: Text
    edition: Text
    """Of which year the numbers are."""
    items: tuple[Item, ...] = Field(min_length=1)


def venue_names() -> list[str]:
    """Every venue with a file, sorted."""
    return sorted(file.name.removesuffix(".toml") for file in _folder().iterdir() if file.name.endswith(".toml"))


def load_venue(name: str) -> Venue:
    """The list of a venue.

    Raises:
        UserError: there is none of this name.
    """
    known = venue_names()
    if name not in known:
        advice = suggestion(name, known) or f"there are {', '.join(known)}"
        raise UserError("a checklist must be one that Unroll has", received=repr(name), advice=advice)
    return Venue.model_validate(tomllib.loads(_folder().joinpath(f"{name}.toml").read_text(encoding="utf-8")))


def _folder() -> Traversable:
    return files("unroll.reporting.checklist").joinpath("venues")
