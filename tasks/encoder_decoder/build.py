"""The network that the settings describe."""

from __future__ import annotations

from collections.abc import Callable

from tasks.encoder_decoder.attention import Attention
from tasks.encoder_decoder.attentions import ATTENTIONS
from tasks.encoder_decoder.bridge import Bridge
from tasks.encoder_decoder.decoder import Decoder
from tasks.encoder_decoder.encoder import Encoder
from tasks.encoder_decoder.network import EncoderDecoder
from tasks.encoder_decoder.settings import NONE, EncoderDecoderSettings
from tasks.recurrent.operations import matrix_operations
from tasks.recurrent.settings import build_recurrent


def build_network(settings: EncoderDecoderSettings, *, source_words: int, target_words: int) -> EncoderDecoder:
    """Encoder and decoder for vocabularies of these sizes.

    A decoder that cannot read several words at once is run by Python's loop over time: for single steps a fused kernel
    costs more than it saves.
    """
    embedding, normal = settings.embedding, settings.embedding_initialization == "normal"
    encoder = build_recurrent(settings, inputs=embedding)
    reads = Decoder.reads(
        embedding=embedding,
        hidden=settings.outputs,
        features=settings.features,
        attention=settings.attention != NONE,
        looks=settings.looks,
        input_feeding=settings.input_feeding,
    )
    changed = {
        "hidden": settings.decoder_size,
        "direction": "forward",
        "stacking": "interleaved",
        "loop": "plain" if settings.decodes_alone else settings.loop,
    }
    network = build_recurrent(settings.model_copy(update=changed), inputs=reads)
    bridge = Bridge(
        settings.bridge,
        depth=settings.depth,
        parts=network.layers()[0].cell.parts,
        features=encoder.layers()[0].cell.hidden * (2 if settings.direction == "bidirectional" else 1),
        hidden=settings.decoder_size,
    )
    decoder = Decoder(
        vocabulary=target_words,
        embedding=embedding,
        network=network,
        hidden=settings.outputs,
        features=settings.features,
        bridge=bridge,
        attention=_build_attention(settings),
        looks=settings.looks,
        input_feeding=settings.input_feeding,
        dropout=settings.dropout,
        normal=normal,
    )
    return EncoderDecoder(
        Encoder(vocabulary=source_words, embedding=embedding, network=encoder, normal=normal), decoder
    )


def _build_attention(settings: EncoderDecoderSettings) -> Attention | None:
    if settings.attention == NONE:
        return None
    build: Callable[..., Attention] = ATTENTIONS.find(settings.attention)
    return build(queries=settings.queries, features=settings.features, **settings.attention_options)


def count_operations(network: EncoderDecoder, *, source: float, target: float) -> int:
    """Operations per token of a translation, for sentences of so many tokens on average."""
    encoder, decoder = network.encoder, network.decoder
    steps = matrix_operations(decoder.network) + matrix_operations(decoder.output)
    steps += sum(matrix_operations(layer) for layer in (decoder.attentional, decoder.readout) if layer is not None)
    looks = 0.0 if decoder.attention is None else decoder.attention.operations(source)
    once = matrix_operations(encoder.network) * source + matrix_operations(decoder.bridge)
    return round(steps + looks + once / target)
