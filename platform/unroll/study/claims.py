"""Claims: sentences that a study declares, and the arms that each of them sets against each other."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Collection, Mapping, Sequence
from typing import Literal

from unroll.contract import UserError
from unroll.study._document import shown
from unroll.study._factors import Factor, Level, short_names
from unroll.study.project import suggestion
from unroll.study.trial import Count, Finite, Frozen

Kind = Literal["better", "within", "diverges less", "flatter"]

GRAMMAR = (
    "A better than B [by X|by X%] [on METRIC]",
    "A within X|X% of B [on METRIC]",
    "A diverges less than B",
    "A flatter than B in [log] FACTOR [on METRIC]",
)
"""All that a claim can say: A and B are arms, or levels of one factor."""

_METRIC = r"(?: on (?P<metric>\S+))?"
_FORMS: dict[Kind, re.Pattern[str]] = {
    "better": re.compile(
        r"(?P<first>.+?) better than (?P<second>.+?)(?: by (?P<margin>[^\s%]+) ?(?P<percent>%)?)?" + _METRIC
    ),
    "within": re.compile(r"(?P<first>.+?) within (?P<margin>[^\s%]+) ?(?P<percent>%)? of (?P<second>.+?)" + _METRIC),
    "diverges less": re.compile(r"(?P<first>.+?) diverges less than (?P<second>.+)"),
    "flatter": re.compile(
        r"(?P<first>.+?) flatter than (?P<second>.+?) in (?P<log>log )?(?P<factor>\S+?)" + _METRIC,
    ),
}

Levels = Mapping[str, str]
"""Factor -> name of a level."""


class ClaimPair(Frozen):
    """Two arms that a claim sets against each other: they differ in what it speaks of, and in nothing else."""

    first: str
    second: str
    cell: Count
    """Pairs of one cell agree in all factors but those that the claim speaks of; cells are averaged."""
    at: Finite | None = None
    """The value of the factor along which slopes are taken."""


class Claim(Frozen):
    """A claim that was read: what it says, and of which arms."""

    text: str
    kind: Kind
    first: str
    """The sides as written."""
    second: str
    metric: str
    margin: Finite = 0.0
    """In the metric's unit; where it is relative, a share of the second side."""
    relative: bool = False
    factor: str | None = None
    """The factor along which slopes are taken."""
    logarithm: bool = False
    """Whether they are taken over its logarithm (to base 2: per doubling)."""
    pairs: tuple[ClaimPair, ...]

    @property
    def arms(self) -> set[str]:
        """All arms that it speaks of."""
        return {arm for pair in self.pairs for arm in (pair.first, pair.second)}

    def says(self, other: Claim) -> bool:
        """Whether both say the same, however each is written."""
        written = {"text", "first", "second"}
        return self.model_dump(exclude=written) == other.model_dump(exclude=written)


def read_claim(
    text: str,
    factors: Sequence[Factor],
    arms: Mapping[str, Sequence[Level]],
    *,
    added: Collection[str] = (),
    metrics: Collection[str],
    metric: str,
) -> Claim:
    """Read a claim and find the arms that it speaks of.

    Args:
        text: as written.
        factors: of the study.
        arms: name -> one level of each factor.
        added: those of the arms that the study does not name: a claim may, but no level is averaged over them.
        metrics: the task's.
        metric: the one that decides the study.

    Raises:
        UserError: it is none of :data:`GRAMMAR`, or names what there is not.
    """
    sentence = " ".join(text.split())
    kind, found = next(((kind, found) for kind, form in _FORMS.items() if (found := form.fullmatch(sentence))), _NONE)
    if kind is None or found is None:
        words = [form.split(" [")[0].replace("A ", "").replace(" B", "") for form in GRAMMAR]
        raise _mistake(text, "a claim must be one of: " + "; ".join(GRAMMAR), _nearest_form(sentence, words))
    said = {name: value for name, value in found.groupdict().items() if value is not None}
    relative = "percent" in said
    margin = _margin(said["margin"], text, kind, relative=relative) if "margin" in said else 0.0
    if (on := said.get("metric", metric)) not in metrics:
        raise _mistake(text, f"the task has no metric {shown(on)}", suggestion(on, metrics))
    known = {name: {f.name: level.name for f, level in zip(factors, of, strict=True)} for name, of in arms.items()}
    first, second = (_side(said[side], text, factors, known) for side in ("first", "second"))
    if first == second:
        raise _mistake(text, "the two sides of a claim must differ")
    if first.keys() != second.keys():
        raise _mistake(text, "both sides must be arms, or both levels of the same factor")
    factor = _slope_factor(said["factor"], text, factors, first, logarithm="log" in said) if "factor" in said else None
    averaged = {name: levels for name, levels in known.items() if name not in added}
    pairs = _pairs(first, second, known if len(first) == len(factors) else averaged, factor, logarithm="log" in said)
    if not pairs:
        where = f" at two values of '{factor.name}' or more" if factor else ""
        rule = f"the sides of a claim must have arms that agree in all other factors{where}"
        raise _mistake(text, rule, "exclude leaves them out")
    return Claim(
        text=sentence,
        kind=kind,
        first=said["first"],
        second=said["second"],
        metric=on,
        margin=margin,
        relative=relative,
        factor=factor.name if factor else None,
        logarithm="log" in said,
        pairs=pairs,
    )


_NONE: tuple[None, None] = (None, None)


def _mistake(text: str, rule: str, advice: str = "") -> UserError:
    return UserError(rule, received=shown(text), advice=advice)


def _nearest_form(sentence: str, words: Sequence[str]) -> str:
    """The form whose words the sentence has most of."""
    own = set(sentence.split())
    shared = {form: len(own & set(word.split())) for form, word in zip(GRAMMAR, words, strict=True)}
    best = max(shared, key=shared.__getitem__)
    return f"did you mean '{best}'?" if shared[best] else ""


_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)
"""As YAML writes numbers: Python reads more, such as 1_000 and the digits of other scripts."""


def _margin(written: str, text: str, kind: Kind, *, relative: bool) -> float:
    margin = float(written) if _NUMBER.fullmatch(written) else math.nan
    most = 100.0 if relative else math.inf
    if not 0 < margin < most:
        bound = "above 0 and below 100 %" if relative else "a number above 0"
        raise _mistake(text, f"the margin after '{'by' if kind == 'better' else 'within'}' must be {bound}")
    return margin / 100 if relative else margin


def _side(written: str, text: str, factors: Sequence[Factor], arms: Mapping[str, Levels]) -> Levels:
    """The levels that a side fixes: all of them for an arm, else one."""
    if written in arms:
        return arms[written]
    short = short_names(factor.name for factor in factors)
    named, _, value = written.rpartition("=")
    found = [
        {factor.name: level.name}
        for factor in factors
        for level in factor.levels
        if written == level.name or (level.name == value and named in (factor.name, short[factor.name]))
    ]
    if len(found) == 1:
        return found[0]
    spelt = [f"{short[factor.name]}={level.name}" for factor in factors for level in factor.levels]
    if found:
        several = [f"'{short[factor]}={level}'" for each in found for factor, level in each.items()]
        raise _mistake(text, f"{shown(written)} is a level of several factors", f"write {' or '.join(several)}")
    known = [*arms, *dict.fromkeys(level.name for factor in factors for level in factor.levels), *spelt]
    raise _mistake(text, f"{shown(written)} is neither an arm nor a level of a factor", suggestion(written, known))


def _slope_factor(written: str, text: str, factors: Sequence[Factor], side: Levels, *, logarithm: bool) -> Factor:
    short = short_names(factor.name for factor in factors)
    factor = next((each for each in factors if written in (each.name, short[each.name])), None)
    if factor is None:
        raise _mistake(text, f"{shown(written)} is no factor of compare", suggestion(written, short.values()))
    if factor.name in side:
        rule = f"the sides must be levels of another factor than '{written}', along which slopes are taken"
        raise _mistake(text, rule, "compare a second factor" if len(factors) == 1 else "")
    values = [_number(level.name) for level in factor.levels]
    if None in values or (logarithm and any(value is not None and value <= 0 for value in values)):
        above = "numbers above 0" if logarithm else "numbers"
        raise _mistake(text, f"the levels of '{written}' must be {above}: slopes are taken along them")
    return factor


def _number(name: str) -> float | None:
    try:
        value = float(name)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _pairs(
    first: Levels, second: Levels, arms: Mapping[str, Levels], along: Factor | None, *, logarithm: bool
) -> tuple[ClaimPair, ...]:
    """Arms of both sides that agree in all other factors; along a factor, of cells with two values of it at least."""

    def rest(levels: Levels, *without: str) -> tuple[str, ...]:
        return tuple(level for factor, level in levels.items() if factor not in (*first, *without))

    def having(side: Levels) -> dict[tuple[str, ...], str]:
        return {rest(levels): name for name, levels in arms.items() if side.items() <= levels.items()}

    of_first, of_second = having(first), having(second)
    common = [(of_first[key], of_second[key]) for key in of_first if key in of_second]
    if along is None:
        return tuple(ClaimPair(first=one, second=other, cell=cell) for cell, (one, other) in enumerate(common))
    cells: dict[tuple[str, ...], list[tuple[str, str, float]]] = {}
    for one, other in common:
        value = float(arms[one][along.name])
        at = math.log2(value) if logarithm else value
        cells.setdefault(rest(arms[one], along.name), []).append((one, other, at))
    kept = [cell for cell in cells.values() if len({at for *_, at in cell}) > 1]
    return tuple(
        ClaimPair(first=one, second=other, cell=number, at=at)
        for number, (one, other, at) in itertools.chain.from_iterable(
            ((number, each) for each in cell) for number, cell in enumerate(kept)
        )
    )


def without_twins(claim: Claim, names: Mapping[str, str]) -> Claim:
    """The same claim of the arms that stand for others that run the same.

    Args:
        claim: of arms as drafted.
        names: arm -> the one that stands for it.

    Raises:
        UserError: both sides run the same.
    """
    pairs = tuple(
        pair.model_copy(update={"first": names[pair.first], "second": names[pair.second]}) for pair in claim.pairs
    )
    if all(pair.first == pair.second for pair in pairs):
        rule = "the two sides of a claim must run differently"
        raise UserError(rule, where="claims", received=shown(claim.text))
    return claim.model_copy(update={"pairs": pairs})
