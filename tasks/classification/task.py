"""Classification: a label for a whole sentence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, final

import numpy as np

from tasks.classification.settings import ClassificationSettings, settings_of
from tasks.learning.learned_task import SentenceTask
from tasks.text.embeddings import with_word_vectors
from tasks.text.labelled import LabelledCorpus, load
from unroll.contract import Answer, Metric, NewText, PlainTorch

if TYPE_CHECKING:
    import pytorch_lightning as pl

    from tasks.classification.batches import BatchMaker


def _declare_metrics() -> dict[str, Metric]:
    what = {
        "accuracy": "Share of the {} sentences that are classified rightly.",
        "macro_f1": "Mean of F1 over the labels that are true or predicted of some of the {} sentences.",
    }
    return {
        f"{split}/{name}": Metric("maximize", "", sentence.format(split), scale="logit")
        for name, sentence in what.items()
        for split in ("validation", "test")
    }


@final
class Classification(SentenceTask[ClassificationSettings, LabelledCorpus]):
    """Predict the label of a sentence from all its words; see this folder's README for papers and choices."""

    version: ClassVar[int] = 1
    settings: ClassVar[type[ClassificationSettings]] = ClassificationSettings
    metrics: ClassVar[Mapping[str, Metric]] = _declare_metrics()

    def small(self, examples: int) -> Mapping[str, int]:
        """So many sentences to learn from."""
        return {"data.sentences": examples}

    def prepare(self, settings: ClassificationSettings, cache: Path) -> LabelledCorpus:
        """Read the sentences, once per node.

        Raises:
            UserError: the data or the word vectors are missing or malformed.
        """
        return with_word_vectors(load(settings.data, cache), settings.network, cache)

    def kept(self, settings: ClassificationSettings, dataset: LabelledCorpus) -> Mapping[str, Any]:  # noqa: ARG002
        """Words and labels, and how much there was to learn from."""
        return dataset.kept()

    def restored(self, settings: ClassificationSettings, kept: Mapping[str, Any]) -> LabelledCorpus:  # noqa: ARG002
        """A corpus without its text."""
        return LabelledCorpus.restored(kept)

    def in_torch(
        self,
        settings: ClassificationSettings,  # noqa: ARG002
        dataset: LabelledCorpus,
        module: pl.LightningModule,
    ) -> PlainTorch | None:
        """Embedding, torch's recurrent network and linear layer, where torch has such a network."""
        from tasks.classification.export import to_torch

        network: Any = module.network
        return to_torch(network, dataset.vocabulary)

    def module(self, settings: ClassificationSettings, dataset: LabelledCorpus) -> pl.LightningModule:
        """Build the network and its loss."""
        from tasks.classification.build import build_network
        from tasks.classification.module import ClassificationModule

        return ClassificationModule(
            network=build_network(settings.network, dataset),
            labels=(*dataset.labels.words, *dataset.unseen.words),
            learning=self.learning(settings, dataset),
        )

    def predict(
        self,
        settings: ClassificationSettings,
        dataset: LabelledCorpus,
        module: pl.LightningModule,
        text: NewText,
    ) -> Sequence[Answer]:
        """The label of each sentence, with the probabilities of all.

        Raises:
            UserError: the lines break the format, or there is no such format.
        """
        from tasks.classification.prediction import classify

        network: Any = module.network
        return classify(text, settings=settings, corpus=dataset, network=network)

    def maker(self, settings: ClassificationSettings, dataset: LabelledCorpus, split: str) -> BatchMaker:  # noqa: ARG002
        """Sentences with their labels."""
        from tasks.classification.batches import BatchMaker

        return BatchMaker(getattr(dataset, split))

    def chance(self, settings: ClassificationSettings, dataset: LabelledCorpus) -> Mapping[str, float]:  # noqa: ARG002
        """The share of the commonest label among those that can be predicted."""
        texts, labels = {"validation": dataset.validation, "test": dataset.test}, len(dataset.labels)
        return {
            # Labels beyond those of the training text cannot be predicted, so they are cut off.
            f"{split}/accuracy": float(np.bincount(text.labels, minlength=labels)[:labels].max() / len(text))
            for split, text in texts.items()
        }

    def example_score_bytes(self, settings: ClassificationSettings, dataset: LabelledCorpus) -> int:  # noqa: ARG002
        """Measured on drawn sentences: a table, and what each sentence adds."""
        return 1_500 + len(dataset.test)

    def unused_of_network(self, settings: ClassificationSettings) -> Iterator[str]:
        """What the cell does not have."""
        return super().unused_of_network(settings) if "cell" in settings_of(settings.network.kind) else iter(())

    def flops_per_token(self, settings: ClassificationSettings, dataset: LabelledCorpus) -> int | None:
        """What is used once per sentence counts by its share, for sentences as long as those of the training text.

        None for hierarchical networks, whose share depends on how the text falls into sentences.
        """
        import torch

        from tasks.classification.build import build_network

        with torch.device("meta"):
            network = build_network(settings.network, dataset)
        return network.operations(float(dataset.train.lengths.mean()))
