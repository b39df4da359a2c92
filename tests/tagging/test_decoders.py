"""Every decoder keeps the contract; the previous tag's beam equals enumeration; forbidden moves stay forbidden."""

import inspect
import sys
from collections.abc import Callable
from itertools import pairwise, product
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from torch import Tensor, nn

from tasks.learning.loaders import SortedLoader
from tasks.recurrent.initialization import Initialization
from tasks.tagging import decoders
from tasks.tagging.batches import PADDING, BatchMaker
from tasks.tagging.decoder import Decoder
from tasks.tagging.decoders import DECODERS, softmax
from tasks.tagging.decoders.crf import CrfDecoder
from tasks.tagging.decoders.previous_tag import PreviousTagDecoder
from tasks.tagging.entities import are_entities, legal_moves
from tasks.tagging.settings import Network, TaggingSettings
from tasks.tagging.task import Tagging
from tasks.text.tagged import TaggedCorpus
from unroll.contract import UserError

TAGS = ("O", "B-x", "I-x", "B-y", "I-y")
INPUTS = 3
LENGTHS = torch.tensor([4, 1, 3])


def build(name: str, **options: Any) -> Decoder:
    make: Callable[..., Decoder] = DECODERS.find(name)
    torch.manual_seed(1)
    decoder = make(inputs=INPUTS, tags=TAGS, **options).double()
    for weight in decoder.parameters():
        nn.init.normal_(weight)
    return decoder


def batch() -> tuple[Tensor, Tensor]:
    """Outputs of shape (4, 3, INPUTS) and tags of shape (4, 3)."""
    torch.manual_seed(2)
    tags = torch.randint(len(TAGS), (4, 3))
    return torch.randn(4, 3, INPUTS, dtype=torch.float64), tags.where(torch.arange(4)[:, None] < LENGTHS, PADDING)


def loss_of_one(decoder: Decoder, outputs: Tensor, tags: tuple[int, ...]) -> Tensor:
    """Negative log-likelihood of the tags of one sentence, outputs of shape (time, INPUTS)."""
    time = len(tags)
    return time * decoder.loss(outputs[:time, None], torch.tensor(tags)[:, None], torch.tensor([time]))


# Every decoder


def test_every_file_of_the_folder_is_a_decoder(root: Path) -> None:
    files = (root / "tasks" / "tagging" / "decoders").glob("[!_]*.py")
    assert set(DECODERS.names()) == {file.stem for file in files} >= {"softmax", "crf", "previous_tag"}
    with pytest.raises(UserError, match="did you mean 'crf'"):
        DECODERS.check("crff")


@pytest.mark.parametrize("name", DECODERS.names())
def test_it_is_a_distribution_over_all_sequences(name: str) -> None:
    decoder, (outputs, _) = build(name), batch()
    losses = [loss_of_one(decoder, outputs[:, 0], tags) for tags in product(range(len(TAGS)), repeat=3)]
    total = torch.stack(losses).neg().exp().sum()
    torch.testing.assert_close(total, torch.ones_like(total), rtol=0, atol=1e-10)


@pytest.mark.parametrize("name", DECODERS.names())
def test_the_loss_is_that_of_its_sentences_per_token(name: str) -> None:
    decoder, (outputs, tags) = build(name), batch()
    each = [loss_of_one(decoder, outputs[:, i], tuple(tags[:n, i].tolist())) for i, n in enumerate(LENGTHS.tolist())]
    torch.testing.assert_close(decoder.loss(outputs, tags, LENGTHS), torch.stack(each).sum() / LENGTHS.sum())


@pytest.mark.parametrize("name", DECODERS.names())
def test_a_sentence_is_tagged_alike_alone_and_in_a_batch(name: str) -> None:
    decoder, (outputs, _) = build(name), batch()
    together = decoder.decode(outputs, LENGTHS)
    assert together.shape == (4, 3)
    for i, length in enumerate(LENGTHS.tolist()):
        alone = decoder.decode(outputs[:length, [i]], torch.tensor([length]))
        assert torch.equal(alone[:, 0], together[:length, i])


@pytest.mark.parametrize("name", DECODERS.names())
def test_its_weights_are_drawn_by_seed_and_name(name: str) -> None:
    drawn = []
    for seed in (1, 1, 2):
        decoder = build(name)
        Initialization().fill(decoder, seed=seed)
        drawn.append(dict(decoder.named_parameters()))
    first, again, other = drawn
    for weight in first:
        assert torch.equal(first[weight], again[weight])
        assert torch.equal(first[weight], other[weight]) == weight.endswith("bias"), weight


@pytest.mark.parametrize("name", DECODERS.names())
def test_ten_sentences_can_be_learned_by_heart(
    corpus_of: Callable[..., TaggedCorpus], trainer_of: Callable[..., pl.Trainer], name: str
) -> None:
    """Entities and all: they are scored, and all are found."""
    corpus, task = corpus_of([5] * 10, words=50, tags=TAGS), Tagging()
    network = {"hidden": 32, "direction": "bidirectional", "decoder": name}
    training = {"epochs": 40, "batch_size": 5, "learning_rate": 0.02}
    settings = TaggingSettings.model_validate({"network": network, "training": training})
    module: Any = task.module(settings, corpus)
    module.initialise(0)
    trainer = trainer_of(epochs=40, limit_val_batches=0)
    trainer.fit(module, datamodule=task.data(settings, corpus, 0))
    (found,) = trainer.test(module, SortedLoader(BatchMaker(corpus.train)), verbose=False)
    scores = ("accuracy", "entity_f1", "entity_precision", "entity_recall")
    assert {name: found[f"test/{name}"] for name in scores} == dict.fromkeys(scores, 1)


def test_a_new_file_is_a_new_decoder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = inspect.getsource(softmax).replace("SoftmaxDecoder", "Flat")
    (tmp_path / "flat.py").write_text(source, encoding="utf-8")
    shipped = DECODERS.names()
    monkeypatch.setattr(decoders, "__path__", [*decoders.__path__, str(tmp_path)])
    assert DECODERS.names() == tuple(sorted([*shipped, "flat"]))
    assert DECODERS.find("flat").__name__ == "Flat"
    assert Network(decoder="flat").decoder == "flat"
    monkeypatch.delitem(sys.modules, "tasks.tagging.decoders.flat")


# The previous tag


def best_of_all(decoder: Decoder, outputs: Tensor) -> list[int]:
    every = list(product(range(len(TAGS)), repeat=len(outputs)))
    losses = torch.stack([loss_of_one(decoder, outputs, tags) for tags in every])
    return list(every[int(losses.argmin())])


def test_a_beam_that_keeps_everything_finds_the_best_sequence() -> None:
    decoder, (outputs, _) = build("previous_tag", beam=len(TAGS) ** 3), batch()
    best = decoder.decode(outputs, LENGTHS)
    for i, length in enumerate(LENGTHS.tolist()):
        assert best[:length, i].tolist() == best_of_all(decoder, outputs[:length, i])


def test_a_beam_of_one_is_greedy() -> None:
    decoder, (outputs, _) = build("previous_tag"), batch()
    assert isinstance(decoder, PreviousTagDecoder)
    tags: list[int] = []
    for t in range(4):
        last = torch.tensor(tags[-1] if tags else len(TAGS))
        weight = torch.cat([decoder.output.weight, decoder.move.weight], dim=1)
        logits = weight @ torch.cat([outputs[t, 0], decoder.embedding(last)]) + decoder.output.bias
        tags.append(int(logits.argmax()))
    assert decoder.decode(outputs, LENGTHS)[:, 0].tolist() == tags


def test_a_wider_beam_is_another_answer_somewhere() -> None:
    torch.manual_seed(5)
    outputs, lengths = torch.randn(8, 200, INPUTS, dtype=torch.float64), torch.full((200,), 8)
    narrow, wide = (build("previous_tag", beam=beam).decode(outputs, lengths) for beam in (1, 8))
    assert not torch.equal(narrow, wide)


# Moves


def test_legal_moves_are_those_of_bio() -> None:
    allowed = legal_moves(TAGS)
    names = [*TAGS, "start or end"]
    illegal = {(names[a], names[b]) for a, b in product(range(6), repeat=2) if not allowed[a, b]}
    assert illegal == {
        *((before, "I-x") for before in ("O", "B-y", "I-y", "start or end")),
        *((before, "I-y") for before in ("O", "B-x", "I-x", "start or end")),
    }


def test_forbidden_moves_are_never_made() -> None:
    torch.manual_seed(3)
    outputs, lengths = 3 * torch.randn(7, 100, INPUTS, dtype=torch.float64), torch.full((100,), 7)
    free, bound = (build("crf", illegal_moves=kind) for kind in ("allowed", "forbidden"))
    assert isinstance(bound, CrfDecoder)

    def illegal(tags: Tensor) -> int:
        rows = [["O", *(TAGS[tag] for tag in column)] for column in tags.T.tolist()]
        return sum(b.startswith("I-") and a[2:] != b[2:] for row in rows for a, b in pairwise(row))

    assert illegal(free.decode(outputs, lengths)) > 0
    assert illegal(bound.decode(outputs, lengths)) == 0


def test_other_tags_have_no_illegal_moves() -> None:
    assert not are_entities(("NOUN", "B-x"))
    assert not are_entities(("O",))
    with pytest.raises(UserError) as caught:
        CrfDecoder(inputs=2, tags=("NOUN", "VERB"), illegal_moves="forbidden")
    assert str(caught.value) == (
        "network.illegal_moves: only entity tags (O, B-x, I-x) have illegal moves to forbid (received NOUN, VERB)"
    )
