"""EB-C and EB-M: against slow versions, other libraries, and models of which the answer is known."""

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pytorch_lightning as pl
import sacrebleu
import torch
from numpy.typing import NDArray
from scipy.spatial.distance import jensenshannon
from torch import Tensor

from tasks.language_modeling.exposure.corpus_bleu import corpus_bleu
from tasks.language_modeling.exposure.divergences import jensen_shannon, total_variation
from tasks.language_modeling.exposure.measurement import CONTINUATION, LENGTHS, ExposureMeasurement
from tasks.language_modeling.exposure.names import BLEU, EXPOSURE, JENSEN_SHANNON, OUTSIDE, TOTAL_VARIATION
from tasks.language_modeling.exposure.pieces import cut_pieces
from tasks.language_modeling.exposure.truth import ToyTruth
from tasks.language_modeling.settings import LanguageModelingSettings
from tasks.language_modeling.task import LanguageModeling
from tasks.language_modeling.text_model import CountedModel
from tasks.text.running import TokenCorpus
from tasks.text.toy import generate, toy_grammar
from tasks.text.vocabulary import EOS, Vocabulary
from unroll.contract import UserError, distance_metric

VOCABULARY = Vocabulary((*toy_grammar().words(), EOS))
END = VOCABULARY.number(EOS)
CPU = torch.device("cpu")


def toy_text(sentences: int) -> NDArray[np.int32]:
    words = [word for sentence in generate(1, "exposure", sentences) for word in (*sentence.words, EOS)]
    return VOCABULARY.encode(words)


class Told:
    """A model whose distribution is a function of all that it has read."""

    def __init__(self, tell: Callable[[tuple[int, ...]], NDArray[np.float64]]) -> None:
        self.tell = tell

    def initial_state(self, batch: int) -> Tensor:
        return torch.zeros(batch, 0, dtype=torch.int64)

    def step(self, tokens: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        state = torch.cat([state, tokens.unsqueeze(1)], dim=1)
        told = [self.tell(tuple(row[1:])) for row in state.tolist()]  # behind the start
        return torch.from_numpy(np.stack(told)).log(), state


def flat() -> NDArray[np.float64]:
    return np.full(len(VOCABULARY), 1 / len(VOCABULARY))


def measure(model: Told, *, prefixes: int, known: bool = True) -> Mapping[str, float]:
    truth = ToyTruth(VOCABULARY, end=END) if known else None
    text = toy_text(2 * prefixes + 30)
    return ExposureMeasurement(text, start=END, prefixes=prefixes, truth=truth).measure(model, CPU)


def test_divergences_are_those_of_scipy() -> None:
    torch.manual_seed(1)
    p, q = torch.rand(2, 6, 9, dtype=torch.float64)
    p[0, :4] = 0  # words that have no probability
    q[0, 2:6] = 0
    p, q = p / p.sum(1, keepdim=True), q / q.sum(1, keepdim=True)
    expected = [jensenshannon(a, b) ** 2 for a, b in zip(p.numpy(), q.numpy(), strict=True)]
    assert jensen_shannon(p, q).tolist() == pytest.approx(expected, abs=1e-12)
    slow = [sum(abs(a - b) for a, b in zip(x, y, strict=True)) / 2 for x, y in zip(p.tolist(), q.tolist(), strict=True)]
    assert total_variation(p, q).tolist() == pytest.approx(slow, abs=1e-12)
    apart = torch.eye(2, dtype=torch.float64)
    assert jensen_shannon(apart[:1], apart[1:]).item() == pytest.approx(math.log(2))
    assert total_variation(apart[:1], apart[1:]).item() == 1


def test_bleu_is_that_of_sacrebleu() -> None:
    random = np.random.default_rng(3)
    pieces, references = random.integers(0, 4, (30, 10)).tolist(), random.integers(0, 4, (7, 10)).tolist()

    def written(rows: list[list[int]]) -> list[str]:
        return [" ".join(map(str, row)) for row in rows]

    streams = [[reference] * len(pieces) for reference in written(references)]
    oracle = sacrebleu.corpus_bleu(written(pieces), streams, tokenize="none", smooth_method="none", force=True)
    assert corpus_bleu(pieces, references) == pytest.approx(oracle.score, abs=1e-9)
    assert corpus_bleu(references, references) == pytest.approx(100)
    assert corpus_bleu([[9] * 10], references) == 0


def test_pieces_begin_with_sentences_and_do_not_overlap() -> None:
    text = np.asarray([5, 6, 0, 7, 0, 8, 9, 8, 0, 5, 0, 6, 7, 0, 9, 9], np.int32)
    pieces = cut_pieces(text, start=0, pieces=2, length=3)
    assert pieces.prefixes.tolist() == [[5, 6, 0], [7, 0, 8]]
    assert pieces.references.tolist() == [[5, 0, 6], [6, 7, 0]]
    with pytest.raises(UserError, match="two sets of 3 sentences"):
        cut_pieces(text, start=0, pieces=3, length=3)


def test_what_is_behind_the_end_of_a_sentence_does_not_depend_on_it() -> None:
    truth = ToyTruth(VOCABULARY, end=END)
    (first, second) = (tuple(VOCABULARY.encode(s.words).tolist()) for s in generate(4, "two", 2))
    start, after = truth.after(()), truth.after((*first, END))
    assert start is not None
    assert after is not None
    assert np.array_equal(start, after)
    assert truth.after(first).tolist() == np.eye(len(VOCABULARY))[END].tolist()  # type: ignore[union-attr]
    king = VOCABULARY.number("king")
    assert truth.after((king,)) is None  # no sentence begins so
    assert truth.after((king, king, END, *second[:2])) is not None  # the next one does


def test_the_language_itself_has_no_exposure_bias() -> None:
    truth = ToyTruth(VOCABULARY, end=END)
    found = measure(Told(lambda tokens: _known(truth.after(tokens))), prefixes=30)
    assert found[OUTSIDE] == 0
    assert found[TOTAL_VARIATION.data] == pytest.approx(0, abs=1e-12)
    assert found[TOTAL_VARIATION.own] == pytest.approx(0, abs=1e-12)
    assert found[BLEU.ratio] == pytest.approx(1, abs=0.15)


def _known(found: NDArray[np.float64] | None) -> NDArray[np.float64]:
    assert found is not None
    return found


def test_a_model_that_writes_what_it_does_not_know_has_one() -> None:
    """It begins sentences with *when* five times too often, and knows nothing of what follows but what is possible."""
    truth, when = ToyTruth(VOCABULARY, end=END), VOCABULARY.number("when")

    def tell(tokens: tuple[int, ...]) -> NDArray[np.float64]:
        known = _known(truth.after(tokens))
        if not tokens or tokens[-1] == END:
            return np.asarray(known + 4 * known[when] * (np.eye(len(known))[when] - known) / (1 - known[when]))
        sentence = tokens[[-1, *(place for place, token in enumerate(tokens) if token == END)][-1] + 1 :]
        possible: NDArray[np.float64] = np.asarray(known > 0, np.float64)
        return np.asarray(possible / possible.sum()) if sentence[0] == when else known

    found = measure(Told(tell), prefixes=50)
    assert found[OUTSIDE] == 0
    for length in LENGTHS[:3]:
        assert 2 < found[distance_metric(TOTAL_VARIATION.ratio, length)] < 9
    assert found[TOTAL_VARIATION.ratio] > 1.5
    assert found[JENSEN_SHANNON.ratio] > 1.5
    assert found[BLEU.ratio] > 1


def test_prefixes_outside_the_language_are_counted_and_have_no_part() -> None:
    """A share of nonsense in every word: the longer the prefix, the likelier it has left the language."""
    truth, nonsense = ToyTruth(VOCABULARY, end=END), 0.05

    def tell(tokens: tuple[int, ...]) -> NDArray[np.float64]:
        known = truth.after(tokens)
        return flat() if known is None else (1 - nonsense) * known + nonsense * flat()

    found = measure(Told(tell), prefixes=40)
    shares = [found[distance_metric(OUTSIDE, length)] for length in LENGTHS]
    assert shares[0] <= 0.15
    assert shares[-1] > shares[0] + 0.2
    assert found[OUTSIDE] == pytest.approx(np.mean(shares))
    for length in LENGTHS:  # behind every prefix inside, its own or not, the model is as good
        assert found[distance_metric(TOTAL_VARIATION.ratio, length)] == pytest.approx(1, abs=0.05)


def test_numbers_are_those_of_a_slow_version() -> None:
    torch.manual_seed(2)
    table = torch.rand(len(VOCABULARY), len(VOCABULARY), dtype=torch.float64).pow(8).numpy()
    table[:] = 0.5 * table / table.sum(1, keepdims=True) + 0.5 * np.eye(len(VOCABULARY))[END]
    model, prefixes = Told(lambda tokens: table[tokens[-1] if tokens else END]), 12
    measurement = ExposureMeasurement(toy_text(60), start=END, prefixes=prefixes, truth=(truth := Truths()))
    found = measurement.measure(model, CPU)
    names = set(EXPOSURE) - {BLEU.ratio}  # nothing of four words is ever right, and 0 / 0 is no ratio
    assert set(found) == names | {distance_metric(name, length) for name in names for length in LENGTHS}
    for length in LENGTHS:
        texts = [text for text in truth.asked if len(text) == length]
        data, own = texts[:prefixes], texts[prefixes:]
        assert len(own) == prefixes
        means: dict[str, float] = {}
        for kind, those in (("data", data), ("own", own)):
            known = [(text, true) for text in those if (true := truth.after(text)) is not None]
            distances = [np.abs(table[text[-1]] - true).sum() / 2 for text, true in known]
            means[kind] = float(np.mean(distances))
            if kind == "own":
                assert found[distance_metric(OUTSIDE, length)] == pytest.approx(1 - len(known) / len(those))
        assert found[distance_metric(TOTAL_VARIATION.data, length)] == pytest.approx(means["data"])
        assert found[distance_metric(TOTAL_VARIATION.own, length)] == pytest.approx(means["own"])
        assert found[distance_metric(TOTAL_VARIATION.ratio, length)] == pytest.approx(means["own"] / means["data"])


class Truths:
    """Half of all texts do not exist; keeps what was asked for."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, ...]] = []

    def after(self, tokens: tuple[int, ...]) -> Any:
        self.asked.append(tokens)
        return flat() if sum(tokens) % 2 else None


def test_without_the_truth_there_is_quality_alone() -> None:
    found = measure(Told(lambda _: flat()), prefixes=5, known=False)
    assert {name.partition("/distance_")[0] for name in found} <= {BLEU.data, BLEU.own, BLEU.ratio}
    assert LENGTHS[-1] + CONTINUATION == 42


@pytest.mark.parametrize(
    "network", [{"hidden": 6}, {"kind": "window", "order": 3, "hidden": 4}, {"kind": "ngram", "order": 3}]
)
def test_it_is_measured_after_the_test_and_nothing_else_changes(
    tmp_path: Path, trainer_of: Callable[..., pl.Trainer], network: dict[str, Any]
) -> None:
    task, told = LanguageModeling(), list[Mapping[str, float]]()
    for exposure in ({}, {"exposure_bias": 6}):
        chosen = {"data": {"sentences": 150}, "network": network, "training": {"epochs": 1, **exposure}}
        setting = LanguageModelingSettings.model_validate(chosen)
        corpus = task.prepare(setting, tmp_path)
        module: Any = task.module(setting, corpus)
        module.initialise(1)
        trainer, data = trainer_of(epochs=1), task.data(setting, corpus, 1)
        trainer.fit(module, datamodule=data)
        told.append(trainer.test(module, datamodule=data, verbose=False)[0])
        absent = {name for name in task.absent(setting, corpus) if name.startswith("test/")}
        never = {name for name in task.metrics if name.startswith("test/") and name not in told[-1]}
        assert absent <= never <= absent | {BLEU.ratio}  # nothing of four words may be right
    plain, measured = told
    assert {name: value for name, value in measured.items() if name in plain} == plain
    module.eval()
    model = getattr(module, "network", None) or CountedModel(module._model)
    truth = ToyTruth(corpus.vocabulary, end=corpus.start)
    again = ExposureMeasurement(corpus.test, start=corpus.start, prefixes=6, truth=truth).measure(model, CPU)
    assert {name: measured[name] for name in again} == dict(again)
    assert again[TOTAL_VARIATION.data] > 0.1


def test_what_is_not_known_of_a_text_is_said_beforehand(corpus_of: Callable[..., TokenCorpus]) -> None:
    chosen = {"data": {"level": "character"}, "training": {"exposure_bias": 6}}
    absent = LanguageModeling().absent(LanguageModelingSettings.model_validate(chosen), corpus_of(train=40))
    assert TOTAL_VARIATION.ratio in absent
    assert OUTSIDE in absent
    assert BLEU.ratio not in absent


def test_a_text_that_is_too_short_is_refused_beforehand(tmp_path: Path) -> None:
    chosen = {"data": {"sentences": 100}, "training": {"exposure_bias": 20}}
    with pytest.raises(UserError, match=r"two sets of 20 sentences.*received \d+ sentences"):
        LanguageModeling().prepare(LanguageModelingSettings.model_validate(chosen), tmp_path)
