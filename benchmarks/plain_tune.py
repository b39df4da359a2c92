"""The documented way to do the same: Ray Tune function trainables that call Lightning, a fresh process per trial.

A script of its own: ``python -m benchmarks.plain_tune JOBS RESULTS --cores N``, both files in JSON.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import ray
from pytorch_lightning.loggers import WandbLogger
from ray import tune
from ray.tune.integration.pytorch_lightning import TuneReportCheckpointCallback

from tasks.language_modeling.settings import LanguageModelingSettings
from tasks.language_modeling.task import LanguageModeling


def train(config: dict[str, Any]) -> None:
    """Train and test one language model, with what the two libraries' documentation shows and no more."""
    job, task = config["job"], LanguageModeling()
    trial, settings = job["trial"], LanguageModelingSettings.model_validate(job["settings"])
    corpus = task.prepare(settings, Path(job["cache"]))
    module: Any = task.module(settings, corpus)
    module.initialise(trial["seed"])
    logger = WandbLogger(project="benchmark", name=trial["id"], save_dir=config["folder"], offline=True)
    trainer = pl.Trainer(
        accelerator="cpu",
        devices=1,
        max_epochs=settings.training.epochs,
        logger=logger,
        callbacks=[TuneReportCheckpointCallback(["validation/perplexity"], save_checkpoints=False)],
        log_every_n_steps=job["log_every_steps"],
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    data = task.data(settings, corpus, trial["seed"])
    trainer.fit(module, datamodule=data)
    (metrics,) = trainer.test(module, datamodule=data, verbose=False)
    logger.experiment.finish()
    tune.report({"trial": trial["id"], **metrics})


def main() -> None:
    """Run every job, one core each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("jobs", type=Path)
    parser.add_argument("results", type=Path)
    parser.add_argument("--cores", type=int, required=True)
    given = parser.parse_args()
    folder = str(given.results.parent.resolve())
    work = [{"job": job, "folder": folder} for job in json.loads(given.jobs.read_text(encoding="utf-8"))]
    ray.init("local", num_cpus=given.cores, include_dashboard=False, log_to_driver=False)
    tuner = tune.Tuner(
        tune.with_resources(lambda config: train(config["work"]), {"cpu": 1}),
        param_space={"work": tune.grid_search(work)},
        run_config=tune.RunConfig(name="plain", storage_path=folder, verbose=0),
    )
    results = tuner.fit()
    if results.num_errors:
        raise SystemExit(str(results.errors[0]))
    found = {result.metrics["trial"]: result.metrics["test/perplexity"] for result in results}
    given.results.write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    main()
