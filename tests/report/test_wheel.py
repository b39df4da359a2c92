"""What is installed can write a report: the wheel holds what the page is made from."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_wheel_holds_the_package_with_its_templates_and_nothing_else(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True, timeout=120)
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    templates = (ROOT / "platform" / "unroll" / "reporting" / "templates").iterdir()
    assert {f"unroll/reporting/templates/{file.name}" for file in templates} <= set(names)
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == {"unroll"}
