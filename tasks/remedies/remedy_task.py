"""A task whose networks may be trained by a remedy."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar, cast

from tasks.learning.learned_task import LearnedTask
from tasks.learning.settings import LearnedSettings
from tasks.remedies.kinds import REMEDIES
from tasks.remedies.settings import PLAIN, RemedySettings
from unroll.contract import Dataset, UserError

if TYPE_CHECKING:
    from tasks.learning.descent import Learning
    from tasks.remedies.remedy import Remedy

SettingsT = TypeVar("SettingsT", bound=LearnedSettings)
DatasetT = TypeVar("DatasetT", bound=Dataset)


class RemedyTask(LearnedTask[SettingsT, DatasetT]):
    """A :class:`LearnedTask` whose ``training`` are :class:`RemedySettings`, of which it answers what follows."""

    def epochs(self, settings: SettingsT) -> int:
        """Passes over the training data behind a warm start."""
        training = _training(settings)
        return training.epochs - training.first_epochs

    def warm_start(self, settings: SettingsT) -> SettingsT | None:
        """Teacher forcing of the first epochs, where the remedy begins with it."""
        training = _training(settings)
        if not training.first_epochs:
            return None
        return changed(settings, training={**training.plain(), "epochs": training.first_epochs})

    def control(self, settings: SettingsT) -> Mapping[str, Any] | None:
        """Teacher forcing of as many epochs in all."""
        training = _training(settings)
        if training.remedy == PLAIN:
            return None
        return {f"training.{name}": value for name, value in training.plain().items()}

    def learning(self, settings: SettingsT, dataset: DatasetT) -> Learning:
        """See :meth:`LearnedTask.learning`; behind a warm start with a rate of its own."""
        learning = super().learning(settings, dataset)
        return replace(learning, rate=replace(learning.rate, first=_training(settings).first_rate))

    def remedy(self, settings: SettingsT, *, features: int) -> Remedy:
        """The remedy that the settings describe, for features of this size.

        Raises:
            UserError: it takes what is no setting, or its options do not go together.
        """
        training = _training(settings)
        if unknown := [name for name in REMEDIES.options(training.remedy) if name not in type(training).model_fields]:
            raise UserError(
                "what a remedy takes beside features are settings of training",
                where=f"tasks/remedies/kinds/{training.remedy}.py",
                received=", ".join(unknown),
                advice="add them to tasks/remedies/settings.py",
            )
        build: Callable[..., Remedy] = REMEDIES.find(training.remedy)
        try:
            return build(features=features, **training.remedy_options)
        except ValueError as error:
            raise UserError(str(error), where="training") from None

    def seed_varies(self, settings: SettingsT) -> Sequence[str] | None:
        """What a remedy draws, too."""
        own = [] if _training(settings).remedy == PLAIN else ["what the remedy draws"]
        return [*(super().seed_varies(settings) or ()), *own]

    def unused(self, settings: SettingsT) -> Iterator[str]:
        """See :meth:`LearnedTask.unused`; with what a remedy would do without being told."""
        yield from super().unused(settings)
        yield from (f"training.{name}" for name in _training(settings).unused())


def _training(settings: LearnedSettings) -> RemedySettings:
    return cast("RemedySettings", settings.training)


def changed(settings: SettingsT, **sections: Mapping[str, Any]) -> SettingsT:
    """Settings with other values in some sections, which are looked at as a whole."""
    whole = {name: getattr(settings, name) for name in type(settings).model_fields}
    for name, values in sections.items():
        section = whole[name]
        whole[name] = type(section).model_validate({**dict(section), **values})
    return type(settings).model_validate(whole)
