"""Agreement: the number of a verb, from the words before it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, final

from tasks.agreement.corpus import AgreementCorpus
from tasks.agreement.data import load
from tasks.agreement.sentences import MOST_ATTRACTORS
from tasks.agreement.settings import AgreementSettings
from tasks.learning.learned_task import SentenceTask
from tasks.recurrent.settings import build_recurrent
from tasks.text.embeddings import embedding_size, with_word_vectors
from unroll.contract import Answer, Metric, NewText

if TYPE_CHECKING:
    import pytorch_lightning as pl

    from tasks.agreement.batches import Maker
    from tasks.agreement.encoder import Encoder
    from tasks.agreement.network import AgreementNetwork

_HELD_OUT = ("validation", "test")


def _declare_metrics() -> dict[str, Metric]:
    groups = {"accuracy": "the verbs"}
    for number in range(MOST_ATTRACTORS + 1):
        groups[f"accuracy/attractors_{number}"] = f"the verbs behind {number} nouns of the other number"
    return {
        f"{split}/{name}": Metric(
            "maximize", "", f"Share of {which} of the {split} text whose number is found.", scale="logit"
        )
        for name, which in groups.items()
        for split in _HELD_OUT
    }


@final
class Agreement(SentenceTask[AgreementSettings, AgreementCorpus]):
    """Predict the number of a verb from the words before it; see this folder's README for papers and choices."""

    version: ClassVar[int] = 1
    settings: ClassVar[type[AgreementSettings]] = AgreementSettings
    metrics: ClassVar[Mapping[str, Metric]] = _declare_metrics()

    def small(self, examples: int) -> Mapping[str, int]:
        """So many sentences to learn from."""
        return {"data.sentences": examples}

    def prepare(self, settings: AgreementSettings, cache: Path) -> AgreementCorpus:
        """Read the sentences, once per node.

        Raises:
            UserError: the data or the word vectors are missing or malformed.
        """
        return with_word_vectors(load(settings.data, cache), settings.network, cache)

    def kept(self, settings: AgreementSettings, dataset: AgreementCorpus) -> Mapping[str, Any]:  # noqa: ARG002
        """Words, and how much there was to learn from."""
        return dataset.kept()

    def restored(self, settings: AgreementSettings, kept: Mapping[str, Any]) -> AgreementCorpus:  # noqa: ARG002
        """A corpus without its text."""
        return AgreementCorpus.restored(kept)

    def module(self, settings: AgreementSettings, dataset: AgreementCorpus) -> pl.LightningModule:
        """Build the network and its loss."""
        from tasks.agreement.module import AgreementModule

        return AgreementModule(
            network=build_network(settings, dataset),
            learning=self.learning(settings, dataset),
        )

    def predict(
        self, settings: AgreementSettings, dataset: AgreementCorpus, module: pl.LightningModule, text: NewText
    ) -> Sequence[Answer]:
        """The number of the verb behind each line of words.

        Raises:
            UserError: a format is named, or the objective is that of a language model.
        """
        from tasks.agreement.prediction import predict_numbers

        network: Any = module.network
        return predict_numbers(text, data=dict(settings.data), corpus=dataset, network=network)

    def maker(self, settings: AgreementSettings, dataset: AgreementCorpus, split: str) -> Maker[Any]:
        """What stands before verbs; whole sentences to train a language model."""
        from tasks.agreement.batches import PrefixMaker, SentenceMaker

        whole = split == "train" and settings.training.objective == "language_model"
        return (SentenceMaker if whole else PrefixMaker)(getattr(dataset, split), start=dataset.start)

    def batches(self, settings: AgreementSettings, dataset: AgreementCorpus) -> int:
        """Batches of verbs, or of sentences."""
        text, training = dataset.train, settings.training
        read = len(text.lengths) if training.objective == "number" else len(text.begins) - 1
        return -(-read // training.batch_size)

    def chance(self, settings: AgreementSettings, dataset: AgreementCorpus) -> Mapping[str, float]:  # noqa: ARG002
        """Accuracy of always predicting the number that is the commoner one in the training text."""
        from tasks.agreement.prepare import majority_accuracy

        texts = {"validation": dataset.validation, "test": dataset.test}
        return {f"{split}/accuracy": majority_accuracy(dataset.train, text) for split, text in texts.items()}

    def absent(self, settings: AgreementSettings, dataset: AgreementCorpus) -> Mapping[str, str]:  # noqa: ARG002
        """Accuracies over verbs that a text has none of."""
        texts = {"validation": dataset.validation, "test": dataset.test}
        return {
            f"{split}/accuracy/attractors_{number}": f"the {split} text has no such verb"
            for split, text in texts.items()
            for number in set(range(MOST_ATTRACTORS + 1)) - set(text.attractors.tolist())  # those that no verb has
        }

    def example_score_bytes(self, settings: AgreementSettings, dataset: AgreementCorpus) -> int:  # noqa: ARG002
        """Measured on drawn sentences: a table, and what each verb adds."""
        return 3_000 + len(dataset.test.lengths)

    def unused_of_network(self, settings: AgreementSettings) -> Iterator[str]:
        """What the cell does not have."""
        return super().unused_of_network(settings) if settings.network.kind == "recurrent" else iter(())

    def flops_per_token(self, settings: AgreementSettings, dataset: AgreementCorpus) -> int:
        """Every matrix but the embedding is used once per word, and that of the objective number once per verb."""
        import torch

        from tasks.recurrent.operations import matrix_operations

        with torch.device("meta"):
            network = build_network(settings, dataset)
        reading, answering = matrix_operations(network.reader), matrix_operations(network.output)
        words = 1 + dataset.train.lengths.mean() if settings.training.objective == "number" else 1.0  # 1: the <eos>
        return round(reading + answering / words)


def build_network(settings: AgreementSettings, dataset: AgreementCorpus) -> AgreementNetwork[Any]:
    """The network that the settings describe, for the words of a corpus."""
    from tasks.agreement.network import LanguageModel, NumberPredictor

    reader = _build_reader(settings, dataset)
    if settings.training.objective == "number":
        return NumberPredictor(reader)
    return LanguageModel(reader, vocabulary=len(dataset.vocabulary))


def _build_reader(settings: AgreementSettings, dataset: AgreementCorpus) -> Encoder:
    from tasks.agreement.encoder import Encoder, Window

    network, size = settings.network, embedding_size(settings.network, dataset.vectors)
    read: Any = (
        Window(inputs=size, hidden=network.hidden, words=network.order - 1)
        if network.kind == "window"
        else build_recurrent(network, inputs=size)
    )
    return Encoder(vocabulary=len(dataset.vocabulary), embedding=size, network=read, vectors=dataset.vectors)
