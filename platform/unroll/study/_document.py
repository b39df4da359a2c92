"""Strict YAML 1.2 to plain data that remembers where each value was written."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unroll.contract import UserError

if TYPE_CHECKING:
    from ruamel.yaml.nodes import Node

KeyPath = tuple[str | int, ...]
"""Keys and indices from the top of a document down to a value."""

COMMAND_LINE = "command line"
"""The place of what an override wrote."""

LIMIT = 64 * 1024
"""Bytes of a study file. A study is written by hand; whatever is larger is something else."""

DEEPEST = 20
"""Collections inside collections; the reader's time grows with their square."""

_REFUSED = {
    "AliasToken": "an alias (*name) is not allowed: write the value out",
    "AnchorToken": "an anchor (&name) is not allowed: write the value out",
    "DirectiveToken": "a directive (%) is not allowed: studies are YAML 1.2",
    "TagToken": "a tag (!name) is not allowed: a study holds plain values only",
}


_MEANT = {
    "mapping values are not allowed": "quote a text that holds a colon: question: 'Gates: do they help?'",
    "'\\t'": "indent with blanks, not with tabs",
}
"""Advice where a document is not valid YAML, by a part of the reader's error."""

_HALF_OF_PAIR = re.compile("[\ud800-\udfff]")


@dataclass
class Document:
    """Plain data with the place (``file:line`` or ``command line``) of each value."""

    data: Any
    places: dict[KeyPath, str] = field(default_factory=dict)

    def is_typed(self, keys: KeyPath) -> bool:
        """Whether the command line wrote a value, or what holds it."""
        return self._place(keys) == COMMAND_LINE

    def where(self, keys: KeyPath) -> str:
        """Place and dotted path of a value, or of the nearest thing above it that was written down."""
        place = self._place(keys)
        if place == COMMAND_LINE and keys[0] in ("settings", "compare"):
            keys = keys[1:]  # an override names a setting without the section that it was put into
        return ": ".join(part for part in (place, dotted(keys)) if part)

    def where_together(self, keys: KeyPath, rule: str) -> str:
        """Place of a rule on several values of a section: the command line, if it wrote one that the rule names.

        A rule that names no key below the section may mean any of them.
        """
        below = [(known[-1], place) for known, place in self.places.items() if known[: len(keys)] == keys != known]
        words = set(re.findall(r"\w+", rule))
        concerned = [place for key, place in below if key in words] or [place for _, place in below]
        overridden = COMMAND_LINE in concerned
        return ": ".join(filter(None, (COMMAND_LINE, dotted(keys[1:])))) if overridden else self.where(keys)

    def _place(self, keys: KeyPath) -> str:
        above = (keys[:length] for length in range(len(keys), -1, -1))
        return next((self.places[part] for part in above if part in self.places), "")


def dotted(keys: KeyPath) -> str:
    """Write a key path as text.

    >>> dotted(("compare", "network.cell", 2))
    'compare.network.cell[2]'
    """
    text = ""
    for key in keys:
        name = key if isinstance(key, str) and key.isprintable() else repr(key)
        text += f"[{key}]" if isinstance(key, int) else f".{name}"
    return text.removeprefix(".")


def shown(value: Any) -> str:
    """Shorten a received value for one line of an error.

    >>> shown("x" * 100)[:5], shown({"a": 1.5}), shown(None)
    ("'xxxx", "{'a': 1.5}", 'null')
    """
    text = "null" if value is None else repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def read_document(path: Path) -> Document:
    """Read a study file.

    Raises:
        UserError: not UTF-8, not YAML 1.2, a duplicate key, an alias, a tag, too large (names file and line).
    """
    name = display(path)
    try:
        return parse_document(path.read_bytes(), name)
    except OSError as error:
        raise UserError("the study file cannot be read", where=name, received=str(error.strerror)) from None


def parse_document(content: bytes, name: str) -> Document:
    """Parse one YAML document; ``name`` is how its places are spelled. Raises as :func:`read_document`."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    text = _decode(content, name)
    try:
        _screen(text, name)
        node = YAML(typ="safe", pure=True).compose(text)
        document = Document(None, {(): name})
        document.data = _build(node, (), name, document.places)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"{name}:{mark.line + 1}" if mark else name
        problem = str(error.problem or error.context)
        advice = next((advice for words, advice in _MEANT.items() if words in problem), "")
        raise UserError(f"not valid YAML: {problem}", where=where, advice=advice) from None
    except (YAMLError, ValueError) as error:
        raise UserError(f"not valid YAML: {str(error).splitlines()[0]}", where=name) from None
    return document


def _screen(text: str, name: str) -> None:
    """Refuse what plain values do not need before anything is built from it."""
    from ruamel.yaml import YAML

    depth = 0
    for token in YAML(typ="safe", pure=True).scan(text):
        kind = type(token).__name__
        if kind.startswith(("Block", "Flow")):
            depth += kind.endswith("StartToken") - kind.endswith("EndToken")
        rule = _REFUSED.get(kind) or (f"must be nested at most {DEEPEST} deep" if depth > DEEPEST else None)
        if rule:
            raise UserError(rule, where=f"{name}:{token.start_mark.line + 1}")


def _decode(content: bytes, name: str) -> str:
    if len(content) > LIMIT:
        raise UserError(f"must be at most {LIMIT // 1024} KiB", where=name, received=f"{len(content)} bytes")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        received = f"byte 0x{content[error.start]:02x} at offset {error.start}"
        raise UserError("must be UTF-8 text", where=f"{name}:{line}", received=received) from None


def _build(node: Node | None, keys: KeyPath, name: str, places: dict[KeyPath, str]) -> Any:
    """Turn YAML nodes into dicts, lists and scalars, noting the line of each."""
    from ruamel.yaml.nodes import MappingNode, SequenceNode

    if node is None:
        return None
    places.setdefault(keys, f"{name}:{node.start_mark.line + 1}")
    if isinstance(node, MappingNode):
        return dict(_pairs(node, keys, name, places))
    if isinstance(node, SequenceNode):
        return [_build(item, (*keys, index), name, places) for index, item in enumerate(node.value)]
    return _scalar(node, places[keys])


def _pairs(node: Node, keys: KeyPath, name: str, places: dict[KeyPath, str]) -> Iterator[tuple[str, Any]]:
    for key_node, value_node in node.value:
        where = f"{name}:{key_node.start_mark.line + 1}"
        key = key_node.value
        if not isinstance(key, str):
            raise UserError("a key must be text", where=where)
        _check_text(key, where)
        if (*keys, key) in places:
            first = places[*keys, key].rpartition(":")[2]
            raise UserError(
                "a key may stand only once", where=where, received=shown(key), advice=f"first in line {first}"
            )
        places[*keys, key] = where
        yield key, _build(value_node, (*keys, key), name, places)


def _scalar(node: Node, where: str) -> Any:
    from ruamel.yaml import YAML

    if node.tag == "tag:yaml.org,2002:timestamp":  # a date means nothing to a study: keep what was written
        return node.value
    whole = node.tag == "tag:yaml.org,2002:int"
    try:
        value = YAML(typ="safe", pure=True).constructor.construct_object(node)
    except ValueError:  # Python reads no number of thousands of digits
        if not whole:
            raise
        value = 2**64
    if whole and not -(2**63) <= value < 2**63:
        raise UserError("a whole number must fit into 64 bits", where=where, received=shown(node.value))
    if isinstance(value, str):
        _check_text(value, where)
    return value


def _check_text(text: str, where: str) -> None:
    if _HALF_OF_PAIR.search(text):
        rule = "text must be whole characters, without half of a surrogate pair"
        raise UserError(rule, where=where, received=ascii(text)[:60])


def display(path: Path) -> str:
    """A file as a person would name it here."""
    relative = os.path.relpath(path)
    return str(path) if relative.startswith("..") else relative
