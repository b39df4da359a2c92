"""The section of settings: its options are those of the decodings, and reach them."""

import inspect
import math
import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from tasks.decoding import decodings
from tasks.decoding.decodings import DECODINGS, greedy
from tasks.decoding.decodings.beam import Beam
from tasks.decoding.decodings.sampling import Sampling
from tasks.decoding.decodings.variable_beam import VariableBeam
from tasks.decoding.settings import DecodingSettings, build_decoding
from tests.decoding.conftest import Small
from unroll.contract import UserError

GIVEN: dict[str, Any] = {
    "width": 3,
    "length_normalization": "gnmt",
    "alpha": 0.9,
    "relative": 0.0,
    "absolute": math.inf,
    "relative_local": 0.0,
    "per_parent": 2,
    "samples": 4,
    "temperature": 0.7,
    "top_k": 3,
    "top_p": 0.8,
}
BUILT = {
    "greedy": greedy.Greedy(),
    "beam": Beam(width=3, length_normalization="gnmt", alpha=0.9),
    "variable_beam": VariableBeam(
        width=3,
        relative=0,
        absolute=math.inf,
        relative_local=0,
        per_parent=2,
        length_normalization="gnmt",
        alpha=0.9,
    ),
    "sampling": Sampling(samples=4, temperature=0.7, top_k=3, top_p=0.8),
}


def test_every_file_of_the_folder_is_a_decoding_and_every_option_is_a_setting(root: Path) -> None:
    files = (root / "tasks" / "decoding" / "decodings").glob("[!_]*.py")
    assert set(DECODINGS.names()) == {file.stem for file in files} >= BUILT.keys()
    options = {option for name in DECODINGS.names() for option in DECODINGS.options(name)}
    assert options == DecodingSettings.model_fields.keys() - {"method"} >= GIVEN.keys()


@pytest.mark.parametrize("name", sorted(BUILT))
def test_settings_reach_the_decoding(name: str, small: Small) -> None:
    options = {option: GIVEN[option] for option in DECODINGS.options(name)}
    built, request = build_decoding(DecodingSettings(method=name, **options)), small.request(3, 5)
    assert built.decode(request) == BUILT[name].decode(request)
    default: Any = DECODINGS.find(name)
    assert build_decoding(DecodingSettings(method=name)).decode(request) == default().decode(request)


def test_what_a_method_does_not_have_is_refused() -> None:
    with pytest.raises(ValidationError, match="method greedy has no use for width: leave it out, or choose beam or"):
        DecodingSettings(width=3)
    with pytest.raises(ValidationError, match="did you mean 'sampling'"):
        DecodingSettings(method="samplin")
    for wrong in (
        {"temperature": 0},
        {"temperature": 1e-9},
        {"top_p": 0},
        {"top_p": 1.1},
        {"top_k": 0},
        {"samples": 0},
    ):
        with pytest.raises(ValidationError):
            DecodingSettings.model_validate({"method": "sampling", **wrong})


def test_a_new_file_is_a_new_decoding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = inspect.getsource(greedy).replace("Greedy", "Second")
    (tmp_path / "second.py").write_text(source, encoding="utf-8")
    took = source.replace("    def decode", "    def __init__(self, *, other: int = 1) -> None: ...\n\n    def decode")
    (tmp_path / "third.py").write_text(took, encoding="utf-8")
    monkeypatch.setattr(decodings, "__path__", [*decodings.__path__, str(tmp_path)])
    assert type(build_decoding(DecodingSettings(method="second"))).__name__ == "Second"
    with pytest.raises(UserError) as caught:
        build_decoding(DecodingSettings(method="third"))
    assert str(caught.value) == (
        "tasks/decoding/decodings/third.py: what a decoding takes are settings of decoding (received other); "
        "add them to tasks/decoding/settings.py"
    )
    for name in ("second", "third"):
        monkeypatch.delitem(sys.modules, f"tasks.decoding.decodings.{name}")
