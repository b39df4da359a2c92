r"""Tables for LaTeX: a ``table`` with caption and label, to be pasted into a paper that loads booktabs."""

from __future__ import annotations

import re

from unroll.reporting.document import Column, Table

LONG = 40
"""Characters from which a column of text is set in lines instead of one."""
_COMMANDS = {
    **{character: f"\\{character}" for character in "&%$#_{}"},
    **{"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"},
    **{"<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}", '"': r"\textquotedbl{}"},
    **{"−": "$-$", "±": r"$\pm$", "–": "--", "∞": r"$\infty$", "…": r"\dots{}", "�": "?"},
}
_SPECIAL = re.compile("[" + re.escape("".join(_COMMANDS)) + "]")


def to_latex(table: Table, study: str) -> bytes:
    r"""A float in booktabs style, as large as the text around it, with the label ``tab:<study>-<table>``."""
    frame = table.shown
    lines = [
        r"\begin{table}",
        r"  \centering",
        rf"  \caption{{{escape(table.caption)}}}",
        rf"  \label{{tab:{re.sub(r'[^A-Za-z0-9]+', '-', f'{study}-{table.name}')}}}",
        rf"  \begin{{tabular}}{{{''.join(map(_alignment, table.columns))}}}",
        r"    \toprule",
        # From the frame, whose headings are distinct.
        _row([escape(name) for name in frame.columns]),
        r"    \midrule",
        *(_row([escape(cell) for cell in row]) for row in frame.iter_rows()),
        r"    \bottomrule",
        r"  \end{tabular}",
        r"\end{table}",
    ]
    return "\n".join(["% \\usepackage{booktabs}", *lines, ""]).encode()


def escape(text: str) -> str:
    """Text that is literal in LaTeX."""
    escaped = _SPECIAL.sub(lambda found: _COMMANDS[found[0]], text)
    return f"{{}}{escaped}" if escaped.startswith(("[", "*")) else escaped  # else an argument of the row before


def _alignment(column: Column) -> str:
    if column.number:
        return "r"
    return r"p{0.5\linewidth}" if max(map(len, column.cells), default=0) > LONG else "l"


def _row(cells: list[str]) -> str:
    return f"    {' & '.join(cells)} \\\\"
