"""The weights that a trial begins with: another trial's, as that one was tested."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from unroll.contract import UserError
from unroll.execution.trial.conditions import BegunWithDiverged
from unroll.ledger import DamagedRecord, Ledger, WeightsNotKept

if TYPE_CHECKING:
    from torch import Tensor

    from unroll.study import Trial


def check_begin(ledger: Ledger, start: str) -> None:
    """Refuse a trial with a result that no other can begin with; one that diverged is none: those diverge, too.

    Raises:
        UserError: its weights are gone, damaged, or not those that were tested.
        StorageError: the disk does not answer.
    """
    weights, outcome = ledger.trial(start).weights, ledger.trial(start).result()
    if outcome is not None and outcome.status == "diverged":
        return
    try:
        record = weights.describe()
        weights.content(record)
    except WeightsNotKept:
        raise _lost(ledger, start, "none") from None
    except DamagedRecord as damage:
        raise _lost(ledger, start, f"{damage.path.name}: {damage.received}") from None
    if outcome is not None and record.which == "best" and record.selected != outcome.selected:
        raise _lost(ledger, start, "only those of its best validation, which were not tested")


def read_weights(ledger: Ledger, start: str) -> dict[str, Tensor]:
    """The weights with which a trial begins: name in the module's state -> tensor on the processor.

    Raises:
        BegunWithDiverged: the trial that has them diverged.
        UserError: there are none.
        StorageError: the disk does not answer.
    """
    records = ledger.trial(start)
    outcome = records.result()
    if outcome is not None and outcome.status == "diverged":
        raise BegunWithDiverged(describe(ledger, start), outcome.message)
    check_begin(ledger, start)
    return records.weights.read()


def describe(ledger: Ledger, start: str) -> str:
    """A trial for people, by its arm and seed where that is known."""
    trial: Trial | None = ledger.trial(start).read()
    return f"'{trial.arm}' seed {trial.seed}" if trial else f"the trial {start}"


def begin_with(module: Any, weights: Mapping[str, Tensor]) -> None:
    """Give a module another one's weights (``contract.TrainingModule``): by its own way, or by name and shape."""
    if hasattr(module, "begin_with"):
        module.begin_with(weights)
        return
    own = module.state_dict()
    agreeing = {name: part for name, part in weights.items() if name in own and own[name].shape == part.shape}
    module.load_state_dict(agreeing, strict=False)


def _lost(ledger: Ledger, start: str, received: str) -> UserError:
    return UserError(
        f"the weights of {describe(ledger, start)} must have been kept: other trials begin with them",
        where=str(ledger.root),
        received=received,
        advice=f"bring its files back from a copy, or remove trials/{start} in the results folder: it is run anew, and "
        "the others then begin with it",
    )
