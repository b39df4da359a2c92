"""Recurrent tagging: a tag for each word of a sentence."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, final

from tasks.recurrent.settings import build_initialization, build_recurrent
from tasks.tagging.settings import Network, TaggingSettings
from tasks.text.tagged import TaggedCorpus, load
from unroll.contract import Metric, Task

if TYPE_CHECKING:
    import pytorch_lightning as pl

    from tasks.tagging.network import Tagger


def _declare_metrics() -> dict[str, Metric]:
    words = {
        "accuracy": "all words",
        "unknown_word_accuracy": "the words that the training text lacks",
        "ambiguous_word_accuracy": "the words that have several tags in the training text",
    }
    return {
        f"{split}/{name}": Metric("maximize", "", f"Share of {which} of the {split} text that are tagged rightly.")
        for name, which in words.items()
        for split in ("validation", "test")
    }


@final
class Tagging(Task[TaggingSettings, TaggedCorpus]):
    """Tell the tag of each word from the sentence around it; see this folder's README for papers and choices."""

    version: ClassVar[int] = 1
    settings: ClassVar[type[TaggingSettings]] = TaggingSettings
    metrics: ClassVar[Mapping[str, Metric]] = _declare_metrics()

    def prepare(self, settings: TaggingSettings, cache: Path) -> TaggedCorpus:
        """Read the sentences, once per node.

        Raises:
            UserError: the data are missing or malformed.
        """
        return load(settings.data, cache)

    def module(self, settings: TaggingSettings, dataset: TaggedCorpus) -> pl.LightningModule:
        """Build the network and its loss."""
        from tasks.recurrent.clipping import Clipping
        from tasks.tagging.module import TaggingModule

        training = settings.training
        return TaggingModule(
            network=build_network(settings.network, dataset),
            initialization=build_initialization(settings.network),
            optimizer=training.optimizer,
            learning_rate=training.learning_rate,
            clipping=Clipping(norm=training.clip_norm),
        )

    def data(self, settings: TaggingSettings, dataset: TaggedCorpus, seed: int) -> pl.LightningDataModule:
        """Length buckets, in an order of (seed, epoch)."""
        from tasks.tagging.batches import SentenceBatches

        return SentenceBatches(dataset, batch_size=settings.training.batch_size, seed=seed)

    def epochs(self, settings: TaggingSettings) -> int:
        """Number of passes over the training text."""
        return settings.training.epochs

    def steps(self, settings: TaggingSettings, dataset: TaggedCorpus) -> int:
        """Batches of all epochs: one optimizer step each."""
        return settings.training.epochs * -(-len(dataset.train) // settings.training.batch_size)

    def flops_per_token(self, settings: TaggingSettings, dataset: TaggedCorpus) -> int:
        """Every matrix but the embedding is used once per token."""
        import torch

        from tasks.recurrent.operations import matrix_operations

        with torch.device("meta"):
            return matrix_operations(build_network(settings.network, dataset))


def build_network(network: Network, dataset: TaggedCorpus) -> Tagger:
    """The network that the settings describe, for the words and tags of a corpus."""
    from tasks.tagging.network import Tagger

    return Tagger(
        vocabulary=len(dataset.vocabulary),
        embedding=network.embedding,
        recurrent=build_recurrent(network, inputs=network.embedding),
        tags=len(dataset.tags),
    )
