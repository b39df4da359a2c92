"""The reviewer's form: each venue's items filled from the ledger, inert whatever names are, with the same bytes."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.report.conftest import LEVELS, make_plan
from unroll.contract import UserError
from unroll.ledger import Ledger, Outcome
from unroll.reporting import write_report
from unroll.reporting.checklist.answers import find_answers
from unroll.reporting.checklist.subject import Subject
from unroll.reporting.checklist.venue import load_venue, venue_names
from unroll.reporting.checklist.write import fill, write_checklists
from unroll.reporting.document import Table
from unroll.reporting.findings import gather
from unroll.reporting.sections import compose
from unroll.study.plan import CORPUS, GENERATED, LANGUAGES, LICENCE, SOURCE

MakeLedger = Callable[..., Ledger]
DECLARATION = {"keep": "last", "resources": {"cpus": 2.0, "gpus": 0.25}}
KNOWN = {
    "blank lines skipped": 3,
    CORPUS: "ptb: Penn Treebank",
    SOURCE: "https://example.org",
    LICENCE: "LDC",
    LANGUAGES: "English",
}
AUTOMATIC = {"neurips": 9, "acl": 9, "aaai": 14, "reproducibility": 17}
"""Items that a ledger can answer; the others are the author's."""


@pytest.fixture
def ledger(make_ledger: MakeLedger) -> Ledger:
    """A study of a corpus that is known, with a trial that diverged."""
    arms = [arm.model_copy(update={"facts": {**arm.facts, **KNOWN}}) for arm in make_plan(LEVELS, 8).arms]
    return make_ledger(ends={("gru", 1): ("diverged", "NaN")}, declaration=DECLARATION, arms=arms)


def subject(ledger: Ledger) -> Subject:
    return Subject(gather(ledger), ledger.attempts_frame())


def lines(ledger: Ledger, answer: str) -> list[str]:
    found = find_answers()[answer](subject(ledger))
    return list(found.lines) if found else []


@pytest.mark.parametrize("name", venue_names())
def test_every_item_that_is_marked_automatic_is_filled(name: str, ledger: Ledger) -> None:
    filled = fill(load_venue(name), subject(ledger))
    assert [each.item.number for each in filled if each.item.answers and not each.answers] == []
    assert sum(bool(each.answers) for each in filled) == AUTOMATIC[name]
    assert all(answer.lines and answer.sources and all(answer.lines) for each in filled for answer in each.answers)


def test_venues_and_answers_know_each_other() -> None:
    asked = {answer for name in venue_names() for item in load_venue(name).items for answer in item.answers}
    assert asked == find_answers().keys()
    assert venue_names() == sorted(AUTOMATIC)


def test_sections_and_tables_that_answers_name_are_there(ledger: Ledger) -> None:
    document = compose(gather(ledger))
    places = {"#answer", "#warnings", *(f"#{section.anchor}" for section in document.sections)}
    places |= {f"tables/{block.name}.csv" for block in document.blocks() if isinstance(block, Table)}
    records = {"sources/*.json", "kept/*.json", "trials/*/weights.json", "set_aside/*"}  # not in this fixture's folder
    for answer in filter(None, (function(subject(ledger)) for function in find_answers().values())):
        for source in answer.sources:
            assert source in places or source in records or list(ledger.root.glob(source)), source


def test_numbers_are_those_of_the_ledger(ledger: Ledger) -> None:
    assert "gru: 8 trials, each with another seed: 7 completed, 1 diverged." in lines(ledger, "runs")
    assert lines(ledger, "seeds")[0] == "Seeds 0–7 (All arms)."
    assert "elman: 200,000 parameters, 0 % off the size that arms were matched to." in lines(ledger, "parameters")
    assert "Nothing was tuned" in lines(ledger, "choice")[0]
    assert lines(ledger, "licences") == ["All arms: LDC.", "Code (Unroll and its tasks): Apache-2.0."]
    assert lines(ledger, "splits") == ["All arms: train tokens 929,589."]
    seconds = ledger.trials_frame(ledger.plan())["seconds"].sum()
    assert any(f"{seconds * 2 / 3600:.4f} core-hours at 2 per trial" in line for line in lines(ledger, "compute"))
    assert any(f"{seconds / 4 / 3600:.4f} GPU-hours at 0.25" in line for line in lines(ledger, "compute"))
    both = lines(ledger, "validation_scores")
    means = dict(gather(ledger).summary.select("arm", "mean").iter_rows())
    assert f"elman: validation/perplexity {means['elman']:.2f}, test/perplexity {means['elman'] + 0.2:.2f}." in both
    assert len(both) == 3


def test_failed_and_preliminary_attempts_count(make_ledger: MakeLedger) -> None:
    ledger = make_ledger(ends={("gru", 2): ("failed_user", "ValueError"), ("lstm", 3): ("out_of_memory", "")})
    plan = ledger.plan()
    retried = next(trial for trial in plan.trials if (trial.arm, trial.seed) == ("gru", 2))
    ledger.record(Outcome(trial=retried.id, status="completed", seconds=20))
    other = plan.trials[0].model_copy(update={"id": "other", "arm": "rnn"})
    ledger.register(other)
    ledger.record(Outcome(trial="other", status="completed", seconds=30))
    ledger.set_aside(plan.trials[0].id)
    told = lines(ledger, "compute")
    assert [line.partition(":")[0] for line in told[:4]] == [
        "Reported trials",
        "Attempts that failed or were stopped",
        "Preliminary",
        "Preliminary",
    ]
    assert " in 22 attempts at 22 trials." in told[0]
    assert " in 2 attempts at 2 trials." in told[1]
    assert told[2].endswith("30 s in 1 attempt at 1 trial.")


def test_what_the_ledger_lacks_is_the_authors(make_ledger: MakeLedger, tmp_path: Path) -> None:
    ledger = make_ledger(seeds=1, ends={(arm, 0): ("missing", "") for arm in LEVELS})
    write_checklists(["neurips", "reproducibility"], subject(ledger), tmp_path)
    text = (tmp_path / "checklist-neurips.md").read_text(encoding="utf-8")
    assert "## 12 Licences of what is used\n\n*author*" in text
    assert lines(ledger, "summary") == lines(ledger, "time") == lines(ledger, "languages") == []


def test_data_that_the_task_makes_need_no_licence_of_others(make_ledger: MakeLedger) -> None:
    arms = [arm.model_copy(update={"facts": {CORPUS: GENERATED}}) for arm in make_plan(LEVELS, 8).arms]
    ledger = make_ledger(arms=arms)
    assert lines(ledger, "licences")[0] == "All arms: generated by the task's code, which is Apache-2.0."
    assert lines(ledger, "languages") == ["All arms: artificial, no natural language."]


def test_the_same_ledger_gives_the_same_bytes(ledger: Ledger, tmp_path: Path) -> None:
    first, second = (write_checklists(["acl"], subject(Ledger.open(ledger.root)), tmp_path / name) for name in "ab")
    assert [path.name for path in first] == ["checklist-acl.md", "checklist-acl.tex"]
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


def test_an_unknown_venue_is_refused_before_anything_is_written(ledger: Ledger, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"checklist must be one that Unroll has.*did you mean 'neurips'"):
        write_report(ledger, tmp_path / "out", checklists=["neurps"])
    assert not (tmp_path / "out").exists()


HOSTILE = r"<b>\input{/etc/passwd} $x$ #1 & 50% _a_ [l](javascript:x) | `c` ^~"


def test_hostile_names_are_inert(make_ledger: MakeLedger, tmp_path: Path) -> None:
    ledger = make_ledger({HOSTILE: 12.0, "gru": 11.0}, question=HOSTILE)
    write_checklists(venue_names(), subject(ledger), tmp_path)
    for name in venue_names():
        text = (tmp_path / f"checklist-{name}.md").read_text(encoding="utf-8")
        assert "<b>" not in text
        assert "&lt;b&gt;" in text
        assert re.search(r"(?<!\\)\]\(javascript", text) is None
        tex = (tmp_path / f"checklist-{name}.tex").read_text(encoding="utf-8")
        assert r"\textbackslash{}input\{/etc/passwd\}" in tex
        commands = set(re.findall(r"\\([A-Za-z]+)", tex))
        assert commands <= {
            *("begin", "end", "item", "section", "emph", "texttt", "leavevmode", "input", "infty", "pm", "dots"),
            *(
                "textbackslash",
                "textasciitilde",
                "textasciicircum",
                "textless",
                "textgreater",
                "textbar",
                "textquotedbl",
            ),
        }
        unescaped = re.sub(r"\\[&%$#_{}\\]", "", tex)
        assert unescaped.count("{") == unescaped.count("}")
        assert not set("&#_") & set(re.sub(r"^%.*$", "", unescaped, flags=re.MULTILINE))
        for kind in ("itemize", "description"):
            assert tex.count(rf"\begin{{{kind}}}") == tex.count(rf"\end{{{kind}}}")


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="there is no pdflatex here")
def test_latex_compiles(ledger: Ledger, tmp_path: Path) -> None:
    write_checklists(venue_names(), subject(ledger), tmp_path)
    inputs = "".join(rf"\input{{checklist-{name}}}" for name in venue_names())
    document = rf"\documentclass{{article}}\usepackage[T1]{{fontenc}}\begin{{document}}{inputs}\end{{document}}"
    (tmp_path / "all.tex").write_text(document, encoding="utf-8")
    subprocess.run(["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "all"], cwd=tmp_path, check=True)
