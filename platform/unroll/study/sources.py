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
    stat = place.stat()
    package = module if place.name == "__init__.py" else module.rpartition(".")[0]
    return _read_imports(place, package, stat.st_mtime_ns, stat.st_size)


@cache
def _read_imports(place: Path, package: str, changed: int, size: int) -> tuple[str, ...]:  # noqa: ARG001
    """Modules of the tasks that a file imports anywhere but for its types; it is read again when it was changed."""
    try:
        tree = ast.parse(place.read_bytes())
    except (SyntaxError, ValueError):
        return ()
    return tuple(dict.fromkeys(name for node in _walk(tree) for name in _imported(node, package)))


def _walk(node: ast.AST) -> Iterator[ast.AST]:
    """Every node that is run: what is under ``if TYPE_CHECKING:`` is not."""
    yield node
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and isinstance(child.test, ast.Name) and child.test.id == "TYPE_CHECKING":
            for other in child.orelse:
                yield from _walk(other)
        else:
            yield from _walk(child)


def _imported(node: ast.AST, package: str) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names if alias.name.split(".")[0] == TASKS)
    elif isinstance(node, ast.ImportFrom):
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
    stat = file.stat()
    found = _read_hash(file, stat.st_mtime_ns, stat.st_size)
    _first_seen.setdefault(file, found)
    return found


@cache
def _read_hash(file: Path, changed: int, size: int) -> str:  # noqa: ARG001
    content = file.read_bytes()
    code = _without_comments(content) if file.suffix == ".py" else content
    return hashlib.sha256(code).hexdigest()[:16]


def _without_comments(content: bytes) -> bytes:
    """The lines of a Python file that do something, no comments or docstrings; alike in every version of Python.

    Its texts follow once more: a blank line within one does something.
    """
    try:
        text = content.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
        comments = list(_comments(text)) if "#" in text else []
        lines = text.split("\n")
        for row, column in comments:
            lines[row - 1] = lines[row - 1][:column]
        tree = ast.parse(text)
        for first, last in _docstrings(tree, lines):
            lines[first - 1 : last] = [""] * (last - first + 1)
    except (UnicodeDecodeError, SyntaxError, ValueError, IndexError, tokenize.TokenError):
        return content
    code = "\n".join(line.rstrip() for line in lines if line.strip())
    return "\0".join([code, *_texts(tree)]).encode("utf-8", "surrogatepass")


def _texts(tree: ast.Module) -> Iterator[str]:
    """Every text and every row of bytes that is no statement of its own."""
    alone = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str | bytes) and id(node) not in alone:
            yield node.value if isinstance(node.value, str) else repr(node.value)


def _comments(text: str) -> Iterator[tuple[int, int]]:
    """Row, from one, and column where each comment begins."""
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    return (token.start for token in tokens if token.type == tokenize.COMMENT)


def _docstrings(tree: ast.Module, lines: Sequence[str]) -> Iterator[tuple[int, int]]:
    """First and last row, from one, of texts that are statements of their own, on rows of their own."""
    for node in ast.walk(tree):
        if not (
            isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        ):
            continue
        first, last = node.lineno, node.end_lineno or node.lineno
        before, behind = lines[first - 1].encode()[: node.col_offset], lines[last - 1].encode()[node.end_col_offset :]
        if not before.strip() and not behind.strip():
            yield first, last
