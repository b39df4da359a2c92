"""Where an arm's data are from, as far as a library knows them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from unroll.contract import KnownCorpus
from unroll.study._settings import get
from unroll.study.libraries import load_libraries
from unroll.study.plan import CORPUS, GENERATED, LANGUAGES, LICENCE, SOURCE
from unroll.study.project import AnyTask
from unroll.study.restoring import set_locations


def find_origin(task: AnyTask, settings: Mapping[str, Any]) -> dict[str, str]:
    """Facts of the data that a plan adds to those of the task (``plan.ORIGIN``); empty where no library knows any.

    Args:
        task: whose settings they are.
        settings: nested, with their locations.
    """
    located = set_locations(task, settings)
    if not located:
        return {CORPUS: GENERATED}
    known = {path: _recognised(get(settings, path)) for path in located}
    corpora = {each.name: each for each in known.values() if each is not None}
    if not corpora:
        return {}
    # Word vectors, say, beside a corpus that is known.
    others = [f"what {path} names: not known" for path, each in known.items() if each is None]
    told = {
        CORPUS: [f"{each.name}: {each.title}" for each in corpora.values()],
        SOURCE: [*(each.homepage for each in corpora.values()), *others],
        LICENCE: [*(each.licence for each in corpora.values()), *others],
        LANGUAGES: [", ".join(each.languages) for each in corpora.values()],
    }
    return {name: "; ".join(dict.fromkeys(texts)) for name, texts in told.items() if any(texts)}


def _recognised(location: Any) -> KnownCorpus | None:
    places = [Path(place) for place in (location if isinstance(location, list) else [location])]
    found = (library.recognise(places) for library in load_libraries())
    return next((known for known in found if known is not None), None)
