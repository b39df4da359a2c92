"""Recurrent tagging: a tag for each word of a sentence."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, final

import numpy as np

from tasks.learning.learned_task import SentenceTask
from tasks.recurrent.settings import build_recurrent
from tasks.tagging.settings import Network, TaggingSettings
from tasks.text.embeddings import embedding_size, with_word_vectors
from tasks.text.tagged import TaggedCorpus, load
from unroll.contract import Answer, Metric, NewText

if TYPE_CHECKING:
    import pytorch_lightning as pl

    from tasks.tagging.batches import BatchMaker
    from tasks.tagging.characters import CharacterNetwork
    from tasks.tagging.decoder import Decoder
    from tasks.tagging.network import Tagger


def _declare_metrics() -> dict[str, Metric]:
    words = {
        "accuracy": "all words",
        "unknown_word_accuracy": "the words that the training text lacks",
        "ambiguous_word_accuracy": "the words that have several tags in the training text",
    }
    entities = {
        "entity_f1": "F1 of whole entities of the {} text, by conlleval; only where tags are entity tags.",
        "entity_precision": "Share of the entities found in the {} text that are right, by conlleval.",
        "entity_recall": "Share of the entities of the {} text that are found, by conlleval.",
    }
    shares = {name: f"Share of {which} of the {{}} text that are tagged rightly." for name, which in words.items()}
    shares["sentence_accuracy"] = "Share of the sentences of the {} text of which every tag is right."
    moves = {"illegal_moves": "Tags per sentence of the {} text that BIO does not allow behind the last one."}
    return {
        f"{split}/{name}": (
            Metric("minimize", "", text.format(split))
            if name in moves
            else Metric("maximize", "", text.format(split), scale="logit")
        )
        for name, text in (shares | entities | moves).items()
        for split in ("validation", "test")
    }


@final
class Tagging(SentenceTask[TaggingSettings, TaggedCorpus]):
    """Predict the tag of each word from the sentence around it; see this folder's README for papers and choices."""

    version: ClassVar[int] = 1
    settings: ClassVar[type[TaggingSettings]] = TaggingSettings
    metrics: ClassVar[Mapping[str, Metric]] = _declare_metrics()

    def small(self, examples: int) -> Mapping[str, int]:
        """So many sentences to learn from."""
        return {"data.sentences": examples}

    def prepare(self, settings: TaggingSettings, cache: Path) -> TaggedCorpus:
        """Read the sentences, once per node.

        Raises:
            UserError: the data or the word vectors are missing or malformed.
        """
        corpus = with_word_vectors(load(settings.data, cache), settings.network, cache)
        return corpus.spelled() if settings.network.characters else corpus

    def kept(self, settings: TaggingSettings, dataset: TaggedCorpus) -> Mapping[str, Any]:  # noqa: ARG002
        """Words and labels, and how much there was to learn from."""
        return dataset.kept()

    def restored(self, settings: TaggingSettings, kept: Mapping[str, Any]) -> TaggedCorpus:  # noqa: ARG002
        """A corpus without its text."""
        return TaggedCorpus.restored(kept)

    def module(self, settings: TaggingSettings, dataset: TaggedCorpus) -> pl.LightningModule:
        """Build the network and its loss.

        Raises:
            UserError: illegal moves are to be forbidden, and the tags are no entity tags.
        """
        from tasks.tagging.module import TaggingModule

        return TaggingModule(
            network=build_network(settings.network, dataset),
            tags=dataset.tags.words,
            learning=self.learning(settings, dataset),
        )

    def predict(
        self, settings: TaggingSettings, dataset: TaggedCorpus, module: pl.LightningModule, text: NewText
    ) -> Sequence[Answer]:
        """The tags of each sentence, with a blank between each two.

        Raises:
            UserError: the lines break the format, or there is no such format.
        """
        from tasks.tagging.prediction import tag

        network: Any = module.network
        return tag(text, settings=settings, corpus=dataset, network=network)

    def maker(self, settings: TaggingSettings, dataset: TaggedCorpus, split: str) -> BatchMaker:
        """Sentences with their tags, spelled where characters are read."""
        from tasks.tagging.batches import BatchMaker
        from tasks.tagging.spelling import Speller

        speller = Speller(dataset.spelling, split) if settings.network.characters else None
        return BatchMaker(getattr(dataset, split), speller=speller)

    def absent(self, settings: TaggingSettings, dataset: TaggedCorpus) -> Mapping[str, str]:  # noqa: ARG002
        """Scores of entities where there are none, and accuracies over words that a text has none of."""
        from tasks.tagging import entities, tally

        scorer = entities.EntityScorer(dataset.tags.words) if entities.are_entities(dataset.tags.words) else None
        found: dict[str, str] = {}
        for split, text in (("validation", dataset.validation), ("test", dataset.test)):
            if scorer is None:
                names = (*entities.METRICS, entities.ILLEGAL_MOVES)
                found |= {f"{split}/{name}": "the tags are no entity tags" for name in names}
            elif not scorer.any_in(text.tags):
                found |= {f"{split}/{name}": f"the {split} text has no entity" for name in entities.METRICS}
            for name, groups in tally.METRICS.items():
                if not np.isin(text.groups, groups).any():
                    found[f"{split}/{name}"] = f"the {split} text has no such word"
        return found

    def example_score_bytes(self, settings: TaggingSettings, dataset: TaggedCorpus) -> int:  # noqa: ARG002
        """Measured on drawn sentences: a table, and what each sentence adds."""
        return 3_000 + 4 * len(dataset.test)

    def unused_of_network(self, settings: TaggingSettings) -> Iterator[str]:
        """What the cell does not have; a network over characters may have it."""
        # These settings draw the weights of the LSTM over characters too, whatever cell reads the words.
        kept = ("forget_bias", "recurrent_initialization") if settings.network.characters == "lstm" else ()
        return (name for name in super().unused_of_network(settings) if name not in kept)

    def flops_per_token(self, settings: TaggingSettings, dataset: TaggedCorpus) -> int:
        """Every matrix but an embedding is used once per token, or once per character of it."""
        import torch

        from tasks.recurrent.operations import matrix_operations
        from tasks.tagging.spelling import Speller

        with torch.device("meta"):
            network = build_network(settings.network, dataset)
        words = matrix_operations(network.recurrent) + matrix_operations(network.decoder)
        if network.characters is None:
            return words
        return words + round(network.characters.operations() * Speller(dataset.spelling, "train").mean_length())


def build_network(network: Network, dataset: TaggedCorpus) -> Tagger:
    """The network that the settings describe, for the words and tags of a corpus.

    Raises:
        UserError: illegal moves are to be forbidden, and the tags are no entity tags.
    """
    from tasks.tagging.decoders import DECODERS
    from tasks.tagging.network import Tagger

    characters, embedding = build_characters(network, dataset), embedding_size(network, dataset.vectors)
    recurrent = build_recurrent(network, inputs=embedding + (characters.outputs if characters else 0))
    decoder: Callable[..., Decoder] = DECODERS.find(network.decoder)
    return Tagger(
        vocabulary=len(dataset.vocabulary),
        embedding=embedding,
        recurrent=recurrent,
        decoder=decoder(inputs=recurrent.outputs, tags=dataset.tags.words, **network.decoder_options),
        characters=characters,
        unknown=dataset.vocabulary.unknown,
        word_dropout=network.word_dropout,
        vectors=dataset.vectors,
    )


def build_characters(network: Network, dataset: TaggedCorpus) -> CharacterNetwork | None:
    """The network over characters that the settings describe, if they do."""
    from tasks.tagging.characters import CHARACTERS

    if network.characters is None:
        return None
    return CHARACTERS[network.characters](
        characters=len(dataset.spelling.characters),
        embedding=network.character_embedding,
        hidden=network.character_hidden,
    )
