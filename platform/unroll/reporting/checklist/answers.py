"""What the ledger can say of an experiment: one function for each answer, whatever list asks for it.

Every public function takes the subject and gives an answer, or None where the ledger does not hold it; a venue's file
names it. Texts are raw: who writes them down escapes them.
"""

from __future__ import annotations

import inspect
import shlex
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import polars as pl

from unroll.evidence import DRAWS, EXACT_UP_TO, LEVEL, twin_metric
from unroll.ledger import ENVIRONMENT, FINAL
from unroll.reporting.checklist.answer import Answer
from unroll.reporting.checklist.subject import Subject
from unroll.reporting.findings import Findings
from unroll.reporting.numbers import (
    count,
    duration,
    fixed,
    listed,
    percent,
    ranges,
    span,
    whole,
)
from unroll.reporting.prose import answer as prose
from unroll.reporting.prose.claims import claim_sentences
from unroll.reporting.prose.warnings import warnings
from unroll.reporting.wording import STATUS_WORDS, describe_baseline, goal, metric_decimals, p_words
from unroll.study.plan import CORPUS, GENERATED, LANGUAGES, LICENCE, ORIGIN, SOURCE, Arm

CODE_LICENCE = "Apache-2.0"
"""Of Unroll, and so of the tasks that it ships."""
SPLITS = ("train", "validation", "test")
PLAN, RUNS, ATTEMPTS = "plan.json", "runs/*.json", "trials/*/attempts/*.json"
"""Where records lie in a results folder."""


def find_answers() -> dict[str, Callable[[Subject], Answer | None]]:
    """Name -> the function of this file that answers."""
    here = inspect.getmembers(sys.modules[__name__], inspect.isfunction)
    own = {name: each for name, each in here if each.__module__ == __name__ and not name.startswith("_")}
    return {name: each for name, each in own.items() if each is not find_answers}


# The question and its answer


def verdicts(subject: Subject) -> Answer | None:
    """What the study found, and what it could not decide."""
    told, tables = prose.tell(subject.findings), ["tables/claims.csv"] if subject.findings.plan.claims else []
    return Answer(
        lines=(told.first, *told.verdicts, *told.remarks), sources=("#answer", *tables, "tables/differences.csv")
    )


def doubts(subject: Subject) -> Answer | None:
    """What the report warns of, and which comparisons are undecided."""
    findings = subject.findings
    known, what = (findings.claims, "claim") if findings.plan.claims else (findings.differences, "arm")
    undecided = known.filter(pl.col("verdict") == "undecided")[what].to_list()
    lines = [f"Undecided, which does not mean {'false' if what == 'claim' else 'equal'}: {listed(undecided)}."]
    lines = lines if undecided else []
    lines += (warned := warnings(findings))
    lines += [f"The numbers are about these data and this task, over {count(len(findings.seeds), 'seed')}."]
    return Answer(lines=tuple(lines), sources=(*(["#warnings"] if warned else []), "#coverage"))


# How it was run


def command(subject: Subject) -> Answer | None:
    """The commands that gave the results."""
    runs = subject.findings.every_run
    if not runs:
        return None
    typed = dict.fromkeys(shlex.join(run.command) for run in runs if run.command)
    lines = [f"Command: {words}" for words in typed]
    lines.append("The same command runs what is missing and nothing else; results are recorded by content.")
    return Answer(lines=tuple(lines), sources=(RUNS, "#provenance"))


def code(subject: Subject) -> Answer | None:
    """Which code ran."""
    findings = subject.findings
    commits = dict.fromkeys(run.git_commit for run in findings.every_run if run.git_commit)
    dirty = {run.git_commit for run in findings.every_run if run.git_dirty}
    lines = [f"Commit {commit}{' with uncommitted changes' if commit in dirty else ''}." for commit in commits]
    files = {file for arm in findings.arms for file in findings.plan.sources.get(arm.sources, {})}
    if files:
        lines.append(f"{count(len(files), 'source file')} of the task, each with a hash of its code.")
    versions = dict.fromkeys(run.versions["unroll"] for run in findings.every_run if "unroll" in run.versions)
    lines += [f"Unroll {version}, {CODE_LICENCE}." for version in versions]
    return Answer(lines=tuple(lines), sources=(RUNS, "sources/*.json", "#provenance")) if lines else None


def seeds(subject: Subject) -> Answer | None:
    """Which seeds, and what they set."""
    findings = subject.findings
    own = subject.by_arm(
        (name, ranges(findings.trials.filter(pl.col("arm") == name)["seed"])) for name in findings.names
    )
    lines = [f"Seeds {numbers} ({who})." for who, numbers in own]
    lines.append(
        "A seed sets every initial weight (a function of the seed, the weight's name and its shape), the order of the "
        "training data (of the seed and the epoch) and the random numbers of every batch (of the seed and the step), "
        "so that a trial that was stopped and continued gives the same numbers."
    )
    return Answer(lines=tuple(lines), sources=(PLAN, "trials/*/trial.json"))


def runs(subject: Subject) -> Answer | None:
    """How many trainings are behind a number."""
    findings = subject.findings
    own = subject.by_arm(
        (
            row["arm"],
            f"{count(row['planned'], 'trial')}, each with another seed: {_ends(row)}",
        )
        for row in findings.coverage.to_dicts()
    )
    lines = [f"{who}: {text}." for who, text in own]
    lines.append(
        f"{findings.planned:,} trials in all, each trained once and evaluated once on the test data, if it has any. "
        "Every reported number is a mean over seeds, not a maximum and not a single run, unless its count is 1."
    )
    return Answer(lines=tuple(lines), sources=("trials/*/trial.json", "tables/coverage.csv", "#coverage"))


def _ends(row: Mapping[str, Any]) -> str:
    return ", ".join(f"{row[status]} {words}" for status, words in STATUS_WORDS.items() if row.get(status))


# Data


def splits(subject: Subject) -> Answer | None:
    """Sizes of the splits."""
    facts = subject.by_arm((arm.name, _facts(arm, of_splits=True)) for arm in subject.findings.arms)
    shares = [f"{name} = {value}" for name, value in subject.settings.items() if name.endswith("_fraction")]
    lines = [f"{who}: {text}." for who, text in facts if text]
    lines += [f"Shares that were cut off where a file has no such split: {', '.join(shares)}."] if shares else []
    return Answer(lines=tuple(lines), sources=(PLAN, "tables/data.csv", "#data")) if lines else None


def data_counts(subject: Subject) -> Answer | None:
    """Counts of the data as the models saw them, those of single splits aside."""
    own = subject.by_arm((arm.name, _facts(arm, of_splits=False)) for arm in subject.findings.arms)
    lines = [f"{who}: {text}." for who, text in own if text]
    return Answer(lines=tuple(lines), sources=(PLAN, "tables/data.csv", "#data")) if lines else None


def _facts(arm: Arm, *, of_splits: bool) -> str:
    facts = {key: value for key, value in arm.facts.items() if key not in ORIGIN}
    chosen = {key: value for key, value in facts.items() if key.startswith(SPLITS) == of_splits}
    return ", ".join(f"{key} {_number(value)}" for key, value in chosen.items())


def _number(value: float | str) -> str:
    if isinstance(value, str):
        return value
    return whole(value) if isinstance(value, int) else f"{value:.4g}"


def data_identity(subject: Subject) -> Answer | None:
    """Names and hashes of the data."""
    own = subject.by_arm((arm.name, arm.fingerprint) for arm in subject.findings.arms)
    lines = [f"{who}: {corpus}." for who, corpus in _origins(subject, CORPUS) if corpus]
    lines += [f"{who}: hash of all that a model sees, {fingerprint}." for who, fingerprint in own]
    return Answer(lines=tuple(lines), sources=(PLAN, "tables/data.csv", "#data"))


def data_sources(subject: Subject) -> Answer | None:
    """Where the data come from."""
    return _of_origin(subject, SOURCE)


def languages(subject: Subject) -> Answer | None:
    """Which languages the data are in."""
    return _of_origin(subject, LANGUAGES)


def licences(subject: Subject) -> Answer | None:
    """What the makers of the data allow."""
    known = _of_origin(subject, LICENCE)
    ours = f"Code (Unroll and its tasks): {CODE_LICENCE}."
    return None if known is None else Answer(lines=(*known.lines, ours), sources=known.sources)


def new_assets(subject: Subject) -> Answer | None:
    """What the experiment made that can be given away."""
    kept = subject.findings.plan.declaration.get("keep")
    if kept not in ("last", "best"):
        return None
    which = "that were tested" if kept == "last" else "of the best validation"
    lines = (
        f"Trained weights {which} stay with each completed trial, with their checksum, settings and vocabulary; "
        "`unroll export` writes them for plain PyTorch with a page that documents them.",
    )
    return Answer(lines=lines, sources=("trials/*/weights.json", "kept/*.json"))


def _of_origin(subject: Subject, fact: str) -> Answer | None:
    """One of the facts of where the data are from; None unless it is known of the data of every arm."""
    found = _origins(subject, fact)
    if any(not text for _, text in found):
        return None
    return Answer(lines=tuple(f"{who}: {text}." for who, text in found), sources=(PLAN, "#data"))


def _origins(subject: Subject, fact: str) -> list[tuple[str, str]]:
    generated = {
        CORPUS: "generated by the task's code",
        SOURCE: "generated by the task's code, nothing is downloaded",
        LICENCE: f"generated by the task's code, which is {CODE_LICENCE}",
        LANGUAGES: "artificial, no natural language",
    }
    return subject.by_arm(
        (arm.name, generated[fact] if arm.facts.get(CORPUS) == GENERATED else str(arm.facts.get(fact, "")))
        for arm in subject.findings.arms
    )


def preprocessing(subject: Subject) -> Answer | None:
    """How text became numbers, and what was left out."""
    options = [f"{key} = {value}" for key, value in subject.given.items() if key.startswith("data.")]
    marks = ("left out", "skipped", "<unk>", "unknown")
    own = subject.by_arm(
        (arm.name, ", ".join(f"{k} {_number(v)}" for k, v in arm.facts.items() if any(mark in k for mark in marks)))
        for arm in subject.findings.arms
    )
    lines = [f"Settings of the data: {', '.join(options)}."] if options else []
    lines += [f"{who}: {text}." for who, text in own if text]
    return Answer(lines=tuple(lines), sources=(PLAN, "tables/settings.csv", "#settings")) if lines else None


# What was trained


def model(subject: Subject) -> Answer | None:
    """The arms by their levels, and the network's settings."""
    plan = subject.findings.plan
    levels = [f"{factor}: {', '.join(names)}" for factor, names in plan.factors.items()]
    network = [f"{key} = {value}" for key, value in subject.given.items() if key.startswith("network.")]
    lines = [f"Task {plan.task}, version {plan.task_version}. Compared: {'; '.join(levels)}."]
    lines += [f"Network: {', '.join(network)}."] if network else []
    return Answer(lines=tuple(lines), sources=(PLAN, "tables/levels.csv", "#settings"))


def parameters(subject: Subject) -> Answer | None:
    """Weights of each arm."""
    arms = subject.findings.arms
    texts = [(arm.name, f"{arm.parameters:,} parameters{_of_them(arm)}") for arm in arms]
    return Answer(lines=tuple(f"{who}: {text}." for who, text in texts), sources=(PLAN, "tables/size.csv", "#size"))


def _of_them(arm: Arm) -> str:
    trained = f", {arm.trained_parameters:,} of them trained" if arm.partly_trained else ""
    off = "" if arm.mismatch is None else f", {percent(arm.mismatch, sign=True)} off the size that arms were matched to"
    return trained + off


def hyperparameters(subject: Subject) -> Answer | None:
    """Every setting with its value."""
    lines = [f"{key} = {subject.settings[key]} (differs among trials)" for key in subject.varied]
    shared = [f"{key} = {value}" for key, value in subject.given.items() if key not in subject.varied]
    lines += [f"The same in all trials, what is not set left out: {', '.join(shared)}."] if shared else []
    if not lines:
        return None
    return Answer(lines=tuple(lines), sources=("trials/*/trial.json", "tables/settings.csv", "#settings"))


def choice(subject: Subject) -> Answer | None:
    """How values were chosen, and which state of a training was tested."""
    findings = subject.findings
    if subject.tuning:
        lines = [f"Searched before the reported seeds were run: {_spelled(subject.tuning)}."]
    else:
        lines = ["Nothing was tuned: every value is the one that the study declares, or the task's default."]
    if findings.solved_sizes:
        sizes = ", ".join(f"{arm} {size:,}" for arm, size in findings.solved_sizes.items())
        lines.append(f"{findings.plan.size_setting} was solved so that the arms are equally large: {sizes}.")
    monitors = {trial.arm: trial.monitor for trial in findings.plan.trials if trial.monitor}
    own = subject.by_arm(
        (
            arm.name,
            f"the state of the best {monitors.get(arm.name, 'validation')} was tested"
            if arm.selects
            else "the state at the end of training was tested",
        )
        for arm in findings.arms
    )
    lines += [f"{who}: {text}." for who, text in own]
    return Answer(lines=tuple(lines), sources=(PLAN, "#settings"))


def bounds(subject: Subject) -> Answer | None:
    """What values were tried."""
    search = subject.tuning.get("search")
    lines = []
    if isinstance(search, dict):
        lines += [f"{key}: {_spelled(space)}" for key, space in search.items()]
    else:
        lines.append("No hyper-parameter was searched: the values tried are those compared.")
    lines += [f"{factor}: {', '.join(levels)} (compared)" for factor, levels in subject.findings.plan.factors.items()]
    return Answer(lines=tuple(lines), sources=(PLAN, "tables/levels.csv"))


def _spelled(value: Any) -> str:
    """Declared values on one line."""
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_spelled(item)}" for key, item in value.items())
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_spelled, value)) + "]"
    return str(value)


# Numbers


def metrics(subject: Subject) -> Answer | None:
    """What each metric is."""
    plan = subject.findings.plan
    lines = []
    for name, spec in plan.metrics.items():
        decides = ", which decides" if name == plan.metric else ""
        meaning = spec.description.rstrip(".")
        unit = f"; in {spec.unit}" if spec.unit else ""
        lines.append(f"{name}{decides}: {meaning} ({goal(spec.direction)}{unit}).")
    return Answer(lines=tuple(lines), sources=(PLAN,))


def summary(subject: Subject) -> Answer | None:
    """Mean, spread and median of every arm."""
    findings = subject.findings
    places = metric_decimals(findings, findings.metric)
    lines = [
        f"{row['arm']}: {findings.metric} mean {fixed(row['mean'], places)}, {_interval(row, places)}, "
        f"median {fixed(row['median'], places)}, over {count(row['n'], 'seed')}."
        for row in findings.summary.to_dicts()
        if row["n"]
    ]
    return Answer(lines=tuple(lines), sources=("tables/arms.csv", "#arms")) if lines else None


def _interval(row: Mapping[str, Any], places: int) -> str:
    if row["sd"] is None:
        return "no interval and no standard deviation"
    interval, deviation = span(row["low"], row["high"], places), fixed(row["sd"], places)
    return f"95 % interval {interval}, standard deviation {deviation}"


def validation_scores(subject: Subject) -> Answer | None:
    """The score on validation data beside each on test data."""
    findings = subject.findings
    pairs = [
        (name, twin)
        for name in findings.plan.metrics
        if name.startswith("test/") and (twin := twin_metric(name)) in findings.plan.metrics and twin
    ]
    lines = [line for test, validation in pairs for line in _both(subject, test, validation)]
    return Answer(lines=tuple(lines), sources=("tables/metrics.csv", "#arms")) if lines else None


def _both(subject: Subject, test: str, validation: str) -> Iterator[str]:
    findings = subject.findings
    rows = [{row["arm"]: row for row in findings.summarise(name).to_dicts()} for name in (validation, test)]
    places = [metric_decimals(findings, name) for name in (validation, test)]
    for arm in findings.names:
        if rows[0][arm]["n"] and rows[1][arm]["n"]:
            told = (f"{fixed(row[arm]['mean'], digits)}" for row, digits in zip(rows, places, strict=True))
            yield f"{arm}: {validation} {next(told)}, {test} {next(told)}."


def error_bars(subject: Subject) -> Answer | None:
    """What intervals are of, what varies in them, and how they are computed."""
    findings = subject.findings
    if not findings.summary["n"].sum():
        return None
    lines = (
        "Intervals are given with every mean and every difference: two-sided, 95 %, over seeds. That of a mean reaches "
        "as far to each side as Student's t interval and bootstrap-t do; that of a difference holds every difference "
        "that the sign-flip test of the comparison alone does not reject. Below six values both are Student's t.",
        "They cover what the seed varies: initial weights, order of the training data, random numbers of training "
        "(dropout, where there is any). They do not cover other training data, other splits or other test data.",
        "That of a difference assumes that differences are as likely with the other sign around it, not that they are "
        "normally distributed. No interval leaves the metric's range. Standard deviations are given beside them and "
        "are never used as error bars. Trials that diverged enter no mean and are counted.",
    )
    return Answer(lines=lines, sources=("tables/arms.csv", "tables/differences.csv", "#arms"))


def tests(subject: Subject) -> Answer | None:
    """Which test gave the verdicts, and what each comparison came to."""
    findings = subject.findings
    if findings.plan.claims:
        return _claims(findings)
    rows = findings.differences.to_dicts()
    if not rows:
        return None
    places = metric_decimals(findings, findings.metric)
    lines = [
        f"Each of {count(len(rows), 'arm')} against {describe_baseline(findings.plan)}, seed by seed: two-sided "
        f"sign-flip test of the mean difference (of signs where a side diverged), "
        f"exact up to {EXACT_UP_TO} pairs, else by {DRAWS:,} drawn patterns; "
        f"p adjusted for {count(len(rows), 'comparison')} by the step-down max-T method over joint sign flips of the "
        f"seeds (Westfall and Young 1993); level {LEVEL:g}. Without an effect, the differences of a seed are assumed "
        "to be as likely with all their signs turned; no normal distribution is assumed.",
    ]
    for row in rows:
        pairs, interval = f"{row['n']} of {count(row['planned_pairs'], 'pair')}", ""
        if row["low"] is not None:
            interval = f", 95 % interval {span(row['low'], row['high'], places, sign=True)}"
        p = ", one observation each"
        if row["p"] is not None:
            p = f", {p_words(row, alone=len(rows) == 1 and findings.plan.looks is None)}"
        lines.append(
            f"{row['arm']} against {row['baseline']}: {row['verdict']}, difference "
            f"{fixed(row['difference'], places, sign=True)}{interval}, {pairs}{p if row['n'] else ''}."
        )
    return Answer(lines=tuple(lines), sources=("tables/differences.csv", "#differences"))


def _claims(findings: Findings) -> Answer:
    """How declared claims were judged, and what each came to; comparisons with the baseline describe and are none."""
    number = count(len(findings.claims), "claim")
    lines = [
        f"{number}, declared in the study's file and recorded at its first run. For each seed a claim has one number, "
        "the difference of its sides averaged over the levels of the other factors, less the margin. One-sided "
        "sign-flip tests of each claim and of its contrary (of equivalence two one-sided tests, Schuirmann 1987), "
        f"exact up to {EXACT_UP_TO} seeds, else by {DRAWS:,} drawn patterns; p adjusted for all claims by the "
        f"step-down max-T method over joint sign flips of the seeds (Westfall and Young 1993); level {LEVEL:g}. At the "
        "margin, a seed's numbers are assumed to be as likely with all their signs turned; no normal distribution is "
        "assumed, but for the intervals, which are Student's t and not adjusted.",
        *claim_sentences(findings),
    ]
    return Answer(lines=tuple(lines), sources=("tables/claims.csv", "#claims"))


# What it cost


def hardware(subject: Subject) -> Answer | None:
    """What the trials ran on."""
    rows = subject.findings.environments.to_dicts()
    names = ("device", "vectors", "threads", "cudnn", "system")
    told = {", ".join(f"{name} {row[name]}" for name in names if row[name]): row for row in rows}
    lines = [f"{text}: {row['trials']} trials." for text, row in told.items() if text]
    machines = dict.fromkeys(
        ", ".join(f"{key} {value}" for key, value in run.hardware.items() if key != "host")
        for run in subject.findings.every_run
        if run.hardware
    )
    lines += [f"Machine that the runs were started on: {machine}." for machine in machines]
    cpus, gpus = subject.resource("cpus"), subject.resource("gpus")
    lines += [f"A trial occupied {cpus:g} of a machine's cores and {gpus:g} of a GPU."] if lines else []
    return Answer(lines=tuple(lines), sources=(ATTEMPTS, RUNS, "#provenance")) if lines else None


def versions(subject: Subject) -> Answer | None:
    """Versions of what numbers depend on."""
    recorded = (run.versions for run in subject.findings.every_run if run.versions)
    told = dict.fromkeys(", ".join(f"{key} {value}" for key, value in found.items()) for found in recorded)
    ran = [name for name in ENVIRONMENT if name in ("torch", "cudnn", "python")]
    rows = subject.findings.environments.select(ran).unique(maintain_order=True).to_dicts()
    trials = (", ".join(f"{name} {value}" for name, value in row.items() if value) for row in rows)
    lines = [f"Run by {text}." for text in told] + [f"Trials: {text}." for text in trials if text]
    return Answer(lines=tuple(lines), sources=(RUNS, ATTEMPTS, "#provenance")) if lines else None


def time(subject: Subject) -> Answer | None:
    """How long a trial takes."""
    done = subject.findings.ordered.filter(pl.col("status") == "completed")
    rows = done.group_by("arm", maintain_order=True).agg(
        pl.len(), pl.col("seconds").median(), low=pl.col("seconds").min(), high=pl.col("seconds").max()
    )
    lines = [
        f"{row['arm']}: {duration(row['seconds'])} per trial (median of {row['len']}; "
        f"{duration(row['low'])} to {duration(row['high'])})."
        for row in rows.to_dicts()
    ]
    if not lines:
        return None
    lines.append("Training and evaluation, while trials shared the machine: what they cost, not which arm is faster.")
    return Answer(lines=tuple(lines), sources=(ATTEMPTS, "tables/size.csv", "#size"))


def compute(subject: Subject) -> Answer | None:
    """All that was spent: reported trials, those without a result, and those of other plans."""
    attempts = subject.attempts
    if attempts.is_empty():
        return None
    spent = attempts.with_columns(of=_purpose(subject))
    rows = spent.group_by("of").agg(pl.col("seconds").sum(), attempts=pl.len(), trials=pl.col("trial").n_unique())
    known = {row["of"]: row for row in rows.to_dicts()}
    lines = [
        f"{name}: {duration(known[name]['seconds'])} in {count(known[name]['attempts'], 'attempt')} "
        f"at {count(known[name]['trials'], 'trial')}."
        for name in PURPOSES
        if name in known
    ]
    total = float(attempts["seconds"].sum())
    cpus, gpus = subject.resource("cpus"), subject.resource("gpus")
    lines.append(
        f"In all {duration(total)} of trials: {fixed(total * cpus / 3600, _digits(total * cpus))} core-hours at "
        f"{cpus:g} per trial, {fixed(total * gpus / 3600, _digits(total * gpus))} GPU-hours at {gpus:g} of a GPU per "
        "trial."
    )
    if not any(name in known for name in PURPOSES[1:]):
        lines.append("No attempt of this results folder failed, and it holds no preliminary trial.")
    lines.append("Trials in other results folders are not counted.")
    return Answer(lines=tuple(lines), sources=(ATTEMPTS, "set_aside/*"))


REPORTED = "Reported trials"
PURPOSES = (
    REPORTED,
    "Search of hyper-parameters",
    "Training that reported trials begin with",
    "Attempts that failed or were stopped",
    "Preliminary: trials that are not reported (other settings, arms or seeds)",
    "Preliminary: results of other source files, set aside",
)
"""What attempts were for, in the order in which they are listed."""


def _purpose(subject: Subject) -> pl.Expr:
    plan = subject.findings.plan
    ended = pl.col("status").is_in(list(FINAL))
    reported = pl.col("trial").is_in([trial.id for trial in plan.trials])
    prepared = pl.col("trial").is_in([trial.id for trial in plan.preparations])
    purposes = [pl.lit(name) for name in PURPOSES]
    return (
        pl.when(pl.col("aside"))
        .then(purposes[5])
        .when(~ended)
        .then(purposes[3])
        .when(pl.col("phase") == "tune")
        .then(purposes[1])
        .when(prepared)
        .then(purposes[2])
        .when(reported)
        .then(purposes[0])
        .otherwise(purposes[4])
    )


def _digits(seconds: float) -> int:
    """Decimals of hours that tell a minute."""
    return 1 if seconds >= 360_000 else 2 if seconds >= 3600 or not seconds else 4
