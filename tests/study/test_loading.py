from collections.abc import Callable
from pathlib import Path

from unroll.study import load_study, make_jobs, make_plan


def test_a_study_becomes_trials_and_jobs(project: Path, write: Callable[..., Path]) -> None:
    write()
    study = load_study("cells", ["training.epochs=1", "resources.gpus=0.25"])
    plan = make_plan(study, cache=project)
    jobs = make_jobs(plan, study, cache=project / "cache")
    assert [(trial.arm, trial.seed) for trial in plan.trials] == [
        ("elman", 0),
        ("gru", 0),
        ("lstm", 0),
        ("elman", 1),
        ("gru", 1),
        ("lstm", 1),
    ]
    assert [arm.parameters for arm in plan.arms] == [160, 480, 640]
    assert jobs[2].settings["network"] == {"cell": "lstm", "hidden": 16, "depth": 2, "dropout": 0.0}
    assert jobs[2].resources.gpus == 0.25
    assert jobs[2].cache == str(project / "cache")
