"""``unroll generate``: what it writes is what the decoding says of the trained model, whoever asks and however."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

import unroll as door
from unroll.ledger import Ledger
from unroll.workflow.trained import Trained, as_tested, choose_trial, load_trained

if TYPE_CHECKING:
    from tests.cli.conftest import Said

    Unroll = Callable[..., Said]

WORDS = """\
question: Which model completes sentences?
task: language_modeling
settings:
  data: {sentences: 80}
  training: {epochs: 2, batch_size: 4, learning_rate: 0.02}
compare:
  model:
    lstm: {network.cell: lstm, network.hidden: 12}
    window: {network.kind: window, network.order: 3, network.hidden: 8}
    ngram: {network.kind: ngram, network.order: 3}
seeds: 1
wandb: {mode: disabled}
"""
PLAIN = """\
question: What is unknown?
task: language_modeling
settings:
  data: {corpus: text, path: ../../text.txt, minimum_count: 2}
  network: {hidden: 4}
  training: {epochs: 1, batch_size: 2}
compare:
  network.cell: [gru]
seeds: 1
wandb: {mode: disabled}
"""
STUDIES = {
    "words": WORDS,
    "letters": WORDS.replace("sentences: 80", "sentences: 20, level: character").replace("sentences?", "words?"),
    "plain": PLAIN,
    "gone": PLAIN.replace("unknown?", "gone?") + "keep: none\n",
    "tags": "question: Which cell tags?\ntask: tagging\nsettings: {data: {sentences: 20}, training: {epochs: 1}}\n"
    "compare: {network.hidden: [4]}\nseeds: 1\nwandb: {mode: disabled}\n",
}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with results of small studies."""
    root = tmp_path_factory.mktemp("project")
    (root / "tasks").mkdir()
    (root / "text.txt").write_text("\n".join(["we met ada and bo", "bo met ada", f"we saw x{0}"] * 20 + ["a b c"]))
    for name, text in STUDIES.items():
        (root / "studies" / name).mkdir(parents=True)
        (root / "studies" / name / "study.yaml").write_text(text, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("UNROLL_ROOT", str(root))
        patch.setenv("UNROLL_CACHE", str(root / "cache"))
        patch.chdir(root)
        for study in STUDIES:
            assert door.run(study, runner="inline", report=False, progress=False).completed
    return root


@pytest.fixture
def project(trained: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("UNROLL_ROOT", str(trained))
    monkeypatch.setenv("UNROLL_CACHE", str(trained / "no cache"))
    monkeypatch.chdir(trained)
    return trained


def loaded(project: Path, study: str, arm: str) -> Trained:
    ledger = Ledger.open(project / "results" / study)
    return load_trained(ledger, choose_trial(ledger, arm=arm, seed=0))


def expected(trained: Trained, text: list[int]) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Probabilities of the next token, from the whole text at once: shape (vocabulary,)."""
    module: Any = trained.module
    with as_tested(trained):
        if hasattr(module, "network"):
            logits, _ = module.network(torch.tensor(text).unsqueeze(1), module.network.initial_state(1))
            return np.asarray(logits[-1, 0].softmax(0).double().tolist())
        words = range(len(trained.dataset.vocabulary))
        return np.array([module.model.probabilities(np.array([*text[1:], word]))[-1] for word in words])


def slow(trained: Trained, beginning: list[str], length: int) -> tuple[list[str], float]:
    """The most probable token, again and again; and the log-probability of all of them."""
    words, start = trained.dataset.vocabulary, trained.dataset.start
    text, total = [start, *words.encode(beginning).tolist()], 0.0
    for _ in range(length):
        probabilities = expected(trained, text)
        text.append(int(probabilities.argmax()))
        total += math.log(probabilities[text[-1]])
        if text[-1] == start:
            break
    written = text[1 + len(beginning) :]
    return [*words.decode(written[:-1] if written[-1] == start else written)], total


@pytest.mark.parametrize("arm", ["lstm", "window", "ngram"])
@pytest.mark.parametrize("study", ["words", "letters"])
def test_the_text_is_what_the_decoding_says(project: Path, unroll: Unroll, study: str, arm: str) -> None:
    options = ("method=greedy", "length=9", "--scores")
    said = unroll("generate", study, "--arm", arm, "--seed", "0", "--prompt", "the king", *options)
    assert (said.code, said.err) == (0, "")
    text, score = said.out.rstrip("\n").split("\t")
    beginning = list("the king") if study == "letters" else ["the", "king"]
    written, total = slow(loaded(project, study, arm), beginning, 9)
    blank = "" if study == "letters" else " "
    assert text == "the king" + blank * bool(written) + blank.join(written)
    assert float(score) == pytest.approx(total, abs=2e-3)


@pytest.mark.parametrize("arm", ["lstm", "window", "ngram"])
def test_the_next_words_have_the_models_probabilities(project: Path, unroll: Unroll, arm: str) -> None:
    said = unroll("generate", "words", "--arm", arm, "--seed", "0", "--prompt", "the king", "--next", "4")
    trained = loaded(project, "words", arm)
    words = trained.dataset.vocabulary
    probabilities = expected(trained, [trained.dataset.start, *words.encode(["the", "king"]).tolist()])
    told = [line.split("\t") for line in said.out.splitlines()]
    best = sorted(range(len(words)), key=lambda number: (-probabilities[number], number))[:4]
    assert [float(share) for _, share in told] == pytest.approx([probabilities[n] for n in best], rel=1e-3)
    assert {word for word, _ in told} <= {*words.words}
    everything = unroll("generate", "words", "--arm", arm, "--prompt", "", "--next", "1000").out.splitlines()
    assert len(everything) == len(words)


def test_python_gets_what_the_command_prints(project: Path, unroll: Unroll) -> None:
    options = ("method=beam", "width=3", "length_normalization=none")
    lines = unroll("generate", "words", "--arm", "lstm", "--prompt", "the", *options, "--scores").out.splitlines()
    (found,) = door.generate("words", ["the"], arm="lstm", method="beam", width=3, length_normalization="none")
    assert [f"the{one.text}\t{one.log_probability:.4f}" for one in found] == lines
    drawn = door.generate("words", ["the", "the"], arm="lstm", draw=4, temperature=2.0, samples=2)
    assert drawn == door.generate("words", ["the", "the"], arm="lstm", draw=4, temperature=2.0, samples=2)
    assert drawn[0] != drawn[1]
    with pytest.raises(door.UserError, match="temprature: unknown key"):
        door.generate("words", [""], arm="lstm", temprature=1)


def test_a_characters_name_can_be_seen(project: Path, unroll: Unroll) -> None:
    lines = unroll("generate", "letters", "--arm", "lstm", "--prompt", "the", "--next", "100").out.splitlines()
    assert {"' '", "'\\n'", "'a'"} <= {line.split("\t")[0] for line in lines}


def test_what_is_drawn_depends_on_the_draw_and_the_number_of_the_beginning_alone(
    project: Path, unroll: Unroll, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    call = ("generate", "words", "--arm", "lstm", "--seed", "0", "samples=3", "temperature=1.5")
    (tmp_path / "lines").write_text("the\n\nthe\n")

    def pipe(*more: str) -> list[str]:
        with (tmp_path / "lines").open() as lines:
            monkeypatch.setattr("sys.stdin", lines)
            return unroll(*call, *more).out.splitlines()

    one = unroll(*call, "--prompt", "the", "--draw", "5").out.splitlines()
    assert len(one) == 3
    assert all(line.startswith("the ") for line in one)
    assert one == unroll(*call, "--prompt", "the", "--draw", "5").out.splitlines()
    assert one != unroll(*call, "--prompt", "the", "--draw", "6").out.splitlines()
    several = pipe("--draw", "5")
    assert several == pipe("--draw", "5")
    assert several[:3] == one
    assert several[6:] != one
    assert len(several) == 9


def test_what_is_typed_is_gone_on_with_and_a_mistake_ends_nothing(
    project: Path, unroll: Unroll, monkeypatch: pytest.MonkeyPatch
) -> None:
    typed: Iterator[str] = iter(["the king", "the xyzzy", ""])

    def type_in(_: str) -> str:
        try:
            return next(typed)
        except StopIteration:
            raise EOFError from None

    monkeypatch.setattr("builtins.input", type_in)
    with open(os.devnull) as nothing:
        monkeypatch.setattr("sys.stdin", _Terminal(nothing.fileno()))
        said = unroll("generate", "words", "--arm", "lstm", "method=greedy")
    assert said.code == 0, said.err
    hint, first, second, end = said.out.split("\n")[:4]
    assert hint == "goes on by word with what you type; an empty line is a beginning, too; Ctrl-D ends"
    assert first.startswith("the king")
    assert second == unroll("generate", "words", "--arm", "lstm", "method=greedy", "--prompt", "").out.rstrip("\n")
    assert end == ""
    assert "error: every word must be in the vocabulary, which has no <unk> (received 'xyzzy')\n" in said.err


class _Terminal:
    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def fileno(self) -> int:
        return self._descriptor

    def isatty(self) -> bool:
        return True


def test_unknown_words_are_counted_and_told(project: Path, unroll: Unroll) -> None:
    said = unroll("generate", "plain", "--prompt", "we met xyzzy and plugh xyzzy", "length=3")
    assert said.code == 0
    assert said.err.splitlines() == [
        "seed 0 of gru, the lowest that completed",
        "3 words are unknown to the model, read as <unk>: xyzzy, plugh",
    ]
    assert said.out.startswith("we met xyzzy and plugh xyzzy")
    assert unroll("generate", "plain", "--prompt", "we <unk>", "--next", "1").err.count("\n") == 1, "it is a word"


def test_an_unknown_word_is_written_only_where_it_is_allowed(project: Path, unroll: Unroll) -> None:
    call = ("generate", "plain", "--prompt", "", "samples=200", "temperature=20")
    assert "<unk>" not in unroll(*call).out
    assert "<unk>" in unroll(*call, "unknown=allowed").out


def test_a_beginning_may_have_several_lines(project: Path, unroll: Unroll) -> None:
    """They are read as in training: behind each the end of a line."""
    lines = unroll("generate", "plain", "--prompt", "bo met\nwe", "method=beam", "width=2", "--scores").out
    marked = unroll("generate", "plain", "--prompt", "bo met <eos> we", "method=beam", "width=2", "--scores").out
    assert lines == marked.replace("bo met <eos> ", "")
    assert lines.count("\n") == 2


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["words", "--prompt", "a"], "an arm must be named where a study has several (--arm NAME); known: 'lstm', "),
        (["words", "--arm", "lstn", "--prompt", ""], "there is no such arm (received 'lstn'); did you mean 'lstm'?"),
        (["gone", "--prompt", ""], "the weights of a trial must have been kept (received none); they stay where"),
        (["tags", "--prompt", "a"], "a trial of tagging goes on with no text; tasks that define writing and writer"),
        (
            ["words", "--arm", "lstm", "--prompt", "the xyzzy"],
            "--prompt: every word must be in the vocabulary, which has no <unk> (received 'xyzzy')",
        ),
        (
            ["plain", "--prompt", "", "temprature=1"],
            "command line: temprature: unknown key; did you mean 'temperature'?",
        ),
        (
            ["plain", "--prompt", "", "method=beam", "top_k=3"],
            "command line: method beam has no use for top_k: leave it out, or choose sampling",
        ),
        (["plain", "--prompt", "", "top_p=1.5"], "command line: top_p: must be less than or equal to 1 (received 1.5)"),
        (["plain", "--prompt", "", "top_k=1,2"], "command line: top_k: must be an option with one value"),
        (["plain", "--prompt", "", "top_k"], "command line: an override must be written key=value (received 'top_k')"),
        (
            ["plain", "--prompt", "", "--temperature", "0.7"],
            "there is no such option; how text is written stands there without dashes: temperature=0.7",
        ),
        (["plain", "--prompt", "", "--next", "3", "length=2"], "--next: the likeliest next words are the same however"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_mistake_is_one_clear_line(project: Path, unroll: Unroll, words: list[str], line: str) -> None:
    said = unroll("generate", *words)
    errors = [each for each in said.err.splitlines() if each.startswith("error: ")]
    assert (said.code, len(errors), said.out) == (2, 1, ""), said.err
    assert line in errors[0]
