import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tasks.text.prepared import cached as cached_corpus
from tasks.text.prepared import hash_parts
from tasks.text.running import TextData, TokenCorpus, load
from tasks.text.vocabulary import Vocabulary
from unroll.contract import UserError


class Builder:
    """Makes a small corpus, and counts how often it did."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self) -> TokenCorpus:
        self.calls += 1
        return TokenCorpus(
            vocabulary=Vocabulary(("a", "b", "c")),
            train=np.arange(1000, dtype=np.int32) % 3,
            validation=np.ones(10, np.int32),
            test=np.zeros(10, np.int32),
            start=1,
            facts={"train tokens": 1000, "rate": 0.5, "name": "small"},
            bounds={"test/perplexity": 2.5},
        )


def cached(cache: Path, content: Mapping[str, Any], build: Callable[[], TokenCorpus]) -> TokenCorpus:
    return cached_corpus(cache, content, build, TokenCorpus)


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
        lambda entry: _rewrite(entry / "facts.json", lambda _: b"[" * 100_000),
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


def _forge(entry: Path, *, thoroughly: bool) -> str:
    """Another training text with right checksums, and, done thoroughly, with its own fingerprint."""
    train = entry / "train.npy"
    array = np.load(train)
    array[::2] = 0
    np.save(train, array)
    record = json.loads((entry / "facts.json").read_text())
    record["files"]["train.npy"] = hashlib.sha256(train.read_bytes()).hexdigest()
    if thoroughly:
        splits = {split: np.load(entry / f"{split}.npy") for split in ("train", "validation", "test")}
        forged = TokenCorpus(vocabulary=Vocabulary(("a", "b", "c")), **splits, start=1, facts={})
        record["corpus"]["fingerprint"] = hash_parts(forged.seen())
    del record["checksum"]
    record["checksum"] = hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()
    (entry / "facts.json").write_text(json.dumps(record))
    return str(record["corpus"]["fingerprint"])


def test_another_text_under_the_same_fingerprint_is_never_used(tmp_path: Path) -> None:
    build = Builder()
    true = cached(tmp_path, {}, build).fingerprint
    assert _forge(entry_of(tmp_path), thoroughly=False) == true
    corpus = cached(tmp_path, {}, build)
    assert_small(corpus)
    assert (corpus.fingerprint, build.calls) == (true, 2)


def test_another_text_has_another_fingerprint(tmp_path: Path) -> None:
    """What this account itself put there is believed; it never goes by the name of what was planned."""
    build = Builder()
    true = cached(tmp_path, {}, build).fingerprint
    forged = _forge(entry_of(tmp_path), thoroughly=True)
    assert cached(tmp_path, {}, build).fingerprint == forged != true


@pytest.mark.parametrize("name", ["train.npy", "facts.json", "."])
def test_an_entry_that_others_may_write_is_made_again(name: str, tmp_path: Path) -> None:
    build = Builder()
    cached(tmp_path, {}, build)
    (entry_of(tmp_path) / name).chmod(0o777)
    assert_small(cached(tmp_path, {}, build))
    assert build.calls == 2
    assert not any(path.stat().st_mode & 0o022 for path in (entry_of(tmp_path), *entry_of(tmp_path).iterdir()))


@pytest.mark.parametrize("name", ["train.npy", "facts.json"])
def test_links_in_an_entry_are_not_followed(name: str, tmp_path: Path) -> None:
    build = Builder()
    cached(tmp_path / "cache", {}, build)
    linked = entry_of(tmp_path / "cache") / name
    linked.rename(tmp_path / name)
    linked.symlink_to(tmp_path / name)
    assert_small(cached(tmp_path / "cache", {}, build))
    assert build.calls == 2


def test_where_everything_is_open_to_all_an_entry_is_not(tmp_path: Path) -> None:
    build, before = Builder(), os.umask(0)
    try:
        assert_small(cached(tmp_path / "cache", {}, build))
    finally:
        os.umask(before)
    assert_small(cached(tmp_path / "cache", {}, build))
    assert build.calls == 1


def test_a_cache_that_others_can_change_is_refused(tmp_path: Path) -> None:
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o1777)
    with pytest.raises(UserError) as caught:
        cached(tmp_path / "open", {}, Builder())
    assert str(caught.value) == (
        f"{tmp_path}/open: the cache must lie where no other account can change it (received {tmp_path}/open can be "
        "written by every account); name a folder of your own in UNROLL_CACHE, or take the others' right to write "
        "(chmod go-w)"
    )


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
    def fail() -> TokenCorpus:
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
from tasks.text.running import TextData, load
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
