"""A record gives back exactly what was put in, or names the file that is damaged."""

import hashlib
import json
import math
import pickle
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unroll.ledger import Outcome, RunRecord, Selected
from unroll.ledger.records import DamagedRecord, UnknownFormat, encode_record, read_record, write_record
from unroll.study.plan import Plan
from unroll.study.trial import Frozen, Trial


class Anything(Frozen):
    content: Any
    number: float = 0.0


numbers = st.floats(allow_nan=True, allow_infinity=True) | st.integers(-(2**63), 2**63 - 1)
texts = st.text(st.characters(exclude_categories=["Cs"])) | st.sampled_from(["NaN", "=NaN", "-Infinity", "==Infinity"])
contents = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=20,
)


def same(left: Any, right: Any) -> bool:
    """Equal in type, value, order of keys, sign of zero, and with NaN equal to itself."""
    if type(left) is not type(right):
        return False
    if isinstance(left, float):
        return (
            math.isnan(right)
            if math.isnan(left)
            else (left, math.copysign(1, left)) == (right, math.copysign(1, right))
        )
    if isinstance(left, list):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict):
        return list(left) == list(right) and all(map(same, left.values(), right.values()))
    return bool(left == right)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("records") / "record.json"


@given(content=contents, number=st.floats())
@settings(deadline=None, max_examples=100)
def test_gives_back_exactly_what_was_put_in(place: Path, content: Any, number: float) -> None:
    place.write_bytes(encode_record("thing", Anything(content=content, number=number)))
    back = read_record(place, "thing", Anything)
    assert same(back.content, content)
    assert same(back.number, number)


@given(
    data=st.binary(max_size=200) | st.text().map(str.encode) | contents.map(lambda value: json.dumps(value).encode())
)
@settings(deadline=None, max_examples=200)
def test_refuses_whatever_is_no_record(place: Path, data: bytes) -> None:
    place.write_bytes(data)
    with pytest.raises((DamagedRecord, UnknownFormat), match=r"record\.json"):
        read_record(place, "thing", Anything)


def test_every_damage_is_found(place: Path, damages: Callable[..., Iterator[bytes]]) -> None:
    record = Anything(content={"metrics": [0.1, math.nan, -0.0], "text": "ä NaN"}, number=2.5)
    whole = encode_record("thing", record)
    for damaged in damages(whole.rstrip(), limit=10_000):
        place.write_bytes(damaged)
        with pytest.raises(DamagedRecord):
            read_record(place, "thing", Anything)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"null",
        b"[]",
        b"3",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"1" * 5000,
        b'{"format":1,"kind":"thing","sha256":"","body":NaN}',
        b'{"format":1,"kind":"thing","sha256":"","body":1e999}',
        b'{"format":1,"kind":[],"sha256":"","body":{}}',
        b'{"format":true,"kind":"thing","sha256":"","body":{}}',
        b"\xff\xfe\x00",
        b"\x80\x04K\x01.",
    ],
)
def test_hostile_files_are_refused(place: Path, data: bytes) -> None:
    place.write_bytes(data)
    with pytest.raises(DamagedRecord):
        read_record(place, "thing", Anything)


def test_refuses_another_kind(place: Path) -> None:
    write_record(place, "thing", Anything(content=1))
    with pytest.raises(DamagedRecord, match="a record of kind 'thing' where 'trial' belongs"):
        read_record(place, "trial", Anything)


def test_refuses_a_body_of_another_shape(place: Path) -> None:
    class Other(Frozen):
        content: int
        more: str

    write_record(place, "thing", Anything(content=1))
    with pytest.raises(DamagedRecord, match="thing with more: Field required"):
        read_record(place, "thing", Other)


def test_refuses_a_newer_format_by_name(place: Path) -> None:
    place.write_bytes(b'{"format":3,"form":"of tomorrow"}')
    with pytest.raises(UnknownFormat) as caught:
        read_record(place, "thing", Anything)
    assert str(caught.value) == (
        f"{place}: this version of Unroll reads records up to format 2 (received format 3); "
        "use the version of Unroll that wrote this results folder"
    )


def test_reads_what_the_first_version_wrote(place: Path) -> None:
    """The checksum is that of ``sha256sum`` over ``[1,"thing",{...}]``."""
    place.write_bytes(
        b'{"format":1,"kind":"thing","sha256":"354e872fd3ba26f74a0bd2ca76ab5f32d31f6050fb71ca43bab668d6f4187898",'
        b'"body":{"content":["NaN","=NaN",1],"number":"-Infinity"}}\n'
    )
    back = read_record(place, "thing", Anything)
    assert same(back.content, [math.nan, "NaN", 1])
    assert back.number == -math.inf


def test_absence_is_not_damage(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_record(tmp_path / "absent", "thing", Anything)


def test_errors_travel_between_processes(place: Path) -> None:
    for error in (DamagedRecord(place, "half"), UnknownFormat(place, 7)):
        assert str(pickle.loads(pickle.dumps(error))) == str(error)


def test_damage_says_what_to_do(place: Path) -> None:
    assert str(DamagedRecord(place, "3 bytes that are no whole JSON")) == (
        f"{place}: a record must be what was once written (received 3 bytes that are no whole JSON); "
        "bring the file back from a copy, or delete it: until then what it held counts as missing"
    )


def test_a_record_without_later_fields_is_of_the_first_format(
    place: Path, make_plan: Callable[..., Plan], make_trial: Callable[..., Trial], make_outcome: Callable[..., Outcome]
) -> None:
    later = ("former", "monitor", "selected", "selects", "size_setting")
    renamed = make_trial(former={"network.loop": "common"})
    for record in (make_plan(), make_trial(), make_outcome(), renamed):
        data = encode_record("thing", record)
        assert data.startswith(b'{"format":1,')
        assert not any(f'"{name}"'.encode() in data for name in later)
        place.write_bytes(data)
        assert read_record(place, "thing", type(record)) == record.model_copy(
            update={"former": {}} if record is renamed else {}
        )


def test_a_later_field_raises_the_format_wherever_it_is_set(
    place: Path,
    make_plan: Callable[..., Plan],
    make_trial: Callable[..., Trial],
    make_outcome: Callable[..., Outcome],
    damages: Callable[..., Iterator[bytes]],
) -> None:
    plan, trial = make_plan(), make_trial(monitor="validation/perplexity")
    selecting = plan.arms[0].model_copy(update={"selects": True})
    for record in (
        trial,
        make_outcome(selected=Selected(epoch=2, step=20)),
        plan.model_copy(update={"size_setting": "network.width"}),
        plan.model_copy(update={"trials": [*plan.trials[1:], trial]}),
        plan.model_copy(update={"arms": [selecting]}),
    ):
        data = encode_record("thing", record)
        content = json.loads(data)
        assert content["format"] == 2
        compact = json.dumps([2, "thing", content["body"]], separators=(",", ":")).encode()
        assert content["sha256"] == hashlib.sha256(compact).hexdigest(), "the first version takes it for a newer one"
        place.write_bytes(data)
        assert read_record(place, "thing", type(record)) == record
        for damaged in damages(data.rstrip(), limit=100):
            place.write_bytes(damaged)
            with pytest.raises(DamagedRecord):
                read_record(place, "thing", type(record))


FIRST = Path(__file__).parent / "folder_of_114ca6d"
"""What version 0.1.0 wrote at commit 114ca6d: two arms with ``network.loop=common``, two seeds."""
FILES = [
    ("plan", Plan, "plan.json"),
    ("run", RunRecord, "runs/*.json"),
    ("trial", Trial, "trials/*/trial.json"),
    ("outcome", Outcome, "trials/*/attempts/*.json"),
]


@pytest.mark.parametrize(("kind", "model", "pattern"), FILES)
def test_what_an_older_version_wrote_is_written_byte_for_byte(kind: str, model: type[Frozen], pattern: str) -> None:
    paths = list(FIRST.glob(pattern))
    assert paths
    for path in paths:
        assert encode_record(kind, read_record(path, kind, model)) == path.read_bytes()
