"""A recurrent classifier in modules of torch alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from tasks.classification.encoders.recurrent import Recurrent
from tasks.classification.network import TWO_LABELS, Classifier
from tasks.recurrent.summary import Ends, Last, Max, Mean, Summary
from tasks.recurrent.twin import find_twin
from tasks.text import Vocabulary
from unroll.contract import PlainTorch

_EXAMPLE: Final = """\
import json
import pathlib
import torch
from safetensors.torch import load_file

known = json.loads(pathlib.Path("vocabulary.json").read_text(encoding="utf-8"))
words, labels = known["vocabulary"], known["labels"]
model = torch.nn.ModuleDict({{
    "embedding": torch.nn.Embedding({words}, {embedding}),
    "recurrent": {recurrent},
    "output": torch.nn.Linear({outputs}, {answers}),
}})
model.load_state_dict(load_file("weights.safetensors"))
sentence = {sentence!r}.split()
tokens = torch.tensor([[words.index(word if word in words else "<unk>")] for word in sentence])  # (time, batch)
outputs, state = model["recurrent"](model["embedding"](tokens))
logits = model["output"]({summary})  # {logits}
print(labels[{answer}])
"""


def to_torch(network: Classifier, vocabulary: Vocabulary) -> PlainTorch | None:
    """Embedding, torch's recurrent network and linear layer; None where torch has no such network or summary."""
    encoder = network.encoder
    if not isinstance(encoder, Recurrent) or (twin := find_twin(encoder.network)) is None:
        return None
    summary = _summary(encoder.summary, ways=len(encoder.network.ways), outputs=encoder.outputs)
    if summary is None:
        return None
    embedding, output = network.embedding, network.output
    one = output.out_features == 1
    example = _EXAMPLE.format(
        words=embedding.num_embeddings,
        embedding=embedding.embedding_dim,
        recurrent=twin.build,
        outputs=output.in_features,
        answers=output.out_features,
        sentence=" ".join(vocabulary.words[:3]),
        summary=summary,
        logits=f"(batch, 1): of the second of {TWO_LABELS} labels" if one else "(batch, labels)",
        answer="int(logits[0, 0] > 0)" if one else "logits[0].argmax()",
    )
    state = {
        "embedding.weight": embedding.weight,
        **{f"recurrent.{name}": part for name, part in twin.state.items()},
        "output.weight": output.weight,
        "output.bias": output.bias,
    }
    return PlainTorch(state=state, example=example)


def _summary(summary: Summary, *, ways: int, outputs: int) -> str | None:
    """One vector for each whole sequence of ``outputs``, as an expression."""
    half = outputs // 2
    ends = "outputs[-1]" if ways == 1 else f"torch.cat([outputs[-1, :, :{half}], outputs[0, :, {half}:]], dim=1)"
    known: Mapping[type[Summary], str] = {
        Last: "outputs[-1]",
        Ends: ends,
        Mean: "outputs.mean(0)",
        Max: "outputs.amax(0)",
    }
    return known.get(type(summary))
