"""What W&B itself says: whose the key is, and how much of a run it holds."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self, final

import requests

from unroll.contract import UserError
from unroll.tracking import server

ANSWER_SECONDS = 20.0
"""Wait for one answer."""
ENDED = frozenset({"finished", "failed", "killed"})
"""States of a run of which W&B was told the end; one that only fell silent is "crashed"."""
_VIEWER = "query Viewer { viewer { id entity username teams { edges { node { name } } } } }"
# What wandb itself asks for when it resumes a run, and the state beside it.
_STANDING = """
query RunStanding($project: String, $entity: String, $name: String!) {
  model(name: $project, entityName: $entity) {
    bucket(name: $name, missingOk: true) { id name state historyLineCount historyTail summaryMetrics }
  }
}
"""
_FILES = """
query RunFiles($project: String, $entity: String, $name: String!) {
  model(name: $project, entityName: $entity) {
    bucket(name: $name, missingOk: true) { files(first: 1000) { edges { node { name sizeBytes } } } }
  }
}
"""


class Unanswered(Exception):
    """W&B did not answer, or asked for patience: worth another try."""


@dataclass(frozen=True, slots=True)
class Account:
    """Whose a key is."""

    entity: str
    """Where runs go that name no entity."""
    entities: frozenset[str]
    """Itself and the teams that it belongs to."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What W&B holds of a run."""

    rows: int
    last: Mapping[str, Any] | None
    """The last row of the history; None where there is none."""
    summary: Mapping[str, Any]
    state: str


@final
class Remote:
    """W&B's GraphQL, asked with the key that wandb itself would use.

    Args:
        url: its address.
        key: the key; it is in no text that this class gives.
    """

    def __init__(self, url: str, key: str) -> None:
        self.url = url.rstrip("/")
        self._key = key
        self._session = requests.Session()
        self._session.auth = ("api", key)

    @classmethod
    def configured(cls) -> Self:
        """W&B as environment, wandb's settings and ``~/.netrc`` configure it.

        Raises:
            UserError: they forbid to send anything, or hold no key.
        """
        mode = server.mode()
        if mode in {"offline", "disabled", "dryrun"}:
            raise UserError(
                "nothing may be sent while W&B is switched off",
                where="WANDB_MODE",
                received=mode,
                advice="unset it to send runs",
            )
        key = server.key()
        if key is None:
            raise UserError(
                "a W&B key must be configured to send runs",
                where=server.address(),
                advice="set WANDB_API_KEY, or run `wandb login`; nothing was sent",
            )
        return cls(server.address(), key)

    def account(self) -> Account:
        """Whose the key is.

        Raises:
            UserError: W&B refuses the key.
            Unanswered: it does not answer.
        """
        viewer = self.ask(_VIEWER, {}).get("viewer")
        if not viewer:
            raise self._refused()
        teams = ((viewer.get("teams") or {}).get("edges")) or []
        names = {viewer.get("entity"), viewer.get("username"), *(edge["node"]["name"] for edge in teams)}
        return Account(str(viewer.get("entity") or viewer.get("username") or ""), frozenset(filter(None, names)))

    def standing(self, entity: str, project: str, run_id: str) -> Standing | None:
        """What W&B holds of a run; None where it does not know the run.

        Raises:
            UserError: W&B refuses the question.
            Unanswered: it does not answer.
        """
        answer = self.ask(_STANDING, {"entity": entity, "project": project, "name": run_id})
        bucket = (answer.get("model") or {}).get("bucket")
        if not bucket:
            return None
        tail = json.loads(bucket.get("historyTail") or "[]")
        return Standing(
            rows=int(bucket.get("historyLineCount") or 0),
            last=json.loads(tail[-1]) if tail else None,
            summary=json.loads(bucket.get("summaryMetrics") or "{}"),
            state=str(bucket.get("state") or ""),
        )

    def files(self, entity: str, project: str, run_id: str) -> dict[str, int]:
        """Name -> bytes of the files that W&B holds of a run: the first 1000.

        Raises:
            UserError: W&B refuses the question.
            Unanswered: it does not answer.
        """
        answer = self.ask(_FILES, {"entity": entity, "project": project, "name": run_id})
        bucket = (answer.get("model") or {}).get("bucket") or {}
        nodes = [edge["node"] for edge in (bucket.get("files") or {}).get("edges") or []]
        return {str(node["name"]): int(node.get("sizeBytes") or 0) for node in nodes}

    def ask(self, query: str, variables: Mapping[str, Any]) -> dict[str, Any]:
        """One request of GraphQL; gives its data.

        Raises:
            UserError: W&B refuses it.
            Unanswered: there is no answer, or none that makes sense.
        """
        try:
            response = self._session.post(
                f"{self.url}/graphql",
                json={"query": query, "variables": variables},
                timeout=ANSWER_SECONDS,
                allow_redirects=False,
            )
        except requests.RequestException as error:
            raise Unanswered(f"{server.address()} does not answer ({type(error).__name__})") from None
        if response.status_code in (401, 403):
            raise self._refused()
        if response.status_code != 200:
            raise Unanswered(f"{server.address()} answers with status {response.status_code}")
        try:
            answer = response.json()
            errors = answer.get("errors")
            data = answer.get("data") or {}
        except (ValueError, AttributeError):
            raise Unanswered(f"{server.address()} answers, but not as W&B does") from None
        if errors:
            said = "; ".join(str(error.get("message", error)) for error in errors)
            raise UserError(
                "W&B must accept what is asked of it", where=server.address(), received=self.without_key(said)[:300]
            )
        return dict(data)

    def without_key(self, text: str) -> str:
        """A text that somebody else has written, with dots in the place of the key."""
        return text.replace(self._key, "...")

    def _refused(self) -> UserError:
        return UserError(
            "W&B must accept the key",
            where=server.address(),
            received="it refuses it",
            advice="check WANDB_API_KEY or `wandb login`, and whether the key is of this server (WANDB_BASE_URL)",
        )
