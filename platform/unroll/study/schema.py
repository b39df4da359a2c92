"""JSON Schema of ``study.yaml``, for completion and hover texts in editors.

Regenerate the committed copy with ``python -m unroll.study.schema > studies/study.schema.json``.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from unroll.contract import VALIDATION, Settings
from unroll.study._settings import setting_fields
from unroll.study.declaration import Declaration
from unroll.study.project import AnyTask, discover_tasks, load_task

Schema = dict[str, Any]
DRAFT = "https://json-schema.org/draft/2020-12/schema"


def study_schema() -> Schema:
    """Schema of the study's own keys and, for each task of this project, of its settings, factors and metrics."""
    schema = Declaration.model_json_schema()
    tasks = discover_tasks()
    schema["properties"]["task"]["enum"] = tasks
    schema["allOf"] = []
    for name in tasks:
        then, definitions = _task_schema(name, load_task(name))
        schema["allOf"].append({"if": {"properties": {"task": {"const": name}}}, "then": {"properties": then}})
        schema["$defs"] |= definitions
    return {"$schema": DRAFT, "title": "Unroll study", **_untitled(schema)}


def _untitled(value: Any) -> Any:
    """Drop the titles that pydantic makes of field names: an editor shows the name anyway."""
    if isinstance(value, list):
        return [_untitled(item) for item in value]
    if isinstance(value, dict):
        return {key: _untitled(item) for key, item in value.items() if key != "title" or not isinstance(item, str)}
    return value


def _task_schema(name: str, task: AnyTask) -> tuple[Schema, Schema]:
    """What a study's keys may hold for this task, and the definitions that it refers to."""
    settings = task.settings.model_json_schema(ref_template=f"#/$defs/{name}.{{model}}")
    definitions = {f"{name}.{model}": _partial(part) for model, part in settings.pop("$defs", {}).items()}
    paths = {path: _at(settings, path, definitions) for path in setting_fields(task.settings)}
    definitions[f"{name}.levels"] = {
        "type": "object",
        "description": "A factor of your own: level -> the settings that it stands for.",
        "additionalProperties": {"type": "object", "properties": paths, "additionalProperties": False},
    }
    factors = {path: {"type": "array", "items": part, "minItems": 1} for path, part in paths.items()}
    compare = {"properties": factors, "additionalProperties": {"$ref": f"#/$defs/{name}.levels"}}
    own = {"settings": _partial(settings), "compare": compare, "metric": {"enum": list(task.metrics)}}
    chooses = [name for name in task.metrics if name.startswith(VALIDATION)]
    tune = {"search": {"propertyNames": {"enum": list(paths)}}, "metric": {"enum": [*chooses, None]}}
    return own | {"tune": {"properties": tune}}, definitions


def setting_schemas(name: str, model: type[Settings]) -> dict[str, Schema]:
    """Dotted path -> schema of every setting of a task."""
    settings = model.model_json_schema(ref_template=f"#/$defs/{name}.{{model}}")
    definitions = {f"{name}.{part}": each for part, each in settings.pop("$defs", {}).items()}
    return {path: _at(settings, path, definitions) for path in setting_fields(model)}


def _partial(schema: Schema) -> Schema:
    """A study may leave to ``compare`` what a task requires."""
    return {key: value for key, value in schema.items() if key != "required"}


def _at(schema: Schema, path: str, definitions: Schema) -> Schema:
    """Schema of one setting."""
    for key in path.split("."):
        if "$ref" in schema:
            schema = definitions[schema["$ref"].removeprefix("#/$defs/")]
        schema = schema["properties"][key]
    return {key: value for key, value in schema.items() if key != "default"}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(study_schema(), indent=1) + "\n")
