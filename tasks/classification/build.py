"""From settings to a network."""

from __future__ import annotations

from typing import assert_never

from tasks.classification.encoders.bag_of_embeddings import BagOfEmbeddings
from tasks.classification.encoders.convolution import Convolution
from tasks.classification.encoders.encoder import Encoder
from tasks.classification.encoders.hierarchical import Hierarchical
from tasks.classification.encoders.recurrent import Recurrent
from tasks.classification.network import Classifier
from tasks.classification.settings import Network
from tasks.recurrent.hierarchy import HierarchicalNetwork
from tasks.recurrent.settings import build_recurrent
from tasks.recurrent.summary import build_summary
from tasks.text import Vocabulary
from tasks.text.embeddings import embedding_size
from tasks.text.labelled import LabelledCorpus


def build_network(network: Network, corpus: LabelledCorpus) -> Classifier:
    """The network that the settings describe, for the words and labels of a corpus."""
    embedding = embedding_size(network, corpus.vectors)
    return Classifier(
        vocabulary=len(corpus.vocabulary),
        embedding=embedding,
        encoder=build_encoder(network, corpus.vocabulary, embedding=embedding),
        labels=len(corpus.labels),
        dropout=network.output_dropout,
        row_norm=network.row_norm,
        vectors=corpus.vectors,
    )


def build_encoder(network: Network, vocabulary: Vocabulary, *, embedding: int) -> Encoder:
    """What makes one vector of a sentence, from embeddings of this size."""
    match network.kind:
        case "recurrent":
            return Recurrent(build_recurrent(network, inputs=embedding), summary=network.summary)
        case "hierarchical":
            ends = [vocabulary.number(word) for word in network.sentence_ends if word in vocabulary]
            return Hierarchical(_build_hierarchy(network, embedding), ends=ends)
        case "convolution":
            return Convolution(embedding=embedding, windows=network.windows, maps=network.hidden)
        case "bag_of_embeddings":
            return BagOfEmbeddings(embedding=embedding, hidden=network.hidden)
        case _:
            assert_never(network.kind)


def _build_hierarchy(network: Network, embedding: int) -> HierarchicalNetwork:
    """Two networks with the same settings."""
    words = build_recurrent(network, inputs=embedding)
    sentences = build_recurrent(network, inputs=words.outputs)
    return HierarchicalNetwork(
        words=words,
        sentence=build_summary(network.summary, words),
        sentences=sentences,
        document=build_summary(network.summary, sentences),
    )
