"""Metrics that a run can never log are known before it: with a reason, and for those alone."""

from pathlib import Path

import pytest

from tasks.tagging.task import Tagging
from tests.tasks.run import Run

CASES = Path(__file__).with_name("cases")
SPLITS = ("validation", "test")
ENTITIES = ("entity_f1", "entity_precision", "entity_recall")
OF_ENTITY_TAGS = (*ENTITIES, "illegal_moves")
TRAIN = "saw O\nann B-PER\nlee I-PER\n\nsaw B-TOOL\n"
"""``saw`` has two tags."""


def folder_of(parent: Path, **splits: str) -> Path:
    parent.mkdir()
    for split, content in splits.items():
        (parent / f"{split}.txt").write_text(content, encoding="utf-8")
    return parent


def no_words(*groups: str) -> dict[str, str]:
    """What is said where both texts have no such words."""
    return {
        f"{split}/{group}_word_accuracy": f"the {split} text has no such word" for split in SPLITS for group in groups
    }


def check(path: Path, cache: Path, expected: dict[str, str]) -> None:
    """What is absent is what a run does not log."""
    task = Tagging()
    values = {"data": {"corpus": "columns", "path": path}, "training": {"epochs": 1}, "network": {"hidden": 2}}
    settings = task.settings.model_validate(values)
    dataset = task.prepare(settings, cache)
    assert task.absent(settings, dataset) == expected
    logged = {name for _, name, _ in Run(task, settings, dataset).rows}
    assert task.metrics.keys() - logged == expected.keys()


def test_a_validation_text_without_entities(tmp_path: Path) -> None:
    scores = {f"validation/{name}": "the validation text has no entity" for name in ENTITIES}
    check(CASES / "tags_devO", tmp_path, scores | no_words("unknown", "ambiguous"))


def test_a_test_text_without_entities_and_every_group_of_words(tmp_path: Path) -> None:
    path = folder_of(tmp_path / "data", train=TRAIN, validation="new B-PER\nsaw O\n", test="new O\nsaw O\n")
    check(path, tmp_path, {f"test/{name}": "the test text has no entity" for name in ENTITIES})


@pytest.mark.parametrize("tags", [("NOUN", "VERB"), ("B", "I")])
def test_tags_that_are_no_entity_tags(tmp_path: Path, tags: tuple[str, str]) -> None:
    text = "saw {0}\nann {1}\n\nsaw {1}\n".format(*tags)
    path = folder_of(tmp_path / "data", train=text, validation=text, test=text)
    scores = {f"{split}/{name}": "the tags are no entity tags" for split in SPLITS for name in OF_ENTITY_TAGS}
    check(path, tmp_path, scores | no_words("unknown"))
