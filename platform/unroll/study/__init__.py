"""Declare: strict YAML -> Study -> Plan of trials; overrides; identity; JSON Schema."""

from unroll.study._overrides import spell_overrides
from unroll.study._size import count_parameters
from unroll.study._tuned_arms import decide
from unroll.study.declaration import Declaration, Limits, Resources, Study, Wandb
from unroll.study.identity import trial_id
from unroll.study.job import Job
from unroll.study.libraries import load_libraries
from unroll.study.loading import load_options, load_settings, load_study
from unroll.study.plan import Arm, MetricSpec, Plan
from unroll.study.planning import make_jobs, make_plan
from unroll.study.project import discover_studies, discover_tasks, find_study, load_task, project_root, suggestion
from unroll.study.restoring import locate, read_locations, restore_settings, set_locations, told_locations
from unroll.study.trial import Frozen, Phase, Trial
from unroll.study.tuning import Candidate, Winner

__all__ = [
    "Arm",
    "Candidate",
    "Declaration",
    "Frozen",
    "Job",
    "Limits",
    "MetricSpec",
    "Phase",
    "Plan",
    "Resources",
    "Study",
    "Trial",
    "Wandb",
    "Winner",
    "count_parameters",
    "decide",
    "discover_studies",
    "discover_tasks",
    "find_study",
    "load_libraries",
    "load_options",
    "load_settings",
    "load_study",
    "load_task",
    "locate",
    "make_jobs",
    "make_plan",
    "project_root",
    "read_locations",
    "restore_settings",
    "set_locations",
    "spell_overrides",
    "suggestion",
    "told_locations",
    "trial_id",
]
