"""Every task that reads words: embeddings begin with the vectors of a file, and are frozen or tuned."""

import json
import logging
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from torch import Tensor, nn

from tasks.agreement.task import Agreement
from tasks.classification.task import Classification
from tasks.language_modeling.task import LanguageModeling
from tasks.tagging.task import Tagging
from tasks.text.embeddings.layer import WordEmbedding
from tests.tasks.run import Run as Trained
from tests.tasks.run import quiet_trainer, same
from unroll.contract import Settings, UserError
from unroll.study import load_study
from unroll.study.planning import make_plan

SIZE, LEFT_OUT = 6, 4
CASES: list[tuple[type[Any], dict[str, Any], dict[str, Any]]] = [
    (Classification, {"kind": "recurrent"}, {}),
    (Classification, {"kind": "hierarchical", "sentence_ends": ["the"]}, {}),
    (Classification, {"kind": "convolution"}, {}),
    (Classification, {"kind": "bag_of_embeddings"}, {}),
    (Tagging, {}, {}),
    (Tagging, {"characters": "lstm", "word_dropout": 0.2}, {}),
    (Agreement, {}, {}),
    (Agreement, {"kind": "window"}, {"objective": "language_model"}),
    (LanguageModeling, {"loop": "auto"}, {}),
    (LanguageModeling, {"loop": "compiled"}, {"diagnose_every": 3, "optimizer": "rmsprop"}),
    (LanguageModeling, {"loop": "plain", "cell": "elman"}, {"omega": 0.1, "optimizer": "sgd"}),
    (LanguageModeling, {"kind": "window", "direct": True}, {}),
]
"""Task, network, training."""
NAMES = [f"{task.__name__}-{'-'.join(map(str, list(network.values())[:1]))}" for task, network, _ in CASES]


@pytest.fixture(autouse=True)
def _quiet() -> None:
    torch.set_num_threads(1)
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)


@pytest.fixture(params=CASES, ids=NAMES)
def case(request: pytest.FixtureRequest) -> Any:
    """A task, its network and its training."""
    return request.param


def settings_of(task: type[Any], network: dict[str, Any], training: dict[str, Any], **more: Any) -> Any:
    chosen: type[Settings] = task.settings
    return chosen.model_validate(
        {
            "data": {"sentences": 40},
            "network": {"hidden": 5, **network, **more},
            "training": {"epochs": 1, "batch_size": 8, **training},
        }
    )


def write_vectors(file: Path, words: tuple[str, ...]) -> dict[str, np.ndarray[Any, Any]]:
    """Random vectors of all words but the first few."""
    random = np.random.default_rng(1)
    table = {word: random.normal(size=SIZE).astype(np.float32) for word in words[LEFT_OUT:]}
    file.write_text("".join(f"{word} {' '.join(map(repr, map(float, row)))}\n" for word, row in table.items()))
    return table


def embedding_of(module: pl.LightningModule) -> WordEmbedding:
    (found,) = (part for part in module.modules() if isinstance(part, WordEmbedding))
    return found


def weights(module: nn.Module) -> dict[str, Tensor]:
    return {name: weight.detach().clone() for name, weight in module.named_parameters()}


class Run:
    """A task with word vectors of the words of its own text, at the seed's first weights."""

    def __init__(self, case: Any, folder: Path, **more: Any) -> None:
        task, network, training = case
        self.task, self.folder = task(), folder
        plain = settings_of(task, network, training, embedding=SIZE)
        corpus = self.task.prepare(plain, folder)
        self.words = corpus.vocabulary.words
        self.table = write_vectors(folder / "vectors.txt", self.words)
        self.drawn = self.task.module(plain, corpus)
        self.drawn.initialise(3)
        self.settings = settings_of(task, network, training, word_vectors=folder / "vectors.txt", **more)
        self.corpus = self.task.prepare(self.settings, folder)
        self.module = self.task.module(self.settings, self.corpus)
        self.module.initialise(3)

    def train(self) -> None:
        quiet_trainer(max_epochs=2).fit(self.module, datamodule=self.task.data(self.settings, self.corpus, 3))


def test_words_begin_with_their_vectors_and_all_else_as_without(case: Any, tmp_path: Path) -> None:
    run = Run(case, tmp_path)
    drawn, given = weights(run.drawn), weights(run.module)
    assert drawn.keys() == given.keys()
    matrix = embedding_of(run.module).weight
    for number, word in enumerate(run.words):
        expected = torch.from_numpy(run.table[word]) if word in run.table else embedding_of(run.drawn).weight[number]
        torch.testing.assert_close(matrix[number], expected, rtol=0, atol=0)
    for name, weight in drawn.items():
        assert weight.shape == given[name].shape
        assert given[name] is not weight
        assert given[name].equal(weight) or weight.shape == matrix.shape, name


def test_frozen_embeddings_stay_bit_for_bit_while_the_rest_learns(case: Any, tmp_path: Path) -> None:
    run = Run(case, tmp_path, word_vectors_use="frozen")
    matrix, before = embedding_of(run.module).weight, weights(run.module)
    run.train()
    assert matrix.grad is None
    for name, weight in run.module.named_parameters():
        assert weight.equal(before[name]) == (weight is matrix), name
    optimizer = run.module.optimizers(use_pl_optimizer=False)
    assert all(weight is not matrix for weight in optimizer.state)


def test_tuned_embeddings_learn(case: Any, tmp_path: Path) -> None:
    run = Run(case, tmp_path)
    matrix = embedding_of(run.module).weight
    before = matrix.detach().clone()
    run.train()
    assert not matrix.equal(before)


@pytest.mark.parametrize("use", ["frozen", "tuned"])
@pytest.mark.parametrize("case", [CASES[0], CASES[8]], ids=[NAMES[0], NAMES[8]])
def test_a_resumed_run_is_the_undisturbed_one(case: Any, use: str, tmp_path: Path) -> None:
    given = Run(case, tmp_path, word_vectors_use=use)
    task, settings, corpus = given.task, given.settings, given.corpus
    whole = Trained(task, settings, corpus, save=tmp_path).end()
    for checkpoint in tmp_path.glob("*.ckpt"):
        assert same(whole, Trained(task, settings, corpus, checkpoint=checkpoint).end()), checkpoint


@pytest.mark.parametrize("case", [(LanguageModeling, {"loop": loop}, {}) for loop in ("auto", "compiled", "plain")])
def test_frozen_and_tuned_networks_have_the_same_gradients_but_for_the_embedding(case: Any, tmp_path: Path) -> None:
    tuned, frozen = (Run(case, tmp_path, word_vectors_use=use) for use in ("tuned", "frozen"))
    window = torch.from_numpy(np.array(tuned.corpus.train[:40], np.int64)).view(10, 4)
    for run in (tuned, frozen):
        model = run.module.network
        logits, _ = model(window[:-1], model.initial_state(4))
        logits.logsumexp(-1).sum().backward()
    matrix = embedding_of(frozen.module).weight
    for (name, expected), weight in zip(tuned.module.named_parameters(), frozen.module.parameters(), strict=True):
        if weight is matrix:
            assert weight.grad is None
        else:
            torch.testing.assert_close(weight.grad, expected.grad, msg=name)


def test_networks_for_a_plan_are_built_without_memory(case: Any, tmp_path: Path) -> None:
    run = Run(case, tmp_path, word_vectors_use="frozen")
    with torch.device("meta"):
        planned = run.task.module(run.settings, run.corpus)
    assert sum(weight.numel() for weight in planned.parameters()) == sum(w.numel() for w in run.drawn.parameters())
    assert all(weight.is_meta for weight in planned.parameters())


@pytest.fixture
def vectors(tmp_path: Path) -> Path:
    """A file with a word of the toy language."""
    file = tmp_path / "vectors.txt"
    file.write_text("the 1 2 3\n")
    return file


def language_model(tmp_path: Path, **network: Any) -> Any:
    settings = settings_of(LanguageModeling, {}, {}, **network)
    task = LanguageModeling()
    corpus = task.prepare(settings, tmp_path)
    return task.module(settings, corpus)


def test_tied_weights_begin_with_the_vectors_too(vectors: Path, tmp_path: Path) -> None:
    module = language_model(tmp_path, word_vectors=vectors, tie_weights=True, hidden=3)
    module.initialise(1)
    assert module.network.output.weight is module.network.embedding.weight
    assert (module.network.output.weight == torch.tensor([1.0, 2.0, 3.0])).all(1).any()


def test_tied_weights_need_vectors_of_their_size(vectors: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"network\.hidden: tie_weights needs word vectors as large as the layers"):
        language_model(tmp_path, word_vectors=vectors, tie_weights=True, hidden=5)


@pytest.mark.parametrize(
    ("network", "told"),
    [
        ({"tie_weights": True, "word_vectors_use": "frozen"}, "tie_weights and word_vectors_use frozen exclude each"),
        ({"kind": "ngram", "hidden": 128}, "has no use for word_vectors: leave it out, or choose recurrent or window"),
    ],
)
def test_language_models_refuse_what_makes_no_sense(vectors: Path, network: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        settings_of(LanguageModeling, {}, {}, word_vectors=vectors, **network)


def test_the_given_weights_survive_a_copy(vectors: Path, tmp_path: Path) -> None:
    module = deepcopy(language_model(tmp_path, word_vectors=vectors))
    module.initialise(1)
    assert embedding_of(module).weight.shape[1] == 3


def test_a_plan_counts_what_is_frozen_apart(tmp_path: Path) -> None:
    run = Run((Tagging, {}, {}), tmp_path)
    settings = {"data": {"sentences": 40}, "network": {"hidden": 5, "embedding": SIZE}, "training": {"epochs": 1}}
    file = tmp_path / "study" / "study.yaml"
    file.parent.mkdir()
    vectors = {"network.word_vectors": "../vectors.txt"}
    frozen = {**vectors, "network.word_vectors_use": "frozen"}
    levels = {"drawn": {}, "tuned": vectors, "frozen": frozen}
    study = {"question": "q", "task": "tagging", "settings": settings, "compare": {"e": levels}, "seeds": 1}
    file.write_text(json.dumps(study))
    plan = make_plan(load_study(str(file), []), cache=tmp_path)
    drawn, tuned, still = plan.arms
    assert drawn.parameters == tuned.parameters == still.parameters == tuned.trained_parameters
    assert still.trained_parameters == still.parameters - len(run.words) * SIZE
    assert drawn.fingerprint != tuned.fingerprint == still.fingerprint
    assert len({trial.id for trial in plan.trials}) == 3
    assert all("word_vectors" not in trial.settings["network"] for trial in plan.trials)
