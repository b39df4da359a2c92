"""Packs: a results folder's records in one small file, that others can be compared with; see ``container.py``.

::

    manifest.json    what it is, and size and SHA-256 of every other member
    plan.json        the plan
    runs.jsonl       provenance of its runs, oldest first
    sources.json     the source files that trials ran: digest -> file -> hash
    trials.jsonl     every trial that has an outcome, by id
    outcomes.jsonl   how their attempts ended, in order
    history.jsonl    what each of them logged, in one segment
    examples.jsonl   what models made of examples
    analyses.jsonl   what was declared of the analysis, oldest first
    winners.jsonl    what tunings have chosen, by their ids
    packs.jsonl      packs that some of the trials were taken over from
    scores.jsonl     what each example of the test data added to a trial's metrics; all of them, or none

Each line is a record as in the results folder, with its own checksum. The manifest's digest is that of the pack: it
covers the content of all members and does not depend on how they were compressed. Checkpoints, weights and W&B's files
are no part of a pack, nor is the name of a machine: ``host`` is left out of outcomes and runs.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Self, TypeVar

from pydantic import BaseModel, Field

from unroll.contract import UserError
from unroll.ledger.analyses import AnalysisRecord
from unroll.ledger.container import LARGEST, BadContainer, pack_members, unpack_members
from unroll.ledger.files import read_file
from unroll.ledger.history import Segment
from unroll.ledger.outcome import FINAL, Outcome
from unroll.ledger.records import DamagedRecord, UnknownFormat, decode_record, encode_record
from unroll.ledger.run_record import RunRecord
from unroll.ledger.scores import PackedScores
from unroll.ledger.shown import ShownExamples
from unroll.study.plan import Plan
from unroll.study.sources import digest_sources
from unroll.study.trial import Count, Frozen, Trial
from unroll.study.tuning import Winner

SUFFIX = ".pack"
DIGEST = r"^[0-9a-f]{64}$"
_SOURCES_DIGEST = r"^[0-9a-f]{1,64}$"
_MANIFEST = "manifest.json"
_MEMBERS = (
    *("plan.json", "runs.jsonl", "sources.json", "trials.jsonl", "outcomes.jsonl", "history.jsonl"),
    *("examples.jsonl", "analyses.jsonl", "winners.jsonl", "packs.jsonl", "scores.jsonl"),
)
"""In the order in which they lie; empty ones are left out."""
LARGEST_SCORES = 2**22
"""Bytes of the tables of all trials together, up to which a pack holds ``scores.jsonl``."""
_SHORT = 12
"""Characters of a digest that people are shown."""
_PLACES = ("--results", "--address")
"""Options of a run that say where something was, which is nobody else's concern."""

ModelT = TypeVar("ModelT", bound=BaseModel)


class PackRecord(Frozen):
    """What a results folder keeps of a pack from which it took trials over: ``packs/<digest>.json``."""

    digest: str = Field(pattern=DIGEST)
    study: str
    date: str
    """When its newest trial ended: UTC, ISO 8601; empty where no trial tells."""
    trials: Count
    """Trials that it holds."""
    results: Count
    """Those of them that have a result."""
    runs: list[RunRecord] = Field(default=[])
    """Where its results come from, oldest first."""

    @property
    def short(self) -> str:
        """The beginning of the digest, for people."""
        return self.digest[:_SHORT]

    @property
    def named(self) -> str:
        """The pack for people: study, digest, date."""
        return f"{self.study} ({self.short}, {self.date[:10] or 'without a date'})"


class Member(Frozen):
    """A member as the manifest tells it."""

    size: Count
    sha256: str = Field(pattern=DIGEST)


class Manifest(Frozen):
    """What a pack is."""

    study: str
    question: str
    task: str
    date: str
    trials: Count
    results: Count
    members: dict[str, Member]


class PackedSources(Frozen):
    """What digests of source files stand for (``Plan.sources``)."""

    sources: dict[Annotated[str, Field(pattern=_SOURCES_DIGEST)], dict[str, str]]


class BadPack(UserError):
    """A file is no pack, or is not as it was written."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(
            "a pack must be what `unroll pack` wrote",
            where=str(path),
            received=reason,
            advice="get the file again from where it came, or have it packed anew",
        )
        self.args = (path, reason)  # what pickle calls the class with


@dataclass(frozen=True, kw_only=True)
class PackContent:
    """The records of a results folder that a pack holds."""

    plan: Plan
    runs: Sequence[RunRecord] = ()
    sources: Mapping[str, Mapping[str, str]]
    trials: Mapping[str, Trial]
    """By id."""
    outcomes: Mapping[str, Sequence[Outcome]]
    """Id -> how its attempts ended, in order; every trial has one at least."""
    histories: Mapping[str, Segment]
    shown: Mapping[str, ShownExamples]
    packs: Sequence[PackRecord] = ()
    """Packs that some of the trials were taken over from."""
    analyses: Sequence[AnalysisRecord] = ()
    """What was declared of the analysis, oldest first."""
    winners: Sequence[Winner] = ()
    """What tunings have chosen."""
    scores: Mapping[str, PackedScores] = field(default_factory=dict)
    """Of the trials that have them; of none, where all together are larger than :data:`LARGEST_SCORES`."""

    @property
    def results(self) -> dict[str, Outcome]:
        """Id -> the outcome that is a result, where there is one."""
        ends = {trial: [end for end in outcomes if end.status in FINAL] for trial, outcomes in self.outcomes.items()}
        return {trial: found[-1] for trial, found in ends.items() if found}


@dataclass(frozen=True, kw_only=True)
class Pack:
    """A pack that was read."""

    path: Path
    digest: str
    manifest: Manifest
    content: PackContent

    @property
    def record(self) -> PackRecord:
        """What a folder that takes trials over keeps of it."""
        told = self.manifest
        return PackRecord(
            digest=self.digest,
            study=told.study,
            date=told.date,
            trials=told.trials,
            results=told.results,
            runs=list(self.content.runs),
        )

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a pack, which may come from a stranger: nothing in it is run, and no place is written to.

        Raises:
            UserError: there is no such file, a newer Unroll wrote it, or it is not what was written.
        """
        members = _read_members(path)
        if _MANIFEST not in members:
            raise BadPack(path, f"no member {_MANIFEST}")
        raw = members.pop(_MANIFEST)
        manifest = _decode(path, _MANIFEST, "manifest", Manifest, raw)
        if unknown := sorted(manifest.members.keys() - {*_MEMBERS}):
            raise UserError(
                "this version of Unroll knows all that a pack holds",
                where=str(path),
                received=", ".join(unknown)[:200],
                advice="use the version of Unroll that wrote it",
            )
        found = {name: Member(size=len(data), sha256=_hash(data)) for name, data in members.items()}
        if list(found) != [name for name in _MEMBERS if name in manifest.members]:
            raise BadPack(path, "other members than its manifest names")
        for name, member in found.items():
            if manifest.members[name] != member:
                raise BadPack(path, f"{name} with content that does not match its checksum")
        content = _read_content(path, members)
        if _describe(content, manifest.members) != manifest:
            raise BadPack(path, f"a {_MANIFEST} that tells other things than the records")
        return cls(path=path, digest=_hash(raw), manifest=manifest, content=content)


def encode_pack(content: PackContent) -> tuple[bytes, str]:
    """The file of a pack, and its digest: the same records give the same. What names a machine is left out.

    Raises:
        UserError: it would be larger than what is read.
    """
    hosts = _hosts(content)
    trials = sorted(content.trials)
    runs = [_without_machine(run, hosts) for run in content.runs]
    lines: dict[str, list[bytes]] = {
        "plan.json": [encode_record("plan", _without_account(content.plan))],
        "runs.jsonl": [encode_record("run", run) for run in runs],
        "sources.json": [
            encode_record("sources", PackedSources(sources={d: dict(f) for d, f in sorted(content.sources.items())}))
        ],
        "trials.jsonl": [encode_record("trial", content.trials[trial]) for trial in trials],
        "outcomes.jsonl": [
            encode_record("outcome", _without_host(outcome, hosts))
            for trial in trials
            for outcome in content.outcomes[trial]
        ],
        "history.jsonl": _records("history", content.histories, trials),
        "examples.jsonl": _records("examples", content.shown, trials),
        "packs.jsonl": [encode_record("pack", pack) for pack in sorted(content.packs, key=lambda pack: pack.digest)],
        "analyses.jsonl": [encode_record("analysis", analysis) for analysis in content.analyses],
        "scores.jsonl": _records("scores", content.scores, trials),
        "winners.jsonl": [encode_record("winner", won) for won in sorted(content.winners, key=lambda won: won.tuning)],
    }
    members = {name: b"".join(lines[name]) for name in _MEMBERS if lines[name]}
    told = {name: Member(size=len(data), sha256=_hash(data)) for name, data in members.items()}
    manifest = encode_record("manifest", _describe(content, told))
    try:
        return pack_members({_MANIFEST: manifest, **members}), _hash(manifest)
    except BadContainer as error:
        rule = "a pack must be small enough to be read by anybody"
        raise UserError(rule, where=content.plan.study, received=str(error)) from None


def _records(kind: str, models: Mapping[str, BaseModel], trials: Iterable[str]) -> list[bytes]:
    return [encode_record(kind, models[trial]) for trial in trials if trial in models]


def _describe(content: PackContent, members: Mapping[str, Member]) -> Manifest:
    ends = [outcome.finished for outcomes in content.outcomes.values() for outcome in outcomes]
    return Manifest(
        study=content.plan.study,
        question=content.plan.question,
        task=content.plan.task,
        date=max(ends, default=""),
        trials=len(content.trials),
        results=len(content.results),
        members=dict(members),
    )


# What names a machine or an account


def _hosts(content: PackContent) -> frozenset[str]:
    """Names of machines that the records hold in their own fields."""
    told = [outcome.environment.get("host", "") for outcomes in content.outcomes.values() for outcome in outcomes]
    return frozenset(filter(None, [*told, *(str(run.hardware.get("host", "")) for run in content.runs)]))


def _without_host(outcome: Outcome, hosts: Iterable[str]) -> Outcome:
    environment = {name: value for name, value in outcome.environment.items() if name != "host"}
    message = outcome.message
    for host in sorted(hosts, key=len, reverse=True):
        message = re.sub(rf"(?<![\w./-]){re.escape(host)}(?![\w/-])", "HOST", message)
    return outcome.model_copy(update={"environment": environment, "message": message})


def _without_machine(run: RunRecord, hosts: Iterable[str]) -> RunRecord:
    hardware = {name: value for name, value in run.hardware.items() if name != "host"}
    return run.model_copy(update={"hardware": hardware, "command": _without_places(run.command, {*hosts})})


def _without_places(command: Sequence[str], hosts: set[str]) -> list[str]:
    """A command line without the options that say where something was, and of other paths their last part."""
    kept: list[str] = []
    words = iter(command)
    for word in words:
        if word in _PLACES:
            next(words, None)
        elif not word.startswith(tuple(f"{name}=" for name in _PLACES)):
            kept.append(_last_part(word))
    return ["HOST" if word in hosts else word for word in kept]


def _last_part(word: str) -> str:
    """``data.path=~jane/ptb`` -> ``data.path=.../ptb``: a path that leaves the folder may name a person."""
    before, equals, value = word.rpartition("=")
    parts = PurePosixPath(value).parts
    if len(parts) > 1 and (parts[0].startswith("~") or ".." in parts):
        return f"{before}{equals}.../{parts[-1]}"
    return word


def _without_account(plan: Plan) -> Plan:
    """A plan whose declaration names no user or team of W&B."""
    wandb = plan.declaration.get("wandb")
    if not isinstance(wandb, Mapping) or "entity" not in wandb:
        return plan
    nameless = {name: value for name, value in wandb.items() if name != "entity"}
    return plan.model_copy(update={"declaration": {**plan.declaration, "wandb": nameless}})


# Reading


def _read_members(path: Path) -> dict[str, bytes]:
    try:
        if (size := os.stat(path).st_size) > LARGEST:
            raise BadPack(path, f"{size:,} bytes, where {LARGEST:,} are the most")
        return unpack_members(read_file(path))
    except BadContainer as error:
        raise BadPack(path, str(error)) from None
    except OSError as error:
        if isinstance(error, UserError):
            raise
        rule = "a pack must be a file that can be read"
        raise UserError(rule, where=str(path), received=str(error.strerror)) from None


def _read_content(path: Path, members: Mapping[str, bytes]) -> PackContent:
    def one(name: str, kind: str, model: type[ModelT]) -> ModelT:
        if name not in members:
            raise BadPack(path, f"no member {name}")
        return _decode(path, name, kind, model, members[name])

    def several(name: str, kind: str, model: type[ModelT]) -> list[ModelT]:
        lines = members.get(name, b"").split(b"\n")[:-1]
        return [_decode(path, f"{name}, line {number}", kind, model, line) for number, line in enumerate(lines, 1)]

    sources = one("sources.json", "sources", PackedSources).sources
    if wrong := [digest for digest, files in sources.items() if digest_sources(files) != digest]:
        raise BadPack(path, f"sources.json with other files under {wrong[0]}")
    trials = _by_id(path, "trials.jsonl", several("trials.jsonl", "trial", Trial), lambda trial: trial.id)
    ends: dict[str, list[Outcome]] = {trial: [] for trial in trials}
    for outcome in several("outcomes.jsonl", "outcome", Outcome):
        if outcome.trial not in ends:
            raise BadPack(path, f"outcomes.jsonl with a trial {outcome.trial[:60]!r} that trials.jsonl lacks")
        ends[outcome.trial].append(outcome)
    histories = _by_id(path, "history.jsonl", several("history.jsonl", "history", Segment), lambda each: each.trial)
    shown = _by_id(
        path, "examples.jsonl", several("examples.jsonl", "examples", ShownExamples), lambda each: each.trial
    )
    scores = _by_id(path, "scores.jsonl", several("scores.jsonl", "scores", PackedScores), lambda each: each.trial)
    if stray := sorted({*histories, *shown, *scores} - {*trials}):
        raise BadPack(path, f"records of a trial {stray[0][:60]!r} that trials.jsonl lacks")
    if empty := [trial for trial, outcomes in ends.items() if not outcomes]:
        raise BadPack(path, f"no outcome of the trial {empty[0]}")
    content = PackContent(
        plan=one("plan.json", "plan", Plan),
        runs=several("runs.jsonl", "run", RunRecord),
        sources=sources,
        trials=trials,
        outcomes=ends,
        histories=histories,
        shown=shown,
        packs=several("packs.jsonl", "pack", PackRecord),
        analyses=several("analyses.jsonl", "analysis", AnalysisRecord),
        winners=several("winners.jsonl", "winner", Winner),
        scores=scores,
    )
    for trial, outcome in content.results.items():
        end = histories[trial].step if trial in histories else 0
        if outcome.status == "completed" and end < outcome.steps:
            raise BadPack(path, f"a history of the trial {trial} that ends at step {end} of {outcome.steps}")
    return content


def _by_id(path: Path, name: str, models: Iterable[ModelT], identity: Callable[[ModelT], str]) -> dict[str, ModelT]:
    found: dict[str, ModelT] = {}
    for model in models:
        if identity(model) in found:
            raise BadPack(path, f"{name} with the trial {identity(model)[:60]!r} twice")
        found[identity(model)] = model
    return found


def _decode(path: Path, place: str, kind: str, model: type[ModelT], data: bytes) -> ModelT:
    try:
        return decode_record(path, kind, model, data)
    except DamagedRecord as error:
        raise BadPack(path, f"{place}: {error.received}") from None
    except UnknownFormat as error:
        raise UserError(
            error.rule, where=str(path), received=error.received, advice="use the version of Unroll that wrote it"
        ) from None


def _hash(data: Any) -> str:
    return hashlib.sha256(data).hexdigest()
