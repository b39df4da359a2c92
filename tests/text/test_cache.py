import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tasks.text import TextData, TokenCorpus, load
from tasks.text.cache import Prepared, cached
from tasks.text.vocabulary import Vocabulary
from unroll.contract import UserError


class Builder:
    """Makes a small corpus, and counts how often it did."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self) -> Prepared:
        self.calls += 1
        splits = {
            "train": np.arange(1000, dtype=np.int32) % 3,
            "validation": np.ones(10, np.int32),
            "test": np.zeros(10, np.int32),
        }
        return Prepared(
            vocabulary=Vocabulary(("a", "b", "c")),
            splits=splits,
            start=1,
            facts={"train tokens": 1000, "rate": 0.5, "name": "small"},
            bounds={"test/perplexity": 2.5},
        )


def entry_of(cache: Path) -> Path:
    (entry,) = cache.iterdir()
    return entry


def assert_small(corpus: TokenCorpus) -> None:
    assert corpus.train.tolist() == [0, 1, 2] * 333 + [0]
    assert corpus.validation.tolist() == [1] * 10
    assert corpus.test.tolist() == [0] * 10
    assert (corpus.vocabulary.words, corpus.start) == (("a", "b", "c"), 1)
    assert corpus.facts == {"train tokens": 1000, "rate": 0.5, "name": "small"}
    assert corpus.bounds == {"test/perplexity": 2.5}


def test_an_entry_is_made_once_and_mapped_read_only(tmp_path: Path) -> None:
    build = Builder()
    first, second = (cached(tmp_path / "cache", {"reader": "test"}, build) for _ in range(2))
    assert build.calls == 1
    assert_small(first)
    assert_small(second)
    assert first.fingerprint == second.fingerprint
    assert isinstance(first.train, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        first.train[0] = 2
    assert sorted(path.name for path in entry_of(tmp_path / "cache").iterdir()) == [
        "facts.json",
        "test.npy",
        "train.npy",
        "validation.npy",
        "vocabulary.json",
    ]


def test_other_content_is_another_entry(tmp_path: Path) -> None:
    build = Builder()
    for content in ({"version": 1}, {"version": 2}, {"version": 1}):
        cached(tmp_path, content, build)
    assert build.calls == len(list(tmp_path.iterdir())) == 2


def _rewrite(path: Path, change: Callable[[bytes], bytes]) -> None:
    later = path.stat().st_mtime + 1  # clocks of file systems may be coarse
    path.write_bytes(change(path.read_bytes()))
    os.utime(path, (later, later))


def _flip(content: bytes) -> bytes:
    return content[:-3] + bytes([content[-3] ^ 1]) + content[-2:]


def _better_bounds(content: bytes) -> bytes:
    record = json.loads(content)
    record["corpus"]["bounds"]["test/perplexity"] = 1.0
    return json.dumps(record).encode()


@pytest.mark.parametrize(
    "damage",
    [
        lambda entry: _rewrite(entry / "train.npy", _flip),
        lambda entry: _rewrite(entry / "train.npy", lambda content: content[:-8]),
        lambda entry: _rewrite(entry / "test.npy", lambda _: b""),
        lambda entry: _rewrite(entry / "vocabulary.json", lambda content: content.replace(b'"c"', b'"d"')),
        lambda entry: (entry / "validation.npy").unlink(),
        lambda entry: (entry / "facts.json").unlink(),
        lambda entry: _rewrite(entry / "facts.json", lambda _: b""),
        lambda entry: _rewrite(entry / "facts.json", lambda _: b"[]"),
        lambda entry: _rewrite(entry / "facts.json", lambda _: b"{}"),
        lambda entry: _rewrite(entry / "facts.json", _better_bounds),
    ],
)
def test_a_damaged_entry_is_made_again(tmp_path: Path, damage: Callable[[Path], None]) -> None:
    build = Builder()
    whole = cached(tmp_path, {}, build)
    damage(entry_of(tmp_path))
    assert_small(cached(tmp_path, {}, build))
    assert build.calls == 2
    assert cached(tmp_path, {}, build).fingerprint == whole.fingerprint
    assert build.calls == 2, "the new entry is whole"
    assert list(tmp_path.iterdir()) == [entry_of(tmp_path)], "nothing is left over"


def test_a_corpus_that_is_in_use_survives_the_replacement_of_its_entry(tmp_path: Path) -> None:
    build = Builder()
    used = cached(tmp_path, {}, build)
    (entry_of(tmp_path) / "facts.json").unlink()
    cached(tmp_path, {}, build)
    assert_small(used)


def test_what_a_killed_process_left_does_no_harm_and_goes_in_time(tmp_path: Path) -> None:
    young, old = tmp_path / ".making-young", tmp_path / ".making-old"
    for bench in (young, old):
        (bench / "new").mkdir(parents=True)
    long_ago = time.time() - 2 * 86_400
    os.utime(old, (long_ago, long_ago))
    assert_small(cached(tmp_path, {}, Builder()))
    assert young.exists()
    assert not old.exists()


def test_a_cache_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(UserError) as caught:
        cached(tmp_path / "file", {}, Builder())
    assert str(caught.value) == (
        f"{tmp_path}/file: the cache must be a writable folder with space left (received File exists); free space, or "
        "name another folder in UNROLL_CACHE"
    )


def test_a_failed_preparation_leaves_nothing(tmp_path: Path) -> None:
    def fail() -> Prepared:
        raise UserError("no text")

    with pytest.raises(UserError, match="no text"):
        cached(tmp_path / "cache", {}, fail)
    assert not (tmp_path / "cache").exists()


def test_a_source_that_changes_is_read_again(tmp_path: Path) -> None:
    path, data = tmp_path / "text.txt", TextData(corpus="text", path=tmp_path / "text.txt")
    path.write_bytes(b"a b\n" * 40)
    before = load(data, tmp_path / "cache")
    _rewrite(path, lambda content: content.replace(b"b", b"c"))
    after = load(data, tmp_path / "cache")
    assert (before.vocabulary.words, after.vocabulary.words) == (("<eos>", "a", "b"), ("<eos>", "a", "c"))


LOADER = """
import sys, time
from pathlib import Path
from tasks.text import TextData, load
cache, gate = Path(sys.argv[1]), Path(sys.argv[2])
print("ready", flush=True)
while not gate.exists():
    time.sleep(0.001)
corpora = [load(TextData(sentences=200), cache), load(TextData(corpus="text", path=sys.argv[3]), cache)]
print(*(corpus.fingerprint for corpus in corpora))
print(*(sum(corpus.train.tolist()) for corpus in corpora))
"""


def test_processes_that_start_at_once_share_the_cache_under_any_hash_seed(tmp_path: Path, root: Path) -> None:
    source = tmp_path / "text.txt"
    source.write_text("".join(f"word{number % 97} and word{number % 89}\n" for number in range(5000)))
    gate, cache = tmp_path / "gate", tmp_path / "cache"
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", LOADER, str(cache), str(gate), str(source)],
            env={**os.environ, "PYTHONHASHSEED": str(seed), "PYTHONPATH": f"{root / 'platform'}{os.pathsep}{root}"},
            stdout=subprocess.PIPE,
            text=True,
        )
        for seed in range(4)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    gate.touch()
    answers = {process.communicate(timeout=60)[0] for process in processes}
    assert [process.returncode for process in processes] == [0] * 4
    assert len(answers) == 1
    assert len(list(cache.iterdir())) == 2, "one entry for each corpus, and nothing left over"


def test_nothing_depends_on_the_hash_seed(tmp_path: Path, root: Path) -> None:
    (tmp_path / "gate").touch()
    source = tmp_path / "text.txt"
    source.write_text("".join(f"{chr(97 + number % 26)} {chr(65 + number % 25)}\n" for number in range(500)))
    answers = {
        subprocess.run(
            [sys.executable, "-c", LOADER, str(tmp_path / f"cache{seed}"), str(tmp_path / "gate"), str(source)],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": f"{root / 'platform'}{os.pathsep}{root}"},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("0", "1", "4242")
    }
    assert len(answers) == 1
