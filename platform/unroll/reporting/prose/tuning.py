"""Whether settings were searched, with what budget, and what changed after somebody had looked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from unroll.evidence import crossings
from unroll.reporting.findings import Findings
from unroll.reporting.numbers import count, listed
from unroll.reporting.tuning import chosen, draw_curves
from unroll.study.declaration import Tune
from unroll.study.tuning import Border, Side, Winner, find_borders

UNTUNED = (
    "Nothing was tuned: every arm has the settings that the study's author chose, which may suit one arm better than "
    "another."
)


def tuning_line(findings: Findings) -> str:
    """One sentence for the first lines of a report: what was searched, or that nothing was."""
    plan, tuning = findings.plan, findings.plan.tuning
    arms = [arm for arm in plan.arms if arm.tuning is not None]
    if tuning is None or not arms:
        return UNTUNED
    whose = "Every arm was" if len(arms) == len(plan.arms) else f"{listed(arm.name for arm in arms)} were"
    seeds = f"on {count(len(tuning.seeds), 'seed')} of {'its' if len(tuning.seeds) == 1 else 'their'} own"
    line = (
        f"{whose} tuned with {count(tuning.draws, 'draw')} of {listed(tuning.search)} by {tuning.metric} {seeds}; the "
        "test stayed sealed until the choice was made."
    )
    waiting = [arm.name for arm in arms if arm.draw is None]
    return line + (f" The tuning of {listed(waiting)} has chosen nothing yet." if waiting else "")


def tuning_warnings(findings: Findings) -> Iterator[str]:
    """What makes a tuning doubtful: that there was one before, or that its best lies at the border of the search."""
    now = {arm.name: arm.tuning for arm in findings.plan.arms if arm.tuning is not None}
    before = [won for won in findings.winners if won.arm in now and won.tuning != now[won.arm]]
    later = [arm.name for arm in findings.plan.arms if arm.draw is not None and any(w.arm == arm.name for w in before)]
    if later:
        earlier = listed(
            f"{won.arm} the draw {won.draw} of {count(len(won.candidates), 'draw')}, {won.metric} {won.value:.4g}, on "
            f"{won.frozen[:10]}"
            for won in before
            if won.arm in later
        )
        yield f"Tuned anew, which may be after looking at results: an earlier tuning had chosen of {earlier}."
    if findings.plan.tuning:
        yield from border_sentences([*chosen(findings).values()], findings.plan.tuning)
    untuned = [arm.name for arm in findings.plan.arms if arm.tuning is None]
    if now and untuned:
        yield f"Not tuned, since nothing that is searched matters to it or it trains nothing: {'; '.join(untuned)}."


def border_sentences(winners: Sequence[Winner], tuning: Tune) -> Iterator[str]:
    """One for each end of a search at which a winner lies.

    Args:
        winners: what was chosen, by a tuning that searches so.
        tuning: how it searches.
    """
    groups: dict[tuple[str, Side], list[Border]] = {}
    for border in (border for won in winners for border in find_borders(won, tuning)):
        groups.setdefault((border.path, border.side), []).append(border)
    for (path, side), borders in groups.items():
        which, where = borders[0], f"for {listed(f'{each.arm} ({each.value:g})' for each in borders)}"
        yield (
            f"{path} was chosen at the {side} border of its search ({which.low:g} to {which.high:g}) {where}, and "
            "nothing that was tried lies further out: a value beyond may suit better, so the comparison may be one of "
            "searches that ended too early."
        )


def crossing_sentence(findings: Findings) -> str:
    """How many draws it takes for arms to change places with their baselines; empty where there are no curves."""
    curves, tuning = draw_curves(findings), findings.plan.tuning
    if tuning is None or tuning.metric is None:
        return ""
    direction = findings.plan.metrics[tuning.metric].direction
    parts = []
    for arm, baseline in findings.baselines.items():
        if arm == baseline or arm not in curves or baseline not in curves:
            continue
        found = crossings(curves[arm], curves[baseline], direction=direction)
        leaders = [(number, arm if leads else baseline) for number, leads in found]
        if len(leaders) == 1:
            parts.append(f"{leaders[0][1]} leads {baseline if leaders[0][1] == arm else arm} at every number of draws")
        elif leaders:
            first, *rest = leaders
            turns = listed(f"{leader} from {number} on" for number, leader in rest)
            parts.append(f"{first[1]} leads up to {count(rest[0][0] - 1, 'draw')}, {turns}")
    return f"By the expected best of so many random draws, {'; '.join(parts)}." if parts else ""
