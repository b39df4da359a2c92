"""The limit that the platform is measured against does the platform's work: it ends at the same perplexities."""

from pathlib import Path

import pytest

from benchmarks.raw_loop import RawTraining
from unroll.execution.trial.session import Session
from unroll.ledger import Ledger, Outcome
from unroll.study import Job, load_study, make_jobs, make_plan

STUDY = """
question: Is a raw loop the same training?
task: language_modeling
settings:
  data: {corpus: toy_language, sentences: 120}
  network: {hidden: 8, embedding: 12, depth: 2}
  training: {epochs: 3, batch_size: 8, bptt: 7, learning_rate: 1e-2, clip_norm: 0.5}
compare:
  network.cell: [elman, gru_reset_after, lstm]
  loss:
    adam: {}
    sgd: {training.optimizer: sgd, training.reduction: time_sum}
seeds: [5]
wandb: {mode: disabled}
"""


@pytest.fixture(scope="module")
def jobs(tmp_path_factory: pytest.TempPathFactory) -> list[Job]:
    folder = tmp_path_factory.mktemp("raw")
    (folder / "study.yaml").write_text(STUDY, encoding="utf-8")
    study = load_study(folder / "study.yaml")
    return make_jobs(make_plan(study, cache=folder / "cache"), study, cache=folder / "cache")


@pytest.mark.parametrize("index", range(6))
def test_same_perplexities_as_the_platform(jobs: list[Job], index: int, tmp_path: Path) -> None:
    job = jobs[index]
    raw = RawTraining(job).run()

    ledger = Ledger.create(tmp_path / "results")
    ledger.register(job.trial)
    with ledger.lock("test") as lock:
        session = Session(job, ledger, token=lock.token, guarded=False)
        while not isinstance(seen := session.advance(), Outcome):
            pass

    assert seen.metrics["validation/perplexity"] == pytest.approx(raw.validation, rel=1e-4)
    assert seen.metrics["test/perplexity"] == pytest.approx(raw.test, rel=1e-4)
    assert raw.seconds > 0
