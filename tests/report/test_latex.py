"""Tables for LaTeX: whole, labelled, and free of what LaTeX would read as a command."""

from __future__ import annotations

import re
from collections.abc import Callable

import polars as pl
import pytest

from unroll.ledger import Ledger
from unroll.reporting import write_report
from unroll.reporting.document import Column, Table
from unroll.reporting.pages.latex import escape, to_latex

MakeLedger = Callable[..., Ledger]


def test_every_table_can_be_pasted(make_ledger: MakeLedger) -> None:
    folder = write_report(make_ledger(ends={("gru", 1): ("failed_user", "50% of_{it} & <unk>")})).tables
    files = sorted(folder.glob("*.tex"))
    assert len(files) >= 9
    for file in files:
        text = file.read_text(encoding="ascii")
        assert [text.count(rule) for rule in (r"\toprule", r"\midrule", r"\bottomrule", r"\caption{")] == [1, 1, 1, 1]
        assert rf"\label{{tab:cells-{file.stem}}}" in text
        assert re.search(r"fontsize|tabular\*|\[!t\]|selectfont", text) is None
        assert len(re.findall(r"(?<!\\)\{", text)) == len(re.findall(r"(?<!\\)\}", text))
        body = text.split(r"\toprule")[1].split(r"\bottomrule")[0]
        assert len({len(re.findall(r"(?<!\\)&", line)) for line in body.splitlines() if line.endswith(r"\\")}) == 1


def test_columns_follow_their_content() -> None:
    columns = [Column("Arm", ["a_b"]), Column("Mean", ["1.0 ± 0.2"], number=True), Column("Message", ["x" * 60])]
    text = to_latex(Table("arms", "50 %", pl.DataFrame(), columns), "my study").decode()
    assert r"\begin{tabular}{lrp{0.5\linewidth}}" in text
    assert r"a\_b & 1.0 $\pm$ 0.2 & xxx" in text
    assert r"\caption{50 \%}" in text
    assert r"\label{tab:my-study-arms}" in text


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("a_b & 5% $x {#}", r"a\_b \& 5\% \$x \{\#\}"),
        ("\\input{x}", r"\textbackslash{}input\{x\}"),
        ("−0.5 – ∞", r"$-$0.5 -- $\infty$"),
        ("[2, 3]", "{}[2, 3]"),
        ("p ≤ x^2~", r"p ≤ x\textasciicircum{}2\textasciitilde{}"),
    ],
)
def test_text_means_itself(text: str, written: str) -> None:
    assert escape(text) == written
