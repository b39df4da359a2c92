"""A study as one file: packed, unpacked, and taken over by another run, which then runs only what the pack lacks."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from unroll.ledger import Ledger, Pack

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.cli.conftest import FakeRunner, Said

    Unroll = Callable[..., Said]

HERE = {"device": "Xeon", "torch": "2.13.0", "host": "node-7", "vectors": "AVX2", "threads": "1"}


@pytest.fixture
def packed(project: Path, unroll: Unroll, runner: FakeRunner) -> Path:
    """The finished study ``tiny`` as a file; its results folder is the only one."""
    runner.environment = dict(HERE)
    assert unroll("run", "tiny", "--no-report").code == 0
    said = unroll("pack", "tiny", "--to", "tiny.pack")
    assert said.code == 0
    assert "4 of 4 trials with a result, study tiny" in said.out
    runner.ran.clear()
    return project / "tiny.pack"


def page(folder: str) -> str:
    return Path(folder, "report", "report.md").read_text(encoding="utf-8")


def without_provenance(text: str) -> str:
    found = re.sub(r"\n## Provenance\n.*?(?=\n## )", "", text, flags=re.DOTALL)
    assert found != text
    return found


def test_packing_again_gives_the_same_bytes(packed: Path, unroll: Unroll) -> None:
    assert unroll("pack", "results/tiny").code == 0
    assert Path("tiny.pack").read_bytes() == packed.read_bytes()
    assert len(packed.read_bytes()) < 20_000


def test_a_taken_over_study_gives_the_same_report_but_for_provenance(
    packed: Path, unroll: Unroll, runner: FakeRunner
) -> None:
    pack = Pack.read(packed)
    unroll("report", "results/tiny")
    before = page("results/tiny")
    said = unroll("run", "tiny", "--from", "tiny.pack", "--results", "elsewhere")
    assert (said.code, runner.ran) == (0, [])
    assert f"4 of 4 trials came from the pack {pack.record.named}" in said.out
    after = page("elsewhere")
    assert without_provenance(after) == without_provenance(before)
    provenance = after[after.index("## Provenance") :]
    assert pack.digest in provenance
    assert "4 of 4 trials with a result" in provenance
    assert "unroll run tiny" in provenance, "the run that trained them"
    assert "node-7" not in after
    for table in ("arms", "differences", "trials", "pairs", "curves"):
        mine, theirs = (Path(folder, "report/tables", f"{table}.csv") for folder in ("results/tiny", "elsewhere"))
        assert mine.read_bytes() == theirs.read_bytes()

    assert unroll("unpack", "tiny.pack", "--to", "third").code == 0
    assert unroll("report", "third").code == 0
    assert without_provenance(page("third")) == without_provenance(before)


def test_a_new_arm_beside_a_pack_runs_only_its_own_trials(packed: Path, unroll: Unroll, runner: FakeRunner) -> None:
    words = ("tiny", "network.cell=elman,lstm,gru", "--from", str(packed), "--results", "wider")
    told = json.loads(unroll("plan", *words, "--format", "json").out)
    assert {name: told[name] for name in ("planned", "done", "from_packs", "missing")} == {
        "planned": 6,
        "done": 4,
        "from_packs": 4,
        "missing": 2,
    }
    assert "6 trials, 4 done (4 of them from packs), 2 missing" in unroll("plan", *words).out
    assert not Path("wider").exists(), "planning takes nothing over"

    runner.environment = HERE | {"device": "Epyc", "torch": "2.14.0"}
    said = unroll("run", *words)
    assert said.code == 0
    assert {(job.trial.arm, job.trial.seed) for job in runner.ran} == {("gru", 0), ("gru", 1)}
    assert "--from" in said.out, "what continues it takes over again"
    status = json.loads(unroll("status", "wider", "--format", "json").out)
    assert [(pack["study"], pack["trials"]) for pack in status["packs"]] == [("tiny", 4)]
    assert status["counts"] == {"completed": 6}
    assert "4 of 6 trials came from the pack tiny" in unroll("results", "wider").out

    text = page("wider")
    pack = Pack.read(packed).record
    there = f"the baseline elman on device Xeon, torch 2.13.0 (from the pack {pack.named})"
    assert f"Not under the same conditions: gru ran on device Epyc, torch 2.14.0 (from this folder); {there}." in text
    row = next(line for line in text.splitlines() if line.startswith("| gru") and "untested" in line)
    assert row.rstrip(" |").endswith("device, torch")
    row = next(line for line in text.splitlines() if line.startswith("| lstm") and "untested" in line)
    assert row.rstrip(" |").endswith("–")

    runner.ran.clear()
    assert unroll("run", *words).code == 0
    assert runner.ran == [], "what was taken over stays"
    again = unroll("pack", "wider", "--to", "wider.pack")
    assert again.code == 0
    assert [record.digest for record in Pack.read(Path("wider.pack")).content.packs] == [pack.digest]


def test_a_study_ships_a_pack_by_having_one_beside_it(packed: Path, unroll: Unroll, runner: FakeRunner) -> None:
    said = unroll("run", "tiny", "--from", "tiny", "--results", "by_name")
    assert said.code == 2
    assert "tiny: no pack lies beside the study" in said.err
    assert "`unroll pack RESULTS --to studies/tiny/tiny.pack` makes one" in said.err
    shutil.copy(packed, "studies/tiny/tiny.pack")
    assert unroll("run", "tiny", "--from", "tiny", "--results", "by_name", "--no-report").code == 0
    assert runner.ran == []
    said = unroll("plan", "tiny", "--from", "tinny")
    assert said.code == 2
    assert "did you mean 'tiny'" in said.err


def test_a_tampered_pack_is_refused_and_leaves_nothing(packed: Path, unroll: Unroll, runner: FakeRunner) -> None:
    data = bytearray(packed.read_bytes())
    data[len(data) // 2] ^= 1
    Path("bad.pack").write_bytes(data)
    for words in (("run", "tiny", "--from", "bad.pack", "--results", "none"), ("unpack", "bad.pack", "--to", "none")):
        said = unroll(*words)
        assert (said.code, said.out) == (2, "")
        assert said.err.startswith("error: bad.pack: a pack must be what `unroll pack` wrote")
        assert len(said.err.splitlines()) == 1
    assert not Path("none").exists()
    assert runner.ran == []


def test_a_pack_of_other_data_or_settings_gives_nothing(packed: Path, unroll: Unroll, runner: FakeRunner) -> None:
    words = ("data.sentences=80", "--from", str(packed), "--results", "other", "--no-report")
    assert unroll("run", "tiny", *words).code == 0
    assert len(runner.ran) == 4
    assert Ledger.open(Path("other")).packs() == []


def test_an_id_that_stands_for_another_trial_is_refused(
    packed: Path, unroll: Unroll, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = Pack.read(packed)
    trials = {id: trial.model_copy(update={"seed": 7}) for id, trial in read.content.trials.items()}  # noqa: A001
    object.__setattr__(read.content, "trials", trials)
    monkeypatch.setattr(Pack, "read", lambda path: read)
    said = unroll("run", "tiny", "--from", str(packed), "--results", "other")
    assert said.code == 2
    assert "a trial's id must stand for one content" in said.err
    assert "another seed" in said.err


def test_results_of_other_sources_are_refused_taken_or_run_by_choice(
    packed: Path, unroll: Unroll, runner: FakeRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    from unroll.study import planning, sources

    cell, real = "tasks/recurrent/cells/lstm.py", sources.find_sources

    def edited(task: str, settings: dict[str, object]) -> dict[str, str]:
        return {file: "edited" if file == cell else text for file, text in real(task, settings).items()}

    monkeypatch.setattr(planning, "find_sources", edited)
    words = ("tiny", "--from", str(packed), "--results", "other")
    said = unroll("run", *words)
    assert (said.code, runner.ran) == (2, [])
    assert "tiny.pack: results must come from the source files that run now (received 2 trials of lstm" in said.err
    assert f"before {cell} changed" in said.err
    assert not Path("other").exists()
    assert any(cell in doubt for doubt in json.loads(unroll("plan", *words, "--format", "json").out)["warnings"])

    assert unroll("run", *words, "--if-changed", "keep").code == 0
    assert runner.ran == []
    assert f"Source files that gave results were changed since: 2 trials of lstm, before {cell}" in page("other")
    assert unroll("run", *words[:-1], "third", "--if-changed", "rerun").code == 0
    assert {job.trial.arm for job in runner.ran} == {"lstm"}


def test_what_has_no_result_is_not_packed(project: Path, unroll: Unroll, runner: FakeRunner) -> None:
    runner.status = lambda job: "failed_user"
    unroll("run", "tiny", "--no-report")
    said = unroll("pack", "tiny")
    assert said.code == 2
    assert "a pack must hold results" in said.err
