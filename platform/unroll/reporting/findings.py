"""Everything that a report shows, computed once from the ledger's frames."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import polars as pl

from unroll.contract import (
    VALIDATION,
    Direction,
    Scale,
    parse_confusion_metric,
    parse_distance_metric,
    parse_free_running_metric,
)
from unroll.evidence import (
    Scored,
    by_distance,
    claim_values,
    confusion,
    coverage,
    divergence_rates,
    fading,
    final_values,
    find_confusions,
    find_profiles,
    judge_claims,
    learning_curves,
    pair_seeds,
    paired_differences,
    profile_steps,
    repeat_for_seeds,
    share_of_test_set,
    summarise_arms,
)
from unroll.evidence.scales import Analysis
from unroll.ledger import (
    ENVIRONMENT,
    FINAL,
    AnalysisRecord,
    Ledger,
    PackRecord,
    RunRecord,
    ShownExample,
    ShownExamples,
    seeds_left_out,
    without_seeds,
)
from unroll.reporting.scored import read_scored, scored_metric
from unroll.study.claims import Claim
from unroll.study.groups import Group, find_groups
from unroll.study.plan import Arm, MetricSpec, Plan
from unroll.study.trial import Trial
from unroll.study.tuning import Winner

_BEGUN = {"arm": pl.String, "begins_with": pl.String}


@dataclass(frozen=True)
class Findings:
    """A study's plan, what the ledger holds of it, and what that is worth."""

    plan: Plan
    trials: pl.DataFrame
    """One row per planned trial (``Ledger.trials_frame``)."""
    history: pl.LazyFrame
    """One row per logged value (``Ledger.logged``): millions of them, of which each table reads what it needs."""
    runs: Sequence[RunRecord]
    """Provenance of the runs that had something to do, killed ones too, oldest first."""
    left_out: Sequence[Trial] = ()
    """Trials with a result in the same folder that are none of the plan's."""
    damaged: Sequence[str] = ()
    """Files of the ledger whose content cannot be trusted."""
    shown: Mapping[str, tuple[int, Sequence[ShownExample]]] = field(default_factory=dict)
    """Arm -> what the model of its first completed seed that shows examples made of them, with that seed."""
    scored: Mapping[str, Scored] = field(default_factory=dict)
    """Trial -> what each example of the test data added to its :attr:`scored_metric`, where that was kept."""
    packs: Sequence[tuple[PackRecord, Sequence[Trial]]] = ()
    """Packs from which trials were taken over, with these trials (``Ledger.taken_over``)."""
    changed: Mapping[str, list[str]] = field(default_factory=dict)
    """Trials whose result other source files gave than the plan's, with the files that differ (``Ledger.changed``)."""
    analyses: Sequence[AnalysisRecord] = ()
    """What was declared of the analysis, and when, oldest first."""
    history_digest: str = ""
    """Equal for an equal history."""

    tuned: pl.DataFrame | None = None
    """One row per trial of the phase ``tune`` (``Ledger.tune_frame``); None where nothing is searched."""
    winners: Sequence[Winner] = ()
    """What tunings have chosen in this folder, those of earlier plans too, oldest first."""
    seeds_left_out: Sequence[int] = ()
    """Seeds that a limit of time left in part (``ledger.seeds_left_out``): what is claimed is over the others."""

    @cached_property
    def every_run(self) -> list[RunRecord]:
        """All runs that results come from: those of packs, then those of this folder."""
        return [*(run for pack, _ in self.packs for run in pack.runs), *self.runs]

    @property
    def metric(self) -> str:
        """The study's metric."""
        return self.plan.metric

    @property
    def note(self) -> MetricSpec:
        """Direction and unit of the study's metric."""
        return self.plan.metrics[self.metric]

    @property
    def direction(self) -> Direction:
        """Which way the study's metric improves."""
        return self.note.direction

    @cached_property
    def groups(self) -> list[Group]:
        """Every baseline with the arms that are compared with it; one group where all have the same."""
        return find_groups(self.plan)

    @cached_property
    def baselines(self) -> dict[str, str]:
        """Arm -> the arm that it is compared with; a baseline is its own."""
        return self.plan.baselines

    @property
    def several_baselines(self) -> bool:
        """Whether differences are to more than one baseline."""
        return len(self.groups) > 1

    @cached_property
    def names(self) -> list[str]:
        """Names of the arms, group by group, baseline first."""
        return [arm for group in self.groups for arm in group.labels]

    @cached_property
    def arms(self) -> list[Arm]:
        """The arms in the order of :attr:`names`."""
        arms = {arm.name: arm for arm in self.plan.arms}
        return [arms[name] for name in self.names]

    @cached_property
    def ordered(self) -> pl.DataFrame:
        """The trials: arms in the order of :attr:`names`, seeds ascending."""
        return self.trials.sort(self.arm_rank, "seed", "trial")

    @cached_property
    def counted(self) -> pl.DataFrame:
        """The same as means and comparisons take them: those of :attr:`seeds_left_out` as if they had not run."""
        return without_seeds(self.ordered, self.seeds_left_out)

    @property
    def arm_rank(self) -> pl.Expr:
        """The place of a row's ``arm`` among :attr:`names`, from 0."""
        return pl.col("arm").replace_strict(self.names, range(len(self.names)), return_dtype=pl.Int64)

    def draws_nothing(self, arm: str) -> bool:
        """Whether no seed changes what an arm reaches, so that one trial stands for all."""
        return any(each.seed_varies == () for each in self.arms if each.name == arm)

    @cached_property
    def controls(self) -> set[str]:
        """Arms that the study does not name: added, being the controls that others must be compared with."""
        return {arm.name for arm in self.arms if arm.control}

    @cached_property
    def begun(self) -> pl.DataFrame:
        """What arms begin with and what that cost; empty where none does.

        One row per arm that begins with another one: ``arm, begins_with`` (its name, or that of a preparation),
        ``own_steps, steps_before, own_seconds, seconds_before``: medians over completed trials, own and of all that
        they begin with.
        """
        names = {arm.name: arm.warm_start for arm in self.arms if arm.warm_start}
        begun = pl.DataFrame({"arm": list(names), "begins_with": list(names.values())}, schema=_BEGUN)
        if not names:
            return begun
        done = self.trials.filter(pl.col("status") == "completed").group_by("arm")
        costs = done.agg(
            own_steps=pl.col("steps").median(),
            steps_before=pl.col("steps_before").median(),
            own_seconds=pl.col("seconds").median(),
            seconds_before=pl.col("seconds_before").median(),
        )
        return begun.join(costs, on="arm", how="left", maintain_order="left")

    @cached_property
    def solved_sizes(self) -> dict[str, int]:
        """Arm -> the value of the plan's ``size_setting`` that ``match`` found for it, where it found one."""
        matched = {arm.name for arm in self.arms if arm.matched}
        sizes = {}
        for trial in self.plan.trials:
            size: Any = trial.settings
            for part in self.plan.size_setting.split("."):
                size = size.get(part) if isinstance(size, Mapping) else None
            if trial.arm in matched and isinstance(size, int):
                sizes[trial.arm] = size
        return sizes

    @cached_property
    def summary(self) -> pl.DataFrame:
        """The metric per arm."""
        return self.summarise(self.metric)

    @cached_property
    def other_metrics(self) -> list[str]:
        """The final metrics beside the one that decides, as far as any trial has them."""
        names = [name for name in self.plan.metrics if name != self.metric]
        return [name for name in names if self.trials[name].count()]

    def summarise(self, metric: str) -> pl.DataFrame:
        """Any of the final metrics per arm."""
        spec = self.plan.metrics[metric]
        return summarise_arms(self.counted, metric, direction=spec.direction, scale=spec.scale)

    @cached_property
    def differences(self) -> pl.DataFrame:
        """Every arm against its baseline."""
        return paired_differences(
            self.paired,
            self.metric,
            baselines=self.baselines,
            direction=self.direction,
            scale=self.note.scale,
            looks=self.plan.looks,
        )

    @property
    def scored_metric(self) -> str | None:
        """The study's metric of the test data, or the same of these, if there is one."""
        return scored_metric(self.plan)

    @cached_property
    def test_set(self) -> pl.DataFrame:
        """How much of each comparison's interval is the test set; empty where no comparison has its examples."""
        metric = self.scored_metric or self.metric
        scale, names = self.plan.metrics[metric].scale, self.baselines
        rows = share_of_test_set(self.paired, metric, baselines=names, scale=scale, scored=self.scored)
        return rows if rows["n"].sum() else rows.clear()

    @cached_property
    def claims(self) -> pl.DataFrame:
        """Every declared claim with its verdict."""
        return judge_claims(self.paired, self.plan.claims, self._directions, self.plan.looks)

    def claim_values(self, claim: Claim) -> pl.DataFrame:
        """What a claim is judged by, seed by seed (``evidence.claim_values``)."""
        return claim_values(self.paired, claim, self._directions)

    @property
    def _directions(self) -> dict[str, Direction]:
        return {name: metric.direction for name, metric in self.plan.metrics.items()}

    @cached_property
    def divergence(self) -> pl.DataFrame:
        """How often every arm diverged, and against its baseline."""
        return divergence_rates(self.counted, baselines=self.baselines, looks=self.plan.looks)

    @cached_property
    def scale(self) -> Scale:
        """The scale on which the metric is averaged and compared: the declared one, if every value is inside of it."""
        return Analysis.choose(self.note.scale, self.values["value"].to_numpy()).scale

    @cached_property
    def paired(self) -> pl.DataFrame:
        """The trials, that of an arm whose result no seed changes beside every seed."""
        return repeat_for_seeds(self.counted, [name for name in self.names if self.draws_nothing(name)])

    @property
    def any_diverged(self) -> bool:
        """Whether the numbers are over survivors: at least one trial diverged."""
        return bool(self.counts.get("diverged"))

    @cached_property
    def pairs(self) -> pl.DataFrame:
        """Every trial beside its baseline's of the same seed."""
        return pair_seeds(self.paired, self.metric, baselines=self.baselines)

    def written(self, frame: pl.DataFrame) -> pl.DataFrame:
        """A frame as files hold it: with a column ``baseline`` only where there are several."""
        return frame if self.several_baselines else frame.drop("baseline")

    @cached_property
    def values(self) -> pl.DataFrame:
        """Completed trials with a finite ``value`` of the metric."""
        return final_values(self.counted, self.metric).drop_nulls("value")

    @cached_property
    def coverage(self) -> pl.DataFrame:
        """How the trials of each arm ended."""
        return coverage(self.ordered)

    @cached_property
    def environments(self) -> pl.DataFrame:
        """What the trials that have a result ran on: ``ENVIRONMENT``, ``trials``, ``arms`` ("elman 8, gru 8")."""
        ended = self.ordered.filter(pl.col("status").is_in(list(FINAL)))
        per_arm = ended.group_by(*ENVIRONMENT, "arm", maintain_order=True).agg(pl.len().cast(pl.Int64).alias("trials"))
        named = pl.format("{} {}", "arm", "trials").str.join(", ").alias("arms")
        return per_arm.group_by(*ENVIRONMENT, maintain_order=True).agg(pl.col("trials").sum(), named)

    @cached_property
    def surroundings(self) -> dict[str, dict[str, list[str]]]:
        """Arm -> column of ``ENVIRONMENT`` -> the values of its completed trials, sorted; without empty arms."""
        done = self.ordered.filter(pl.col("status") == "completed")
        frames = {name: done.filter(pl.col("arm") == name) for name in self.names}
        return {
            arm: {name: sorted(rows[name].fill_null("not recorded").unique()) for name in ENVIRONMENT}
            for arm, rows in frames.items()
            if not rows.is_empty()
        }

    @cached_property
    def ran_elsewhere(self) -> dict[str, list[str]]:
        """Arm -> in what hardware and versions differ from its baseline's; without arms for which nothing does.

        ``loop`` is neither: it belongs to what is compared where it differs from arm to arm.
        """
        known = self.surroundings
        found = {
            arm: [name for name in ENVIRONMENT if name != "loop" and known[arm][name] != known[baseline][name]]
            for arm, baseline in self.baselines.items()
            if arm in known and baseline in known
        }
        return {arm: names for arm, names in found.items() if names}

    @cached_property
    def seeds(self) -> list[int]:
        """Every planned seed."""
        return sorted(self.trials["seed"].unique())

    @property
    def planned(self) -> int:
        """Number of planned trials."""
        return len(self.trials)

    @cached_property
    def counts(self) -> dict[str, int]:
        """Trials per status over all arms, without the statuses that no trial has."""
        sums = self.coverage.drop("arm", "planned").sum().row(0, named=True) if self.planned else {}
        return {status: number for status, number in sums.items() if number}

    @cached_property
    def logged_at(self) -> pl.DataFrame:
        """At which steps each trial logged each metric.

        ``trial, metric, begins, ends`` (first and last step), ``first, last`` (of finite values; null without one).
        """
        step = pl.col("step")
        finite = pl.when(pl.col("value").is_finite()).then(step)
        grouped = self.history.group_by("trial", "metric")
        steps = grouped.agg(begins=step.min(), ends=step.max(), first=finite.min(), last=finite.max())
        return steps.collect(engine="streaming").sort("trial", "metric")

    @cached_property
    def logged(self) -> list[str]:
        """Metrics that were logged at several steps, by name."""
        # A metric that was logged once, as those of the test text are, has no curve.
        return sorted(self.logged_at.filter(pl.col("first") < pl.col("last"))["metric"].unique())

    @cached_property
    def curve_metric(self) -> str | None:
        """What the learning curves show: the study's metric if it was logged along the way, else one of validation."""
        # test/perplexity is logged once, after training: its curve is that of validation/perplexity.
        twin = VALIDATION + self.metric.rpartition("/")[2]
        validation = (name for name in self.logged if name.startswith(VALIDATION))
        # The study's own metric wins, then its twin on the validation text, then any other of validation.
        return next((name for name in (self.metric, twin, *validation) if name in self.logged), None)

    @cached_property
    def training_metric(self) -> str | None:
        """What the curves of training show: a loss if one was logged along the way, else the first by name."""
        training = [name for name in self.logged if name.startswith("train/") and name != self.curve_metric]
        return min(training, key=lambda name: (name != "train/loss", "loss" not in name, name), default=None)

    @cached_property
    def curves(self) -> pl.DataFrame:
        """Mean curves of :attr:`curve_metric` with bands."""
        return self._curve(self.curve_metric or self.metric)

    @cached_property
    def training_curves(self) -> pl.DataFrame:
        """Mean curves of :attr:`training_metric` with bands; empty where there is none."""
        return self._curve(self.training_metric or "")

    @cached_property
    def profiles(self) -> dict[str, pl.DataFrame]:
        """How each profile fades with distance (``fading``), by name; metrics of the study are no such profiles."""
        return self._profiles_of(fading, [name for name in self._profile_names if name not in self.plan.metrics])

    @cached_property
    def metrics_by_distance(self) -> dict[str, pl.DataFrame]:
        """Metrics of the study that were logged by distance too (``by_distance``), the study's own first."""
        names = [name for name in self.plan.metrics if name in self._profile_names]
        return self._profiles_of(by_distance, sorted(names, key=lambda name: name != self.metric))

    @cached_property
    def free_running(self) -> dict[str, str]:
        """Metrics of the study of which there is one of a model that reads its own words too -> the name of that."""
        own = ((parse_free_running_metric(name), name) for name in self.plan.metrics)
        return {right: name for right, name in own if right in self.plan.metrics}

    @cached_property
    def free_running_curves(self) -> dict[str, pl.DataFrame]:
        """Curves of such a metric and of its twin, which ``metric`` names; those that were logged along the way."""
        curve = {name: self._curve(name) for name in self._both_of(self.logged)}
        return {right: _side_by_side(curve, right, own) for right, own in self.free_running.items() if right in curve}

    @cached_property
    def free_running_by_distance(self) -> dict[str, pl.DataFrame]:
        """The same by distance (``by_distance``)."""
        known = self.metrics_by_distance
        both = self._both_of(known)
        return {right: _side_by_side(known, right, own) for right, own in self.free_running.items() if right in both}

    def _both_of(self, names: Iterable[str]) -> set[str]:
        """Those of :attr:`free_running`, and their twins, that are here in both forms."""
        known = set(names)
        return {name for pair in self.free_running.items() if known.issuperset(pair) for name in pair}

    @cached_property
    def _profile_names(self) -> list[str]:
        return find_profiles(self.logged_at["metric"].unique())

    def _profiles_of(
        self, average: Callable[[pl.DataFrame, str], pl.DataFrame], names: Iterable[str]
    ) -> dict[str, pl.DataFrame]:
        found = {name: average(self._ranked(self._profile_metrics[name]), name) for name in names}
        return {name: frame for name, frame in found.items() if frame["distance"].n_unique() > 1}

    @cached_property
    def _profile_metrics(self) -> dict[str, list[str]]:
        """Every profile with its metrics."""
        found: dict[str, list[str]] = {name: [] for name in self._profile_names}
        for metric in self.logged_at["metric"].unique().sort():
            if (point := parse_distance_metric(metric)) and point[0] in found:
                found[point[0]].append(metric)
        return found

    @cached_property
    def confusions(self) -> dict[str, pl.DataFrame]:
        """How often each label was classified as each (``confusion``), by split."""
        known = self._ranked(self._confusion_metrics)
        return {split: confusion(known, split) for split in find_confusions(self._confusion_metrics)}

    @cached_property
    def _confusion_metrics(self) -> list[str]:
        return [name for name in self.logged_at["metric"].unique().sort() if parse_confusion_metric(name)]

    def _curve(self, metric: str) -> pl.DataFrame:
        return learning_curves(self._ranked([metric]), metric)

    @cached_property
    def _needed(self) -> pl.DataFrame:
        """The rows that any table is made of, read in one pass; arm by arm.

        These are all rows of what has a curve or is a confusion, and of profiles those of the steps that count.
        """
        curves = [self.curve_metric, self.training_metric, *self._both_of(self.logged), *self._confusion_metrics]
        whole = pl.col("metric").is_in(sorted({name for name in curves if name is not None}))
        steps = {name: profile_steps(self.logged_at, name) for name in self._profile_metrics}
        of_profiles = [metric for metrics in self._profile_metrics.values() for metric in metrics]
        counting = pl.concat([each["step"] for each in steps.values()]).unique().to_list() if steps else []
        # Without the trials first: a list of steps is compared faster than pairs are joined, and few rows are left.
        some = pl.col("metric").is_in(of_profiles) & pl.col("step").is_in(counting)
        read = self.history.filter(whole | some).collect(engine="streaming")
        parts = [read.filter(whole)]
        for name, pairs in steps.items():
            own = read.filter(pl.col("metric").is_in(self._profile_metrics[name]))
            parts.append(own.join(pairs, on=["trial", "step"], how="semi"))
        known = pl.concat(parts).unique(["trial", "step", "metric"], maintain_order=True)
        # In one order, whatever order it was read in: sums of the same numbers are the same to the last digit.
        counted = pl.col("arm").is_in(self.names) & ~pl.col("seed").is_in(self.seeds_left_out)
        return known.filter(counted).sort(self.arm_rank, "trial", "step", "metric")

    def _ranked(self, metrics: Sequence[str]) -> pl.DataFrame:
        """What was logged of some of these, arm by arm; a trial's steps are counted behind those of all before it."""
        known = self._needed.filter(pl.col("metric").is_in(metrics))
        if self.begun.is_empty():
            return known
        before = self.trials.select("trial", "steps_before").unique("trial")
        moved = known.join(before, on="trial", how="left", maintain_order="left")
        return moved.with_columns(pl.col("step") + pl.col("steps_before").fill_null(0)).drop("steps_before")


def _side_by_side(frames: Mapping[str, pl.DataFrame], *names: str) -> pl.DataFrame:
    """Frames one below the other, with a column ``metric``."""
    return pl.concat([frames[name].with_columns(metric=pl.lit(name)) for name in names])


def gather(ledger: Ledger) -> Findings:
    """Read what a report needs. Trials of the tuning phase chose the settings; they are no evidence and stay out."""
    plan = ledger.plan()
    trials = ledger.trials_frame(plan).filter(pl.col("phase") == "confirm")
    changed = ledger.changed(plan)
    logged = ledger.logged(plan)
    history = logged.rows
    if len(trials) < len(plan.trials):
        history = history.filter(pl.col("trial").is_in(trials["trial"].to_list()))
    left_out = [trial for trial in ledger.left_out(plan) if trial.phase == "confirm"]
    shown = read_shown(lambda trial: ledger.trial(trial).shown(), trials)
    scored = read_scored(lambda trial: ledger.trial(trial).scores, plan, trials)
    packs = ledger.taken_over(plan)
    analyses = ledger.analyses()
    damaged = [error.path.relative_to(ledger.root).as_posix() for error in ledger.damage()]
    runs = ledger.runs()
    return Findings(
        plan,
        trials,
        history,
        runs,
        left_out=left_out,
        damaged=damaged,
        shown=shown,
        scored=scored,
        packs=packs,
        changed=changed,
        analyses=analyses,
        history_digest=logged.digest,
        tuned=ledger.tune_frame(plan) if plan.tuning else None,
        winners=[*ledger.winners().values()],
        seeds_left_out=seeds_left_out(plan, ledger),
    )


def read_shown(
    read: Callable[[str], ShownExamples | None], trials: pl.DataFrame
) -> dict[str, tuple[int, Sequence[ShownExample]]]:
    """See :attr:`Findings.shown`.

    Args:
        read: id of a trial -> what its model made of examples.
        trials: one row per planned trial.
    """
    found: dict[str, tuple[int, Sequence[ShownExample]]] = {}
    completed = trials.filter(pl.col("status") == "completed").sort("seed").select("arm", "seed", "trial")
    for arm, seed, trial in completed.iter_rows():
        if arm not in found and (shown := read(trial)) is not None:
            found[arm] = seed, shown.examples
    return found
