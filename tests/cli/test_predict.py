"""``unroll predict``: of the test file it gives the ledger's accuracy, of a pipe each answer as its line comes."""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

import unroll as door
from tests.tasks.run import quiet_trainer, same
from unroll.cli.predict import _tell
from unroll.contract import Task
from unroll.ledger import Ledger, Outcome, Selected
from unroll.ledger.records import read_record, write_record
from unroll.ledger.weights import WeightsRecord
from unroll.workflow.trained import choose_trial, load_trained

if TYPE_CHECKING:
    from tests.cli.conftest import Said

    Unroll = Callable[..., Said]

SENTENCES = """\
question: Which cell tells moods?
task: classification
settings:
  data: {corpus: label_text, path: ../../moods, lowercase: true, encoding: latin-1}
  network: {hidden: 6, loop: plain, word_vectors: ../../vectors.txt, word_vectors_use: frozen}
  training: {epochs: 2, batch_size: 8, learning_rate: 0.05, warmup: 3, schedule: cosine, select: best}
compare:
  network.cell: [elman, lstm]
seeds: 2
wandb: {mode: disabled}
"""
ENTITIES = """\
question: Who is named?
task: tagging
settings:
  data: {corpus: columns, path: ../../names, scheme: iob1}
  network: {hidden: 6, loop: plain, embedding: 5, decoder: crf, characters: convolution}
  training: {epochs: 2, batch_size: 8}
compare:
  network.cell: [gru]
seeds: 1
wandb: {mode: disabled}
"""
COUNTS = """\
question: What do counts know?
task: language_modeling
settings:
  data: {sentences: 20}
  network: {kind: ngram}
compare:
  network.order: [2]
seeds: 1
wandb: {mode: disabled}
"""


def moods(count: int, seed: int) -> str:
    draw = random.Random(seed)
    mood = {"glad": ["bright", "Sunny", "caf\xe9"], "sad": ["Grey", "wet", "cold"], "calm": ["still", "Night"]}
    lines = []
    for _ in range(count):
        label = draw.choice(sorted(mood))
        words = draw.choices(["the", "day", "was"], k=draw.randint(1, 5)) + draw.choices(mood[label], k=2)
        lines.append(f"{label} {' '.join(words)} w{draw.randrange(300)}\n")
    return "".join(lines)


def names(count: int, seed: int) -> str:
    draw = random.Random(seed)
    blocks = []
    for _ in range(count):
        rows = [f"{draw.choice(['we', 'saw', 'and', 'met'])}\tO" for _ in range(draw.randint(1, 4))]
        for _ in range(draw.randint(0, 2)):  # two in a row: the second begins with B in IOB1
            rows += [f"{draw.choice(['Ada', 'Bo'])}{draw.randrange(30)}\t{'B' if rows[-1][-1] != 'O' else 'I'}-PER"]
        blocks.append("\n".join(rows) + "\n")
    return "\n".join(blocks)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with results of three small studies."""
    root = tmp_path_factory.mktemp("project")
    for name, text in {"sentences": SENTENCES, "entities": ENTITIES, "counts": COUNTS}.items():
        (root / "studies" / name).mkdir(parents=True)
        (root / "studies" / name / "study.yaml").write_text(text, encoding="utf-8")
    (root / "tasks").mkdir()
    for folder, make, encoding in (("moods", moods, "latin-1"), ("names", names, "utf-8")):
        (root / folder).mkdir()
        for number, (split, size) in enumerate({"train": 60, "valid": 20, "test": 150}.items()):
            (root / folder / f"{split}.txt").write_text(make(size, number), encoding=encoding)
    (root / "vectors.txt").write_text("the 1 0 0 1\nday 0 1 0 .5\nwet 0 0 1 -1\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("UNROLL_ROOT", str(root))
        patch.setenv("UNROLL_CACHE", str(root / "cache"))
        patch.chdir(root)
        for study in ("sentences", "entities", "counts"):
            assert door.run(study, runner="inline", report=False, progress=False).completed
    (root / "vectors.txt").unlink()  # what was located is not needed any more
    return root


@pytest.fixture
def project(trained: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("UNROLL_ROOT", str(trained))
    monkeypatch.setenv("UNROLL_CACHE", str(trained / "no cache"))
    monkeypatch.chdir(trained)
    return trained


def accuracy(study: str, **of: Any) -> float:
    frame = door.results(study)
    for name, value in of.items():
        frame = frame.filter(frame[name] == value)
    return float(frame["test/accuracy"][0])


@pytest.mark.parametrize("arm", ["elman", "lstm"])
@pytest.mark.parametrize("seed", [0, 1])
def test_a_classifier_reaches_the_ledger_s_accuracy(project: Path, unroll: Unroll, arm: str, seed: int) -> None:
    words = ("--format", "label_text", "--encoding", "latin-1")
    said = unroll("predict", "sentences", "--arm", arm, "--seed", str(seed), "moods/test.txt", *words)
    assert said.code == 0, said.err
    expected = accuracy("sentences", arm=arm, seed=seed)
    assert f"accuracy {expected!r} ({round(150 * expected)} of 150)\n" in said.err
    gold = [line.split()[0] for line in (project / "moods/test.txt").read_text("latin-1").splitlines()]
    answers = said.out.splitlines()
    assert sum(map(str.__eq__, gold, answers)) / 150 == expected, "answers are in the order of the file"
    assert "words are unknown to the model: read as <unk>" in said.err


def test_a_tagger_reaches_the_ledger_s_accuracy(project: Path, unroll: Unroll) -> None:
    said = unroll("predict", "entities", "names/test.txt", "--format", "columns")
    assert said.code == 0, said.err
    assert said.err.startswith("seed 0 of gru, the lowest that completed\n")
    assert f"accuracy {accuracy('entities')!r} (" in said.err
    blocks = (project / "names/test.txt").read_text().strip().split("\n\n")
    sizes = [len(block.splitlines()) for block in blocks]
    assert [len(line.split()) for line in said.out.splitlines()] == sizes


def test_plain_lines_get_the_same_answers(project: Path, unroll: Unroll, tmp_path: Path) -> None:
    lines = [line.partition(" ")[2] for line in (project / "moods/test.txt").read_text("latin-1").splitlines()]
    (tmp_path / "plain.txt").write_text("\n".join(["\ufeff" + lines[0], "", *lines[1:]]), encoding="utf-8")
    plain = unroll("predict", "sentences", "--arm", "lstm", str(tmp_path / "plain.txt"))
    labelled = unroll(
        *("predict", "sentences", "--arm", "lstm", "moods/test.txt"), "--format", "label_text", "--encoding", "latin-1"
    )
    first, blank, *others = plain.out.splitlines()
    assert blank == "", "a line without words has an answer without one"
    assert [first, *others] == labelled.out.splitlines()
    assert "accuracy" not in plain.err


def test_unknown_words_are_counted_once(project: Path, unroll: Unroll, tmp_path: Path) -> None:
    (tmp_path / "new.txt").write_text("the day was xyzzy\nPLUGH DAY\n")
    said = unroll("predict", "sentences", "--arm", "lstm", "--seed", "1", str(tmp_path / "new.txt"))
    assert said.err == "2 of 6 words are unknown to the model: read as <unk>\n"


def test_gold_labels_that_the_model_does_not_have_are_told(project: Path, unroll: Unroll, tmp_path: Path) -> None:
    """Labels of another scheme would else be an accuracy of nothing, and no word why."""
    (tmp_path / "moods.txt").write_text("glad the day was bright\ncross the day\ngloomy night\ncross wet\n")
    words = ("--arm", "lstm", "--seed", "1", "--format", "label_text")
    told = unroll("predict", "sentences", *words, str(tmp_path / "moods.txt")).err
    assert "\n3 of 4 gold labels are none that the model has, and cannot be answered rightly: cross, gloomy\n" in told
    (tmp_path / "names.txt").write_text("we\tO\nsaw\tO\nAda1\tB-LOC\n")
    told = unroll("predict", "entities", "--format", "columns", str(tmp_path / "names.txt")).err
    assert "\n1 of 3 gold labels is none that the model has, and cannot be answered rightly: B-LOC\n" in told


def test_probabilities_stand_behind_the_answer(project: Path, unroll: Unroll, tmp_path: Path) -> None:
    (tmp_path / "new.txt").write_text("the day was wet\n\n")
    words = ("--seed", "0", str(tmp_path / "new.txt"), "--probabilities")
    first, second = unroll("predict", "sentences", "--arm", "lstm", *words).out.split("\n")[:2]
    label, *shares = first.split("\t")
    told = {name: float(share) for name, share in (each.split("=") for each in shares)}
    assert (sorted(told), second) == (["calm", "glad", "sad"], "")
    assert label == next(iter(told)) == max(told, key=lambda name: told[name])
    assert sum(told.values()) == pytest.approx(1, abs=1e-3)
    refused = unroll("predict", "entities", *words)
    assert (refused.code, refused.err.splitlines()[-1]) == (
        2,
        "error: --probabilities: the trial's task gives no probabilities; leave it out",
    )


def test_scores_are_named_and_only_those_of_shares_have_counts(capsys: pytest.CaptureFixture[str]) -> None:
    scores = {"bleu": 31.25, "accuracy": 0.5}
    known: Any = SimpleNamespace(scores=scores, right=2, counted=4, unknown=0, words=9, strange={})
    _tell(known)
    known.counted = 0
    _tell(known)
    assert capsys.readouterr().err.splitlines() == ["bleu 31.25", "accuracy 0.5 (2 of 4)", "bleu 31.25", "accuracy 0.5"]


@pytest.mark.slow
def test_a_pipe_gives_each_answer_as_its_line_comes(project: Path) -> None:
    command = [str(Path(sys.executable).with_name("unroll")), "predict", "sentences", "--arm", "lstm", "-"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin
        assert process.stdout
        for line in ("the day was wet\n", "bright caf\xe9\n"):
            process.stdin.write(line)
            process.stdin.flush()
            assert process.stdout.readline().strip() in ("calm", "glad", "sad"), "before the input ends"
        process.stdin.close()
        assert process.wait() == 0


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["nothing", "f"], "there is no such results folder or study (received 'nothing')"),
        (["sentences", "f"], "an arm must be named where a study has several (--arm NAME); known: 'elman', 'lstm'"),
        (["sentences", "f", "--arm", "lstn"], "there is no such arm (received 'lstn'); did you mean 'lstm'?"),
        (["sentences", "f", "--arm", "lstm", "--seed", "7"], "there is no such seed (received 7); seeds of lstm: 0, 1"),
        (["counts", "f"], "a trial of language_modeling has no answers to lines of text; tasks that define predict"),
        (["entities", "absent.txt"], "absent.txt: the text must be a readable file, or - for standard input (received"),
        (["entities", "names"], "names: the text must be a readable file, or - for standard input (received Is a dir"),
        (["entities", "/proc/self/mem"], "the text must be a readable file, or - for standard input (received Input"),
        (["entities", "-"], "standard input: the text must be a readable file, or - for standard input (received Bad"),
        (["entities", "empty"], "empty: a text must not be empty"),
        (["entities", "empty", "--format", "columns"], "empty: a text must not be empty"),
        (["entities", "blank"], "blank: a text must have at least one word"),
        (["entities", "bytes"], "bytes, line 2, byte 4 of the line: the text must be utf-8 (received byte 0xE9); name"),
        (["entities", "nul"], "nul, line 1: NUL is no text (received '\\x00')"),
        (["entities", "return"], "return, line 1: lines must end with \\n or \\r\\n (received '\\r')"),
        (
            ["entities", "bytes", "--encoding", "utf-16"],
            "--encoding: an encoding must be one that Python",
        ),
        (
            ["entities", "bytes", "--encoding", "utf8x"],
            "--encoding: an encoding must be one that Python",
        ),
        (
            ["entities", "blank", "--format", "csv"],
            "--format: the format must be one of columns, conllu (received",
        ),
        (["entities", "plain", "--format", "conllu"], "plain, line 1: "),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_mistake_is_one_clear_line(
    project: Path, unroll: Unroll, monkeypatch: pytest.MonkeyPatch, words: list[str], line: str
) -> None:
    monkeypatch.setattr(sys, "stdin", None)  # closed: <&-
    files = {
        "f": b"x",
        "empty": b"",
        "blank": b"\n \n",
        "bytes": b"ok\ncaf\xe9\n",
        "nul": b"a\0b\n",
        "return": b"a\rb\n",
    }
    for name, content in {**files, "plain": b"we met\n"}.items():
        (project / name).write_bytes(content)
    said = unroll("predict", *words)
    errors = [each for each in said.err.splitlines() if each.startswith("error: ")]
    assert (said.code, len(errors)) == (2, 1), said.err
    assert line in errors[0].replace(f"{project}/results/", "").replace("sentences: ", "")
    assert "Traceback" not in said.err


@pytest.fixture
def copied(project: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(project / "results/entities", tmp_path / "moved"))


@pytest.mark.parametrize(
    ("harm", "line"),
    [
        ("removed", "the weights of a trial must have been kept (received none); they stay where a study says"),
        ("flipped", "weights.safetensors: trained weights must be what was once written (received weights that do not"),
        ("cut", "weights.json: trained weights must be what was once written"),
        ("lost", ".json: trained weights must be what was once written (received no file)"),
        ("older", "the weights must be those of version 1 of task tagging, which is the one here (received version 9)"),
        ("renamed", "the settings of a trial must still be settings of its task (received network.sell"),
        ("shrunk", "the weights must fit the module that the task builds (received size mismatch"),
        ("huge", "the weights must fit the module that the task builds (received"),
        ("emptied", "the weights must fit the module that the task builds (received KeyError"),
        ("stopped", "gru, seed 0: a trial must have completed before anything can be done with it (received stopped)"),
        ("missing", "a trial must have completed before anything can be done with it (received none of gru)"),
    ],
)
def test_weights_that_cannot_be_used_are_told(unroll: Unroll, copied: Path, harm: str, line: str) -> None:
    ledger = Ledger.open(copied)
    (trial,) = ledger.plan().trials
    records = ledger.trial(trial.id)
    weights, record = records.folder / "weights.safetensors", records.folder / "weights.json"
    said = read_record(record, "weights", WeightsRecord)
    match harm:
        case "removed":
            records.weights.remove()
        case "flipped":
            weights.write_bytes(weights.read_bytes()[:-1] + b"?")
        case "cut":
            record.write_bytes(record.read_bytes()[:40])
        case "lost":
            shutil.rmtree(copied / "kept")
        case "older":
            write_record(record, "weights", said.model_copy(update={"task_version": 9}))
        case "renamed":
            network = {"sell" if key == "cell" else key: value for key, value in said.settings["network"].items()}
            write_record(record, "weights", said.model_copy(update={"settings": {**said.settings, "network": network}}))
        case "emptied":
            said = said.model_copy(update={"kept": records.weights.keep({})})
            write_record(record, "weights", said)
        case "shrunk" | "huge":
            network = {**said.settings["network"], "hidden": 3 if harm == "shrunk" else 65_000}
            write_record(record, "weights", said.model_copy(update={"settings": {**said.settings, "network": network}}))
        case "stopped" | "missing":
            shutil.rmtree(records.folder / "attempts")
            if harm == "stopped":
                ledger.record(Outcome(trial=trial.id, status="stopped"))
    seed = ["--seed", "0"] if harm == "stopped" else []
    found = unroll("predict", str(copied), *seed, str(copied / "plan.json"))
    errors = [each for each in found.err.splitlines() if each.startswith("error: ")]
    assert (found.code, len(errors)) == (2, 1), found.err
    assert line in errors[0]


def test_weights_that_were_not_tested_are_told(unroll: Unroll, copied: Path, project: Path) -> None:
    ledger = Ledger.open(copied)
    (trial,) = ledger.plan().trials
    record = ledger.trial(trial.id).folder / "weights.json"
    said = read_record(record, "weights", WeightsRecord)
    write_record(record, "weights", said.model_copy(update={"which": "best", "selected": Selected(epoch=1, step=8)}))
    told = unroll("predict", str(copied), "names/test.txt").err.splitlines()
    assert told[1] == "weights of the best validation, epoch 1; the recorded test is of the last ones"


def test_a_moved_folder_predicts_as_before(unroll: Unroll, project: Path, copied: Path) -> None:
    there, here = (unroll("predict", str(folder), "names/test.txt") for folder in (copied, "results/entities"))
    assert there.code == 0, there.err
    assert there.out == here.out


def test_n_grams_come_back_as_they_were_counted(project: Path) -> None:
    ledger = Ledger.open(project / "results/counts")
    trained = load_trained(ledger, choose_trial(ledger))
    module: Any = trained.module
    task, settings = trained.task, trained.settings
    whole = task.prepare(settings, project / "cache")
    (found,) = quiet_trainer().test(module, datamodule=task.data(settings, whole, 0), verbose=False)
    assert found["test/perplexity"] == door.results("counts")["test/perplexity"][0]
    assert same(dict(module.state_dict()), ledger.trial(trained.trial.id).weights.read())


def test_every_task_that_answers_can_be_built_again() -> None:
    from unroll.study import discover_tasks, load_task

    answering = [name for name in discover_tasks() if type(load_task(name)).predict is not Task.predict]
    assert {"classification", "tagging"} <= {*answering}
    assert all(type(load_task(name)).restored is not Task.restored for name in answering)
