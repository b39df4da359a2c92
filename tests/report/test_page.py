"""The page: complete, self-contained, and deaf to what names and messages would make it do."""

from __future__ import annotations

import gzip
import re
from base64 import b64decode
from collections import Counter
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import polars as pl
import pytest

from unroll.ledger import Ledger
from unroll.reporting import write_report
from unroll.reporting.findings import gather
from unroll.reporting.pages.html import compress
from unroll.reporting.pages.table_html import split_columns
from unroll.reporting.tables.results import differences_table
from unroll.reporting.tables.trials import trials_table

MakeLedger = Callable[..., Ledger]

HOSTILE = (
    "</script><script>alert(1)</script><img src=http://e.example/x onerror=alert(1)>|a`\n=HYPERLINK()\u202e\x00"
    + "y" * 300
)


class Page(HTMLParser):
    """Tags, attributes and text outside scripts and styles."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: Counter[str] = Counter()
        self.attributes: list[tuple[str, str, str]] = []
        self.words: list[str] = []
        self.styles: list[str] = []
        self._raw = ""
        self.feed(text)
        self.text = " ".join(self.words)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        self._raw = tag if tag in ("script", "style") else ""

    def handle_endtag(self, tag: str) -> None:
        self._raw = ""

    def handle_data(self, data: str) -> None:
        if self._raw == "style":
            self.styles.append(data)
        elif not self._raw:
            self.words.append(data)


def read(path: Path) -> Page:
    return Page(path.read_text(encoding="utf-8"))


def test_everything_is_there_in_order(make_ledger: MakeLedger) -> None:
    page = read(write_report(make_ledger(ends={("gru", 2): ("failed_user", "ValueError: no")})).html)
    ids = [value for _, name, value in page.attributes if name == "id"]
    order = [
        "arms",
        "differences",
        "curves",
        "coverage",
        "failures",
        "size",
        "data",
        "settings",
        "provenance",
        "trials",
        "reading",
    ]
    assert [anchor for anchor in ids if anchor in order] == order
    anchors = [value[1:] for tag, name, value in page.attributes if tag == "a" and name == "href" and value[0] == "#"]
    assert set(anchors) <= set(ids)
    assert len(set(ids)) == len(ids)
    for words in (
        "Do gated cells",
        "gru is",
        "200,037",
        "ValueError: no",
        "d18da6e4c0ffee (clean)",
        "2.13.0+cpu",
        "unroll run cells",
    ):
        assert words in page.text
    assert "not completed by both, and so are left out: gru 2." in page.text
    assert page.tags["figure"] >= 10
    assert Counter(v for t, n, v in page.attributes if t == "td" and n == "class" and "status" in v) == {
        "status completed": 23,
        "status failed_user": 1,
    }


def test_it_asks_nobody_for_anything(make_ledger: MakeLedger) -> None:
    page = read(write_report(make_ledger()).html)
    loads = {"src", "srcset", "href", "action", "data", "poster", "background", "xlink:href", "formaction", "ping"}
    local = re.compile(r"#|data:|tables/[a-z]+\.(csv|parquet|tex)$|charts/[a-z]+\.(svg|pdf)$")
    assert [a for a in page.attributes if a[1] in loads and not local.match(a[2])] == []
    namespaces = ("xmlns", "xmlns:xlink")
    assert [a for a in page.attributes if "//" in a[2] and a[1] not in namespaces and ";base64," not in a[2]] == []
    assert not re.search(
        r"@import|url\(", " ".join([*page.styles, *(v for _, n, v in page.attributes if n == "style")])
    )
    (policy,) = (value for _, name, value in page.attributes if name == "content" and "default-src" in value)
    assert policy.startswith("default-src 'none';")
    assert "http" not in policy


def test_hostile_names_and_messages_stay_text(make_ledger: MakeLedger) -> None:
    levels = {"elman": 13.0, HOSTILE: 12.0, "=1+1": 12.5}
    ends = {("=1+1", 0): ("failed_user", HOSTILE), ("elman", 1): ("diverged", "{{ 7 * 7 }}")}
    calm = {("c", 0): ("timeout", "x"), ("elman", 1): ("diverged", "NaN")}
    tame = read(write_report(make_ledger({"elman": 13.0, "b": 12.0, "c": 12.5}, ends=calm)).html)
    ledger = make_ledger(levels, ends=ends, question=HOSTILE, study="cells")
    page = read(write_report(ledger).html)
    assert page.tags["script"] == tame.tags["script"]
    assert page.tags["img"] == page.tags["iframe"] == 0
    assert not [a for a in page.attributes if a[1].startswith("on")]
    assert "<script>alert(1)</script>" in page.text
    assert "{{ 7 * 7 }}" in page.text
    assert "\u202e" not in page.text
    assert "\x00" not in page.text


@pytest.mark.parametrize("text", ["</script>", "<!--<script>", "a\u2028b", "<", "日本語"])
def test_what_is_packed_cannot_end_its_script_and_reads_back(text: str) -> None:
    packed = compress(text)
    assert re.fullmatch(r"[A-Za-z0-9+/=]+", packed)
    assert gzip.decompress(b64decode(packed)).decode() == text
    assert compress(text) == packed


def test_a_study_without_any_result_has_a_page(make_ledger: MakeLedger) -> None:
    ends = {(arm, seed): ("out_of_memory", "killed") for arm in ("elman", "gru", "lstm") for seed in range(8)}
    page = read(write_report(make_ledger(ends=ends)).html)
    assert "0 of 24 planned trials have completed, so no arm leads" in page.text
    assert "24 trials failed with: killed" in page.text
    assert "better:" not in page.text


def test_a_study_not_yet_begun_has_a_page_without_scripts(make_ledger: MakeLedger) -> None:
    ends = {(arm, seed): ("missing", "") for arm in ("elman", "gru", "lstm") for seed in range(8)}
    page = read(write_report(make_ledger(ends=ends)).html)
    assert page.tags["script"] == 0
    assert "24 not run yet" in page.text
    assert "No validation metric was logged during training." in page.text


def test_estimated_p_values_are_called_so(make_ledger: MakeLedger) -> None:
    text = read(write_report(make_ledger({"elman": 12.0, "gru": 11.0}, seeds=21)).html).text
    assert "above 20 pairs estimated from 99,999 random sign patterns with a fixed seed" in text
    assert "sign-flip test, exact" in read(write_report(make_ledger()).html).text


def test_a_lone_arm_and_a_lone_seed_have_a_page(make_ledger: MakeLedger) -> None:
    page = read(write_report(make_ledger({"elman": 12.0}, seeds=1)).html)
    assert "The study has one arm: there is nothing to compare it with." in page.text
    assert "one seed, so without an interval" in page.text


def test_a_wide_table_is_broken_up_evenly_beside_its_first_columns() -> None:
    shown = pl.DataFrame({"Arm": ["a" * 30], "Label": ["x"], **{f"metric_{n}": ["12.34 ± 0.56"] for n in range(9)}})
    numbers = set(shown.columns[2:])
    first, second = split_columns(shown, numbers)
    assert first == ["Arm", "Label", *(f"metric_{n}" for n in range(5))]
    assert second == ["Arm", "Label", *(f"metric_{n}" for n in range(5, 9))]
    assert split_columns(shown.select(shown.columns[:6]), numbers) == [shown.columns[:6]]
    assert split_columns(pl.DataFrame({"n" * 500: ["1"]}), {"n" * 500}) == [["n" * 500]]


def test_a_column_without_anything_is_left_out_and_equal_p_values_stand_once(make_ledger: MakeLedger) -> None:
    one_seed = differences_table(gather(make_ledger(seeds=1))).shown
    assert "95 % interval" not in one_seed.columns
    assert one_seed.columns[0] == "Arm"
    both = differences_table(gather(make_ledger())).shown.columns
    assert [name for name in both if name.startswith("p")] == ["p (adjusted)"]
    close = gather(make_ledger({"elman": 12.0, "a": 11.95, "b": 12.03, "c": 11.9}))
    p, adjusted = (differences_table(close).shown[name].to_list() for name in ("p", "p (adjusted)"))
    assert p != adjusted


def test_every_trial_has_its_row(make_ledger: MakeLedger) -> None:
    ends = {("gru", 2): ("timeout", ""), ("lstm", 7): ("missing", "")}
    findings = gather(make_ledger(ends=ends))
    shown = trials_table(findings).shown
    assert len(shown) == 24
    assert shown.row(10)[:4] == ("gru", "2", "timed out", "–")
    assert shown["Ended"].to_list().count("completed") == 22


def test_a_page_of_many_trials_is_light(make_ledger: MakeLedger) -> None:
    """Of 50 arms: what is not the tables that it holds for who was sent the page alone."""
    levels = {f"arm{n:02}": 12.0 + n / 50 for n in range(50)}
    text = write_report(make_ledger(levels, seeds=4)).html.read_text(encoding="utf-8")
    own = sum(map(len, re.findall(r'href="data:[^"]*"', text)))
    assert len(text.encode()) - own < 1_000_000
