"""Packs: a study in one file, the same bytes each time, with nothing of the machine, and refused if tampered with."""

from __future__ import annotations

import dataclasses
import getpass
import json
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from unroll.contract import Example, UserError
from unroll.ledger import Ledger, Outcome, Pack, PackContent, PackRecord, RunRecord, ShownExamples, encode_pack
from unroll.ledger.analyses import AnalysisRecord
from unroll.ledger.container import pack_members, unpack_members
from unroll.ledger.history import Segment
from unroll.ledger.packs import BadPack, Member
from unroll.ledger.records import encode_record
from unroll.study.analysis import declared_analysis
from unroll.study.plan import Plan
from unroll.study.sources import digest_sources
from unroll.study.trial import Trial
from unroll.study.tuning import Candidate, Winner
from unroll.workflow.packing import read_content, unpack_results

SOURCES = {"tasks/recurrent/cells/lstm.py": "0123456789abcdef"}
DIGEST = digest_sources(SOURCES)
HOST = "janes-laptop"


@pytest.fixture
def content(make_trial: Callable[..., Trial], make_plan: Callable[..., Plan]) -> PackContent:
    """Two trials of three: a completed one, and one that failed before it diverged."""
    trials = [make_trial(number) for number in range(2)]
    shared = {"environment": {"host": HOST, "device": "Xeon"}, "sources": DIGEST}
    ends = [
        [
            Outcome(
                trial=trials[0].id,
                status="completed",
                metrics={"loss": 1 / 3},
                steps=9,
                finished="2026-01-02",
                **shared,
            )
        ],
        [
            Outcome(trial=trials[1].id, status="failed_infrastructure", message=f"the node {HOST} died", **shared),
            Outcome(trial=trials[1].id, status="diverged", metrics={"loss": float("nan")}, **shared),
        ],
    ]
    segment = Segment(
        trial=trials[0].id, step=9, steps=[9], epochs=[0], seconds=[0.5], metrics=["loss"], values=[float("inf")]
    )
    command = ["unroll", "run", "cells", "--results", "/home/jane/x", "data.path=~jane/ptb", "--address=head:6379"]
    return PackContent(
        plan=make_plan().model_copy(update={"declaration": {"wandb": {"entity": "jane", "mode": "offline"}}}),
        runs=[RunRecord(started="2026-01-01", command=command, hardware={"host": HOST, "cores": 2})],
        sources={DIGEST: SOURCES},
        trials={trial.id: trial for trial in reversed(trials)},
        outcomes={trial.id: found for trial, found in zip(trials, ends, strict=True)},
        histories={trials[0].id: segment},
        shown={trials[0].id: ShownExamples.of(trials[0].id, [Example(title="one", texts={"text": "a"})])},
        analyses=[AnalysisRecord(declared=declared_analysis(make_plan()), recorded="2026-01-01", results=0)],
        winners=[
            Winner(
                tuning="tuning0000",
                study="cells",
                arm="lstm",
                metric="validation/loss",
                draw=0,
                value=0.5,
                settings={},
                parameters=9,
                monitor=None,
                candidates=[Candidate(draw=0, values={}, trials=("t",), statuses=("completed",), value=0.5)],
                frozen="2026-01-01",
            )
        ],
    )


@pytest.fixture
def file(content: PackContent, tmp_path: Path) -> Path:
    path = tmp_path / "cells.pack"
    path.write_bytes(encode_pack(content)[0])
    return path


def test_what_was_packed_is_read_without_the_machine(content: PackContent, file: Path) -> None:
    pack = Pack.read(file)
    assert pack.digest == encode_pack(content)[1]
    assert (pack.manifest.trials, pack.manifest.results, pack.manifest.date) == (2, 2, "2026-01-02")
    read = pack.content
    assert (read.trials, read.histories, read.shown) == (content.trials, content.histories, content.shown)
    assert read.sources == content.sources
    first, (failed, diverged) = read.outcomes["trial0000"][0], read.outcomes["trial0001"]
    assert first.metrics == {"loss": 1 / 3}
    assert first.environment == {"device": "Xeon"}
    assert failed.message == "the node HOST died"
    assert diverged.status == "diverged"
    assert read.runs[0].command == ["unroll", "run", "cells", "data.path=.../ptb"]
    assert read.runs[0].hardware == {"cores": 2}
    assert read.plan.declaration == {"wandb": {"mode": "offline"}}


def test_the_same_records_give_the_same_bytes_in_any_order(content: PackContent) -> None:
    turned = dataclasses.replace(content, trials=dict(sorted(content.trials.items())))
    assert encode_pack(turned) == encode_pack(content)


def test_nothing_names_a_person_a_machine_or_a_place(file: Path) -> None:
    with zipfile.ZipFile(file) as archive:
        whole = b"\n".join(archive.read(name) for name in archive.namelist()).decode()
    for name in ("jane", HOST, "head:6379", str(file.parent), str(Path.home()), f"/{getpass.getuser()}/"):
        assert name not in whole


def test_a_results_folder_goes_in_and_comes_out(content: PackContent, file: Path, tmp_path: Path) -> None:
    pack = Pack.read(file)
    ledger = unpack_results(pack, tmp_path / "other")
    outcomes = ledger.trial("trial0001").attempts()
    assert [outcome.status for outcome in outcomes] == ["failed_infrastructure", "diverged"]
    assert {outcome.pack for outcome in outcomes} == {pack.digest}
    assert ledger.packs() == [pack.record]
    assert [(record.digest, len(trials)) for record, trials in ledger.taken_over(ledger.plan())] == [(pack.digest, 2)]
    assert ledger.history_frame(content.plan)["value"].to_list() == [float("inf")]
    again = read_content(ledger)
    assert {trial: [end.model_copy(update={"pack": ""}) for end in ends] for trial, ends in again.outcomes.items()} == {
        trial: list(ends) for trial, ends in pack.content.outcomes.items()
    }
    assert again.analyses == content.analyses, "when it was declared is not when it was unpacked"
    assert again.winners == content.winners
    assert again.packs == [pack.record], "a pack of what was taken over tells where that came from"
    with pytest.raises(UserError, match="nothing is overwritten"):
        unpack_results(pack, tmp_path / "other")


def tampered(file: Path, change: Callable[[dict[str, bytes]], None], *, forged: bool) -> Path:
    """The pack with other members; its manifest tells them if it is forged."""
    members = unpack_members(file.read_bytes())
    change(members)
    if forged:
        manifest = Pack.read(file).manifest
        import hashlib

        told = {n: Member(size=len(d), sha256=hashlib.sha256(d).hexdigest()) for n, d in members.items()}
        del told["manifest.json"]
        members["manifest.json"] = encode_record("manifest", manifest.model_copy(update={"members": told}))
    other = file.with_name("tampered.pack")
    other.write_bytes(pack_members(members))
    return other


def better(members: dict[str, bytes]) -> None:
    members["outcomes.jsonl"] = members["outcomes.jsonl"].replace(b"0.3333333333333333", b"0.2222222222222222")


def doubled(members: dict[str, bytes]) -> None:
    members["trials.jsonl"] += members["trials.jsonl"]


def stray(members: dict[str, bytes]) -> None:
    members["outcomes.jsonl"] += encode_record("outcome", Outcome(trial="../../x", status="completed"))


def sourceless(members: dict[str, bytes]) -> None:
    members["sources.json"] = members["sources.json"].replace(b"0123456789abcdef", b"0123456789abcdee")


def outgoing(members: dict[str, bytes]) -> None:
    record = PackRecord(digest="a" * 64, study="x", date="", trials=0, results=0)
    members["packs.jsonl"] = encode_record("pack", record.model_copy(update={"digest": "../../../x"}))


def short(members: dict[str, bytes]) -> None:
    members.pop("history.jsonl")


@pytest.mark.parametrize(
    ("change", "told_if_forged"),
    [
        (better, "outcomes.jsonl, line 1: content that does not match its checksum"),
        (doubled, "trials.jsonl with the trial 'trial0000' twice"),
        (stray, r"a trial '../../x' that trials.jsonl lacks"),
        (sourceless, "sources.json: content that does not match"),
        (outgoing, "packs.jsonl, line 1: pack with digest"),
        (short, "a history of the trial trial0000 that ends at step 0 of 9"),
        (lambda members: members.pop("plan.json"), "no member plan.json"),
        (lambda members: members.update({"plan.json": members["runs.jsonl"]}), "a record of kind 'run' where 'plan'"),
    ],
    ids=["better", "doubled", "stray", "sourceless", "outgoing", "short", "planless", "other kind"],
)
def test_a_tampered_pack_is_refused_by_its_name(file: Path, change: Callable[..., None], told_if_forged: str) -> None:
    with pytest.raises(BadPack, match=r"tampered\.pack: a pack must be what") as simple:
        Pack.read(tampered(file, change, forged=False))
    assert re.search("checksum|other members", str(simple.value))
    with pytest.raises(BadPack, match=re.escape(told_if_forged)) as forged:
        Pack.read(tampered(file, change, forged=True))
    assert "tampered.pack" in str(forged.value)
    assert "\n" not in str(forged.value)


def test_a_manifest_that_tells_other_things_is_refused(file: Path) -> None:
    def lie(members: dict[str, bytes]) -> None:
        manifest = Pack.read(file).manifest.model_copy(update={"results": 24})
        members["manifest.json"] = encode_record("manifest", manifest)

    with pytest.raises(BadPack, match="tells other things than the records"):
        Pack.read(tampered(file, lie, forged=False))


def test_a_member_of_a_later_unroll_is_told_as_such(file: Path) -> None:
    def add(members: dict[str, bytes]) -> None:
        members["later.jsonl"] = b""

    with pytest.raises(UserError, match=r"received later\.jsonl.*use the version of Unroll that wrote it"):
        Pack.read(tampered(file, add, forged=True))


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    for place in (tmp_path, tmp_path / "none.pack"):
        with pytest.raises(UserError, match="a pack must be a file that can be read"):
            Pack.read(place)


def test_a_damaged_folder_is_not_packed(content: PackContent, file: Path, tmp_path: Path) -> None:
    ledger = unpack_results(Pack.read(file), tmp_path / "other")
    (record,) = (tmp_path / "other" / "trials" / "trial0000" / "attempts").iterdir()
    body = json.loads(record.read_text())
    body["body"]["steps"] = 7
    record.write_text(json.dumps(body))
    with pytest.raises(UserError, match=r"0001\.json.*does not match its checksum"):
        read_content(Ledger.open(ledger.root))
