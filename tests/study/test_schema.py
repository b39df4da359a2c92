"""The JSON Schema for editors: current, and of one mind with the reader."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from unroll.study._document import parse_document
from unroll.study.schema import study_schema


@pytest.fixture
def committed(root: Path) -> dict[str, Any]:
    schema: dict[str, Any] = json.loads((root / "studies" / "study.schema.json").read_text())
    return schema


def outdated(committed: Any, now: Any, path: str = "$") -> list[str]:
    """Places where the committed schema is not what the code says; a new task, cell or corpus may be missing in it."""
    if isinstance(committed, dict) and isinstance(now, dict):
        grows = path.endswith("$defs")
        strange = committed.keys() - now.keys() if grows else committed.keys() ^ now.keys()
        inside = [
            place
            for key in committed.keys() & now.keys()
            for place in outdated(committed[key], now[key], f"{path}.{key}")
        ]
        return [f"{path}.{key}" for key in sorted(strange)] + inside
    if isinstance(committed, list) and isinstance(now, list):
        known = [part for part in committed if any(not outdated(part, other, path) for other in now)]
        return [] if len(known) == len(committed) else [path]
    return [] if committed == now and type(committed) is type(now) else [path]


def test_the_committed_schema_is_current(committed: dict[str, Any]) -> None:
    """A newcomer adds one file and touches nothing else, so only what the schema does say must be true."""
    places = outdated(committed, study_schema())
    assert not places, "run: python -m unroll.study.schema > studies/study.schema.json"


def test_an_outdated_schema_is_found(committed: dict[str, Any]) -> None:
    now = json.loads(json.dumps(committed))
    now["properties"]["task"]["enum"].append("a_new_task")
    now["$defs"]["ANewTask"] = {}
    assert outdated(committed, now) == []
    now["properties"]["seeds"]["default"] = 9
    del now["properties"]["metric"]
    assert set(outdated(committed, now)) == {"$.properties.metric", "$.properties.seeds.default"}


def test_every_study_names_the_schema_in_its_first_line(root: Path) -> None:
    files = sorted(root.glob("studies/*/study.yaml"))
    assert files
    for file in files:
        assert file.read_text().splitlines()[0] == "# yaml-language-server: $schema=../study.schema.json"


def test_a_task_of_the_project_brings_its_settings(project: Path) -> None:
    schema = study_schema()
    (rule,) = schema["allOf"]
    assert schema["properties"]["task"]["enum"] == ["tiny"]
    assert rule["if"] == {"properties": {"task": {"const": "tiny"}}}
    assert rule["then"]["properties"]["metric"] == {"enum": ["validation/loss", "test/accuracy"]}


def test_every_key_has_a_hover_text(committed: dict[str, Any]) -> None:
    assert not [key for key, part in committed["properties"].items() if not part.get("description")]
    for name, part in committed["$defs"].items():
        assert not [key for key, field in part.get("properties", {}).items() if not field.get("description")], name


@pytest.fixture
def accepts(project: Path) -> Callable[[str], bool]:
    """Whether a validator of JSON Schema, as editors have one, takes a study of the task ``tiny``."""
    validator = pytest.importorskip("jsonschema").Draft202012Validator(study_schema())
    head = "question: Why?\ntask: tiny\n"
    return lambda text: bool(validator.is_valid(parse_document((head + text).encode(), "f").data))


@pytest.mark.parametrize(
    "text",
    [
        "compare: {network.cell: [gru, lstm]}",
        "compare: {remedy: {none: {}, some: {network.dropout: 0.1}}}\nsettings: {network: {depth: 2}}",
        "compare: {network.cell: [gru]}\nseeds: [3, 4]\nmatch: {parameters: 10}\nwandb: {mode: online, entity: me}",
        "compare: {network.cell: [gru]}\nmetric: test/accuracy\nsettings: {data: {path: ../x}}",
        "compare: {network.cell: [gru]}\nmatch: {flops_per_token: 1_000}",
        "compare: {network.cell: [gru, lstm], network.depth: [1, 2]}\nbaseline: {network.cell: gru}",
        "compare: {network.cell: [gru, lstm]}\nbaseline: gru",
    ],
)
def test_the_schema_takes_what_the_reader_takes(accepts: Callable[[str], bool], text: str) -> None:
    assert accepts(text)


@pytest.mark.parametrize(
    "text",
    [
        "settings: {}",
        "compare: {network.cell: [lstn]}",
        "compare: {network.cel: [lstm]}",
        "compare: {remedy: {some: {network.droput: 0.1}}}",
        "compare: {remedy: {some: {network.dropout: 1.5}}}",
        "compare: {network.cell: [gru]}\nseed: 3",
        "compare: {network.cell: [gru]}\nseeds: 0",
        "compare: {network.cell: [gru]}\nmetric: test/accurate",
        "compare: {network.cell: [gru]}\nsettings: {network: {hiden: 3}}",
        "compare: {network.cell: [gru]}\nsettings: {network: {hidden: three}}",
        "compare: {network.cell: [gru]}\nresources: {gpus: 2}",
        "compare: {network.depth: [1, 2]}\nbaseline: 2",
        "compare: {network.cell: [gru]}\nmatch: {}",
        "compare: {network.cell: [gru]}\nmatch: {parameters: 10, flops_per_token: 10}",
    ],
)
def test_the_schema_refuses_what_the_reader_refuses(accepts: Callable[[str], bool], text: str) -> None:
    assert not accepts(text)


def test_every_reference_leads_somewhere(committed: dict[str, Any]) -> None:
    def references(value: Any) -> list[str]:
        if isinstance(value, list):
            return [reference for item in value for reference in references(item)]
        if isinstance(value, dict):
            own = [value["$ref"]] if "$ref" in value else []
            return own + [reference for item in value.values() for reference in references(item)]
        return []

    found = references(committed)
    assert found
    assert {reference.removeprefix("#/$defs/") for reference in found} <= set(committed["$defs"])
