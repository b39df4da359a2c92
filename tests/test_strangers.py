"""Another account of this machine, who tries: while a study runs, nothing that it executes or reads becomes theirs."""

from __future__ import annotations

import contextlib
import hashlib
import os
import random
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from tasks.recurrent.compiler import build
from tasks.text.prepared import cached
from tasks.text.running import TokenCorpus
from tasks.text.vocabulary import Vocabulary
from unroll.contract import UserError
from unroll.ledger import Ledger

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be two accounts at once")

STRANGER = 54_321
TRIES = 200
SOURCE = "int harmless(void) { return 7; }\n"
EVIL = """\
#include <fcntl.h>
#include <unistd.h>
__attribute__((constructor)) static void evil(void) { close(open("%s", O_CREAT | O_WRONLY, 0666)); }
int harmless(void) { return 13; }
"""


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder for all, as /tmp is."""
    folder = Path(tempfile.mkdtemp(prefix="for-all-", dir="/tmp"))
    folder.chmod(0o1777)
    yield folder
    shutil.rmtree(folder)


@contextlib.contextmanager
def stranger(act: Callable[[], None]) -> Iterator[None]:
    """Another account, who does something again and again, whatever it is refused, while the block runs."""
    child = os.fork()
    if not child:
        os.setgroups([])
        os.setgid(STRANGER)
        os.setuid(STRANGER)
        while os.getppid() != 1:
            with contextlib.suppress(OSError):
                act()
    try:
        yield
    finally:
        os.kill(child, 9)
        os.waitpid(child, 0)


def compiled(source: str, folder: Path) -> bytes:
    """A shared object as the cache keeps them, with a right checksum."""
    (folder / "x.c").write_text(source)
    subprocess.run(["cc", "-shared", "-fPIC", "x.c", "-o", "x.so"], cwd=folder, check=True)
    content = (folder / "x.so").read_bytes()
    return content + hashlib.sha256(content).digest()


def prepared(word: int) -> TokenCorpus:
    words = np.full(50, word, np.int32)
    vocabulary = Vocabulary(("a", "b"))
    return TokenCorpus(vocabulary=vocabulary, train=words, validation=words, test=words, start=0, facts={})


def test_in_a_folder_for_all_nothing_of_a_strangers_is_loaded_or_read(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stranger makes the next cache first, or swaps what lies in it, as quickly as it can."""
    marker = place / "marker"
    evil, good = compiled(EVIL % marker, tmp_path), compiled(SOURCE, tmp_path)
    monkeypatch.setattr(build, "_compile", lambda source, compiler, flags, path: _publish(path, good))
    monkeypatch.setenv("UNROLL_CACHE", str(place / "first"))
    assert build.load(SOURCE).harmless() == 7
    (kept,) = (place / "first").rglob("*.so")
    cached(tmp_path / "theirs", {}, lambda: prepared(1), TokenCorpus)
    (entry,) = (tmp_path / "theirs").iterdir()
    forged = {file.name: file.read_bytes() for file in entry.iterdir()}

    def plant() -> None:
        number = len(list(place.glob("done-*")))
        cache = place / f"cache-{number + random.randrange(3)}"
        for folder in (cache, cache / kept.parent.name, cache / entry.name):
            with contextlib.suppress(OSError):
                folder.mkdir()
        with contextlib.suppress(OSError):
            (cache / kept.parent.name / kept.name).write_bytes(evil)
        for name, content in forged.items():
            with contextlib.suppress(OSError):
                (cache / entry.name / name).write_bytes(content)
        with contextlib.suppress(OSError):
            (cache / kept.parent.name).rename(cache / "away")
            (cache / kept.parent.name).mkdir()
            (cache / kept.parent.name / kept.name).write_bytes(evil)
        with contextlib.suppress(OSError):
            (place / f"results-{number + random.randrange(3)}" / "trials").mkdir(parents=True)

    refused = dict.fromkeys(("loop", "data", "results"), 0)

    def count(_: str) -> None:
        refused["loop"] += 1

    monkeypatch.setattr(build, "_warn_unkept", count)  # the process then compiles for itself
    with stranger(plant):
        for number in range(TRIES):
            cache = place / f"cache-{number}"
            time.sleep(random.choice((0.0, 0.002, 0.01)))
            monkeypatch.setenv("UNROLL_CACHE", str(cache))
            assert build.load(SOURCE).harmless() == 7
            try:
                assert cached(cache, {}, lambda: prepared(0), TokenCorpus).train.tolist() == [0] * 50
            except UserError:
                refused["data"] += 1
            try:
                Ledger.create(place / f"results-{number}")
                assert (place / f"results-{number}").stat().st_uid == 0
            except UserError:
                refused["results"] += 1
            (place / f"done-{number}").touch()
    assert not marker.exists(), "a stranger's code ran"
    assert all(0 < times < TRIES for times in refused.values()), f"the stranger must win and lose: {refused}"


def _publish(path: Path, content: bytes) -> None:
    made = path.with_name(f".{path.name}.made")
    made.write_bytes(content)
    made.chmod(0o700)
    os.replace(made, path)
