"""Find studies and tasks by looking into the folders: there is no central list."""

from __future__ import annotations

import difflib
import importlib
import inspect
import os
import sys
import traceback
from collections.abc import Iterable
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from typing import Any

from unroll.contract import Task, UserError
from unroll.study._document import display, shown
from unroll.study.declaration import NAME, TASK, Declaration, is_safe

AnyTask = Task[Any, Any]

NEAR = 0.7
"""Similarity from which on a name may be meant: ``epsilon`` has 0.67 to ``question``, and means it not."""
NEAR_SHORT = 0.65
"""The same for names of at most four letters, where one slip is more: ``gur`` has 0.67 to ``gru``."""


def suggestion(name: str, known: Iterable[str], elsewhere: Iterable[str] = ()) -> str:
    """Advice for a name that is not known: the nearest one, or the whole list where that is short.

    Args:
        name: what was written.
        known: what could stand in its place.
        elsewhere: what could not, being of other sections, but may have been meant.

    >>> suggestion("hiden", ["hidden", "depth"])
    "did you mean 'hidden'?"
    >>> suggestion("word_dropout", ["lr_decay"], ["network.word_dropout"])
    "did you mean 'network.word_dropout'?"
    >>> suggestion("f1", ["validation/accuracy", "validation/entity_f1", "test/entity_f1"])
    "did you mean 'validation/entity_f1' or 'test/entity_f1'?"
    """
    names = list(dict.fromkeys(known))
    if near := nearest(name, names) or nearest(name, elsewhere):
        return f"did you mean '{near}'?"
    section, word = _split_name(name)
    if holding := [other for other in names if word in _split_name(other)[1].split("_")]:
        return f"did you mean {' or '.join(map(repr, holding[:4]))}?"
    shown = [other for other in names if _split_name(other)[0] == section] or names
    return f"known: {', '.join(map(repr, shown))}" if 0 < len(shown) <= 16 else ""


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The name that was probably meant, if one is near.

    The last word of a dotted name decides: one that is the same in another section, else one that is near in its own
    section, or in any, so that ``hidden`` finds ``network.hidden`` and ``perplexity`` ``validation/perplexity``; of a
    name without a section what is near goes first: ``seed`` finds ``seeds``, not ``data.seed``. The first letters of
    words are near too: ``lr`` finds ``learning_rate``. What differs in case alone is the nearest.
    """
    names = list(dict.fromkeys(known))
    section, word = _split_name(name)
    if alike := next((other for other in names if other.casefold() == name.casefold()), None):
        return alike
    words = {_split_name(other)[1]: other for other in reversed(names)}
    if section and word in words and words[word] != name:
        return words[word]
    siblings = {_split_name(other)[1]: other for other in reversed(names) if _split_name(other)[0] == section}
    least = NEAR_SHORT if len(word) <= 4 else NEAR
    for candidates in (siblings, words):
        near = difflib.get_close_matches(word, candidates, 1, least) or [
            w for w in candidates if word and _initials(w) == word
        ]
        if near:
            return candidates[near[0]]
    return None


def _split_name(name: str) -> tuple[str, str]:
    """Section and last word of a dotted path or of a metric's full name."""
    cut = max(name.rfind("."), name.rfind("/")) + 1
    return name[:cut], name[cut:]


def _initials(word: str) -> str:
    parts = word.split("_")
    return "".join(part[:1] for part in parts) if len(parts) > 1 else ""


def project_root() -> Path:
    """The folder that holds ``tasks/`` and ``studies/``.

    ``$UNROLL_ROOT`` wins; then the nearest ancestor of the working directory, then of this package.

    Raises:
        UserError: there is none.
    """
    if given := os.environ.get("UNROLL_ROOT"):
        if not _is_root(Path(given)):
            raise UserError("must be a folder with tasks/ and studies/", where="UNROLL_ROOT", received=given)
        return Path(given).resolve()
    for start in (Path.cwd() / "_", Path(__file__).resolve()):
        for folder in start.parents:
            if _is_root(folder):
                return folder
    raise UserError(
        "no project was found: a folder with tasks/ and studies/",
        received=str(Path.cwd()),
        advice="change into it or set UNROLL_ROOT",
    )


def find_study(target: str | Path) -> tuple[str, Path]:
    """Name and file of a study, given as file, folder, or bare name under ``studies/``.

    Raises:
        UserError: nothing is there (the error names near ones), or the name could not be a folder's.
    """
    path = _study_file(Path(target))
    name = path.parent.name if path.name == "study.yaml" else path.stem
    check_study_name(name)
    return name, path


def check_study_name(name: str) -> None:
    """A study's name is a folder's, here and wherever its results go.

    Raises:
        UserError: it could not be.
    """
    if not is_safe(NAME, name):
        rule = "a study's name must be letters, digits, '_', '-' or '.', at most 64, begin with a letter or digit"
        raise UserError(f"{rule} and be no device of Windows", received=shown(name))


def discover_studies() -> list[str]:
    """Names of the studies of this project, sorted."""
    return sorted(path.parent.name for path in project_root().glob("studies/*/study.yaml"))


def discover_tasks() -> list[str]:
    """Names of the tasks of this project, sorted: the folders of ``tasks/`` that hold a ``task.py``."""
    return sorted(path.parent.name for path in project_root().glob("tasks/*/task.py"))


def load_task(name: str) -> AnyTask:
    """Import ``tasks.<name>.task`` and build its one task.

    On a worker, where the code came as a package and no project folder exists, the package alone decides.

    Raises:
        UserError: there is no such task, or its file does not hold exactly one.
    """
    if not is_safe(TASK, name):
        raise UserError("a task's name must be letters, digits or '_'", where="task", received=shown(name))
    make_importable()
    module = f"tasks.{name}.task"
    try:
        found = importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is not None and f"{module}.".startswith(f"{error.name}."):
            raise _absent_task(name) from None
        raise _unimportable(module, error) from error
    except UserError:
        raise
    except Exception as error:
        raise _unimportable(module, error) from error
    return _only_task([value for value in vars(found).values() if _is_task(value, module)], module)


def _unimportable(module: str, error: Exception) -> UserError:
    """What is wrong with a task's file is its author's to know, with the place: the last one within ``tasks``."""
    if isinstance(error, SyntaxError):
        place, message = f"{error.filename}:{error.lineno}", error.msg
    else:
        frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "tasks" in Path(frame.filename).parts]
        place, message = next((f"{frame.filename}:{frame.lineno}" for frame in reversed(frames)), module), str(error)
    return UserError(f"{module} must be importable", where=place, received=f"{type(error).__name__}: {message}")


def _absent_task(name: str) -> UserError:
    known = discover_tasks()
    if name in known:  # the folder is there, but Python found another package of this name first
        advice = "add tasks/__init__.py to the project"
        return UserError("tasks is imported from elsewhere", where="task", received=shown(name), advice=advice)
    return UserError("there is no such task", where="task", received=shown(name), advice=suggestion(name, known))


def _only_task(classes: list[type[AnyTask]], module: str) -> AnyTask:
    concrete = [found for found in classes if not inspect.isabstract(found)]
    if not concrete and len(classes) == 1:
        missing = " and ".join(sorted(classes[0].__abstractmethods__))
        raise UserError(f"a task defines {missing}", where=module, received=classes[0].__name__)
    if len(concrete) != 1:
        names = ", ".join(sorted(found.__name__ for found in concrete)) or "none"
        raise UserError("must hold exactly one concrete Task", where=module, received=names)
    task = concrete[0]()
    shared = sorted(set(task.settings.model_fields) & set(Declaration.model_fields))
    if shared:
        raise UserError(
            "a section of settings must not be named like a study's own key", where=module, received=shared[0]
        )
    return task


def _is_task(value: object, module: str) -> bool:
    return isinstance(value, type) and issubclass(value, Task) and value.__module__ == module


def _is_root(folder: Path) -> bool:
    return (folder / "tasks").is_dir() and (folder / "studies").is_dir()


class _ProjectTasks(MetaPathFinder):
    """Finds the package ``tasks`` of a project and nothing else there: the rest of the folder is no code of ours.

    Where the folder were on ``sys.path``, a ``statistics.py`` that lies in it would run in the place of Python's own.

    Args:
        root: the project.
    """

    def __init__(self, root: str) -> None:
        self.root = root

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> ModuleSpec | None:  # noqa: ARG002
        """Called by Python for every module that it imports."""
        if fullname != "tasks":
            return None
        found = PathFinder.find_spec(fullname, [self.root])
        if found is not None and found.loader is None:  # without tasks/__init__.py, any that has one comes first
            other = PathFinder.find_spec(fullname)
            return other if other is not None and other.loader is not None else found
        return found


def make_importable() -> None:
    """Let ``import tasks`` find the folder of the project, if there is one."""
    try:
        root = str(project_root())
    except UserError:
        return
    known = {finder.root for finder in sys.meta_path if isinstance(finder, _ProjectTasks)}
    if root not in sys.path and root not in known:
        sys.meta_path.insert(0, _ProjectTasks(root))


def _study_file(target: Path) -> Path:
    if target.name == "study.yml":
        raise _misnamed(target)
    bare = len(target.parts) == 1 and target.suffix not in (".yaml", ".yml")  # a name may hold a dot
    candidates = [target] if target.is_absolute() else [Path.cwd() / target, project_root() / target]
    if bare:  # a name means the study of this name, even where a folder of this name lies in the working directory
        candidates = [project_root() / "studies" / target, *candidates]
    for candidate in candidates:
        for path in (candidate, candidate / "study.yaml"):
            if path.is_file():
                return path.resolve()
        if (candidate / "study.yml").is_file():
            raise _misnamed(candidate / "study.yml")
    advice = suggestion(target.name, discover_studies()) or f"studies lie in {display(project_root() / 'studies')}"
    raise UserError("there is no such study", received=repr(str(target)), advice=advice)


def _misnamed(file: Path) -> UserError:
    return UserError("a study's file is called study.yaml", where=display(file), advice="rename it")
