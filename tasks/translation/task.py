"""Translation: a sentence of one language becomes a sentence of another."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, cast, final

import numpy as np

from tasks.learning.learned_task import SentenceTask
from tasks.remedies.remedy_task import RemedyTask
from tasks.remedies.settings import PLAIN
from tasks.text.parallel import ParallelCorpus, ParallelText, load
from tasks.text.vocabulary import EOS
from tasks.translation.settings import Decoding, TranslationSettings
from unroll.contract import Answer, Direction, Example, Metric, NewText, Scale

if TYPE_CHECKING:
    import pytorch_lightning as pl

    from tasks.encoder_decoder.network import EncoderDecoder
    from tasks.translation.batches import BatchMaker
    from tasks.translation.module import TranslationModule


def _declare_metrics() -> dict[str, Metric]:
    higher = {
        "bleu": "BLEU of the {} translations, by sacrebleu, in points of 100.",
        "chrf": "chrF2 of the {} translations, by sacrebleu, in points of 100.",
        "exact_match": "Share of the {} sentences whose translation is the right one, word for word.",
        "accuracy": "Share of the tokens of the {} translations that are guessed rightly from the right ones before.",
        "free_running_accuracy": "Share of the tokens of the {} translations that stand at their place in what is "
        "written, each word guessed from the guessed ones before.",
    }
    lower = {
        "loss": "Mean negative log-likelihood of a token of the {} translations, from the right ones before.",
        "perplexity": "Perplexity of the tokens of the {} translations, from the right ones before.",
        "unfinished": "Share of the {} sentences whose translation was cut off at its greatest length.",
    }
    lower["accuracy_gap"] = "Accuracy of the {} translations from right words before, less that from guessed ones."
    scales: dict[str, Scale] = {"perplexity": "log", "exact_match": "logit", "accuracy": "logit"}
    scales |= {"free_running_accuracy": "logit", "unfinished": "logit"}
    units = {"loss": "nats"}
    directions: dict[Direction, dict[str, str]] = {"maximize": higher, "minimize": lower}
    found = {
        name: Metric(direction, units.get(name, ""), text, scales.get(name, "identity"))
        for direction, texts in directions.items()
        for name, text in texts.items()
    }
    of_both = {
        f"{split}/{name}": replace(metric, description=metric.description.format(split))
        for name, metric in found.items()
        for split in ("validation", "test")
    }
    own = "Mean negative log-likelihood of a token of the test translations, while the model reads its own words."
    return {**of_both, "test/free_running_loss": Metric("minimize", "nats", own)}


@final
class Translation(RemedyTask[TranslationSettings, ParallelCorpus], SentenceTask[TranslationSettings, ParallelCorpus]):
    """Learn to translate from pairs of sentences; see this folder's README for papers and choices."""

    version: ClassVar[int] = 1
    settings: ClassVar[type[TranslationSettings]] = TranslationSettings
    metrics: ClassVar[Mapping[str, Metric]] = _declare_metrics()

    def small(self, examples: int) -> Mapping[str, int]:
        """So many pairs to learn from."""
        return {"data.sentences": examples, "network.hidden": 32, "network.embedding": 16}

    def prepare(self, settings: TranslationSettings, cache: Path) -> ParallelCorpus:
        """Read the pairs, once per node.

        Raises:
            UserError: the data are missing or malformed.
        """
        return load(settings.data, cache)

    def kept(self, settings: TranslationSettings, dataset: ParallelCorpus) -> Mapping[str, Any]:  # noqa: ARG002
        """Vocabularies and tokenizations of both languages."""
        return dataset.kept()

    def restored(self, settings: TranslationSettings, kept: Mapping[str, Any]) -> ParallelCorpus:  # noqa: ARG002
        """A corpus without a pair."""
        return ParallelCorpus.restored(kept)

    def predict(
        self,
        settings: TranslationSettings,
        dataset: ParallelCorpus,
        module: pl.LightningModule,
        text: NewText,
    ) -> Sequence[Answer]:
        """A translation of each line."""
        from tasks.translation.prediction import translate

        return translate(text, settings=settings, corpus=dataset, module=cast("TranslationModule", module))

    def module(self, settings: TranslationSettings, dataset: ParallelCorpus) -> pl.LightningModule:
        """Build the network, the remedy, and the decoding."""
        from tasks.decoding.settings import build_decoding
        from tasks.translation.module import TranslationModule

        trained, network = self._trained(settings), self._network(settings, dataset)
        decoding, target = settings.decoding, dataset.target_vocabulary
        return TranslationModule(
            network=network,
            learning=self.learning(trained, dataset),
            remedy=self.remedy(settings, features=network.decoder.output.in_features),
            updates=self.steps(trained, dataset),
            own_rate=settings.training.own_rate,
            decoding=build_decoding(decoding),
            limit=lambda length: math.ceil(decoding.longest_factor * length) + decoding.longest_extra,
            words=target.words,
            detokenize=dataset.detokenize,
            end=target.number(EOS),
            unknown=target.unknown,
            lowercase=dataset.target_tokenization.lowercase,
        )

    def maker(self, settings: TranslationSettings, dataset: ParallelCorpus, split: str) -> BatchMaker:
        """Pairs, held-out ones with their references."""
        from tasks.translation.batches import BatchMaker

        return BatchMaker(
            getattr(dataset, split),
            end=dataset.target_vocabulary.number(EOS),
            reverse=settings.network.reverse_source,
            references=split != "train",
        )

    def data(self, settings: TranslationSettings, dataset: ParallelCorpus, seed: int) -> pl.LightningDataModule:
        """See :meth:`SentenceTask.data`; held-out pairs in larger batches."""
        from tasks.learning.loaders import BucketLoader, Loaders, SortedLoader
        from tasks.translation.batches import TOGETHER

        size = settings.training.batch_size
        return Loaders(
            train=lambda: BucketLoader(self.maker(settings, dataset, "train"), size=size, seed=seed),
            held_out=lambda split: SortedLoader(self.maker(settings, dataset, split), size=TOGETHER),
        )

    def epochs(self, settings: TranslationSettings) -> int:
        """None where a trained translator is only decoded in another way."""
        return super().epochs(settings) if _is_plain(settings) else 0

    def warm_start(self, settings: TranslationSettings) -> TranslationSettings | None:
        """The same translator with the default decoding; of that, see :meth:`RemedyTask.warm_start`."""
        return super().warm_start(settings) if _is_plain(settings) else self._trained(settings)

    def absent(self, settings: TranslationSettings, dataset: ParallelCorpus) -> Mapping[str, str]:  # noqa: ARG002
        """Scores of validation where nothing is trained."""
        if _is_plain(settings):
            return {}
        return {name: "only the test is run" for name in self.metrics if name.startswith("validation/")}

    def warnings(self, settings: TranslationSettings, dataset: ParallelCorpus) -> Sequence[str]:
        """See :meth:`LearnedTask.warnings`; with what a remedy's options come to on these data."""
        found = super().warnings(settings, dataset)
        if settings.training.remedy == PLAIN:
            return found
        vocabulary, length = len(dataset.target_vocabulary), round(float(dataset.train.target.lengths.mean()))
        remedy = self.remedy(settings, features=1)
        return [*found, *remedy.warnings(vocabulary=vocabulary, length=max(1, length))]

    def chance(self, settings: TranslationSettings, dataset: ParallelCorpus) -> Mapping[str, float]:  # noqa: ARG002
        """The share of the commonest translation."""
        texts = {"validation": dataset.validation, "test": dataset.test}
        return {f"{split}/exact_match": _commonest(text) for split, text in texts.items()}

    def example_score_bytes(self, settings: TranslationSettings, dataset: ParallelCorpus) -> int:  # noqa: ARG002
        """Measured on drawn sentences: a table, and what each pair adds."""
        return 5_000 + 11 * len(dataset.test)

    def unused(self, settings: TranslationSettings) -> Iterator[str]:
        """What follows from the encoder's size, and what attention and decoding would do without being told."""
        from tasks.decoding.decodings import DECODINGS
        from tasks.encoder_decoder.attentions import ATTENTIONS

        yield from super().unused(settings)
        network = settings.network
        if network.decoder_hidden is not None and network.decoder_hidden == _implied_size(settings):
            yield "network.decoder_hidden"
        for name, value in network.attention_options.items():
            if value == ATTENTIONS.options(network.attention)[name].default:
                yield f"network.{name}"
        for name, option in DECODINGS.options(settings.decoding.method).items():
            if getattr(settings.decoding, name) == option.default is not None:
                yield f"decoding.{name}"

    def examples(
        self, settings: TranslationSettings, dataset: ParallelCorpus, module: pl.LightningModule
    ) -> Sequence[Example]:
        """The first sentences of the test text, how they are translated, and where was looked."""
        from tasks.translation.attending import show

        translator = cast("TranslationModule", module)
        maker = self.maker(settings, dataset, "test")
        return list(show(maker, reverse=settings.network.reverse_source, corpus=dataset, module=translator))

    def conditions(self, module: pl.LightningModule) -> Mapping[str, str]:
        """Beside the loops, how sacrebleu computed its scores."""
        from tasks.translation.module import TranslationModule

        signatures = module.signatures if isinstance(module, TranslationModule) else {}
        return {**super().conditions(module), **signatures}

    def flops_per_token(self, settings: TranslationSettings, dataset: ParallelCorpus) -> int:
        """Of a token of a translation; what is used once per source token or sentence counts by its share."""
        import torch

        from tasks.encoder_decoder.build import count_operations

        with torch.device("meta"):
            network = self._network(settings, dataset)
        source, target = (float(side.lengths.mean()) for side in (dataset.train.source, dataset.train.target))
        return count_operations(network, source=source, target=target + 1)

    def _trained(self, settings: TranslationSettings) -> TranslationSettings:
        """Settings with which the weights are learned."""
        return settings.model_copy(update={"decoding": Decoding()})

    def _network(self, settings: TranslationSettings, dataset: ParallelCorpus) -> EncoderDecoder:
        from tasks.encoder_decoder.build import build_network

        sizes = len(dataset.vocabulary), len(dataset.target_vocabulary)
        return build_network(settings.network, source_words=sizes[0], target_words=sizes[1])


def _is_plain(settings: TranslationSettings) -> bool:
    """Whether weights are learned here."""
    return settings.decoding == Decoding()


def _implied_size(settings: TranslationSettings) -> int:
    return settings.network.model_copy(update={"decoder_hidden": None}).decoder_size


def _commonest(text: ParallelText) -> float:
    """Share of the most frequent translation among all."""
    words, begins = np.asarray(text.target.words), text.target.begins
    counts = Counter(words[begin:end].tobytes() for begin, end in pairwise(begins.tolist()))
    return max(counts.values()) / len(text)
