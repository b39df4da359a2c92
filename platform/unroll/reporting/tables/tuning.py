"""What was searched, what was chosen for each arm, and what that cost."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import polars as pl

from unroll.evidence import spent
from unroll.reporting.document import Table
from unroll.reporting.findings import Findings
from unroll.reporting.numbers import DASH, count, duration, whole
from unroll.reporting.tables.columns import arm_column, make_table, number, text
from unroll.reporting.tuning import chosen, score, spell_values
from unroll.study.declaration import Tune

PHASES = ("tune", "confirm")


def search_table(tuning: Tune) -> Table:
    """Every setting that was searched and where it was drawn from."""
    rows = pl.DataFrame(
        [
            {"setting": path, "drawn": where.kind.replace("_", "-"), "from": json.dumps(where.bounds)}
            for path, where in tuning.search.items()
        ]
    )
    columns = [
        text("Setting", lambda row: row["setting"]),
        text("Drawn", lambda row: row["drawn"]),
        text("From", lambda row: row["from"]),
    ]
    caption = (
        f"The search: {count(tuning.draws, 'draw')} of each arm, the first of which is the study's own settings; the "
        "other draws are the same for all arms. A draw is trained with the tuning "
        f"{'seed' if len(tuning.seeds) == 1 else 'seeds'} {', '.join(map(str, tuning.seeds))}. {_ends_early(tuning)}"
    )
    return make_table("search", caption.strip(), rows, columns)


def _ends_early(tuning: Tune) -> str:
    if tuning.scheduler == "none":
        return "Every draw is trained to its end."
    return "ASHA ends draws early that are behind the others of their arm; they count as draws and are never chosen."


def tuning_table(findings: Findings, tuning: Tune) -> Table:
    """The winner of each arm, what the study's own settings had reached, and what was spent in each phase."""
    winners = chosen(findings)
    both = [
        frame.select("arm", "phase", "status", "steps", "seconds")
        for frame in (findings.tuned, findings.trials)
        if frame is not None
    ]
    costs = {(row["arm"], row["phase"]): row for row in spent(pl.concat(both)).to_dicts()}
    rows = []
    for arm in findings.arms:
        won = winners.get(arm.name)
        row: dict[str, Any] = {
            "arm": arm.name,
            "draw": won.draw if won else None,
            "values": spell_values(won.candidates[won.draw].values) if won else None,
            "value": won.value if won else None,
            "own_value": won.candidates[0].value if won else None,
            "ends": _ends([status for c in won.candidates for status in c.statuses]) if won else None,
            "frozen": won.frozen if won else None,
        }
        for phase in PHASES:
            cost = costs.get((arm.name, phase), {})
            row |= {f"{phase}_{name}": cost.get(name, 0) for name in ("trials", "steps", "seconds")}
        rows.append(row)
    frame = pl.DataFrame(rows, infer_schema_length=None)
    columns = [
        arm_column(findings),
        number("Draw", lambda row: DASH if row["draw"] is None else str(row["draw"])),
        text("Chosen", lambda row: row["values"] or DASH),
        number(f"{tuning.metric}", lambda row: score(row["value"])),
        number("Own settings", lambda row: score(row["own_value"])),
        text("Draws", lambda row: row["ends"] or DASH),
        *(
            number(f"{head} ({phase})", show)
            for phase in PHASES
            for head, show in (
                ("Trials", lambda row, phase=phase: whole(row[f"{phase}_trials"])),
                ("Steps", lambda row, phase=phase: whole(row[f"{phase}_steps"])),
                ("Time", lambda row, phase=phase: duration(row[f"{phase}_seconds"])),
            )
        ),
    ]
    caption = (
        f"What was chosen by {tuning.metric} (mean over tuning seeds; of equal values the lowest draw), what the "
        "study's own settings, draw 0, had reached there, how the trials of the draws ended, and what was spent. The "
        "best of several draws is too good a score: what an arm is worth stands under Arms, from other seeds."
    )
    return make_table("tuning", caption, frame, columns)


def _ends(statuses: list[str]) -> str:
    return ", ".join(f"{number} {status}" for status, number in Counter(statuses).most_common())
