"""Files of every kind that a task reads: a test text of one example has metrics, an empty one is refused by name."""

import gzip
import math
import runpy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from tests.tasks.run import Run
from unroll.contract import Settings, UserError, find_locations
from unroll.study import discover_tasks, load_task
from unroll.study._settings import setting_fields

TREE = """\
1\tdogs\tdog\tNOUN\tNNS\tNumber=Plur\t2\tnsubj\t_\t_
2\tsleep\tsleep\tVERB\tVBP\tMood=Ind|Number=Plur|Person=3|Tense=Pres|VerbForm=Fin\t0\troot\t_\t_

1\tdog\tdog\tNOUN\tNN\tNumber=Sing\t2\tnsubj\t_\t_
2\tsleeps\tsleep\tVERB\tVBZ\tMood=Ind|Number=Sing|Person=3|Tense=Pres|VerbForm=Fin\t0\troot\t_\t_

"""
SAMPLES = {
    "txt": ("", "good B-x\nbad O\n"),
    "conllu": ("", TREE),
    "jsonl": ("", '{"text": "good", "label": 1}\n{"text": "bad", "label": 0}\n'),
    "csv": ("text,label\n", "good,1\nbad,0\n"),
    "tsv": ("text\tlabel\n", "good\t1\nbad\t0\n"),
}
"""Ending -> first line and examples of a file. A kind of corpus reads one of them, or ``SAMPLE`` of its own test."""


def samples(kind: str) -> Iterator[tuple[str, str, str]]:
    """Ending, first line and examples of files that a kind of corpus may read."""
    yield from ((ending, *texts) for ending, texts in SAMPLES.items())
    for file in Path(__file__).parents[1].rglob(f"test_{kind}.py"):
        if own := runpy.run_path(str(file)).get("SAMPLE"):
            yield own


PAIRS = {"parallel_files"}
"""Kinds that read two files for each split: tests/text/test_parallel_files.py."""


def kinds() -> Iterator[tuple[str, str]]:
    """Each task that reads files, with each kind of corpus that its settings offer and that looks at a path."""
    for name in discover_tasks():
        fields = setting_fields(load_task(name).settings)
        if "data.path" in find_locations(load_task(name).settings):
            extra: Any = fields["data.corpus"].json_schema_extra
            others = (kind for kind in extra["enum"] if kind not in {fields["data.corpus"].default, *PAIRS})
            yield from ((name, kind) for kind in others if _reads_files(name, kind))


def _reads_files(name: str, kind: str) -> bool:
    try:
        load_task(name).settings.model_validate({"data": {"corpus": kind, "path": Path("/nowhere")}})
    except ValidationError:
        return False
    return True


class Folder:
    """A file for each split that this kind of corpus reads."""

    def __init__(self, name: str, kind: str, folder: Path) -> None:
        self.task, self._kind, self._folder = load_task(name), kind, folder
        for number, (ending, head, examples) in enumerate(samples(kind)):
            self.test, self.head, self.examples = folder / str(number) / f"test.{ending}", head, examples
            self.test.parent.mkdir()
            for split in ("train", "validation", "test"):
                self.test.with_stem(split).write_text(head + examples * 9)
            if self._is_read():
                return
        pytest.fail(f"SAMPLES has no file that corpus {kind} of {name} reads, and no test_{kind}.py has a SAMPLE")

    def _is_read(self) -> bool:
        try:
            self.prepare()
        except UserError:
            return False
        return True

    def settings(self, **data: Any) -> Settings:
        data = {"corpus": self._kind, "path": self.test.parent, **data}
        training = {"epochs": 1, "batch_size": 2}
        return self.task.settings.model_validate({"data": data, "training": training})

    def prepare(self, **data: Any) -> Any:
        return self.task.prepare(self.settings(**data), self._folder / "cache")


@pytest.fixture
def folder(name: str, kind: str, tmp_path: Path) -> Folder:
    return Folder(name, kind, tmp_path)


every_kind = pytest.mark.parametrize(("name", "kind"), list(kinds()))


@every_kind
@pytest.mark.parametrize("content", ["", "\n \n", "head"])
def test_an_empty_test_text_is_refused_before_training(name: str, kind: str, folder: Folder, content: str) -> None:
    folder.test.write_text(folder.head if content == "head" else content)
    with pytest.raises(UserError) as caught:
        folder.prepare()
    assert str(folder.test) in str(caught.value)
    assert "\n" not in str(caught.value)


@every_kind
def test_a_test_text_of_one_example_has_metrics_that_are_numbers(name: str, kind: str, folder: Folder) -> None:
    separator = "\n\n" if "\n\n" in folder.examples else "\n"
    folder.test.write_text(folder.head + folder.examples.split(separator)[0] + "\n")
    dataset = folder.prepare()
    run = Run(folder.task, folder.settings(), dataset)
    assert any(metric in run.tested for metric in folder.task.metrics)
    assert all(map(math.isfinite, run.tested.values())), run.tested
    absent = folder.task.absent(folder.settings(), dataset).keys()
    assert absent == folder.task.metrics.keys() - {metric for _, metric, _ in run.rows}


@every_kind
@settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    content=st.binary(max_size=60) | st.text(max_size=40).map(str.encode),
    cut=st.integers(0, 200),
    packed=st.booleans(),
    encoding=st.sampled_from(["utf-8", "latin-1", "utf-16"]),
)
def test_any_bytes_in_a_file_are_an_example_or_a_mistake_of_the_user(
    name: str, kind: str, folder: Folder, content: bytes, cut: int, packed: bool, encoding: str
) -> None:
    whole = (folder.head + folder.examples).encode(encoding)
    file = folder.test.with_name(f"single{folder.test.suffix}{'.gz' if packed else ''}")
    file.write_bytes(whole[:cut] + content + whole[cut:])
    if packed and cut % 2:
        file.write_bytes(gzip.compress(file.read_bytes()))
    told = str(file)
    try:
        folder.prepare(path=file, encoding=encoding, validation_fraction=0.3, test_fraction=0.3)
    except UserError as error:
        told = str(error)
    assert told.startswith(str(file))
    assert "\n" not in told
