"""What a language model is scored by, by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from tasks.language_modeling.exposure.names import EXPOSURE
from unroll.contract import Metric

BITS: Final = ("validation/bits_per_character", "test/bits_per_character")
"""Of texts whose tokens are characters."""

RANKS: Final = (1, 3, 5, 10)
RANK_SCORES: Final = (*(f"top_{k}_accuracy" for k in RANKS), "mean_reciprocal_rank")
"""Scores of completions of any text, without the split: one for each of :data:`RANKS`, and one of all."""
KEYSTROKES: Final = "keystrokes_saved"
"""Of texts whose tokens are words."""
COMPLETIONS: Final = tuple(f"test/{name}" for name in (*RANK_SCORES, KEYSTROKES))

_SHARES: Final = [f"Share of the tokens of the test text that are among the {k} most probable ones." for k in RANKS]

METRICS: Final[Mapping[str, Metric]] = {
    "validation/perplexity": Metric("minimize", "", "Perplexity of the tested state on the validation text.", "log"),
    "test/perplexity": Metric("minimize", "", "Perplexity of the tested state on the test text.", "log"),
    "train/perplexity": Metric(
        "minimize",
        "",
        "Perplexity of the training text during the last epoch, with dropout, while weights moved.",
        "log",
    ),
    BITS[0]: Metric("minimize", "bits", "log2 of the perplexity of the validation text, where a token is a character."),
    BITS[1]: Metric("minimize", "bits", "log2 of the perplexity of the test text, where a token is a character."),
    **{name: Metric("maximize", "", text, "logit") for name, text in zip(COMPLETIONS, _SHARES, strict=False)},
    COMPLETIONS[-2]: Metric("maximize", "", "Mean over the tokens of the test text of 1 / rank by probability."),
    COMPLETIONS[-1]: Metric(
        "maximize", "", "Share of the keys of the test text that a list of the most probable words saves."
    ),
    **EXPOSURE,
}
"""The first one is the default of a study's ``metric``; of completions, those of the test text alone are told."""
