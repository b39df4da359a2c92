"""From settings to a network."""

from __future__ import annotations

from collections.abc import Callable
from inspect import signature

from tasks.classification.encoder import Encoder
from tasks.classification.encoders import ENCODERS
from tasks.classification.network import Classifier
from tasks.classification.settings import Network
from tasks.recurrent.settings import build_recurrent
from tasks.text import Vocabulary
from tasks.text.embeddings import embedding_size
from tasks.text.labelled import LabelledCorpus
from unroll.contract import UserError


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
    """What makes one vector of a sentence, from embeddings of this size.

    Raises:
        UserError: the kind's constructor takes something that there is not.
    """
    # By the names of the constructor's arguments: what it takes is also what its kind's settings are.
    offered = {
        **{name: getattr(network, name) for name in type(network).model_fields},
        "embedding": embedding,
        "vocabulary": vocabulary,
        "recurrent": lambda inputs: build_recurrent(network, inputs=inputs),
    }
    build: Callable[..., Encoder] = ENCODERS.find(network.kind)
    taken = signature(build).parameters
    if unknown := taken.keys() - offered.keys():
        raise UserError(
            "an encoder takes embedding, vocabulary, recurrent and settings of network",
            where=f"tasks/classification/encoders/{network.kind}.py",
            received=", ".join(sorted(unknown)),
        )
    return build(**{name: offered[name] for name in taken})
