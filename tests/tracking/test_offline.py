"""What an offline run leaves on disk, read back by wandb's own reader."""

import gc
import math
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from unroll.tracking import close_mirror, mirror, service, unsynced

pytestmark = pytest.mark.usefixtures("offline")

KILLED = """
import os, signal, sys, time
from pathlib import Path
from unroll.tracking import mirror
with mirror(mode="offline", project="unroll", entity=None, run_id="t1", group="cells", job_type="confirm", name="n",
            tags=[], config={"seed": 3}, folder=Path(sys.argv[1])) as trial:
    (logger,) = trial.loggers()
    print("open", flush=True)
    for step in range(1000):
        logger.log_metrics({"training/loss": 1.0 / (step + 1)}, step=step)
        print(step, flush=True)
        time.sleep(0.05)
"""


def only_run(folder: Path, run_id: str = "t1") -> Path:
    (run,) = (folder / "wandb").glob(f"offline-run-*-{run_id}")
    return run


def collected(updates: list[dict[str, Any]]) -> dict[str, Any]:
    return {key: value for update in updates for key, value in update["update"].items()}


def test_a_run_tells_config_group_steps_and_summary(tmp_path: Path, trial: Any, inspect: Any) -> None:
    with trial() as mirrored:
        (logger,) = mirrored.loggers()
        for step in (0, 10, 20):
            logger.log_metrics({"training/loss": 1.0 / (step + 1)}, step=step)
        mirrored.finish("completed", {"test/perplexity": 3.5})
    records = inspect(only_run(tmp_path))
    (head,) = records["run"]
    assert (head["run_id"], head["project"]) == ("t1", "unroll")
    assert (head["run_group"], head["job_type"]) == ("cells", "confirm")
    assert (head["display_name"], head["tags"]) == ("lstm, seed t1", ["language_modeling"])
    config = head["config"]["update"]
    assert (config["network"], config["seed"]) == ({"cell": "lstm", "hidden": 64}, 3)
    history = [(row["item"]["trainer/global_step"], row["item"]["training/loss"]) for row in records["history"]]
    assert history == [(0, 1), (10, 1 / 11), (20, 1 / 21)]
    summary = collected(records["summary"])
    assert (summary["test/perplexity"], summary["status"]) == (3.5, "completed")
    assert [record["exit_code"] for record in records["exit"]] == [0]
    assert mirrored.problem is None


def test_nothing_finite_is_asked_of_a_number(tmp_path: Path, trial: Any, inspect: Any) -> None:
    odd = {"nan": math.nan, "up": math.inf, "down": -math.inf}
    with trial() as mirrored:
        mirrored.loggers()[0].log_metrics(odd, step=1)
        mirrored.finish("diverged", {f"final/{key}": value for key, value in odd.items()})
    expected = {"nan": "NaN", "up": "Infinity", "down": "-Infinity"}
    records = inspect(only_run(tmp_path))
    (row,) = records["history"]
    assert {key: row["item"][key] for key in odd} == expected
    summary = collected(records["summary"])
    assert {key: summary[f"final/{key}"] for key in odd} == expected


@pytest.mark.parametrize(
    ("status", "exit_code"), [("completed", 0), ("diverged", 0), ("stopped", 0), ("timeout", 1), ("failed_user", 1)]
)
def test_the_exit_code_follows_the_status(
    tmp_path: Path, trial: Any, inspect: Any, status: str, exit_code: int
) -> None:
    with trial() as mirrored:
        mirrored.finish(status, {})
    assert [record.get("exit_code", 0) for record in inspect(only_run(tmp_path))["exit"]] == [exit_code]


def test_a_trial_that_raises_is_closed_and_its_error_passes(tmp_path: Path, trial: Any, inspect: Any) -> None:
    def fail() -> None:
        with trial() as mirrored:
            mirrored.loggers()[0].log_metrics({"training/loss": 1.0}, step=0)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    records = inspect(only_run(tmp_path))
    assert len(records["history"]) == 1
    assert [record["exit_code"] for record in records["exit"]] == [1]


def test_trials_after_each_other_share_a_process_and_nothing_else(tmp_path: Path, trial: Any, inspect: Any) -> None:
    def run_all() -> None:
        for number in range(3):
            with trial(f"t{number}") as mirrored:
                mirrored.loggers()[0].log_metrics({"training/loss": float(number)}, step=number)
                finisher = threading.Thread(target=mirrored.finish, args=("completed", {"final": float(number)}))
                finisher.start()
                finisher.join()

    trainer = threading.Thread(target=run_all)  # as in a Ray actor, where training is not in the main thread
    trainer.start()
    trainer.join()
    for number in range(3):
        records = inspect(only_run(tmp_path, f"t{number}"))
        (row,) = records["history"]
        assert (row["item"]["training/loss"], row["item"]["trainer/global_step"]) == (number, number)
        assert collected(records["summary"])["final"] == number


def test_a_killed_process_leaves_its_history_up_to_the_last_second(tmp_path: Path, inspect: Any) -> None:
    process = subprocess.Popen([sys.executable, "-c", KILLED, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "open\n"
    logged: list[float] = []
    while len(logged) < 60:
        process.stdout.readline()
        logged.append(time.monotonic())
    killed = time.monotonic()
    process.send_signal(signal.SIGKILL)
    process.communicate()
    durable = sum(moment < killed - 1.3 for moment in logged)
    steps = [record["item"]["trainer/global_step"] for record in inspect(only_run(tmp_path))["history"]]
    assert durable >= 20
    assert steps[:durable] == list(range(durable))


def test_lightning_trains_with_the_logger(tmp_path: Path, trial: Any, inspect: Any) -> None:
    import pytorch_lightning as pl
    import torch

    class Line(pl.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.save_hyperparameters({"secret": "not for W&B"})
            self.slope = torch.nn.Linear(1, 1)

        def training_step(self, batch: torch.Tensor, index: int) -> torch.Tensor:
            loss: torch.Tensor = self.slope(batch).square().mean()
            self.log("training/loss", loss)
            return loss

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return torch.optim.SGD(self.parameters(), lr=0.1)

    with trial() as mirrored:
        trainer = pl.Trainer(
            max_steps=3,
            log_every_n_steps=1,
            accelerator="cpu",
            logger=mirrored.loggers(),
            enable_progress_bar=False,
            enable_model_summary=False,
            enable_checkpointing=False,
        )
        trainer.fit(Line(), torch.ones(3, 1, 1))
        mirrored.finish("completed", {})
    records = inspect(only_run(tmp_path))
    assert [row["item"]["trainer/global_step"] for row in records["history"]] == [0, 1, 2]
    assert "secret" not in str(records)


def test_an_error_while_logging_turns_the_mirror_off(tmp_path: Path, trial: Any, monkeypatch: Any) -> None:
    import wandb

    with trial() as mirrored:
        (logger,) = mirrored.loggers()

        def fail(*args: Any, **kwargs: Any) -> None:
            raise OSError("disk full\nsecond line")

        monkeypatch.setattr(wandb.Run, "log", fail)
        logger.log_metrics({"training/loss": 1.0}, step=0)
        monkeypatch.undo()
        logger.log_metrics({"training/loss": 2.0}, step=1)
        mirrored.finish("completed", {})
    assert mirrored.problem == "W&B: OSError: disk full"


def test_an_error_at_the_start_leaves_the_trial_without_a_run(
    tmp_path: Path, trial: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(**kwargs: Any) -> None:
        raise PermissionError("not yours")

    monkeypatch.setattr("wandb.init", fail)
    with trial() as mirrored:
        assert mirrored.loggers() == []
        mirrored.finish("completed", {"test/perplexity": 2.0})
    assert mirrored.problem == "W&B: PermissionError: not yours"


def test_a_long_tag_is_cut_and_an_empty_one_left_out(tmp_path: Path, inspect: Any) -> None:
    arm = "cell=lstm, " * 10
    with mirror(
        mode="offline",
        project="unroll",
        entity=None,
        run_id="t1",
        group="cells",
        job_type="tune",
        name=arm,
        tags=[arm, "", "b"],
        config={},
        folder=tmp_path,
    ) as mirrored:
        mirrored.finish("completed", {})
    assert mirrored.problem is None
    (head,) = inspect(only_run(tmp_path))["run"]
    assert sorted(head["tags"]) == sorted([arm[:64], "b"])


@pytest.mark.parametrize("blow", [signal.SIGKILL, signal.SIGSTOP])
def test_a_dead_or_hanging_service_costs_one_run_at_most(
    tmp_path: Path, trial: Any, inspect: Any, monkeypatch: pytest.MonkeyPatch, blow: signal.Signals
) -> None:
    monkeypatch.setattr(service, "FINISH_SECONDS", 1.0)
    monkeypatch.setattr(service, "GRACE_SECONDS", 1.0)
    import wandb

    began = time.monotonic()
    with trial("t1") as mirrored:
        process = wandb.setup().ensure_service()._proc._process
        process.send_signal(blow)
        mirrored.loggers()[0].log_metrics({"training/loss": 1.0}, step=0)
        mirrored.finish("completed", {})
    assert mirrored.problem is not None
    assert time.monotonic() - began < 60, "there is an end"
    with trial("t2") as after:
        after.loggers()[0].log_metrics({"training/loss": 1.0}, step=0)
        after.finish("completed", {})
    assert after.problem is None
    assert len(inspect(only_run(tmp_path, "t2"))["history"]) == 1
    reap(process)


def reap(process: "subprocess.Popen[bytes]") -> None:
    """End a service that was abandoned, so that nothing is left of it when its handle goes."""
    process.kill()
    process.wait()
    gc.collect()


def test_nothing_is_said_and_the_environment_stays_as_it_was(
    trial: Any, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_MODE", "online")
    with trial() as mirrored:
        mirrored.loggers()[0].log_metrics({"training/loss": 1.0}, step=0)
        mirrored.finish("completed", {})
    assert os.environ["WANDB_MODE"] == "online"
    assert capfd.readouterr() == ("", "")


def test_disabled_makes_no_file_and_no_logger(tmp_path: Path, trial: Any) -> None:
    with trial(mode="disabled") as mirrored:
        assert mirrored.loggers() == []
        mirrored.finish("completed", {"test/perplexity": 2.0})
    assert list(tmp_path.iterdir()) == []


def test_a_retried_trial_counts_once_and_empty_logs_not_at_all(tmp_path: Path, trial: Any) -> None:
    for _ in range(2):
        with trial("t1") as mirrored:
            mirrored.finish("completed", {})
    close_mirror()
    empty = tmp_path / "wandb" / "offline-run-20200101_000000-t0"
    empty.mkdir()
    (empty / "run-t0.wandb").write_bytes(b":W&B123")
    assert unsynced(tmp_path) == 1


def test_importing_the_room_imports_nothing_heavy() -> None:
    code = "import sys, unroll.tracking; print({'wandb', 'torch', 'pytorch_lightning', 'ray'} & set(sys.modules))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "set()"
