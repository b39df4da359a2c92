"""``unroll export``: what it writes gives the same logits in plain PyTorch, by the example that it writes beside it."""

from __future__ import annotations

import json
import re
import runpy
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch
from safetensors.torch import load_file

import unroll as door
from unroll.contract import UserError
from unroll.ledger import Ledger
from unroll.workflow import exporting

if TYPE_CHECKING:
    from tests.cli.conftest import Said

    Unroll = Callable[..., Said]

LANGUAGE = """\
question: Which network does torch have?
task: language_modeling
settings:
  data: {sentences: 30}
  network: {hidden: 5, loop: plain}
  training: {epochs: 1, batch_size: 4}
compare:
  network:
    tied: {network.cell: lstm, network.tie_weights: true, network.depth: 2, network.dropout: 0.3}
    first_gru: {network.cell: gru, network.tie_weights: true}
    ngram: {network.kind: ngram, network.hidden: 128, network.loop: auto}
seeds: 1
wandb: {mode: disabled}
"""
LABELS = """\
question: Which classifier does torch have?
task: classification
settings:
  data: {sentences: 40}
  network: {hidden: 4, embedding: 3, loop: plain}
  training: {epochs: 1, batch_size: 8}
compare:
  network:
    ends: {network.direction: bidirectional, network.depth: 2}
    attention: {network.summary: attention}
seeds: 1
wandb: {mode: disabled}
"""


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("project")
    for name, text in {"language": LANGUAGE, "labels": LABELS}.items():
        (root / "studies" / name).mkdir(parents=True)
        (root / "studies" / name / "study.yaml").write_text(text, encoding="utf-8")
    (root / "tasks").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("UNROLL_ROOT", str(root))
        patch.setenv("UNROLL_CACHE", str(root / "cache"))
        patch.chdir(root)
        for study in ("language", "labels"):
            assert door.run(study, runner="inline", report=False, progress=False).completed
    return root


@pytest.fixture
def project(trained: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("UNROLL_ROOT", str(trained))
    monkeypatch.setenv("UNROLL_CACHE", str(trained / "no cache"))
    monkeypatch.chdir(trained)
    return trained


def example(folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the example of the README leaves behind, run in the folder."""
    (code,) = re.findall(r"```python\n(.*?)```", (folder / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    assert len(code.splitlines()) <= 20
    monkeypatch.chdir(folder)
    (folder / "example.py").write_text(code, encoding="utf-8")
    with torch.no_grad():
        return runpy.run_path("example.py")


def test_a_language_model_in_plain_torch(
    project: Path, unroll: Unroll, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = unroll("export", "language", "--arm", "tied", "--to", str(tmp_path / "out"))
    assert said.code == 0, said.err
    assert "plain PyTorch reads them" in said.out
    module: Any = door.trained("language", arm="tied").module
    left = example(tmp_path / "out", monkeypatch)
    with torch.no_grad():
        tokens = torch.randint(len(left["words"]), (9, 3))
        expected, _ = module.network(left["tokens"], module.network.initial_state(1))
        torch.testing.assert_close(left["logits"], expected, rtol=0, atol=1e-5)
        parts = left["model"]
        logits = parts["output"](parts["recurrent"](parts["embedding"](tokens))[0])
        expected, _ = module.network(tokens, module.network.initial_state(3))
        torch.testing.assert_close(logits, expected, rtol=0, atol=1e-5)


def test_a_classifier_in_plain_torch(
    project: Path, unroll: Unroll, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tasks.classification.batches import LabelledBatch

    assert unroll("export", "labels", "--arm", "ends", "--to", str(tmp_path / "out")).code == 0
    module: Any = door.trained("labels", arm="ends").module
    (answer,) = door.predict("labels", ["xyzzy the"], arm="ends")
    left = example(tmp_path / "out", monkeypatch)
    tokens = left["tokens"]
    with torch.no_grad():
        batch = LabelledBatch(tokens, torch.zeros(1, dtype=torch.int64), torch.tensor([len(tokens)]))
        torch.testing.assert_close(left["logits"], module.network(batch), rtol=0, atol=1e-5)
    assert sorted(answer.probabilities) == left["labels"]
    assert (answer.words, answer.unknown) == (2, 1 + ("the" not in left["words"]))


@pytest.mark.parametrize(
    ("study", "arm"), [("language", "first_gru"), ("language", "ngram"), ("labels", "attention")], ids=str
)
def test_what_torch_does_not_have_is_said(study: str, arm: str, project: Path, unroll: Unroll, tmp_path: Path) -> None:
    said = unroll("export", study, "--arm", arm, "--to", str(tmp_path / "out"))
    assert said.code == 0, said.err
    assert "torch has no such network of its own" in said.out
    found = door.trained(study, arm=arm)
    text = (tmp_path / "out/README.md").read_text()
    assert f'unroll.trained("results/{study}", trial="{found.trial.id}")' in text
    stored = load_file(tmp_path / "out/weights.safetensors")
    state = found.module.state_dict()
    tied = {"network.output.weight"} if arm == "first_gru" else set()
    assert stored.keys() == state.keys() - tied
    assert ("Tied weights are there once: `network.output.weight` is `network.embedding.weight`" in text) == bool(tied)
    assert all(torch.equal(part, state[name]) for name, part in stored.items())


def test_settings_and_words_are_plain_json(project: Path, unroll: Unroll, tmp_path: Path) -> None:
    ledger = Ledger.open(project / "results/labels")
    trial = ledger.plan().trials[1]
    assert unroll("export", "labels", trial.id[:9], "--to", str(tmp_path / "deep/out")).code == 0
    said = json.loads((tmp_path / "deep/out/settings.json").read_text())
    assert (said["trial"], said["arm"], said["seed"]) == (trial.id, "attention", 0)
    assert said["settings"] == trial.settings
    outcome = ledger.trial(trial.id).result()
    assert outcome
    assert said["metrics"] == outcome.metrics
    known = json.loads((tmp_path / "deep/out/vocabulary.json").read_text())
    assert known["labels"] == ["negative", "neutral", "positive"]
    assert {path.name for path in (tmp_path / "deep/out").iterdir()} == {
        *("README.md", "settings.json", "vocabulary.json", "weights.safetensors")
    }
    assert {path.name for path in (tmp_path / "deep").iterdir()} == {"out"}


def test_nothing_is_overwritten(project: Path, unroll: Unroll, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert unroll("export", "labels", "--arm", "ends", "--to", str(tmp_path / "empty")).code == 0
    for place in ("empty", "file"):
        (tmp_path / "file").write_text("mine")
        before = sorted((tmp_path / "empty").iterdir())
        said = unroll("export", "labels", "--arm", "ends", "--to", str(tmp_path / place))
        assert said.code == 2
        assert "weights are exported to a new folder: nothing is overwritten" in said.err
        assert sorted((tmp_path / "empty").iterdir()) == before
    assert (tmp_path / "file").read_text() == "mine"
    assert unroll("export", "labels", "--arm", "ends", "--to", str(tmp_path / "file/below")).code == 2


def test_the_folder_that_one_is_in_cannot_be_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=r"^\.: the folder for exported weights must be writable, new"):
        exporting._write(Path(), {"settings.json": b"{}"})
    assert not [*tmp_path.iterdir(), *tmp_path.parent.glob(f".{tmp_path.name}.*")]


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["zz"], "there is no such trial (received 'zz'); `unroll results DIR --format csv` lists them"),
        (["", "--to"], "the beginning of a trial's id must belong to one trial alone"),
        ([], "an arm must be named where a study has several (--arm NAME); known: 'ends', 'attention'"),
        (["{id}", "--arm", "ends"], "a trial is named by its id, or by arm and seed (received both: "),
    ],
)
def test_a_mistake_is_one_clear_line(
    words: list[str], line: str, project: Path, unroll: Unroll, tmp_path: Path
) -> None:
    trial = Ledger.open(project / "results/labels").plan().trials[0].id
    words = [word.format(id=trial) for word in words if word != "--to"]
    said = unroll("export", "labels", *words, "--to", str(tmp_path / "out"))
    errors = [each for each in said.err.splitlines() if each.startswith("error: ")]
    assert (said.code, len(errors)) == (2, 1), said.err
    assert line in errors[0]
    assert not (tmp_path / "out").exists()


def test_damaged_weights_are_not_given_away(project: Path, unroll: Unroll, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(project / "results/labels", tmp_path / "copied"))
    ledger = Ledger.open(folder)
    trial = ledger.plan().trials[-1]
    file = ledger.trial(trial.id).folder / "weights.safetensors"
    file.write_bytes(file.read_bytes()[:-1] + b"?")
    said = unroll("export", str(folder), trial.id, "--to", str(tmp_path / "out"))
    assert (said.code, "weights that do not match their checksum" in said.err) == (2, True)
    assert not (tmp_path / "out").exists()
