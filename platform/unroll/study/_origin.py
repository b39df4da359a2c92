"""Where an arm's data are from, as far as a library knows them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from unroll.study._settings import get
from unroll.study.libraries import load_libraries
from unroll.study.plan import CORPUS, GENERATED, LANGUAGES, LICENCE, SOURCE
from unroll.study.project import AnyTask
from unroll.study.restoring import set_locations


def find_origin(task: AnyTask, settings: Mapping[str, Any]) -> dict[str, str]:
    """Facts of the data that a plan adds to those of the task (``plan.ORIGIN``); empty where no library knows them.

    Args:
        task: whose settings they are.
        settings: nested, with their locations.
    """
    values = [get(settings, path) for path in set_locations(task, settings)]
    places = [Path(place) for value in values for place in (value if isinstance(value, list) else [value])]
    if not places:
        return {CORPUS: GENERATED}
    for library in load_libraries():
        if known := library.recognise(places):
            found = {
                CORPUS: f"{known.name}: {known.title}",
                SOURCE: known.homepage,
                LICENCE: known.licence,
                LANGUAGES: ", ".join(known.languages),
            }
            return {name: value for name, value in found.items() if value}
    return {}
