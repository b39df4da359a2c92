"""Small corpora, and a quiet trainer."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch

from tasks.agreement.corpus import AgreementCorpus
from tasks.agreement.data import AgreementData, load
from tests.tasks.run import quiet_trainer


@pytest.fixture(autouse=True)
def _quiet() -> None:
    torch.set_num_threads(1)
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)


@pytest.fixture(scope="session")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], AgreementCorpus]:
    """The toy language with so many training sentences."""
    cache = tmp_path_factory.mktemp("cache")
    return lambda sentences: load(AgreementData(sentences=sentences), cache)


TREE = """\
1\tThe\tthe\tDET\tDT\t_\t2\tdet\t_\t_
2\tdogs\tdog\tNOUN\tNNS\tNumber=Plur\t6\tnsubj\t_\t_
3\tnear\tnear\tADP\tIN\t_\t5\tcase\t_\t_
4\tthe\tthe\tDET\tDT\t_\t5\tdet\t_\t_
5\tking\tking\tNOUN\tNN\tNumber=Sing\t2\tnmod\t_\t_
6\tsleep\tsleep\tVERB\tVBP\tMood=Ind|Number=Plur|Person=3|Tense=Pres|VerbForm=Fin\t0\troot\t_\t_

1\tdog\tdog\tNOUN\tNN\tNumber=Sing\t2\tnsubj\t_\t_
2\tsleeps\tsleep\tVERB\tVBZ\tMood=Ind|Number=Sing|Person=3|Tense=Pres|VerbForm=Fin\t0\troot\t_\t_
"""


@pytest.fixture
def treebank(tmp_path: Path) -> Path:
    """A folder with the same two trees as training, validation and test text."""
    folder = tmp_path / "treebank"
    folder.mkdir()
    for split in ("train", "dev", "test"):
        (folder / f"xx-ud-{split}.conllu").write_text(TREE, encoding="utf-8")
    return folder


@pytest.fixture
def trainer_of() -> Callable[..., pl.Trainer]:
    """Builds a trainer on the CPU that writes nothing by itself."""

    def build(*, epochs: int = 1, **more: Any) -> pl.Trainer:
        return quiet_trainer(max_epochs=epochs, **more)

    return build
