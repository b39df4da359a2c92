"""Where a comparison comes from: its pairs, trial by trial, and the numbers of its test, to be computed by hand."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    import polars as pl

    from unroll.ledger import Ledger
    from unroll.reporting.findings import Findings
    from unroll.study import Plan
    from unroll.study.claims import Claim

LINKS = ("better than", "worse than", "against", "versus", "vs", "and")
"""What may stand between two arms."""
_ON = re.compile(r"(?P<rest>.*) on (?P<metric>\S+)\s*")
Number: TypeAlias = int | float | str | None
_WANDB, _WANDB_API = "https://wandb.ai", "https://api.wandb.ai"


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """A comparison of two arms."""

    arm: str
    baseline: str
    metric: str
    direction: str
    decides: bool
    """Whether the report gives a verdict on this comparison: the study compares these arms by this metric."""
    pairs: pl.DataFrame
    """One row per seed that is planned for both, with both trials: ``seed, value, reference, difference`` (null where a
    side has no finite value), ``trial, baseline_trial, status, baseline_status, run, baseline_run`` (W&B: addresses as
    far as they are known, and folders below the results), ``differs`` (conditions in which the two trials differ,
    or that other source files gave one of them)."""
    test: Mapping[str, Number]
    """What the test is made of, in the order in which it is computed."""


def explain(ledger: Ledger, words: Sequence[str], metric: str | None = None) -> Explanation:
    """Take a comparison apart.

    Args:
        ledger: the study's record.
        words: a statement (``lstm better than elman``), the names of two arms, or one arm, which is taken with its
            baseline.
        metric: any of the study's final metrics; None: what the statement names behind ``on``, else the study's own.

    Raises:
        UserError: an arm or the metric is none of the study's.
    """
    import polars as pl

    from unroll.contract import UserError
    from unroll.ledger import seeds_left_out
    from unroll.reporting.findings import Findings
    from unroll.study import suggestion

    plan = ledger.plan()
    names = {name: arm.name for arm in plan.arms for name in (arm.name, *arm.twins)}
    arm, baseline, named = read_statement(words, names, plan.baselines)
    metric = metric or named or plan.metric
    if metric not in plan.metrics:
        advice = suggestion(metric, plan.metrics)
        raise UserError("a metric must be one of the study's", received=repr(metric), advice=advice)
    trials, left = ledger.trials_frame(plan).filter(pl.col("phase") == "confirm"), seeds_left_out(plan, ledger)
    return Explanation(
        arm=arm,
        baseline=baseline,
        metric=metric,
        direction=plan.metrics[metric].direction,
        decides=plan.baselines[arm] == baseline and metric == plan.metric,
        pairs=_pairs(ledger, plan, trials, arm, baseline, metric),
        test=_test(Findings(plan, trials, pl.LazyFrame(), runs=(), seeds_left_out=left), arm, baseline, metric),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimExplanation:
    """A declared claim."""

    claim: str
    metric: str
    first: str
    """The sides, as the claim names them."""
    second: str
    seeds: pl.DataFrame
    """One row for each seed that counts: ``seed, first, second, difference`` (``evidence.claim_values``)."""
    trials: pl.DataFrame
    """Every trial that the claim speaks of: ``seed, side`` ("first", "second"), ``arm, value`` (null without a finite
    one), ``status, trial, run`` (W&B, as :attr:`Explanation.pairs` has it)."""
    test: Mapping[str, Number]
    """What the test is made of, in the order in which it is computed."""


def explain_claim(ledger: Ledger, statement: str) -> ClaimExplanation | None:
    """Take a claim of the study apart; None if it declared none of these words."""
    import polars as pl

    from unroll.reporting.findings import Findings

    plan = ledger.plan()
    words = " ".join(statement.split())
    claim = next((each for each in plan.claims if " ".join(each.text.split()) == words), None)
    if claim is None:
        return None
    trials = ledger.trials_frame(plan).filter(pl.col("phase") == "confirm")
    findings = Findings(plan, trials, pl.LazyFrame(), runs=())
    sides = {name: {getattr(pair, name) for pair in claim.pairs} for name in ("first", "second")}
    runs = _runs(ledger, plan)
    rows = [
        {
            "seed": row["seed"],
            "side": side,
            "arm": row["arm"],
            "value": row[claim.metric] if row["status"] == "completed" else None,
            "status": row["status"],
            "trial": row["trial"],
            "run": runs.get(row["trial"], ""),
        }
        for row in findings.paired.sort("seed", findings.arm_rank).to_dicts()
        for side, arms in sides.items()
        if row["arm"] in arms
    ]
    values = findings.claim_values(claim)
    return ClaimExplanation(
        claim=claim.text,
        metric=claim.metric,
        first=claim.first,
        second=claim.second,
        seeds=values.select("seed", "first", "second", "difference"),
        trials=pl.DataFrame(rows),
        test=_claim_test(findings, claim, values),
    )


def _claim_test(findings: Findings, claim: Claim, values: pl.DataFrame) -> dict[str, Number]:
    import polars as pl

    from unroll.evidence import count_flips

    row = findings.claims.row(by_predicate=pl.col("claim") == claim.text, named=True)
    found: dict[str, Number] = {"planned seeds": row["planned_seeds"], "seeds": row["n"]}
    if row["n"]:
        found |= {"effect": row["effect"], "interval from": row["low"], "interval to": row["high"]}
    if row["margin"] is not None:
        found["margin"] = row["margin"]
    if row["p"] is not None and claim.kind != "within":  # of equivalence two tests decide, each at its own margin
        turned = (values["sign"] * values["difference"] - values["margin"]).to_numpy()
        hits, patterns = count_flips(turned, error=float(values["error"].sum()))
        found |= {
            "signs are turned of": "differences in favour of the claim, less the margin",
            "their sum": float(turned.sum()),
            "patterns": patterns,
            "patterns as far from zero": hits,
        }
    if row["p"] is not None:
        found |= {"p": row["p"], "claims": len(findings.claims), "p adjusted": row["p_adjusted"]}
    if row["seeds_needed"] is not None:
        found["seeds that would decide"] = row["seeds_needed"]
    return found | {"verdict": row["verdict"]}


def read_statement(
    words: Sequence[str], names: Mapping[str, str], baselines: Mapping[str, str]
) -> tuple[str, str, str | None]:
    """The two arms that are meant, and the metric that a statement names.

    Args:
        words: as :func:`explain` has them.
        names: every name of an arm -> the arm.
        baselines: arm -> the arm that the study compares it with.

    Raises:
        UserError: it is no statement, an arm is none of the study's, both are one, or an arm alone is a baseline.
    """
    from unroll.contract import UserError

    metric = None
    parts = [" ".join(word.split()) for word in words]
    if len(parts) == 1 and parts[0] not in names:
        if match := _ON.fullmatch(parts[0]):
            parts, metric = [match["rest"]], match["metric"]
        parts = _split(parts[0], names)
        if len(parts) == 1 and " " in parts[0] and not difflib.get_close_matches(parts[0], names, cutoff=0.8):
            raise UserError(
                "a statement must name two arms of the study with words between them that are known",
                received=repr(parts[0]),
                advice=f"write it as 'ARM {LINKS[0]} ARM', or with {', '.join(map(repr, LINKS[1:]))}; "
                f"the arms are {', '.join(map(repr, names))}",
            )
    arms = [_arm(part, names) for part in parts]
    if len(arms) == 1:
        arms.append(baselines[arms[0]])
    if arms[0] == arms[1]:
        whole = f"'{arms[0]}' is a baseline" if len(parts) == 1 else f"'{arms[0]}' twice"
        raise UserError("two different arms must be named", received=whole)
    return arms[0], arms[1], metric


def _split(statement: str, names: Iterable[str]) -> list[str]:
    """The two sides of a statement: by arms that it names, the longest first, else by the words between them."""
    for name in sorted(names, key=len, reverse=True):
        for link in LINKS:
            if statement.startswith(f"{name} {link} "):
                rest = statement.removeprefix(f"{name} {link} ")
                return [name, rest if rest in names else _without_amount(rest)]
    for link in LINKS:
        left, found, right = statement.partition(f" {link} ")
        if found:
            return [left, _without_amount(right)]
    return [statement]


def _without_amount(text: str) -> str:
    """``elman`` of ``elman by 2%``."""
    return re.sub(r" by \S+$", "", text)


def _arm(name: str, names: Mapping[str, str]) -> str:
    from unroll.contract import UserError
    from unroll.study import suggestion

    if name not in names:
        raise UserError("an arm must be one of the study's", received=repr(name), advice=suggestion(name, names))
    return names[name]


def _pairs(ledger: Ledger, plan: Plan, trials: pl.DataFrame, arm: str, baseline: str, metric: str) -> pl.DataFrame:
    import polars as pl

    from unroll.evidence import pair_seeds
    from unroll.ledger import ENVIRONMENT

    both = trials.filter(pl.col("arm").is_in([arm, baseline]))
    paired = pair_seeds(both, metric, baselines={arm: baseline, baseline: baseline})
    sides = {name: both.filter(pl.col("arm") == name) for name in (arm, baseline)}
    rows = {name: {row["seed"]: row for row in frame.to_dicts()} for name, frame in sides.items()}
    changed, runs = ledger.changed(plan), _runs(ledger, plan)
    more = []
    for seed in paired["seed"]:
        mine, other = rows[arm][seed], rows[baseline][seed]
        differing = [f"{name}: {mine[name]} | {other[name]}" for name in ENVIRONMENT if mine[name] != other[name]]
        differing += [f"{row['arm']} has other source files" for row in (mine, other) if row["trial"] in changed]
        more.append(
            {
                "trial": mine["trial"],
                "baseline_trial": other["trial"],
                "status": mine["status"],
                "baseline_status": other["status"],
                "run": runs.get(mine["trial"], ""),
                "baseline_run": runs.get(other["trial"], ""),
                "differs": "; ".join(differing),
            }
        )
    names = ("trial", "baseline_trial", "status", "baseline_status", "run", "baseline_run", "differs")
    told = pl.DataFrame(more, schema=dict.fromkeys(names, pl.String))
    return pl.concat([paired.select("seed", "value", "reference", "difference"), told], how="horizontal")


def _runs(ledger: Ledger, plan: Plan) -> dict[str, str]:
    """Trial -> where its W&B runs are: addresses as far as they are known, folders from the results folder on."""
    from unroll.tracking import logs_by_run, synced_to

    wandb = plan.declaration.get("wandb")
    wandb = wandb if isinstance(wandb, dict) else {}
    live = wandb.get("entity") if wandb.get("mode") == "online" else None
    found = {}
    for trial, logs in logs_by_run(ledger.root).items():
        folders = dict.fromkeys(log.parent for log in logs)
        places = [place for place in map(synced_to, folders) if place is not None]
        addresses = [_address(place.server, place.entity, place.project, trial) for place in places if place.entity]
        if live and not addresses:
            addresses.append(_address("", live, wandb.get("project"), trial))
        here = (folder.relative_to(ledger.root).as_posix() for folder in folders)
        found[trial] = " ".join(dict.fromkeys([*addresses, *here]))
    return found


def _address(server: str, entity: str, project: object, trial: str) -> str:
    """Where a browser shows a run: W&B's own server answers programs under another name than people."""
    return f"{_WANDB if server in ('', _WANDB_API) else server}/{entity}/{project}/runs/{trial}"


_OF_SCALES = {
    "identity": "differences",
    "log": "differences of logarithms",
    "logit": "differences of log odds",
}
"""What is compared on each scale, where every value lies inside its range."""


def _test(findings: Findings, arm: str, baseline: str, metric: str) -> dict[str, Number]:
    import polars as pl

    from unroll.evidence import count_flips, flipped_scores, paired_differences
    from unroll.evidence.scales import Analysis

    plan, baselines = findings.plan, {arm: baseline, baseline: baseline}
    compared, spec = plan.baselines[arm] == baseline, plan.metrics[metric]
    rows = findings.paired if compared else findings.paired.filter(pl.col("arm").is_in([arm, baseline]))
    against = plan.baselines if compared else baselines
    if compared and metric == plan.metric:
        every = findings.differences  # the report's own numbers
    else:
        every = paired_differences(rows, metric, baselines=against, direction=spec.direction, scale=spec.scale)
    row = every.row(by_predicate=pl.col("arm") == arm, named=True)
    found: dict[str, Number] = {"planned pairs": row["planned_pairs"], "pairs": row["n"]}
    if row["n"]:
        interval = {"interval from": row["low"], "interval to": row["high"]}
        found |= {"mean difference": row["difference"], **interval, "correlation": row["r"]}
    if row["test"] is None:
        return found | ({"verdict": row["verdict"]} if compared and row["n"] else {})
    turned = flipped_scores(rows, metric, baselines=against, direction=spec.direction, scale=spec.scale)
    turned = turned.filter(pl.col("arm") == arm)
    scores, error = turned["score"].to_numpy(), 0.0 if row["test"] == "signs" else float(turned["error"].sum())
    hits, patterns = count_flips(scores, error=error)
    squares = float((scores**2).sum())
    scale = Analysis.choose(spec.scale, rows.filter(pl.col("status") == "completed")[metric].drop_nulls().to_numpy())
    of = {"signs": "signs, as a side diverged", "differences": _OF_SCALES[scale.scale]}[row["test"]]
    found |= {
        "signs are turned of": of,
        "their sum": float(scores.sum()),
        "their standard deviation": float(scores.std(ddof=1)) if len(scores) > 1 else None,
        "their sum of squares": squares,
        "statistic": float(scores.sum()) / squares**0.5 if squares else 0.0,
        "patterns": patterns,
        "patterns as far from zero": hits,
        "p": row["p"],
    }
    if compared:
        found |= {"comparisons": len(every), "p adjusted": row["p_adjusted"], "verdict": row["verdict"]}
    return found
