"""The source files that a trial runs, found without importing any: an edit of one makes another trial of it.

A task begins with ``tasks/<task>/task.py``; what that file imports from ``tasks``, and what those import, belongs to
it. A file that is found by its name (a cell, a decoder, a reader) belongs to the trials whose settings hold that
name.
"""

from __future__ import annotations

import ast
import hashlib
import io
import tokenize
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

TASKS = "tasks"
COMPILED = frozenset({".c", ".h"})
"""Endings of sources beside the Python files that read them."""


def find_sources(task: str, settings: Mapping[str, Any]) -> dict[str, str]:
    """Every source file of a trial with a hash of its code: comments, docstrings and blank lines do not enter.

    Args:
        task: name of the task.
        settings: complete nested settings.

    Returns:
        Path below the project ("tasks/recurrent/cells/lstm.py") -> 16 hexadecimal characters, sorted by path. What a
        file imports that is no Python any more is left to whoever imports it.
    """
    return _find(task, _folder(), frozenset(_strings(settings)))


def find_loaded_sources(task: str, settings: Mapping[str, Any]) -> Mapping[str, str]:
    """What :func:`find_sources` gives of each file as this process first saw it: modules stay as they were imported."""
    return _find_loaded(task, _folder(), frozenset(_strings(settings)))


def _find(task: str, folder: Path, names: frozenset[str]) -> dict[str, str]:
    files = set(_closure([f"{TASKS}.{task}.task"], folder, names).values())
    around = {file.parent for file in files}
    files |= {file for place in around for file in place.iterdir() if file.suffix in COMPILED}
    return {file.relative_to(folder.parent).as_posix(): _hash(file) for file in sorted(files)}


@cache
def _find_loaded(task: str, folder: Path, names: frozenset[str]) -> dict[str, str]:
    return {name: _first_seen[folder.parent / name] for name in _find(task, folder, names)}


_first_seen: dict[Path, str] = {}
"""The hash of each file when this process first asked, about the time at which it was imported."""


def digest_sources(sources: Mapping[str, str]) -> str:
    """One name for these sources: 16 hexadecimal characters; empty for none."""
    if not sources:
        return ""
    lines = "\n".join(f"{file} {sources[file]}" for file in sorted(sources))
    return hashlib.sha256(lines.encode()).hexdigest()[:16]


def compare_sources(then: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """Files that are in only one of the two, or differ, sorted."""
    return sorted(file for file in then.keys() | now.keys() if then.get(file) != now.get(file))


def _folder() -> Path:
    """Where the tasks are imported from."""
    spec = find_spec(TASKS)
    places = list(spec.submodule_search_locations or ()) if spec else []
    return Path(places[0]).resolve() if places else Path(TASKS).resolve()


def _closure(first: Iterable[str], folder: Path, names: frozenset[str]) -> dict[str, Path]:
    """All modules that these import, the packages around them, and the modules there that are called for by name."""
    found: dict[str, Path] = {}
    waiting = list(first)
    while waiting:
        module = waiting.pop()
        if module in found or (place := _place(module, folder)) is None:
            continue
        found[module] = place
        waiting += [module.rpartition(".")[0]] if "." in module else []
        waiting += _imports(place, module)
        if place.name == "__init__.py":
            waiting += [f"{module}.{name}" for name in names if (place.parent / f"{name}.py").is_file()]
    return found


def _place(module: str, folder: Path) -> Path | None:
    """The file of a module of the tasks; None for what is none."""
    path = folder.joinpath(*module.split(".")[1:])
    candidates = (path / "__init__.py", path.with_suffix(".py"))
    return next((file for file in candidates if file.is_file()), None)


def _imports(place: Path, module: str) -> tuple[str, ...]:
    """Modules of the tasks that a file imports anywhere but for its types."""
    package = module if place.name == "__init__.py" else module.rpartition(".")[0]
    return tuple(dict.fromkeys(name for node in _parse(place).imports for name in _imported(node, package)))


def _imported(node: ast.Import | ast.ImportFrom, package: str) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names if alias.name.split(".")[0] == TASKS)
    else:
        around = package.split(".")[: len(package.split(".")) + 1 - node.level] if node.level else []
        base = ".".join([*around, *([node.module] if node.module else [])])
        if base.split(".")[0] == TASKS:
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)


def _strings(settings: Mapping[str, Any]) -> Iterator[str]:
    """Texts among the values that could be a file's name."""
    for value in settings.values():
        if isinstance(value, Mapping):
            yield from _strings(value)
        elif isinstance(value, str) and value.isidentifier():
            yield value


def _hash(file: Path) -> str:
    found = _parse(file).hash if file.suffix == ".py" else _shorten(file.read_bytes())
    _first_seen.setdefault(file, found)
    return found


def _shorten(code: bytes) -> str:
    return hashlib.sha256(code).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class _Parsed:
    """What matters of a Python file.

    Args:
        imports: statements that import something when the file is run; none of a file that is no Python.
        hash: of its code.
    """

    imports: tuple[ast.Import | ast.ImportFrom, ...]
    hash: str


def _parse(file: Path) -> _Parsed:
    stat = file.stat()
    return _parse_once(file, stat.st_mtime_ns, stat.st_size)


@cache
def _parse_once(file: Path, changed: int, size: int) -> _Parsed:  # noqa: ARG001
    """A file is read and parsed once, and again when it was changed: plans hash a hundred files for every arm."""
    content = file.read_bytes()
    try:
        nodes = list(ast.walk(ast.parse(content)))
    except (SyntaxError, ValueError):
        return _Parsed((), _shorten(content))
    try:
        code = _without_comments(content, nodes)
    except (UnicodeDecodeError, IndexError, tokenize.TokenError):
        code = content
    return _Parsed(tuple(_run_imports(nodes)), _shorten(code))


def _run_imports(nodes: Sequence[ast.AST]) -> Iterator[ast.Import | ast.ImportFrom]:
    """Imports but those under ``if TYPE_CHECKING:``."""
    checks = (node for node in nodes if isinstance(node, ast.If) and isinstance(node.test, ast.Name))
    bodies = (node.body for node in checks if isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING")
    for_types = {id(below) for body in bodies for statement in body for below in ast.walk(statement)}
    for node in nodes:
        if isinstance(node, ast.Import | ast.ImportFrom) and id(node) not in for_types:
            yield node


def _without_comments(content: bytes, nodes: Sequence[ast.AST]) -> bytes:
    """The lines of a Python file that do something, no comments or docstrings; alike in every version of Python.

    Its texts follow once more: a blank line within one does something.
    """
    text = content.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    lines = text.split("\n")
    for row, column in _comments(text) if "#" in text else ():
        lines[row - 1] = lines[row - 1][:column]
    for first, last in _docstrings(nodes, lines):
        lines[first - 1 : last] = [""] * (last - first + 1)
    code = "\n".join(line.rstrip() for line in lines if line.strip())
    return "\0".join([code, *_texts(nodes)]).encode("utf-8", "surrogatepass")


def _texts(nodes: Sequence[ast.AST]) -> Iterator[str]:
    """Every text and every row of bytes that is no statement of its own."""
    alone = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
    for node in nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str | bytes) and id(node) not in alone:
            yield node.value if isinstance(node.value, str) else repr(node.value)


def _comments(text: str) -> list[tuple[int, int]]:
    """Row, from one, and column where each comment begins."""
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    return [token.start for token in tokens if token.type == tokenize.COMMENT]


def _docstrings(nodes: Sequence[ast.AST], lines: Sequence[str]) -> Iterator[tuple[int, int]]:
    """First and last row, from one, of texts that are statements of their own, on rows of their own."""
    for node in nodes:
        if not (
            isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        ):
            continue
        first, last = node.lineno, node.end_lineno or node.lineno
        before, behind = lines[first - 1].encode()[: node.col_offset], lines[last - 1].encode()[node.end_col_offset :]
        if not before.strip() and not behind.strip():
            yield first, last
