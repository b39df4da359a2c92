"""Write the smallest study, cell or task that runs, from the templates that the rooms of ``tasks/`` hold.

A template is a file ``tasks/<folder>/new/<kind>.tmpl``, found by being there. It is Markdown: its first paragraph says
what is written and what to change; a fenced block whose first line names a path is that file, without this line; in a
``console`` block, the lines after ``$ `` are commands that try it. ``$name`` is the name everywhere, in paths too, and
``$Name`` the same in CamelCase.

What stands first must work without what follows, as a cell does without its test: files are written beside their places
and renamed in this order, so that a process that is killed leaves each of them, and each new folder, whole or not at
all.
"""

from __future__ import annotations

import errno
import importlib
import keyword
import os
import re
import shutil
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Final

from unroll.contract import UserError
from unroll.study.declaration import is_safe
from unroll.study.project import check_study_name, make_importable, project_root, suggestion

_MODULE: Final = r"[a-z][a-z0-9_]{0,63}"
_OF_YAML: Final = frozenset({"null", "true", "false"})
_BLOCK: Final = re.compile(r"^(`{3,})(\w+)\n(.*?)^\1$", flags=re.MULTILINE | re.DOTALL)
_PATH: Final = re.compile(r"(?:# |<!-- )(\S+)(?: -->)?\n")
_BENCH: Final = ".unroll-new-"
"""Beginning of the names of folders in which files are made ready; nothing looks for anything in hidden folders."""
_ABANDONED_SECONDS: Final = 3600
"""Age from which on such a folder is what a killed process left: writing takes milliseconds."""
_NO_HARD_LINKS: Final = frozenset({errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS})


@dataclass(frozen=True, slots=True, kw_only=True)
class Scaffold:
    """What a template makes of a name.

    Args:
        note: what is written and what to change, one paragraph.
        files: path, relative to the project -> content.
        named: what bears the new name in each of these paths: the file, or a folder around it.
        commands: what tries it, to be run in the project's folder.
    """

    note: str
    files: Mapping[Path, str]
    named: tuple[Path, ...]
    commands: tuple[str, ...]


def find_templates() -> dict[str, Path]:
    """Kind -> its template, sorted by kind.

    Raises:
        UserError: two rooms have a template of the same kind.
    """
    make_importable()
    found: dict[str, Path] = {}
    for folder in importlib.import_module("tasks").__path__:
        for file in sorted(Path(folder).glob("*/new/*.tmpl"), key=lambda file: file.stem):
            if file.stem in found:
                raise UserError("a kind must have one template", where=str(file), received=str(found[file.stem]))
            found[file.stem] = file
    return found


def render(template: Path, name: str) -> Scaffold:
    """Fill a template in."""
    names = {"name": name, "Name": "".join(part.capitalize() for part in name.split("_"))}
    text = template.read_text(encoding="utf-8")

    def fill(part: str) -> str:
        return Template(part).safe_substitute(names)

    files: dict[Path, str] = {}
    named: list[Path] = []
    commands: list[str] = []
    for _, language, block in _BLOCK.findall(text):
        if language == "console":
            commands += re.findall(r"^\$ (.*)$", fill(block), flags=re.MULTILINE)
        elif place := _PATH.match(block):
            files[Path(fill(place[1]))] = fill(block[place.end() :])
            path = Path(place[1])
            # The outermost part of the path that bears the name: a folder where all of it is new, else the file.
            named.append(Path(fill(str(next(part for part in (*reversed(path.parents), path) if "$" in part.name)))))
    note = " ".join(fill(text.partition("\n\n")[0]).split())
    return Scaffold(note=note, files=files, named=tuple(named), commands=tuple(commands))


def write_scaffold(kind: str, name: str) -> Scaffold:
    """Write all files of a new study, cell, task or whatever else has a template, or none.

    Args:
        kind: of :func:`find_templates`.
        name: of the new one: a module of Python if a file of the template is one, else the name of a study.

    Returns:
        What was written.

    Raises:
        UserError: there is no such kind or no project, the name is none, something of this name is there, or the disk
            refuses.
    """
    templates = find_templates()
    if kind not in templates:
        advice = suggestion(kind, templates) or "a template is a file tasks/<folder>/new/<kind>.tmpl"
        raise UserError("there is no template of this kind", received=repr(kind[:80]), advice=advice)
    scaffold = render(templates[kind], name)
    (_check_module_name if any(path.suffix == ".py" for path in scaffold.files) else check_study_name)(name)
    root = project_root()
    for path in scaffold.named:
        _refuse_existing(root, path)
    _write(root, scaffold)
    return scaffold


def _check_module_name(name: str) -> None:
    if not is_safe(_MODULE, name) or keyword.iskeyword(name) or name in _OF_YAML:
        rule = (
            "a name must be lower-case letters, digits and '_', at most 64, begin with a letter and be no word of its "
            "own in Python, YAML or a file system"
        )
        raise UserError(rule, received=repr(name[:80]))


def _refuse_existing(root: Path, named: Path) -> None:
    """What bears the new name must be new, also as a module and a package beside each other."""
    bare = named.name.removesuffix(".py")
    for place in (named, named.with_name(bare), named.with_name(f"{bare}.py")):
        if os.path.lexists(root / place):
            raise _existing(root / place)


def _existing(path: Path) -> UserError:
    return UserError("nothing is overwritten: this must not exist", where=str(path), advice="choose another name")


def _write(root: Path, scaffold: Scaffold) -> None:
    """All files of a scaffold, or none.

    Raises:
        UserError: the disk refuses, or somebody else has written one of them in the meantime.
    """
    places = [root / path for path in dict.fromkeys(scaffold.named)]
    missing = {folder for place in places for folder in place.parents if not folder.exists()}
    benches: dict[Path, Path] = {}
    placed: list[Path] = []
    done = False
    try:
        for parent in dict.fromkeys(place.parent for place in places):
            parent.mkdir(parents=True, exist_ok=True)
            _sweep(parent)
            benches[parent] = Path(tempfile.mkdtemp(prefix=_BENCH, dir=parent))
        for (path, content), named in zip(scaffold.files.items(), scaffold.named, strict=True):
            _write_durably(benches[root / named.parent] / path.relative_to(named.parent), content)
        for place in places:  # all is on the disk: what is left to do are renames
            put(benches[place.parent] / place.name, place)
            placed.append(place)
        done = True
    except BaseException as error:
        for place in placed:
            with suppress(OSError):
                place.rename(benches[place.parent] / f"{place.name}.taken-back")
        if not isinstance(error, OSError):
            raise
        if taken := [place for place in places if os.path.lexists(place)]:
            raise _existing(taken[0]) from error
        raise UserError(
            "the project's folders must be writable and have space left",
            where=str(error.filename or root),
            received=error.strerror or str(error),
            advice="nothing was written",
        ) from error
    finally:
        for bench in benches.values():
            shutil.rmtree(bench, ignore_errors=True)
        for folder in () if done else sorted(missing, reverse=True):  # those inside first
            with suppress(OSError):
                folder.rmdir()


def _sweep(parent: Path) -> None:
    for bench in parent.glob(f"{_BENCH}*"):
        with suppress(OSError):  # another process removed it first
            if bench.stat().st_mtime < time.time() - _ABANDONED_SECONDS:
                shutil.rmtree(bench)


def _write_durably(path: Path, content: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("xb") as file:
        file.write(content.encode())
        file.flush()
        os.fsync(file.fileno())


def put(made: Path, place: Path) -> None:
    """Give a file or folder its name, in one step, unless something has it.

    Raises:
        OSError: something has it, or the disk refuses.
    """
    if made.is_dir():
        made.rename(place)  # over an empty folder at most, which nobody can have wanted to keep
        return
    try:
        place.hardlink_to(made)
    except OSError as error:
        if error.errno not in _NO_HARD_LINKS or os.path.lexists(place):
            raise
        made.rename(place)
