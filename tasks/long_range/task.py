"""Problems that ask for a memory: adding, copying, temporal order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, final

from tasks.learning.learned_task import LearnedTask, Prepared
from tasks.long_range.settings import Data, LongRangeSettings
from tasks.recurrent.settings import build_recurrent
from unroll.contract import Metric, UserError, derive_seed

if TYPE_CHECKING:
    import pytorch_lightning as pl

    from tasks.recurrent.answerer import Answerer


@final
class LongRange(LearnedTask[LongRangeSettings, Prepared]):
    """Learn a problem whose answer lies far back; see this folder's README for papers and choices."""

    version: ClassVar[int] = 1
    settings: ClassVar[type[LongRangeSettings]] = LongRangeSettings
    item: ClassVar[str] = "step"
    metrics: ClassVar[Mapping[str, Metric]] = {
        "validation/loss": Metric("minimize", "", "Squared error (adding) or cross entropy in nats, validation set."),
        "validation/error": Metric("minimize", "", "Share of wrong answers on the validation set.", "logit"),
        "test/loss": Metric("minimize", "", "Squared error (adding) or cross entropy in nats, test set."),
        "test/error": Metric("minimize", "", "Share of wrong answers on the test set.", "logit"),
    }

    def small(self, examples: int) -> Mapping[str, Any]:
        """Short sequences, and two validations; what is drawn for training is as much as a batch holds."""
        training = {"training.updates": 10, "training.validate_every": 5, "training.learning_rate": 1e-2}
        return {"data.length": 10, "data.evaluation_sequences": examples, **training}

    def prepare(self, settings: LongRangeSettings, cache: Path) -> Prepared:  # noqa: ARG002
        """Nothing is stored: sequences are drawn as they are needed.

        Raises:
            UserError: the problem is not defined for sequences so short, or Omega not for the cell.
        """
        from tasks.long_range.problems import find_problem

        data, problem = settings.data, find_problem(settings.data.problem)
        if data.length < problem.shortest:
            raise UserError(
                f"length must be at least {problem.shortest} for {data.problem}",
                where="data.length",
                received=str(data.length),
            )
        return Prepared(fingerprint=_fingerprint(data), facts=_facts(data))

    def restored(self, settings: LongRangeSettings, kept: Mapping[str, Any]) -> Prepared:  # noqa: ARG002
        """Nothing of the data is part of a module."""
        return Prepared(fingerprint=_fingerprint(settings.data), facts=_facts(settings.data))

    def seed_varies(self, settings: LongRangeSettings) -> Sequence[str] | None:
        """The sequences that are learned from, too: they are drawn."""
        return [*(super().seed_varies(settings) or ()), "generated data"]

    def module(self, settings: LongRangeSettings, dataset: Prepared) -> pl.LightningModule:
        """Build the network and its loss."""
        from tasks.long_range.module import LongRangeModule
        from tasks.long_range.problems import find_problem
        from tasks.recurrent.omega.omega import Omega

        training = settings.training
        return LongRangeModule(
            problem=find_problem(settings.data.problem),
            network=build_network(settings),
            learning=self.learning(settings, dataset),
            omega=None if training.omega is None else Omega(strength=training.omega, form=training.omega_form),
            diagnose_every=training.diagnose_every,
        )

    def data(
        self,
        settings: LongRangeSettings,
        dataset: Prepared,
        seed: int,
    ) -> pl.LightningDataModule:
        """Batches, each a function of (seed, epoch, position)."""
        from tasks.learning.loaders import Loaders
        from tasks.long_range.batches import DrawnBatches, EvaluationBatches
        from tasks.long_range.problems import find_problem

        data, training, problem = settings.data, settings.training, find_problem(settings.data.problem)
        size, sequences = training.batch_size, data.evaluation_sequences
        number = self.batches(settings, dataset)
        return Loaders(
            train=lambda: DrawnBatches(problem, data.lengths, size=size, number=number, seed=seed),
            held_out=lambda split: EvaluationBatches(problem, data.lengths, sequences=sequences, split=split),
        )

    def epochs(self, settings: LongRangeSettings) -> int:
        """Stretches between two validations."""
        return settings.training.updates // settings.training.validate_every

    def batches(self, settings: LongRangeSettings, dataset: Prepared) -> int:  # noqa: ARG002
        """Those between two validations."""
        return settings.training.validate_every * settings.training.accumulate

    def chance(self, settings: LongRangeSettings, dataset: Prepared) -> Mapping[str, float]:  # noqa: ARG002
        """What a network reaches that never looks back: exact, the mean over all lengths."""
        from tasks.long_range.problems import find_problem

        problem, lengths = find_problem(settings.data.problem), settings.data.lengths
        losses, errors = zip(*map(problem.memoryless, lengths), strict=True)  # of each length, all equally likely
        reached = {"loss": sum(losses) / len(lengths), "error": sum(errors) / len(lengths)}
        return {f"{split}/{name}": value for split in ("validation", "test") for name, value in reached.items()}

    def example_score_bytes(self, settings: LongRangeSettings, dataset: Prepared) -> int:  # noqa: ARG002
        """Measured: a table, and what each sequence adds."""
        return 1_000 + 4 * settings.data.evaluation_sequences

    def flops_per_token(self, settings: LongRangeSettings, dataset: Prepared) -> int:  # noqa: ARG002
        """Per step of a sequence; the answer is counted at each, whether it is asked for or not."""
        import torch

        from tasks.recurrent.operations import matrix_operations

        with torch.device("meta"):
            return matrix_operations(build_network(settings))


def build_network(settings: LongRangeSettings) -> Answerer:
    """The network that the settings describe."""
    from tasks.long_range.problems import find_problem
    from tasks.recurrent.answerer import Answerer

    problem = find_problem(settings.data.problem)
    recurrent = build_recurrent(settings.network, inputs=problem.inputs)
    return Answerer(recurrent=recurrent, answers=problem.outputs, every_step=problem.every_step)


def _fingerprint(data: Data) -> str:
    """What the sequences are drawn from; the evaluation sets' size is part of what a result is measured on."""
    # The last length, not `longest`: null is the same as a longest that equals length.
    parts = (data.problem, data.length, data.lengths[-1], data.evaluation_sequences)
    return f"{derive_seed('long range data', *parts):016x}"


def _facts(data: Data) -> dict[str, int | float | str]:
    lengths = f"{data.length} to {data.longest}" if data.longest else str(data.length)
    return {"problem": data.problem, "length": lengths}
