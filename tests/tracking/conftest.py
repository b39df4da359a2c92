"""A W&B server in miniature: enough of its GraphQL to carry an online run, and four ways of failing."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Literal, Protocol, final

import pytest

from unroll.tracking import Mirror, Mode, close_mirror, mirror, server

CANARY = "local-" + "c0ffee0123456789" * 2 + "deadbeef"


Records = dict[str, list[dict[str, Any]]]


@pytest.fixture(scope="session")
def inspect() -> Callable[[Path], Records]:
    """Reads a run's log with wandb's own reader: its records by kind (run, history, summary, exit...)."""

    def read(run: Path) -> Records:
        command = [sys.executable, "-m", "wandb", "leet", "inspect", "--json", str(run)]
        records: Records = defaultdict(list)
        for line in subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines():
            record = json.loads(line)
            records[record["type"]].append(record[record["type"]])
        return records

    return read


class Opens(Protocol):
    def __call__(self, run_id: str = ..., *, mode: Mode = ...) -> AbstractContextManager[Mirror]: ...


@pytest.fixture
def trial(tmp_path: Path) -> Opens:
    """Opens a mirror of a trial below ``tmp_path``."""

    def open_mirror(run_id: str = "t1", *, mode: Mode = "offline") -> AbstractContextManager[Mirror]:
        return mirror(
            mode=mode,
            project="unroll",
            entity=None,
            run_id=run_id,
            group="cells",
            job_type="confirm",
            name=f"lstm, seed {run_id}",
            tags=["language_modeling"],
            config={"network": {"cell": "lstm", "hidden": 64}, "seed": 3},
            folder=tmp_path,
        )

    return open_mirror


Manner = Literal["well", "errors", "silent"]


class Server(ThreadingHTTPServer):
    """Says nothing of a client that went away in the middle: the tests look at what is printed."""

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


@final
class Stub:
    """The server's state: how it answers, and what it was told.

    ``manner`` is for the API, ``front`` for a plain GET (what a probe asks).
    """

    def __init__(self) -> None:
        self.manner: Manner = "well"
        self.front: Manner = "well"
        self.upserts: list[dict[str, Any]] = []
        self.streamed: list[dict[str, Any]] = []
        self.released = threading.Event()
        self._http = Server(("127.0.0.1", 0), _handler(self))
        self._http.daemon_threads = True
        self._thread = threading.Thread(target=self._http.serve_forever, daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"

    def close(self) -> None:
        """Refuse every connection from now on; those that hang are let go."""
        self.released.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    @property
    def history(self) -> list[dict[str, Any]]:
        """Rows of all runs, in the order in which they came."""
        lines = [
            line
            for sent in self.streamed
            for line in sent.get("files", {}).get("wandb-history.jsonl", {}).get("content", [])
        ]
        return [json.loads(line) for line in lines]

    @property
    def exit_codes(self) -> list[int]:
        return [sent["exitcode"] for sent in self.streamed if sent.get("complete")]

    def answer(self, query: str, variables: dict[str, Any]) -> dict[str, Any]:
        """The data of one GraphQL request."""
        project = {"id": "P", "name": "p", "entity": {"id": "E", "name": "me"}}
        if "RunResumeStatus" in query:
            known = any(told["name"] == variables["name"] for told in self.upserts)
            return {"model": {**project, "bucket": self._resumable(variables["name"])} if known else None}
        if "upsertBucket" in query:
            self.upserts.append(variables)
            bucket = {
                "id": "B",
                "name": variables.get("name"),
                "displayName": "d",
                "project": project,
                "historyLineCount": 0,
            }
            return {"upsertBucket": {"bucket": bucket, "inserted": True}}
        if "viewer" in query:
            return {
                "viewer": {
                    "id": "V",
                    "entity": "me",
                    "username": "me",
                    "email": "",
                    "flags": "{}",
                    "teams": {"edges": []},
                }
            }
        if "createRunFiles" in query:
            return {"createRunFiles": {"runID": "B", "uploadHeaders": [], "files": []}}
        return {"model": None, "project": None, "serverInfo": None}

    def _resumable(self, name: str) -> dict[str, Any]:
        """What a server tells about a run that it has: how much of it, so that more can be appended."""
        tail = json.dumps([json.dumps(row) for row in self.history[-1:]])
        counts = {"logLineCount": 0, "eventsLineCount": 0, "historyLineCount": len(self.history)}
        texts = {"summaryMetrics": "{}", "config": "{}", "wandbConfig": '{"t": 1}', "eventsTail": "[]"}
        return {"id": "B", "name": name, "displayName": name, "tags": [], "historyTail": tail, **counts, **texts}


def _handler(stub: Stub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            pass

        def do_GET(self) -> None:
            self._reply(stub.front, {})

        def do_PUT(self) -> None:
            self._body()
            self._reply(stub.manner, {})

        def do_POST(self) -> None:
            body = self._body()
            if stub.manner != "well":
                self._reply(stub.manner, {})
            elif self.path.endswith("/file_stream"):
                stub.streamed.append(body)
                self._reply("well", {"exitcode": None, "limits": {}})
            else:
                self._reply("well", {"data": stub.answer(body.get("query", ""), body.get("variables") or {})})

        def _body(self) -> dict[str, Any]:
            content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            try:
                return dict(json.loads(content))
            except ValueError:
                return {}

        def _reply(self, manner: Manner, content: dict[str, Any]) -> None:
            if manner == "silent":
                stub.released.wait(120)
            if stub.released.is_set():  # gone: connections that are still open are dropped, too
                self.close_connection = True
                return
            payload = json.dumps(content).encode()
            self.send_response(200 if manner == "well" else 500)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(payload)))
            self.end_headers()
            self.wfile.write(payload)

    return Handler


@pytest.fixture
def stub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stub]:
    """A server that answers well at first; wandb in this process is pointed at it, with the canary for a key."""
    here = Stub()
    monkeypatch.setenv("WANDB_BASE_URL", here.url)
    monkeypatch.setenv("WANDB_API_KEY", CANARY)
    monkeypatch.delenv("WANDB_MODE", raising=False)
    close_mirror()
    server._answers.clear()
    yield here
    here.close()
    close_mirror()
    server._answers.clear()


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A process that ends with no service left behind."""
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    yield
    close_mirror()
