"""Pack a results folder into one small file, and make a results folder of such a file again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from unroll.contract import UserError
from unroll.ledger import Ledger, Pack, PackContent, ScoresRecord, encode_pack, nothing_left_on_error, write_atomic
from unroll.ledger.packs import LARGEST_SCORES, SUFFIX, PackRecord
from unroll.ledger.scores import PackedScores
from unroll.study import Trial, discover_studies, project_root, suggestion
from unroll.workflow.places import find_results, results_folder


def pack_results(target: str, to: Path | None) -> tuple[Path, PackRecord]:
    """Write the records of a results folder into one file; gives its place and what it is.

    Args:
        target: a results folder, or a study whose results lie in ``results/<study>/``.
        to: the file, which is replaced; None for ``<study>.pack`` in the working directory.

    Raises:
        UserError: nothing is there, a record is damaged, or no trial has an outcome.
        StorageError: the disk refused.
    """
    ledger = Ledger.open(find_results(target))
    content = read_content(ledger)
    if not content.results:
        rule, advice = "a pack must hold results", f"unroll run {content.plan.study}"
        raise UserError(rule, where=str(ledger.root), received="no trial with a result", advice=advice)
    data, _ = encode_pack(content)
    file = to or Path(f"{content.plan.study}{SUFFIX}")
    if file.is_dir():
        raise UserError("a pack is one file", where=str(file), received="a folder", advice="name a file with --to")
    write_atomic(file, data)
    return file, Pack.read(file).record


def read_content(ledger: Ledger) -> PackContent:
    """The records that a pack holds: of every trial that has an outcome, whichever plan it belongs to.

    Raises:
        UserError: there is no plan, or a record is damaged: others rely on a pack, so it holds all or is not made.
    """
    plan = ledger.plan()
    trials, outcomes, histories, shown, scores = {}, {}, {}, {}, {}
    for trial in ledger.registered():
        records = ledger.trial(trial.id)
        if not (ends := records.attempts()):
            continue
        trials[trial.id], outcomes[trial.id] = trial, ends
        if (result := records.result()) is not None and result.status == "completed":
            records.history.check(result.steps)
        if (history := records.history.whole()) is not None:
            histories[trial.id] = history
        if (examples := records.shown()) is not None:
            shown[trial.id] = examples
        if (scored := records.scores.read()) is not None:
            scores[trial.id] = scored
    digests = {end.sources for ends in outcomes.values() for end in ends}
    sources = {digest: ledger.sources_of(digest) for digest in sorted(digests)}
    used = {end.pack for ends in outcomes.values() for end in ends}
    content = PackContent(
        plan=plan,
        runs=ledger.runs(),
        sources={digest: files for digest, files in sources.items() if files is not None},
        trials=trials,
        outcomes=outcomes,
        histories=histories,
        shown=shown,
        packs=[pack for pack in ledger.packs() if pack.digest in used],
        analyses=ledger.analyses(),
        winners=[*ledger.winners().values()],
        scores={trial: PackedScores.of(*each) for trial, each in scores.items()} if _are_small(scores) else {},
    )
    if damage := ledger.damage():
        raise damage[0]
    return content


def _are_small(scores: Mapping[str, tuple[ScoresRecord, bytes]]) -> bool:
    """Whether a pack takes what examples added to metrics: it is to be small."""
    return sum(len(data) for _, data in scores.values()) <= LARGEST_SCORES


def unpack_results(pack: Pack, to: Path | None) -> Ledger:
    """Make a results folder of a pack: all that it holds, with the plan that it was packed with.

    Args:
        pack: what was read.
        to: a new folder or an empty one; None for ``results/<study>/`` in the project.

    Raises:
        UserError: something is there already.
        StorageError: the disk refused.
    """
    folder = results_folder(pack.manifest.study, to)
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        rule = "a pack is unpacked into a new folder: nothing is overwritten"
        raise UserError(rule, where=str(folder), received="something is there", advice="name another folder with --to")
    with nothing_left_on_error(folder):
        ledger = Ledger.create(folder)
        with ledger.lock(["unroll", "unpack", pack.path.name]):
            write_trials(pack, ledger, pack.content.trials.values())
            ledger.take_over_analyses(pack.content.analyses)
            for winner in pack.content.winners:
                ledger.freeze(winner)
            ledger.save_plan(pack.content.plan)
    return ledger


def write_trials(pack: Pack, ledger: Ledger, trials: Iterable[Trial]) -> None:
    """Write down trials of a pack that have no result in a folder, which its caller has locked.

    Args:
        pack: what was read.
        ledger: the results folder.
        trials: as they are called in its plan.

    Raises:
        StorageError: the disk refused.
    """
    content = pack.content
    for record in (*content.packs, pack.record):
        ledger.keep_pack(record)
    ledger.keep_sources(content.sources)
    for trial in trials:
        ledger.register(trial)
        outcomes = [
            outcome if outcome.pack else outcome.model_copy(update={"pack": pack.digest})
            for outcome in content.outcomes[trial.id]
        ]
        packed = content.scores.get(trial.id)
        ledger.trial(trial.id).take_over(
            outcomes,
            content.histories.get(trial.id),
            content.shown.get(trial.id),
            (packed.record, packed.data) if packed else None,
        )


def shipped_packs() -> dict[str, Path]:
    """Name of each study of the project beside which a pack of its results lies -> that file."""
    studies = project_root() / "studies"
    files = {name: studies / name / f"{name}{SUFFIX}" for name in discover_studies()}
    return {name: file for name, file in files.items() if file.is_file()}


def find_pack(target: str) -> Path:
    """A pack, given as its file or by the name of a study beside which one lies.

    Raises:
        UserError: there is none.
    """
    if Path(target).is_file():
        return Path(target)
    shipped = shipped_packs()
    if target in shipped:
        return shipped[target]
    if target in discover_studies():
        advice = f"`unroll pack RESULTS --to studies/{target}/{target}{SUFFIX}` makes one"
        raise UserError("no pack lies beside the study", where=target, advice=advice)
    known = f"studies with a pack: {', '.join(shipped)}" if shipped else "no study here has a pack"
    advice = suggestion(target, list(shipped)) or known
    raise UserError("there is no such pack, and no study of this name", received=repr(target), advice=advice)
