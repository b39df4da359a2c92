"""Statistics: pure functions on Polars frames.

Every function takes frames with named columns (those of ``unroll.ledger``: one row per planned trial, or one row per
logged value) and gives a new frame; nothing is read, written or drawn.
"""

from unroll.evidence.arms import coverage, final_values, summarise_arms
from unroll.evidence.claims import claim_values, judge_claims
from unroll.evidence.confusions import confusion, find_confusions
from unroll.evidence.curves import learning_curves, merge_curves, thin_curves
from unroll.evidence.divergence import divergence_rates
from unroll.evidence.effects import factor_effects
from unroll.evidence.epochs import trends
from unroll.evidence.examples import Scored, share_of_test_set
from unroll.evidence.pairs import LEVEL, flipped_scores, pair_seeds, paired_differences, repeat_for_seeds
from unroll.evidence.permutation import DRAWS, EXACT_UP_TO, count_flips, max_t, resolution, sign_flip_p, smallest_p
from unroll.evidence.power import deciding_pairs, detectable_differences
from unroll.evidence.profiles import by_distance, fading, find_profiles, profile_steps
from unroll.evidence.reach import Reach, claim_seeds, reach
from unroll.evidence.sequential import Look, Sequential, idle_looks, least_start, sequential_max_t, spent_levels
from unroll.evidence.splits import split_gaps, twin_metric
from unroll.evidence.tuning import crossings, expected_best, spent

__all__ = [
    "DRAWS",
    "EXACT_UP_TO",
    "LEVEL",
    "Look",
    "Reach",
    "Scored",
    "Sequential",
    "by_distance",
    "claim_seeds",
    "claim_values",
    "confusion",
    "count_flips",
    "coverage",
    "crossings",
    "deciding_pairs",
    "detectable_differences",
    "divergence_rates",
    "expected_best",
    "factor_effects",
    "fading",
    "final_values",
    "find_confusions",
    "find_profiles",
    "flipped_scores",
    "idle_looks",
    "judge_claims",
    "learning_curves",
    "least_start",
    "max_t",
    "merge_curves",
    "pair_seeds",
    "paired_differences",
    "profile_steps",
    "reach",
    "repeat_for_seeds",
    "resolution",
    "sequential_max_t",
    "share_of_test_set",
    "sign_flip_p",
    "smallest_p",
    "spent",
    "spent_levels",
    "split_gaps",
    "summarise_arms",
    "thin_curves",
    "trends",
    "twin_metric",
]
