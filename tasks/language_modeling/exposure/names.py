"""What is measured of exposure bias, by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, final

from unroll.contract import Metric, free_running_metric


@final
@dataclass(frozen=True, slots=True)
class Compared:
    """One number behind words of the data and behind the model's own.

    Args:
        data: the metric behind words of the data.
        ratio: what says how much worse the model is behind its own.
        own_over_data: whether the ratio is that way up: of numbers that are to be small.
    """

    data: str
    ratio: str
    own_over_data: bool

    @property
    def own(self) -> str:
        """The metric behind the model's own words."""
        return free_running_metric(self.data)


TOTAL_VARIATION: Final = Compared("test/total_variation", "test/eb_c/total_variation", own_over_data=True)
JENSEN_SHANNON: Final = Compared("test/jensen_shannon", "test/eb_c/jensen_shannon", own_over_data=True)
BLEU: Final = Compared("test/continuation_bleu", "test/eb_m/bleu", own_over_data=False)
OUTSIDE: Final = "test/outside_language"
"""Share of the model's own prefixes with which no sentence of the language begins."""

_DATA, _OWN = "after prefixes of the test text.", "after prefixes that the model wrote."


def _distances(compared: Compared, name: str, unit: str) -> dict[str, Metric]:
    what = f"{name} between the model's and the true distribution of the next word, "
    ratio = f"EB-C: {name} {_OWN[:-1]}, divided by that {_DATA} Above 1: worse behind its own words."
    return {
        compared.ratio: Metric("minimize", "", ratio),
        compared.data: Metric("minimize", unit, what + _DATA),
        compared.own: Metric("minimize", unit, what + _OWN),
    }


EXPOSURE: Final[Mapping[str, Metric]] = {
    **_distances(TOTAL_VARIATION, "total variation", ""),
    **_distances(JENSEN_SHANNON, "Jensen-Shannon divergence", "nats"),
    OUTSIDE: Metric("minimize", "", "Share of the model's own prefixes with which no sentence of the language begins."),
    BLEU.ratio: Metric(
        "minimize", "", "EB-M: BLEU of continuations of the test text's prefixes, divided by that of its own prefixes'."
    ),
    BLEU.data: Metric("maximize", "", f"Corpus BLEU of what the model writes {_DATA}"),
    BLEU.own: Metric("maximize", "", f"Corpus BLEU of what the model writes {_OWN}"),
}
"""All of it; every one is a profile over the lengths of prefixes, too."""
OF_KNOWN_LANGUAGE: Final = tuple(name for name in EXPOSURE if not name.endswith("bleu"))
"""What needs the true distribution."""
