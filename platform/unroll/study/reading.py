"""Read a YAML file of another kind than a study into its model, with the same care and the same errors."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from unroll.contract import UserError
from unroll.study._document import Document, read_document
from unroll.study._error_collector import ErrorCollector, details, plain_loc, without_echoes

ModelT = TypeVar("ModelT", bound=BaseModel)


def read_mapping(path: Path) -> Document:
    """The keys of a YAML file, each with its place.

    Raises:
        UserError: it cannot be read, is no YAML 1.2, or is no mapping.
    """
    document = read_document(path)
    if not isinstance(document.data, dict):
        raise UserError("must be a mapping of keys", where=document.where(()))
    return document


def validate_mapping(document: Document, model: type[ModelT]) -> ModelT:
    """The model of what a file holds.

    Args:
        document: see :func:`read_mapping`.
        model: what its keys are.

    Raises:
        UserErrors: all mistakes together, each with file and line.
    """
    errors = ErrorCollector(document)
    try:
        return model.model_validate(document.data)
    except ValidationError as error:
        for detail in without_echoes(details(error), model):
            errors.add_pydantic(plain_loc(detail["loc"], document.data), detail, model)
        errors.raise_any()
        raise
