"""Windows and n-grams: against slow versions, on the same tokens as recurrent networks, through the whole trainer."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from pydantic import ValidationError
from torch import Tensor
from torch.nn.functional import cross_entropy, dropout

from tasks.language_modeling.counting import count_grams
from tasks.language_modeling.kneser_ney import KneserNey
from tasks.language_modeling.settings import LanguageModelingSettings
from tasks.language_modeling.task import LanguageModeling
from tasks.language_modeling.window import WindowModel
from tasks.text.running import TokenCorpus
from tests.tasks.run import Run, same
from unroll.contract import UserError
from unroll.study import load_study, make_plan

CorpusOf = Callable[..., TokenCorpus]
TrainerOf = Callable[..., pl.Trainer]
Fit = Callable[..., tuple[Any, pl.Trainer, pl.LightningDataModule]]


@pytest.fixture
def fit(trainer_of: TrainerOf) -> Fit:
    def run(corpus: TokenCorpus, network: dict[str, Any], **training: Any) -> Any:
        nested = {"network": network, "training": {"batch_size": 4, "bptt": 5, "epochs": 2, **training}}
        task, settings = LanguageModeling(), LanguageModelingSettings.model_validate(nested)
        module: Any = task.module(settings, corpus)
        module.initialise(1)
        data, trainer = task.data(settings, corpus, 1), trainer_of(epochs=task.epochs(settings), log_every_n_steps=1)
        trainer.fit(module, datamodule=data)
        assert trainer.global_step == task.steps(settings, corpus)
        return module, trainer, data

    return run


# Windows


def slow_logits(model: WindowModel, ids: list[int], order: int) -> list[Tensor]:
    """Equation 1 for each position, from the tokens before it; zeros where there are none."""
    nothing, found = torch.zeros(model.embedding.embedding_dim), []
    for t in range(len(ids)):
        past = [model.embedding.weight[ids[j]] if j >= 0 else nothing for j in range(t - order + 2, t + 1)]
        x = torch.cat(past)
        logits = model.output.bias + model.output.weight @ torch.tanh(model.hidden.bias + model.hidden.weight @ x)
        found.append(logits if model.direct is None else logits + model.direct.weight @ x)
    return found


@pytest.mark.parametrize(("order", "direct"), [(2, False), (3, True), (5, False), (5, True)])
def test_a_window_computes_its_equation_whatever_the_segments(order: int, direct: bool) -> None:
    torch.manual_seed(0)
    model = WindowModel(vocabulary=7, embedding=3, hidden=4, order=order, direct=direct)
    ids = torch.randint(7, (11, 2))
    expected = torch.stack([torch.stack(slow_logits(model, ids[:, b].tolist(), order)) for b in range(2)], dim=1)
    whole, _ = model(ids, model.initial_state(2))
    torch.testing.assert_close(whole, expected)
    state, parts = model.initial_state(2), []
    for begin, end in ((0, 1), (1, 3), (3, 11)):
        logits, state = model(ids[begin:end], state)
        parts.append(logits)
    torch.testing.assert_close(torch.cat(parts), expected)


def test_dropout_of_a_window_acts_where_it_does_in_a_recurrent_network() -> None:
    model = WindowModel(vocabulary=7, embedding=3, hidden=4, order=3, direct=True, dropout=0.4)
    ids = torch.randint(7, (6, 2), generator=torch.Generator().manual_seed(0))
    assert torch.equal(*(model.eval()(ids, model.initial_state(2))[0] for _ in range(2)))
    torch.manual_seed(5)
    logits, _ = model.train()(ids, model.initial_state(2))
    torch.manual_seed(5)
    before = torch.cat((torch.zeros(1, 2, 3), model.embedding(ids)[:-1]))
    x = dropout(torch.cat((before, model.embedding(ids)), dim=-1), 0.4)
    hidden = dropout(torch.tanh(model.hidden(x)), 0.4)
    assert model.direct is not None
    torch.testing.assert_close(logits, model.output(hidden) + model.direct(x))


def test_a_window_may_share_one_matrix_between_embedding_and_output(corpus_of: CorpusOf, fit: Fit) -> None:
    corpus = corpus_of(train=83, validation=60)
    words = len(corpus.vocabulary)
    module, _, _ = fit(corpus, {"kind": "window", "order": 3, "hidden": 6, "tie_weights": True, "dropout": 0.2})
    network = cast("WindowModel", module.network)
    assert network.output.weight is network.embedding.weight
    assert sum(weight.numel() for weight in network.parameters()) == words * 6 + words + 12 * 6 + 6
    ids = corpus.test[:9].tolist()
    logits, _ = network.eval()(torch.tensor(ids)[:, None], network.initial_state(1))
    torch.testing.assert_close(logits[:, 0], torch.stack(slow_logits(network, ids, 3)))


def test_a_window_forgets_what_lies_beyond_it() -> None:
    model = WindowModel(vocabulary=7, embedding=3, hidden=4, order=4, direct=True)
    ids = torch.randint(7, (9, 1), generator=torch.Generator().manual_seed(0))
    other = ids.clone()
    other[5] = (ids[5] + 1) % 7
    (one, _), (two, _) = (model(text, model.initial_state(1)) for text in (ids, other))
    assert [torch.equal(a, b) for a, b in zip(one, two, strict=True)] == [True] * 5 + [False] * 3 + [True]


def test_a_window_is_trained_and_scored_on_every_token(corpus_of: CorpusOf, fit: Fit) -> None:
    corpus = corpus_of(train=83, validation=601)
    module, trainer, data = fit(corpus, {"kind": "window", "order": 4, "hidden": 6, "embedding": 3})
    assert module.items_seen == 2 * 80
    (told,) = trainer.validate(module, datamodule=data, verbose=False)
    ids = [corpus.start, *corpus.validation.tolist()]
    logits = torch.stack(slow_logits(module.network, ids[:-1], 4)).double()
    loss = cross_entropy(logits, torch.tensor(ids[1:])).item()
    assert told["validation/perplexity"] == pytest.approx(math.exp(loss), rel=1e-5)


def test_a_window_can_learn_a_text_by_heart(corpus_of: CorpusOf, fit: Fit) -> None:
    corpus = corpus_of(train=40, vocabulary=20)
    network = {"kind": "window", "order": 5, "hidden": 32}
    _, trainer, _ = fit(corpus, network, epochs=80, learning_rate=0.02, batch_size=2)
    assert trainer.callback_metrics["train/perplexity"] < 1.5


# N-grams


@pytest.mark.parametrize("columns", [1, 4])
@pytest.mark.parametrize("order", [1, 2, 5])
def test_ngrams_are_scored_on_every_token(corpus_of: CorpusOf, fit: Fit, order: int, columns: int) -> None:
    corpus = corpus_of(train=997, validation=601, test=30)
    corpus = TokenCorpus(**{**vars(corpus), "fingerprint": f"random {order}"})
    module, trainer, data = fit(corpus, {"kind": "ngram", "order": order}, evaluation_batch_size=columns)
    model = KneserNey.count(corpus.train.astype(np.int64), order=order, vocabulary=11, boundary=0)
    assert module.items_seen == 997
    assert torch.equal(module.counts, torch.from_numpy(model.counts()).float())
    for split, ids, told in (
        ("validation", corpus.validation, trainer.validate(module, datamodule=data, verbose=False)),
        ("test", corpus.test, trainer.test(module, datamodule=data, verbose=False)),
    ):
        steps = -(-len(ids) // columns)
        befores = [ids[max(0, c * steps - 1) : c * steps].astype(np.int64) for c in range(columns)]
        parts = [ids[c * steps : (c + 1) * steps].astype(np.int64) for c in range(columns)]
        pairs = zip(befores, parts, strict=True)
        p = [model.probabilities(np.concatenate((before, part)))[len(before) :] for before, part in pairs]
        expected = math.exp(-np.log(np.concatenate(p)).mean())
        assert told[0][f"{split}/perplexity"] == pytest.approx(expected, rel=1e-6)


def test_counts_come_back_from_a_checkpoint(
    corpus_of: CorpusOf, fit: Fit, trainer_of: TrainerOf, tmp_path: Path
) -> None:
    corpus = corpus_of(train=200)
    network = {"kind": "ngram", "order": 3}
    module, trainer, data = fit(corpus, network)
    (told,) = trainer.test(module, datamodule=data, verbose=False)
    trainer.save_checkpoint(tmp_path / "kept")
    fresh: Any = LanguageModeling().module(LanguageModelingSettings.model_validate({"network": network}), corpus)
    (again,) = trainer_of().test(fresh, datamodule=data, verbose=False, ckpt_path=tmp_path / "kept", weights_only=True)
    assert again["test/perplexity"] == told["test/perplexity"]
    assert fresh.items_seen == 200
    assert torch.equal(fresh.counts, module.counts)


def test_texts_without_a_fingerprint_are_not_taken_for_each_other(corpus_of: CorpusOf) -> None:
    small, large = (count_grams(corpus_of(train=size), 3) for size in (20, 200))
    assert small < large
    assert count_grams(corpus_of(train=20), 3) == small


def test_all_kinds_predict_the_same_tokens(corpus_of: CorpusOf, fit: Fit) -> None:
    corpus = corpus_of(train=100, validation=77)
    tokens = []
    for kind in ("recurrent", "window", "ngram"):
        module, trainer, data = fit(corpus, {"kind": kind}, evaluation_batch_size=3)
        trainer.validate(module, datamodule=data, verbose=False)
        tokens.append(module._held_out.likelihood.tokens)
    assert tokens == [77] * 3


# Settings

CASES: list[tuple[dict[str, Any], str]] = [
    ({"network": {"order": 3}}, "kind recurrent has no use for order: leave it out, or choose window or ngram"),
    ({"network": {"direct": True}}, "kind recurrent has no use for direct: leave it out, or choose window"),
    (
        {"network": {"kind": "window", "cell": "gru"}},
        "kind window has no use for cell: leave it out, or choose recurrent",
    ),
    (
        {"network": {"kind": "ngram", "hidden": 64}},
        "kind ngram has no use for hidden: leave it out, or choose recurrent or window",
    ),
    ({"network": {"kind": "window", "order": 1}}, "order must be at least 2 for kind window, received 1"),
    (
        {"network": {"kind": "window"}, "training": {"omega": 2.0}},
        "omega needs kind recurrent, received 2.0 for kind window",
    ),
    (
        {"network": {"kind": "ngram"}, "training": {"diagnose_every": 9}},
        "diagnose_every needs kind recurrent, received 9 for kind ngram",
    ),
]


@pytest.mark.parametrize(("nested", "text"), CASES)
def test_what_another_kind_is_set_by_is_refused(nested: dict[str, Any], text: str) -> None:
    with pytest.raises(ValidationError) as caught:
        LanguageModelingSettings.model_validate(nested)
    (error,) = caught.value.errors()
    assert error["msg"] == f"Value error, {text}"


STUDY = """
question: Which?
task: language_modeling
settings: {data: {corpus: toy_language, sentences: 60}}
compare:
  model:
    trigram: {network.kind: ngram, network.order: 3}
    window: {network.kind: window}
"""


def test_a_plan_knows_how_many_counts_there_are(tmp_path: Path) -> None:
    (tmp_path / "study.yaml").write_text(STUDY)
    study = load_study(tmp_path / "study.yaml")
    trigram, window = make_plan(study, cache=tmp_path).arms
    corpus = LanguageModeling().prepare(LanguageModelingSettings.model_validate(study.settings), tmp_path)
    ids, grams = corpus.train.tolist(), set()
    sentence: list[int] = []
    for word in ids:
        sentence = [word] if sentence and sentence[-1] == corpus.start else [*sentence, word]
        start = [corpus.start]
        text = [*start, *sentence]
        grams |= {tuple(text[-n:]) for n in (1, 2, 3) if n <= len(text)} | ({("", *text)} if len(text) == 2 else set())
    assert (trigram.parameters, trigram.flops_per_token, trigram.steps) == (len(grams), 0, 1)
    assert window.parameters > 0


def test_counts_cannot_be_made_equal_in_size(tmp_path: Path) -> None:
    (tmp_path / "study.yaml").write_text(STUDY + "match: {parameters: 9000}\n")
    with pytest.raises(UserError) as caught:
        make_plan(load_study(tmp_path / "study.yaml"), cache=tmp_path)
    assert str(caught.value) == (
        "match.parameters: arm 'trigram' cannot have network.hidden=1, which the search has to try: kind "
        "ngram has no use for hidden: leave it out, or choose recurrent or window (received 9,000)"
    )


def test_counting_has_no_use_for_how_networks_learn(tmp_path: Path) -> None:
    task = LanguageModeling()
    network, data = {"kind": "ngram", "order": 3}, {"sentences": 30}
    ways: list[dict[str, Any]] = [
        {},
        {"epochs": 3, "batch_size": 5, "bptt": 7, "learning_rate": 1.0, "reduction": "time_sum"},
        {"optimizer": "sgd", "clip_norm": None, "clip_value": 0.1, "decay_start": 1, "decay_factor": 2.0},
    ]
    settings = [
        LanguageModelingSettings.model_validate({"network": network, "data": data, "training": w}) for w in ways
    ]
    dataset = task.prepare(settings[0], tmp_path)
    ends = [Run(task, each, dataset).end() for each in settings]
    assert all(same(end, ends[0]) for end in ends)
    assert {f"training.{name}" for way in ways for name in way} <= set(task.unused(settings[0]))
    assert "training.evaluation_batch_size" not in set(task.unused(settings[0]))
