"""Write the smallest study, cell or task that runs, from the templates that the rooms of ``tasks/`` hold.

A template is a file ``tasks/<folder>/new/<kind>.tmpl``, found by being there. It is Markdown: its first paragraph says
what is written and what to change; a fenced block whose first line names a path is that file, without this line; in a
``console`` block, the lines after ``$ `` are commands that try it. ``$name`` is the name everywhere, in paths too, and
``$Name`` the same in CamelCase.
"""

from __future__ import annotations

import importlib
import keyword
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Final

from unroll.contract import UserError
from unroll.ledger.files import remove, write_once
from unroll.study.declaration import is_safe
from unroll.study.project import make_importable, project_root, suggestion

_NAME: Final = r"[a-z][a-z0-9_]{0,63}"
_OF_YAML: Final = frozenset({"null", "true", "false"})
_BLOCK: Final = re.compile(r"^(`{3,})(\w+)\n(.*?)^\1$", flags=re.MULTILINE | re.DOTALL)
_PATH: Final = re.compile(r"(?:# |<!-- )(\S+)(?: -->)?\n")


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
            named.append(Path(fill(str(next(part for part in (*reversed(path.parents), path) if "$" in part.name)))))
    note = " ".join(fill(text.partition("\n\n")[0]).split())
    return Scaffold(note=note, files=files, named=tuple(named), commands=tuple(commands))


def write_scaffold(kind: str, name: str) -> Scaffold:
    """Write all files of a new study, cell, task or whatever else has a template, or none.

    Args:
        kind: of :func:`find_templates`.
        name: of the new one: a module of Python, whatever the kind.

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
    if not is_safe(_NAME, name) or keyword.iskeyword(name) or name in _OF_YAML:
        rule = (
            "a name must be lower-case letters, digits and '_', at most 64, begin with a letter and be no word of its "
            "own in Python, YAML or a file system"
        )
        raise UserError(rule, received=repr(name[:80]))
    root, scaffold = project_root(), render(templates[kind], name)
    for path in scaffold.named:
        _refuse_existing(root, path)
    missing = {folder for path in scaffold.files for folder in path.parents if not (root / folder).exists()}
    written: list[Path] = []
    try:
        for path, content in scaffold.files.items():
            write_once(root / path, content.encode())
            written.append(root / path)
    except BaseException as error:
        for file in written:
            remove(file)
        for folder in sorted(missing, reverse=True):  # those inside first
            with suppress(OSError):
                (root / folder).rmdir()
        if isinstance(error, FileExistsError):
            raise _existing(Path(error.filename)) from error
        raise
    return scaffold


def _refuse_existing(root: Path, named: Path) -> None:
    """What bears the new name must be new, also as a module and a package beside each other."""
    for place in (named, named.with_suffix(""), named.with_suffix(".py")):
        if (root / place).exists() or (root / place).is_symlink():
            raise _existing(root / place)


def _existing(path: Path) -> UserError:
    return UserError("nothing is overwritten: this must not exist", where=str(path), advice="choose another name")
