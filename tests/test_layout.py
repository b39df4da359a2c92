"""``platform/`` is a source root with the name of a standard module: these guards keep that harmless.

A ``platform/__init__.py`` would shadow the standard module for everyone who has the repository root on ``sys.path``:
torch, ray, wandb and pytest would all fail at import.

Beside that: what import-linter cannot be told once for tasks that do not exist yet.
"""

import pkgutil
import re
import subprocess
import sys
import tomllib
from pathlib import Path

from unroll.study import discover_tasks

ROOT = Path(__file__).parents[1]


def test_the_standard_platform_module_answers_from_the_repository_root() -> None:
    code = "import platform; print(platform.system())"
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "Linux" or result.stdout.strip() in {"Darwin", "Windows"}


def test_the_source_root_holds_one_package_and_no_module_of_its_own() -> None:
    inside = {path.name for path in (ROOT / "platform").iterdir() if not path.name.startswith((".", "__pycache__"))}
    assert inside == {"unroll", "README.md"} or inside == {"unroll"}
    assert not list((ROOT / "platform").glob("*.py"))


def test_no_test_folder_is_named_like_the_standard_module() -> None:
    assert not (ROOT / "tests" / "platform").exists()


def test_nothing_outside_a_task_imports_it() -> None:
    tasks = "|".join(discover_tasks())
    for file in (ROOT / "tasks").rglob("*.py"):
        imported = re.findall(rf"(?m)^\s*(?:from|import) tasks\.({tasks})\b", file.read_text(encoding="utf-8"))
        assert {*imported} <= {file.relative_to(ROOT / "tasks").parts[0]}, file


def test_what_is_no_task_has_its_place_in_the_order() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    (layers,) = [contract["layers"] for contract in contracts if contract.get("containers") == ["tasks"]]
    modules = {module.name for module in pkgutil.iter_modules([str(ROOT / "tasks")])}
    shared = modules - {*discover_tasks()}
    assert shared == {name for layer in layers for name in layer.split(" | ")}
