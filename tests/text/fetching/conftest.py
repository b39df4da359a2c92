"""A server that misbehaves as it is told, no pauses, no proxies."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.text.fetching.shelf import Shelf, serving


@pytest.fixture
def shelf(monkeypatch: pytest.MonkeyPatch) -> Iterator[Shelf]:
    monkeypatch.setattr("tasks.text.fetching.download._PAUSES", (0.0, 0.0, 0.0))
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with serving() as shelf:
        yield shelf
