"""The command line in this process, with a runner that trains nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from unroll.cli.main import main
from unroll.contract import UserError
from unroll.execution import Observer, TimeLimit
from unroll.ledger import HistoryRow, Ledger, Outcome, Status
from unroll.study import Job

STUDY = """\
question: Does gating help?
task: language_modeling
settings:
  data: {corpus: toy_language, sentences: 60}
  network: {embedding: 4, hidden: 6}
  training: {epochs: 1, batch_size: 4}
compare:
  network.cell: [elman, lstm]
seeds: 2
wandb: {mode: disabled}
"""
METRICS = {"validation/perplexity": 12.5, "test/perplexity": 13.25, "train/perplexity": 11.0}


@dataclass(frozen=True)
class Said:
    """What a command printed and how it left."""

    code: int
    out: str
    err: str


@dataclass
class FakeRunner:
    """Ends every job at once, in the way that :attr:`status` says; stops where :attr:`stop_after` says."""

    status: Callable[[Job], Status] = lambda job: "completed"
    metrics: dict[str, float] = field(default_factory=lambda: dict(METRICS))
    environment: dict[str, str] = field(default_factory=dict)
    stop_after: int | None = None
    leaves_out: Callable[[Job], bool] = lambda job: False
    refusal: UserError | None = None
    error: BaseException | None = None
    ran: list[Job] = field(default_factory=list)
    limit: TimeLimit | None = None

    def run(
        self,
        jobs: Sequence[Job],
        ledger: Ledger,
        *,
        token: str,
        observer: Observer,
        ready: Callable[[], None],
        limit: TimeLimit | None = None,
    ) -> None:
        self.limit = limit
        if self.refusal:
            raise self.refusal
        ready()
        for number, job in enumerate(jobs):
            if number == self.stop_after:
                ledger.request_stop(token)
                return
            if self.leaves_out(job):
                continue
            self.ran.append(job)
            status = self.status(job)
            message = "" if status == "completed" else f"it {status}"
            outcome = Outcome(
                trial=job.trial.id,
                status=status,
                message=message,
                metrics=self.metrics,
                steps=7,
                items=70,
                seconds=1.5,
                environment=self.environment,
                sources=job.sources,
            )
            rows = [
                HistoryRow(step=7, epoch=1, seconds=1.5, metric=name, value=self.metrics[name]) for name in self.metrics
            ]
            ledger.trial(job.trial.id).append_history(rows, step=7)
            ledger.record(outcome)
            observer.finished(outcome)
        if self.error:
            raise self.error


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with the study ``tiny``, being the working directory; the tasks are this repository's."""
    (tmp_path / "project" / "studies" / "tiny").mkdir(parents=True)
    (tmp_path / "project" / "tasks").mkdir()
    (tmp_path / "project" / "studies" / "tiny" / "study.yaml").write_text(STUDY, encoding="utf-8")
    monkeypatch.setenv("UNROLL_ROOT", str(tmp_path / "project"))
    monkeypatch.setenv("UNROLL_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path / "project")
    return tmp_path / "project"


@pytest.fixture
def unroll(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Said]:
    """Run one command line."""

    def call(*words: str) -> Said:
        capsys.readouterr()
        monkeypatch.setattr("sys.argv", ["/somewhere/bin/unroll", *words])
        with pytest.raises(SystemExit) as left:
            main()
        said = capsys.readouterr()
        code = left.value.code
        return Said(code if isinstance(code, int) else 0, said.out, said.err)

    return call


@pytest.fixture
def runner(monkeypatch: pytest.MonkeyPatch) -> FakeRunner:
    """What ``unroll run`` runs its trials with."""
    fake = FakeRunner()
    monkeypatch.setattr("unroll.workflow.invocation.Invocation.make_runner", lambda *args, **options: fake)
    return fake
