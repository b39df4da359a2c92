"""``platform/`` is a source root with the name of a standard module: these guards keep that harmless.

A ``platform/__init__.py`` would shadow the standard module for everyone who has the repository root on ``sys.path``:
torch, ray, wandb and pytest would all fail at import.
"""

import subprocess
import sys
from pathlib import Path

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
