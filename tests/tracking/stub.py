"""A W&B server in miniature: enough of it to carry runs of the real client, and several ways of failing.

As W&B does, it keeps a run's history by line numbers: what is sent again for the same lines replaces them.
"""

from __future__ import annotations

import base64
import json
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal, final
from urllib.parse import unquote

CANARY = "local-" + "c0ffee0123456789" * 2 + "deadbeef"
"""The only key that it takes."""

Manner = Literal["well", "errors", "silent"]
Fault = Literal["lost", "half", "refused", "stuck"]
"""Of one upload of history: kept and its answer lost; half of it kept, then an error; an error; half, then silence."""


@dataclass
class StoredRun:
    """What the server holds of a run."""

    lines: list[str] = field(default_factory=list)
    summary: dict[str, Any] = field(default_factory=dict)
    config: str = "{}"
    state: str = "running"
    files: dict[str, bytes] = field(default_factory=dict)
    told: dict[str, Any] = field(default_factory=dict)
    """Variables of the newest mutation that named everything."""

    @property
    def rows(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.lines]

    @property
    def steps(self) -> list[int]:
        return [row["trainer/global_step"] for row in self.rows]


class Server(ThreadingHTTPServer):
    """Says nothing of a client that went away in the middle: the tests look at what is printed."""

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass


@final
class Stub:
    """The server's state: how it answers, and what it was told.

    ``manner`` is for the API, ``front`` for a plain GET (what a probe asks).
    """

    def __init__(self) -> None:
        self.manner: Manner = "well"
        self.front: Manner = "well"
        self.faults: list[Fault] = []
        """For the next uploads of history, one each."""
        self.stuck = threading.Event()
        """Set when an upload hangs."""
        self.closed_to: set[str] = set()
        """Entities to which the key may not write."""
        self.runs: dict[tuple[str, str, str], StoredRun] = defaultdict(StoredRun)
        self.received: list[tuple[str, str, dict[str, str], bytes]] = []
        """Every request: method, path, headers, body."""
        self.upserts: list[dict[str, Any]] = []
        self.streamed: list[dict[str, Any]] = []
        self.views: list[dict[str, Any]] = []
        """Variables of mutations that save a view: a workspace or a report."""
        self.released = threading.Event()
        self._lock = threading.Lock()
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

    def run(self, run_id: str = "t1") -> StoredRun:
        """The only run of this id, wherever it was sent."""
        (found,) = [run for (_, _, name), run in self.runs.items() if name == run_id]
        return found

    def answer(self, query: str, variables: dict[str, Any]) -> dict[str, Any]:
        """The data of one GraphQL request."""
        entity, project = variables.get("entity") or "me", variables.get("project") or "uncategorized"
        owner = {"id": "P", "name": project, "entity": {"id": "E", "name": entity}}
        if "upsertView" in query:
            self.views.append(variables)
            view = {"id": variables.get("id") or f"view-{len(self.views)}", "name": variables["name"]}
            return {"upsertView": {"view": view, "inserted": "id" not in variables}}
        if "view(id" in query:
            found = [view for at, view in enumerate(self.views, 1) if variables["id"] in (f"view-{at}", view.get("id"))]
            return {"view": {"id": variables["id"], "displayName": found[-1]["displayName"]} if found else None}
        if "upsertBucket" in query:
            if entity in self.closed_to:
                raise PermissionError(f"permission denied: {entity}")
            self.upserts.append(variables)
            run = self.runs[entity, project, variables["name"]]
            run.told |= {name: value for name, value in variables.items() if value is not None}
            run.config = variables.get("config") or run.config
            bucket = {"id": "B", "name": variables["name"], "displayName": "d", "project": owner, "historyLineCount": 0}
            return {"upsertBucket": {"bucket": bucket, "inserted": True}}
        if "bucket(" in query:
            known = self.runs.get((entity, project, variables["name"]))
            if known and "files(" in query:
                nodes = [{"node": {"name": n, "sizeBytes": len(data)}} for n, data in known.files.items()]
                return {"model": {"bucket": {"files": {"edges": nodes}}}}
            return {"model": {**owner, "bucket": self._told(variables["name"], known)} if known else None}
        if "viewer" in query.lower():
            teams = {"edges": [{"node": {"name": "me"}}, {"node": {"name": "our-team"}}]}
            whose = {"id": "V", "entity": "me", "username": "me", "email": "", "flags": "{}"}
            return {"viewer": {**whose, "teams": teams}}
        if "createRunFiles" in query:
            place = f"{self.url}/upload/{entity}/{project}/{variables['run']}"
            files = [{"name": name, "uploadUrl": f"{place}/{name}"} for name in variables["files"]]
            return {"createRunFiles": {"runID": "B", "uploadHeaders": [], "files": files}}
        return {"model": None, "project": None, "serverInfo": None}

    def _told(self, name: str, run: StoredRun) -> dict[str, Any]:
        """What a server tells about a run that it has: how much of it, so that more can be appended."""
        counts = {"logLineCount": 0, "eventsLineCount": 0, "historyLineCount": len(run.lines)}
        tail, summary = json.dumps(run.lines[-1:]), json.dumps(run.summary)
        texts = {"summaryMetrics": summary, "config": "{}", "wandbConfig": '{"t": 1}', "eventsTail": "[]"}
        whose = {"id": "B", "name": name, "displayName": name, "tags": [], "state": run.state}
        return {**whose, "historyTail": tail, **counts, **texts}

    def keep(self, path: str, sent: dict[str, Any]) -> Fault | None:
        """Keep what a file stream brings; gives what goes wrong with its answer."""
        entity, project, name = path.split("/")[2:5]
        files = sent.get("files", {})
        history = files.get("wandb-history.jsonl")
        with self._lock:
            fault = self.faults.pop(0) if history and self.faults else None
            if fault == "refused":
                return fault
            run = self.runs[entity, project, name]
            if history:
                lines, at = history["content"], history["offset"]
                lines = lines[: (len(lines) + 1) // 2] if fault in ("half", "stuck") else lines
                run.lines[at : at + len(lines)] = lines
            if fault in ("half", "stuck"):
                return fault
            self.streamed.append(sent)
            for text in files.get("wandb-summary.json", {}).get("content", []):
                run.summary = json.loads(text)
            if sent.get("complete"):
                run.state = "finished" if sent["exitcode"] == 0 else "failed"
        return fault


def _handler(stub: Stub) -> type[BaseHTTPRequestHandler]:
    expected = "Basic " + base64.b64encode(f"api:{CANARY}".encode()).decode()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            pass

        def do_GET(self) -> None:
            self._reply(stub.front, {})

        def do_PUT(self) -> None:
            content = self._body()
            if stub.manner == "well" and self.path.startswith("/upload/"):
                entity, project, run, name = self.path.removeprefix("/upload/").split("/", 3)
                stub.runs[entity, project, run].files[unquote(name)] = content
            self._reply(stub.manner, {})

        def do_POST(self) -> None:
            content = self._body()
            if stub.manner != "well":
                self._reply(stub.manner, {})
            elif self.headers.get("Authorization") != expected:
                self._reply("well", {"errors": [{"message": "user is not logged in"}]}, status=401)
            elif self.path.endswith("/file_stream"):
                self._stream(json.loads(content))
            else:
                self._ask(json.loads(content))

        def _stream(self, sent: dict[str, Any]) -> None:
            fault = stub.keep(self.path, sent)
            if fault == "lost":
                self.close_connection = True
            elif fault == "stuck":
                stub.stuck.set()
                self._reply("silent", {})
            else:
                self._reply("errors" if fault else "well", {"exitcode": None, "limits": {}})

        def _ask(self, body: dict[str, Any]) -> None:
            try:
                self._reply("well", {"data": stub.answer(body.get("query", ""), body.get("variables") or {})})
            except PermissionError as error:
                self._reply("well", {"errors": [{"message": str(error)}], "data": {}}, status=403)

        def _body(self) -> bytes:
            content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            stub.received.append((self.command, self.path, dict(self.headers), content))
            return content

        def _reply(self, manner: Manner, content: dict[str, Any], *, status: int = 200) -> None:
            if manner == "silent":
                stub.released.wait(120)
            if stub.released.is_set():  # gone: connections that are still open are dropped, too
                self.close_connection = True
                return
            payload = json.dumps(content).encode()
            self.send_response(status if manner == "well" else 500)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(payload)))
            self.end_headers()
            self.wfile.write(payload)

    return Handler


@contextmanager
def serving() -> Iterator[Stub]:
    """A server that answers well at first, on loopback; gone after the block."""
    here = Stub()
    try:
        yield here
    finally:
        if not here.released.is_set():
            here.close()
