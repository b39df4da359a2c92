"""Language modelling, by word or by character: recurrent networks and what they are measured against."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, final

from tasks.language_modeling.exposure.names import EXPOSURE, OF_KNOWN_LANGUAGE
from tasks.language_modeling.metrics import BITS, COMPLETIONS, KEYSTROKES, METRICS
from tasks.language_modeling.settings import LanguageModelingSettings, Network, WritingSettings
from tasks.recurrent.settings import build_recurrent
from tasks.remedies.remedy_task import RemedyTask
from tasks.remedies.settings import PLAIN
from tasks.text.embeddings import WordVectors, embedding_size, with_word_vectors
from tasks.text.running import TokenCorpus, load
from unroll.contract import Metric, PlainTorch, Selection, UserError

if TYPE_CHECKING:
    import pytorch_lightning as pl

    from tasks.language_modeling.completion import Completer
    from tasks.language_modeling.exposure.measurement import ExposureMeasurement
    from tasks.language_modeling.network import NextToken
    from tasks.language_modeling.remedied import TextRemedy
    from tasks.language_modeling.writer import TextWriter


@final
class LanguageModeling(RemedyTask[LanguageModelingSettings, TokenCorpus]):
    """Predict each token of a text from all the tokens before it; see this folder's README for papers and choices."""

    version: ClassVar[int] = 2
    settings: ClassVar[type[LanguageModelingSettings]] = LanguageModelingSettings
    metrics: ClassVar[Mapping[str, Metric]] = METRICS
    writing: ClassVar[type[WritingSettings]] = WritingSettings

    def small(self, examples: int) -> Mapping[str, int]:
        """Windows so short that such a text has several batches."""
        return {"data.sentences": examples, "training.bptt": 2}

    def prepare(self, settings: LanguageModelingSettings, cache: Path) -> TokenCorpus:
        """Read the text, once per node; it must fill the training columns.

        Raises:
            UserError: the text or the word vectors are missing or malformed, or the text is too short.
        """
        corpus = with_word_vectors(load(settings.data, cache), settings.network, cache)
        if settings.network.kind != "ngram" and len(corpus.train) < settings.training.batch_size:
            raise UserError(
                "the training text must have at least as many tokens as there are columns",
                where="training.batch_size",
                received=f"{len(corpus.train)} tokens for {settings.training.batch_size} columns",
                advice="lower training.batch_size",
            )
        if (exposure := _exposure(settings, corpus)) is not None:
            exposure.check()
        return corpus

    def kept(self, settings: LanguageModelingSettings, dataset: TokenCorpus) -> Mapping[str, Any]:
        """Words, and how much there was to learn from; n-grams are their own text."""
        return dataset.kept() | ({"tokens": 1} if settings.network.kind == "ngram" else {})

    def restored(self, settings: LanguageModelingSettings, kept: Mapping[str, Any]) -> TokenCorpus:  # noqa: ARG002
        """A corpus without its text."""
        return TokenCorpus.restored(kept)

    def writer(
        self, settings: LanguageModelingSettings, dataset: TokenCorpus, module: pl.LightningModule
    ) -> TextWriter:
        """What goes on with text, of every kind of model."""
        from tasks.language_modeling.writer import TextWriter, text_model

        return TextWriter(text_model(module), dataset, level=settings.data.level)

    def in_torch(
        self,
        settings: LanguageModelingSettings,  # noqa: ARG002
        dataset: TokenCorpus,
        module: pl.LightningModule,
    ) -> PlainTorch | None:
        """Embedding, torch's recurrent network and linear layer, where torch has such a network."""
        from tasks.language_modeling.export import to_torch
        from tasks.language_modeling.network import LanguageModel

        network = getattr(module, "network", None)
        return to_torch(network, dataset.vocabulary, dataset.start) if isinstance(network, LanguageModel) else None

    def module(self, settings: LanguageModelingSettings, dataset: TokenCorpus) -> pl.LightningModule:
        """Build the network and its loss."""
        if settings.network.kind == "ngram":
            return _counting(settings, dataset)
        from tasks.language_modeling.module import LanguageModelingModule
        from tasks.recurrent.omega.omega import Omega

        training = settings.training
        network = build_network(settings.network, vocabulary=len(dataset.vocabulary), vectors=dataset.vectors)
        return LanguageModelingModule(
            network=network,
            learning=self.learning(settings, dataset),
            bptt=training.bptt,
            omega=None if training.omega is None else Omega(strength=training.omega, form=training.omega_form),
            reduction=training.reduction,
            diagnose_every=training.diagnose_every,
            characters=settings.data.level == "character",
            completer=_completer(settings, dataset),
            exposure=_exposure(settings, dataset),
            remedied=self._remedied(settings, dataset, network),
        )

    def _remedied(
        self, settings: LanguageModelingSettings, dataset: TokenCorpus, network: NextToken
    ) -> TextRemedy | None:
        """What is minimized where that is not the likelihood behind right words."""
        from tasks.language_modeling.network import LanguageModel
        from tasks.language_modeling.remedied import TextRemedy
        from tasks.remedies.own_weights import OwnWeights

        training = settings.training
        if training.remedy == PLAIN or not isinstance(network, LanguageModel):
            return None
        remedy = self.remedy(settings, features=network.recurrent.outputs)
        clipping = self.learning(settings, dataset).clipping
        own = OwnWeights(remedy, rate=training.own_rate, clipping=clipping)
        return TextRemedy(remedy=remedy, own=own, end=dataset.start, updates=self.steps(settings, dataset))

    def data(
        self,
        settings: LanguageModelingSettings,
        dataset: TokenCorpus,
        seed: int,  # noqa: ARG002
    ) -> pl.LightningDataModule:
        """Segments in the order of the text, which no seed changes."""
        from tasks.language_modeling.batches import WINDOWS_PER_BATCH, EvaluationSegments, TrainingSegments
        from tasks.learning.loaders import Loaders

        training, start = settings.training, dataset.start
        columns, length = training.batch_size, training.bptt * WINDOWS_PER_BATCH
        if settings.network.kind == "ngram":
            columns, length = 1, len(dataset.train)
        return Loaders(
            train=lambda: TrainingSegments(dataset.train, start=start, columns=columns, length=length),
            held_out=lambda split: EvaluationSegments(
                getattr(dataset, split), start=start, columns=training.evaluation_batch_size
            ),
        )

    def epochs(self, settings: LanguageModelingSettings) -> int:
        """Passes over the training text; n-grams are counted in one."""
        return 1 if settings.network.kind == "ngram" else super().epochs(settings)

    def selection(self, settings: LanguageModelingSettings) -> Selection:
        """N-grams, counted in one pass, have one state."""
        return Selection() if settings.network.kind == "ngram" else super().selection(settings)

    def batches(self, settings: LanguageModelingSettings, dataset: TokenCorpus) -> int:
        """Windows of an epoch; counting is one step."""
        if settings.network.kind == "ngram":
            return 1
        column = len(dataset.train) // settings.training.batch_size
        return -(-column // settings.training.bptt)

    def absent(self, settings: LanguageModelingSettings, dataset: TokenCorpus) -> Mapping[str, str]:  # noqa: ARG002
        """Bits per character of words, and what nobody asks for: completions, exposure bias."""
        found: dict[str, str] = {}
        if settings.data.level == "word":
            found |= dict.fromkeys(BITS, "a token is a word")
        if settings.training.completions is None:
            found |= dict.fromkeys(COMPLETIONS, "training.completions is null")
        elif settings.data.level == "character":
            found[f"test/{KEYSTROKES}"] = "a token is a character, which takes a key to choose as to type"
        if settings.training.exposure_bias is None:
            found |= dict.fromkeys(EXPOSURE, "training.exposure_bias is null")
        elif not _is_known(settings):
            found |= dict.fromkeys(OF_KNOWN_LANGUAGE, "the true next word is known of the toy language alone, by word")
        return found

    def chance(self, settings: LanguageModelingSettings, dataset: TokenCorpus) -> Mapping[str, float]:
        """Perplexity of the words' frequencies in the training text, each count raised by one; ranks by them."""
        from tasks.language_modeling.unigram import unigram_ranks, unigram_scores

        scores = unigram_scores(dataset, characters=settings.data.level == "character")
        return scores if settings.training.completions is None else {**scores, **unigram_ranks(dataset)}

    def seed_varies(self, settings: LanguageModelingSettings) -> Sequence[str] | None:
        """Nothing of n-grams, which are counted; they draw what they write where exposure bias is measured."""
        if settings.network.kind != "ngram":
            return super().seed_varies(settings)
        return () if settings.training.exposure_bias is None else ["what the model writes"]

    def unused(self, settings: LanguageModelingSettings) -> Iterator[str]:
        """What n-grams, which are counted once, do not learn by; of networks see :meth:`LearnedTask.unused`."""
        if settings.network.kind != "ngram":
            return super().unused(settings)
        measured = ("evaluation_batch_size", "completions", "exposure_bias")
        return (f"training.{name}" for name in type(settings.training).model_fields if name not in measured)

    def unused_of_network(self, settings: LanguageModelingSettings) -> Iterator[str]:
        """What the cell does not have."""
        return super().unused_of_network(settings) if settings.network.kind == "recurrent" else iter(())

    def flops_per_token(self, settings: LanguageModelingSettings, dataset: TokenCorpus) -> int:
        """Every matrix but the embedding is used once per token; a tied one is the output layer's. Counts have none."""
        if settings.network.kind == "ngram":
            return 0
        import torch

        from tasks.recurrent.operations import matrix_operations

        with torch.device("meta"):
            return matrix_operations(
                build_network(settings.network, vocabulary=len(dataset.vocabulary), vectors=dataset.vectors)
            )


def build_network(network: Network, *, vocabulary: int, vectors: WordVectors | None = None) -> NextToken:
    """The network that the settings describe, recurrent or a window.

    Raises:
        UserError: weights are to be tied, and word vectors have another size than the layers.
    """
    from tasks.language_modeling.network import LanguageModel
    from tasks.language_modeling.window import WindowModel

    embedding = _embedding_size(network, vectors)
    if network.kind == "window":
        return WindowModel(
            vocabulary=vocabulary,
            embedding=embedding,
            hidden=network.hidden,
            order=network.order,
            direct=network.direct,
            dropout=network.dropout,
            tie_weights=network.tie_weights,
            vectors=vectors,
        )
    return LanguageModel(
        vocabulary=vocabulary,
        embedding=embedding,
        recurrent=build_recurrent(network, inputs=embedding),
        tie_weights=network.tie_weights,
        vectors=vectors,
    )


def _embedding_size(network: Network, vectors: WordVectors | None) -> int:
    size = embedding_size(network, vectors, otherwise=network.hidden)
    if network.tie_weights and size != network.hidden:
        raise UserError(
            "tie_weights needs word vectors as large as the layers",
            where="network.hidden",
            received=f"{network.hidden}, and vectors of {size} values",
            advice=f"set network.hidden to {size}",
        )
    return size


def _counting(settings: LanguageModelingSettings, dataset: TokenCorpus) -> pl.LightningModule:
    from tasks.language_modeling.counting import CountingModule, count_grams

    order = settings.network.order
    return CountingModule(
        order=order,
        vocabulary=len(dataset.vocabulary),
        boundary=dataset.start,
        counts=count_grams(dataset, order),
        characters=settings.data.level == "character",
        completer=_completer(settings, dataset),
        exposure=_exposure(settings, dataset),
    )


def _is_known(settings: LanguageModelingSettings) -> bool:
    """Whether the true distribution of the next token is known."""
    return settings.data.corpus == "toy_language" and settings.data.level == "word"


def _exposure(settings: LanguageModelingSettings, dataset: TokenCorpus) -> ExposureMeasurement | None:
    from tasks.language_modeling.exposure.measurement import ExposureMeasurement
    from tasks.language_modeling.exposure.truth import ToyTruth

    if (prefixes := settings.training.exposure_bias) is None:
        return None
    truth = ToyTruth(dataset.vocabulary, end=dataset.start) if _is_known(settings) else None
    return ExposureMeasurement(dataset.test, start=dataset.start, prefixes=prefixes, truth=truth)


def _completer(settings: LanguageModelingSettings, dataset: TokenCorpus) -> Completer | None:
    from tasks.language_modeling.completion import Completer

    if (shown := settings.training.completions) is None:
        return None
    unknown = dataset.vocabulary.unknown
    return Completer(
        dataset.vocabulary,
        shown=shown,
        unlisted={dataset.start} if unknown is None else {dataset.start, unknown},
        words=settings.data.level == "word",
    )
