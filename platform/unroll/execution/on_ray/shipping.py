"""What travels to the workers of a cluster: the packages themselves, never the working folder and never a secret."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path


def code_modules() -> list[str]:
    """Folders for Ray's ``runtime_env={"py_modules": ...}``: the platform, the tasks and the studies.

    Not ``working_dir``: Tune changes the directory, and the folder beside the code may hold data and results.
    """
    shipped = [Path(__file__).parents[2]]
    tasks = find_spec("tasks")
    if tasks is not None and tasks.submodule_search_locations:
        folder = Path(next(iter(tasks.submodule_search_locations)))
        shipped += [place for place in (folder, folder.parent / "studies") if place.is_dir()]
    return [str(folder.resolve()) for folder in shipped]
