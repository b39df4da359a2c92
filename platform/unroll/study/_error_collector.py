"""Collect mistakes, each with its place, so that all are reported together."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from unroll.contract import UserError, UserErrors
from unroll.study._document import Document, KeyPath, shown
from unroll.study._settings import setting_fields
from unroll.study.project import suggestion

_NOTHING = object()


class ErrorCollector:
    """The mistakes found in one document."""

    def __init__(self, document: Document, errors: Iterable[UserError] = ()) -> None:
        self.document = document
        self.found = list(errors)

    def add(self, keys: KeyPath, rule: str, *, received: Any = _NOTHING, advice: str = "") -> None:
        """Note one mistake at a place; the same line is noted once."""
        text = "" if received is _NOTHING else shown(received)
        self.add_error(UserError(rule, where=self.document.where(keys), received=text, advice=advice))

    def add_error(self, error: UserError) -> None:
        """Note a mistake that knows its own place."""
        if str(error) not in {str(other) for other in self.found}:
            self.found.append(error)

    def add_pydantic(self, keys: KeyPath, detail: ErrorDetails, model: type[BaseModel], note: str = "") -> None:
        """Note what pydantic found in a value of ``model`` at ``detail["loc"]``; ``keys`` is where it was written."""
        rule, advice = _describe(detail, model)
        together = detail["type"] == "value_error" and isinstance(detail["input"], dict)
        if together and keys[0] == "settings":  # a rule on several values of a section
            self.add_error(UserError(rule + note, where=self.document.where_together(keys, rule), advice=advice))
            return
        has_value = detail["type"] not in ("extra_forbidden", "missing") and not isinstance(detail["input"], dict)
        self.add(keys, rule + note, received=detail["input"] if has_value else _NOTHING, advice=advice)

    def raise_any(self) -> None:
        """Raise what was found.

        Raises:
            UserErrors: there is at least one mistake.
        """
        if self.found:
            raise UserErrors(sorted(self.found, key=_line))


def _line(error: UserError) -> int:
    """Line of the file that a mistake stands in; the command line comes first."""
    found = re.match(r".*?:(\d+)", error.where)
    return int(found[1]) if found else 0


def details(error: ValidationError) -> list[ErrorDetails]:
    """Pydantic's findings, without links."""
    return error.errors(include_url=False)


def without_echoes(found: Sequence[ErrorDetails], model: type[BaseModel]) -> list[ErrorDetails]:
    """Leave out the missing keys that were written with a typo: the error of the unknown key names both."""
    unknown = [detail["loc"] for detail in found if detail["type"] == "extra_forbidden"]
    meant = {(loc[:-1], suggestion(str(loc[-1]), _siblings(model, loc))) for loc in unknown}
    return [
        detail
        for detail in found
        if detail["type"] != "missing" or (detail["loc"][:-1], f"did you mean '{detail['loc'][-1]}'?") not in meant
    ]


def plain_loc(loc: Sequence[str | int], data: Any) -> KeyPath:
    """Keep the parts of a pydantic location that are keys of the data: it also names branches of unions."""
    keys: list[str | int] = []
    for index, part in enumerate(loc):
        inside = isinstance(data, list) if isinstance(part, int) else isinstance(data, dict)
        known = inside and (part in data if isinstance(data, dict) else 0 <= int(part) < len(data))
        if known:
            keys.append(part)
            data = data[part]
        elif index == len(loc) - 1 and isinstance(data, dict):  # a missing key
            keys.append(part)
    return tuple(keys)


def _describe(detail: ErrorDetails, model: type[BaseModel]) -> tuple[str, str]:
    """Rule and advice of one finding, worded like all other rules."""
    last = str(detail["loc"][-1]) if detail["loc"] else ""
    if detail["type"] == "extra_forbidden":
        section, _, word = last.partition(".")
        if word and section in _siblings(model, detail["loc"]):
            return "unknown key", f"write it nested: {section}: {{{word}: ...}}"
        elsewhere = setting_fields(model) if len(detail["loc"]) > 1 else ()
        return "unknown key", suggestion(last, _siblings(model, detail["loc"]), elsewhere)
    if detail["type"] == "missing":
        return "is required", ""
    rule = detail["msg"].removeprefix("Value error, ")
    rule = re.sub(r"^\w+ should have (at \w+ \d+ \w+).*", r"must have \1", rule)
    rule = re.sub(r"^Input should (be|have|match)", r"must \1", rule).replace("must be a valid", "must be a")
    rule = (
        rule.replace("a dictionary", "a mapping")
        .replace("an object", "a mapping")
        .replace("a array", "a list")
        .replace("a integer", "an integer")
    )
    return rule[:1].lower() + rule[1:], _nearest(detail)


def _nearest(detail: ErrorDetails) -> str:
    """Suggest the allowed word that is nearest to the received one."""
    words = re.findall(r"'([^']*)'", str(detail.get("ctx", {}).get("expected", "")))
    near = difflib.get_close_matches(str(detail["input"]), words, n=1)
    return f"did you mean '{near[0]}'?" if near else ""


def _siblings(model: type[BaseModel], loc: Sequence[str | int]) -> list[str]:
    """Names that are allowed where an unknown key stands."""
    fields = model.model_fields
    for part in loc[:-1]:
        if (field := fields.get(str(part))) is None:  # a branch of a union
            continue
        inner = _models_of(field.annotation)
        fields = inner[0].model_fields if inner else {}
    return list(fields)


def _models_of(annotation: Any) -> list[type[BaseModel]]:
    """Models named by an annotation, also in ``Model | None`` and where one of these is annotated."""
    kinds = [annotation, *getattr(annotation, "__args__", ())]
    kinds = [getattr(kind, "__origin__", kind) for kind in kinds]
    return [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)]
