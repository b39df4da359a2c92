"""Nodes are asked before trials start: here a real Ray for what agrees, made-up answers for what does not."""

import socket
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from unroll.contract import UserError, UserErrors
from unroll.execution.on_ray.preflight import _compare, _examiner, check_reachable, preflight
from unroll.execution.on_ray.private_folder import _environment, private_folder
from unroll.execution.on_ray.shipping import code_modules

EXPECTED = {"versions": {"python": "3.11", "torch": "2.13.0", "polars": "2.1.0"}, "errors": {}, "visible": True}


@pytest.fixture(scope="module")
def ray_here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    import ray

    ray.init("local", num_cpus=1, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    yield
    ray.shutdown()


def test_a_node_like_the_driver_passes_and_no_token_is_left(ray_here: None, tmp_path: Path) -> None:
    preflight(tmp_path / "results", modules=["ray", "polars", "unroll"])
    assert list((tmp_path / "results").iterdir()) == []


def test_a_module_that_only_the_driver_has_is_named_with_the_node(
    ray_here: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "only_on_the_driver.py").write_text("__version__ = '1'\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(UserErrors) as caught:
        preflight(tmp_path, modules=["only_on_the_driver"])
    sys.modules.pop("only_on_the_driver")
    (line,) = str(caught.value).splitlines()
    assert line.startswith("node ")
    assert "every node must import only_on_the_driver" in line
    assert "ModuleNotFoundError: No module named 'only_on_the_driver'" in line


def test_a_node_with_another_version_is_named() -> None:
    answer = EXPECTED | {"versions": {"python": "3.11", "torch": "2.10.0", "polars": "2.1.0"}}
    assert [str(error) for error in _compare("node b", answer, EXPECTED, Path("r"), 30)] == [
        "node b: every node must have torch 2.13.0 as the driver has (received 2.10.0)"
    ]


def test_a_folder_that_is_not_shared_is_a_mistake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: monkeypatch.setattr("time.monotonic", lambda: float("inf")))
    answer = _examiner()(str(tmp_path / "absent"), [])
    (error,) = _compare("node b", answer, {"versions": {}}, Path("r"), 30)
    assert "must be shared by all nodes" in str(error)


def test_a_silent_node_is_named() -> None:
    (error,) = _compare("node b", None, EXPECTED, Path("r"), 30)
    assert str(error).startswith("node b: every node must answer within 30 s (received no answer)")


def test_the_code_that_travels_is_packages_and_studies(root: Path) -> None:
    names = {Path(folder).name for folder in code_modules()}
    assert names == {"unroll", "tasks", "studies"}
    assert str(root) not in code_modules(), "the working folder may hold data and results"


def test_an_address_where_nobody_listens_is_refused_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        free = f"127.0.0.1:{unused.getsockname()[1]}"
    monkeypatch.setenv("RAY_ADDRESS", free)
    for address in (free, "auto", "nonsense", "127.0.0.1:port", "127.0.0.1:99999"):
        with pytest.raises(UserError, match="a Ray cluster must listen at --address"):
            check_reachable(address)


def test_an_address_where_somebody_listens_passes() -> None:
    with socket.create_server(("", 0)) as server:  # Ray turns 127.0.0.1 into the address of this machine
        check_reachable(f"127.0.0.1:{server.getsockname()[1]}")


@pytest.fixture
def guarded(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Address of something that answers like a Ray cluster to whom it does not know."""
    from concurrent.futures import ThreadPoolExecutor

    import grpc  # type: ignore[import-untyped]

    class Guard(grpc.GenericRpcHandler):  # type: ignore[misc]
        def service(self, details: Any) -> Any:
            return grpc.unary_unary_rpc_method_handler(
                lambda request, context: context.abort(grpc.StatusCode.UNAUTHENTICATED, "InvalidAuthToken")
            )

    no_token = ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH")
    # Ray takes this machine's address for that of loopback.
    monkeypatch.setattr("ray._private.services.canonicalize_bootstrap_address", lambda address: address)
    # A Ray that was started in this process before left its mode behind, in the environment and in Ray itself.
    with _environment(**dict.fromkeys(no_token)), ThreadPoolExecutor() as pool:
        server = grpc.server(pool, handlers=[Guard()])
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        yield f"127.0.0.1:{port}"
        server.stop(None).wait()


@pytest.mark.parametrize(("shown", "received"), [(False, "none"), (True, "another one")])
def test_a_cluster_that_wants_a_token_is_told_in_one_line(
    shown: bool, received: str, guarded: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with private_folder() if shown else nullcontext(), pytest.raises(UserError) as caught:
        check_reachable(guarded)
    assert str(caught.value) == (
        f"{guarded}: the Ray cluster at --address wants its token (received {received}); set RAY_AUTH_MODE=token, and "
        "RAY_AUTH_TOKEN_PATH to a file of mode 600 that holds it"
    )
    assert capfd.readouterr() == ("", "")
