"""The page as it is seen: on paper, on a phone, by those who do not see it, and by who was sent the page alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.report.conftest import make_plan
from tests.report.test_claims import claim
from tests.report.test_examples import showing
from unroll.ledger import Ledger
from unroll.reporting import write_report
from unroll.study.plan import MetricSpec

MakeLedger = Callable[..., Ledger]

pytestmark = pytest.mark.browser

TWO = {"elman": 13.4, "gru": 11.9}
CELLS = ("elman", "gru", "lstm", "lstm_peephole")
REMEDIES = ("none", "clipping", "omega", "scheduled_sampling")
SIXTEEN = {f"cell={cell}, remedy={r}": 10.0 + n for n, (cell, r) in enumerate((c, r) for c in CELLS for r in REMEDIES)}
PAPER = 695
"""Pixels that A4 leaves between the margins of the style sheet."""
AXE = "axe.run(document, {resultTypes: ['violations']})"


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


@pytest.fixture
def axe() -> str:
    """The script of axe-core; the package around it is not imported."""
    spec = find_spec("axe_playwright_python")
    assert spec is not None
    assert spec.origin is not None
    return (Path(spec.origin).parent / "axe.min.js").read_text(encoding="utf-8")


@pytest.fixture(params=[2, 16])
def report(request: pytest.FixtureRequest, make_ledger: MakeLedger) -> Path:
    """A page of two arms with claims and examples, or of sixteen with a diverged, a failed trial and many metrics."""
    if request.param == 2:
        claims = [claim("gru", "elman"), claim("gru", "elman", "diverges less than", kind="diverges less")]
        return write_report(showing(make_ledger(TWO, seeds=3, claims=claims))).html
    ends = {("cell=gru, remedy=none", 1): ("diverged", "NaN"), ("cell=lstm, remedy=omega", 0): ("failed_user", "no")}
    more = {f"test/metric_{n}": MetricSpec(direction="maximize", unit="", description="m") for n in range(25)}
    metrics = {**make_plan(TWO, 1).metrics, **more}
    return write_report(make_ledger(SIXTEEN, seeds=3, ends=ends, metrics=metrics)).html


def opened(browser: Browser, path: Path, width: int, **kwargs: Any) -> Page:
    page = browser.new_context(viewport={"width": width, "height": 900}, bypass_csp=True, **kwargs).new_page()
    page.goto(path.as_uri())
    charts = page.locator("figure.chart").count()
    page.wait_for_function(f"document.querySelectorAll('.drawn[hidden]').length == {charts}")
    return page


def serious(page: Page, axe: str) -> list[str]:
    page.evaluate(axe)
    found = page.evaluate(AXE)["violations"]
    return [f"{each['id']}: {each['help']}" for each in found if each["impact"] in ("serious", "critical")]


def test_axe_finds_nothing_serious(browser: Browser, report: Path, axe: str) -> None:
    for width, scheme in ((1280, "light"), (1280, "dark"), (390, "light")):
        assert serious(opened(browser, report, width, color_scheme=scheme), axe) == []


def test_axe_would_find_a_menu_without_a_name_and_a_table_that_cannot_be_reached(
    browser: Browser, make_ledger: MakeLedger, axe: str
) -> None:
    page = opened(browser, write_report(make_ledger(TWO, seeds=2)).html, 390)
    page.evaluate("document.querySelectorAll('summary').forEach((each) => each.removeAttribute('aria-label'))")
    page.evaluate("document.querySelectorAll('.scroll').forEach((each) => each.removeAttribute('tabindex'))")
    assert [each.partition(":")[0] for each in serious(page, axe)] == ["scrollable-region-focusable", "summary-name"]


BEYOND = """(selector) => {
  const right = document.querySelector("main").getBoundingClientRect().right;
  return [...document.querySelectorAll(selector)]
    .filter((each) => each.checkVisibility() && each.getBoundingClientRect().right > right + 1)
    .map((each) => each.textContent.slice(0, 60));
}"""


OUTSIDE = """() => [...document.querySelectorAll(".drawn svg text")]
  .map((each) => [each.textContent, each.getBoundingClientRect()])
  .filter(([text, box]) => box.width && (text.includes("…") || box.left < -1 || box.right > innerWidth + 1))
  .map(([text]) => text)"""


def test_on_paper_no_column_is_lost_and_no_heading_stands_alone(browser: Browser, report: Path) -> None:
    page = opened(browser, report, PAPER)
    page.emulate_media(media="print")
    assert page.evaluate(BEYOND, "th, td, .drawn svg, figcaption, .tiles div") == []
    assert page.evaluate(OUTSIDE) == []
    assert page.locator(".live:visible").count() == 0
    assert page.locator(".drawn svg:visible").count() == page.locator("figure.chart").count() > 0
    breaks = page.evaluate("[...document.querySelectorAll('h2')].map((each) => getComputedStyle(each).breakAfter)")
    assert set(breaks) == {"avoid"}
    assert page.evaluate("getComputedStyle(document.querySelector('figure.chart')).breakInside") == "avoid"
    colours = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert colours == "rgb(255, 255, 255)"


def test_on_paper_a_dark_screen_is_white_with_dark_letters(browser: Browser, make_ledger: MakeLedger) -> None:
    page = opened(browser, write_report(make_ledger(TWO, seeds=2)).html, PAPER, color_scheme="dark")
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).color") == "rgb(0, 0, 0)"
    assert page.evaluate("getComputedStyle(document.querySelector('.study')).color") == "rgb(68, 68, 68)"


def test_a_wide_table_goes_on_below_and_none_must_be_scrolled_on_a_desktop(browser: Browser, report: Path) -> None:
    page = opened(browser, report, 1280)
    wide = "[...document.querySelectorAll('.scroll')].filter((e) => e.scrollWidth > e.clientWidth + 1).length"
    assert page.evaluate(wide) == 0
    if page.locator("#table-metrics-2-Arm").count():  # of the page with many metrics
        assert page.locator("figure:has(#table-metrics-Arm) th:has-text('metric_')").count() == 25
        assert page.evaluate("[...document.querySelectorAll('[id]')].length") == page.evaluate(
            "new Set([...document.querySelectorAll('[id]')].map((each) => each.id)).size"
        )


CUT = """() => [...document.querySelectorAll(".live svg text")]
  .map((each) => [each.textContent, each.getBoundingClientRect()])
  .filter(([text, box]) => box.width && (text.includes("…") || box.left < 0 || box.right > innerWidth))
  .map(([text]) => text)"""


def test_on_a_phone_legend_forest_plot_and_titles_are_whole(browser: Browser, report: Path) -> None:
    page = opened(browser, report, 390)
    assert page.evaluate(CUT) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    plot = page.evaluate(
        "document.querySelector('#differences-chart .live svg .background, #differences-chart .live svg .mark-rule')"
        ".getBoundingClientRect().width"
    )
    assert plot > 0


@pytest.mark.parametrize("javascript", [True, False])
def test_who_has_the_page_alone_has_its_tables(
    browser: Browser, make_ledger: MakeLedger, tmp_path: Path, javascript: bool
) -> None:
    places = write_report(make_ledger(TWO, seeds=2))
    alone = tmp_path / "mail" / "report.html"
    alone.parent.mkdir()
    alone.write_bytes(places.html.read_bytes())
    page = browser.new_context(java_script_enabled=javascript, accept_downloads=True).new_page()
    page.goto(alone.as_uri())
    for kind, end in (("CSV", "csv"), ("Parquet", "parquet"), ("LaTeX", "tex")):
        with page.expect_download() as waiting:
            page.locator(f"#differences .files a[download='differences.{end}']:text-is('{kind}')").click()
        assert waiting.value.suggested_filename == f"differences.{end}"
        assert Path(waiting.value.path()).read_bytes() == (places.tables / f"differences.{end}").read_bytes()


def test_a_file_too_large_for_the_page_is_linked(make_ledger: MakeLedger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("unroll.reporting.pages.html.EMBEDDED_UP_TO", 10)
    text = write_report(make_ledger(TWO, seeds=2)).html.read_text(encoding="utf-8")
    assert '<a href="tables/differences.csv">CSV</a> (beside this page: tables/differences.csv)' in text
