"""A recurrent language model in modules of torch alone."""

from __future__ import annotations

from typing import Final

from tasks.language_modeling.network import LanguageModel
from tasks.recurrent.twin import find_twin
from tasks.text import Vocabulary
from unroll.contract import PlainTorch

_EXAMPLE: Final = """\
import json
import pathlib
import torch
from safetensors.torch import load_file

words = json.loads(pathlib.Path("vocabulary.json").read_text(encoding="utf-8"))["vocabulary"]
model = torch.nn.ModuleDict({{
    "embedding": torch.nn.Embedding({words}, {embedding}),
    "recurrent": {recurrent},
    "output": torch.nn.Linear({outputs}, {words}),
}})
model.load_state_dict(load_file("weights.safetensors"))
tokens = torch.tensor([[words.index(word)] for word in {tokens!r}])  # (time, batch); a text begins behind {start!r}
outputs, state = model["recurrent"](model["embedding"](tokens))
logits = model["output"](outputs)  # (time, batch, words): of the word behind each
print(words[logits[-1, 0].argmax()])
"""


def to_torch(network: LanguageModel, vocabulary: Vocabulary, start: int) -> PlainTorch | None:
    """Embedding, torch's recurrent network and linear layer; None where torch has no such network."""
    if (twin := find_twin(network.recurrent)) is None:
        return None
    embedding, output = network.embedding, network.output
    first = next(word for number, word in enumerate(vocabulary.words) if number != start)
    example = _EXAMPLE.format(
        words=embedding.num_embeddings,
        embedding=embedding.embedding_dim,
        recurrent=twin.build,
        outputs=output.in_features,
        tokens=[vocabulary.words[start], first],
        start=vocabulary.words[start],
    )
    state = {
        "embedding.weight": embedding.weight,
        **{f"recurrent.{name}": part for name, part in twin.state.items()},
        "output.weight": output.weight,
        "output.bias": output.bias,
    }
    return PlainTorch(state=state, example=example)
