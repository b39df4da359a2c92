"""Where data are from, as a plan tells it."""

from pathlib import Path
from typing import Any

import pytest

from unroll.contract import KnownCorpus
from unroll.study import _origin
from unroll.study.plan import CORPUS, GENERATED, LANGUAGES, LICENCE, SOURCE

PTB = KnownCorpus(
    name="ptb", title="Treebank", task="x", settings=(), licence="LDC", homepage="https://a.org", languages=("English",)
)


class Shelf:
    def recognise(self, places: list[Path]) -> KnownCorpus | None:
        return PTB if places == [Path("/ptb")] else None


@pytest.mark.parametrize(
    ("settings", "facts"),
    [
        ({}, {CORPUS: GENERATED}),
        ({"data": "/mine"}, {}),
        ({"data": "/ptb"}, {CORPUS: "ptb: Treebank", SOURCE: "https://a.org", LICENCE: "LDC", LANGUAGES: "English"}),
        (
            {"data": "/ptb", "vectors": ["/glove"]},
            {
                CORPUS: "ptb: Treebank",
                SOURCE: "https://a.org; what vectors names: not known",
                LICENCE: "LDC; what vectors names: not known",
                LANGUAGES: "English",
            },
        ),
    ],
)
def test_facts_say_what_is_known(monkeypatch: pytest.MonkeyPatch, settings: dict[str, Any], facts: Any) -> None:
    monkeypatch.setattr(_origin, "load_libraries", lambda: [Shelf()])
    monkeypatch.setattr(_origin, "set_locations", lambda task, settings: tuple(settings))
    task: Any = None
    assert _origin.find_origin(task, settings) == facts
