"""Kinds of language models, and which settings of ``network`` each of them has."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final, Literal, get_args

from tasks.text.embeddings import WordVectorSettings
from unroll.contract import IdleSettings

if TYPE_CHECKING:
    from tasks.language_modeling.settings import LanguageModelingSettings, Network

Kind = Literal["recurrent", "window", "ngram"]

_OF_BASELINES: Final = ("order", "direct")
_HAS: Final[dict[str, frozenset[str]]] = {
    "window": frozenset(
        {"hidden", "dropout", "tie_weights", "initialization", "initialization_scale", "order", "direct"}
    )
    | frozenset(WordVectorSettings.model_fields),
    "ngram": frozenset({"order"}),
}


def has_setting(kind: Kind, name: str) -> bool:
    """Whether models of this kind have this setting of ``network``."""
    return name == "kind" or (name in _HAS[kind] if kind in _HAS else name not in _OF_BASELINES)


def check_kind(network: Network) -> None:
    """Refuse what another kind is set by; what a setting holds by default says nothing.

    Raises:
        ValueError: a setting of another kind is set, or a window holds no word to predict from.
    """
    for name, field in type(network).model_fields.items():
        value = getattr(network, name)
        if not has_setting(network.kind, name) and value != field.default:
            kinds = [kind for kind in get_args(Kind) if has_setting(kind, name)]
            whose = f"the kind{'s' if len(kinds) > 1 else ''} {' and '.join(kinds)}"
            raise IdleSettings(
                f"{name} is a setting of {whose}, received {json.dumps(value, default=str)} for kind {network.kind}",
                idle=[name],
                choice="kind",
            )
    if network.kind == "window" and network.order < 2:
        raise ValueError(f"order must be at least 2 for kind window, received {network.order}")


def check_training(settings: LanguageModelingSettings) -> None:
    """Refuse what asks for a recurrent network where there is none.

    Raises:
        ValueError: Omega or diagnoses of another kind.
    """
    for name in ("omega", "diagnose_every"):
        value = getattr(settings.training, name)
        if value is not None and settings.network.kind != "recurrent":
            rule = f"{name} needs kind recurrent, received {value} for kind {settings.network.kind}"
            raise IdleSettings(rule, idle=[f"training.{name}"], choice="network.kind")
