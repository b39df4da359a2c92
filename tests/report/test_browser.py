"""The page in a real browser: charts drawn, nothing asked of the network."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest

from unroll.ledger import Ledger
from unroll.reporting import write_report

MakeLedger = Callable[..., Ledger]

pytestmark = pytest.mark.browser

QUIET = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--disable-extensions", "--disable-default-apps"),
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
    *("--virtual-time-budget=10000", "--enable-logging=stderr"),
)


def open_page(chromium: str, page: Path, scratch: Path, *flags: str) -> tuple[str, str]:
    """The document after its scripts ran, and what the console printed."""
    profile = f"--user-data-dir={scratch / 'profile'}"
    command = [chromium, *QUIET, profile, *flags, "--dump-dom", page.as_uri()]
    done = subprocess.run(command, capture_output=True, timeout=120, check=True)
    return done.stdout.decode(), "\n".join(line for line in done.stderr.decode().splitlines() if "CONSOLE" in line)


def tags_of(dom: str) -> set[str]:
    """Every element of a document."""
    found: set[str] = set()
    parser = HTMLParser()
    parser.handle_starttag = lambda tag, attrs: found.add(tag)  # type: ignore[method-assign]
    parser.feed(dom)
    return found


def hidden_drawings(dom: str) -> int:
    """How many drawings have given way to a chart of the browser's."""
    return len(re.findall(r'<div class="drawn" role="img" aria-label="[^"]*" hidden', dom))


def requested(netlog: Path) -> set[str]:
    """Every address that a page asked the network for; what the browser asks for itself has no origin."""
    asked = [event.get("params", {}) for event in json.loads(netlog.read_text(encoding="utf-8"))["events"]]
    return {each["url"] for each in asked if each.get("initiator", "not an origin") != "not an origin"}


def test_charts_matrix_and_tables_without_any_request(chromium: str, make_ledger: MakeLedger, tmp_path: Path) -> None:
    page = write_report(make_ledger(ends={("gru", 2): ("failed_user", "no")})).html
    netlog = tmp_path / "net.json"
    dom, console = open_page(chromium, page, tmp_path, f"--log-net-log={netlog}")
    assert console == ""
    assert requested(netlog) == set()
    live = re.findall(r'<div class="live vega-embed[^"]*"[^>]*>.*?<svg', dom, re.DOTALL)
    assert len(live) == dom.count('<figure id="') == 3
    assert hidden_drawings(dom) == 3
    assert dom.count(">true distribution 10.70</text>") == 4
    assert len(re.findall(r'<td class="status \w+"', dom)) == 24
    assert dom.count('class="gt_table"') >= 9


def test_the_log_of_the_network_would_show_a_request(chromium: str, tmp_path: Path) -> None:
    page, netlog = tmp_path / "page.html", tmp_path / "net.json"
    page.write_text('<img src="http://127.0.0.1:9/x.png">', encoding="utf-8")
    open_page(chromium, page, tmp_path, f"--log-net-log={netlog}")
    assert requested(netlog) == {"http://127.0.0.1:9/x.png"}


def test_hostile_names_run_nothing(chromium: str, make_ledger: MakeLedger, tmp_path: Path) -> None:
    bad = "</script><script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">"
    ledger = make_ledger({"elman": 13.0, bad: 12.0}, ends={(bad, 0): ("failed_user", bad)}, question=bad)
    dom, console = open_page(chromium, write_report(ledger).html, tmp_path)
    assert console == ""
    assert "<title>cells: &lt;/script&gt;" in dom
    assert "img" not in tags_of(dom)
    assert hidden_drawings(dom) == 3


def test_charts_with_empty_rows_are_drawn(chromium: str, make_ledger: MakeLedger, tmp_path: Path) -> None:
    ends = {(arm, seed): ("diverged", "NaN") for arm, seeds in (("gru", 8), ("lstm", 3)) for seed in range(seeds)}
    dom, console = open_page(chromium, write_report(make_ledger(ends=ends)).html, tmp_path)
    assert console == ""
    assert hidden_drawings(dom) == dom.count('<figure id="') == 4
    for words in ("no completed pair", "no final value: 8 of 8 trials diverged", "3 of 8"):
        assert dom.count(f">{words}</text>") == 2, words  # live, and drawn without a browser
