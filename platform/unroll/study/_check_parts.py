"""Check that a task's module and data have all that the platform is going to call, before anything is trained."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from unroll.contract import Dataset, Settings, UserError
from unroll.study.project import AnyTask

if TYPE_CHECKING:
    import pytorch_lightning as pl

MODULE_HOOKS = ("training_step", "validation_step", "test_step", "configure_optimizers")
MODULE_OWN = ("initialise", "items_seen")
DATA_HOOKS = ("train_dataloader", "val_dataloader", "test_dataloader")


def check_parts(task: AnyTask, settings: Settings, dataset: Dataset, *, keeps: bool) -> None:
    """Build an arm's module (on the meta device) and data, and look at what they define; nothing is trained.

    Args:
        task: the task.
        settings: the arm's.
        dataset: its prepared data.
        keeps: whether trained weights are to stay.

    Raises:
        UserError: something that :class:`unroll.contract.TrainingModule` or :meth:`unroll.contract.Task.data` asks for
            is missing (names the class, its file, and all that it lacks), or weights are to stay and the module's state
            is not tensors alone.
    """
    import pytorch_lightning as pl
    import torch

    with torch.device("meta"):
        module = task.module(settings, dataset)
    _check("module", module, pl.LightningModule, MODULE_HOOKS, MODULE_OWN)
    if keeps and (other := [name for name, part in module.state_dict().items() if not isinstance(part, torch.Tensor)]):
        raise UserError(
            "a module whose weights are kept must have tensors alone in its state_dict",
            where=_place(module),
            received=", ".join(other),
            advice="give tensors in place of them, or set keep: none",
        )
    _check("data", task.data(settings, dataset, 0), pl.LightningDataModule, DATA_HOOKS, ())


def _check(
    method: str,
    part: Any,
    base: type[pl.LightningModule | pl.LightningDataModule],
    hooks: Sequence[str],
    own: Sequence[str],
) -> None:
    from pytorch_lightning.utilities.model_helpers import is_overridden

    where = _place(part)
    if not isinstance(part, base):
        raise UserError(f"what a task's {method}() gives must be a {base.__name__}", where=where, advice=_ADVICE)
    missing = [name for name in hooks if not is_overridden(name, part, base)]
    missing += [name for name in own if not hasattr(part, name)]
    if missing:
        rule = f"what a task's {method}() gives must define {', '.join((*hooks, *own))}"
        raise UserError(rule, where=where, received=f"no {', no '.join(missing)}", advice=_ADVICE)


def _place(part: object) -> str:
    """File and class of a part."""
    return f"{type(part).__module__.replace('.', '/')}.py: {type(part).__qualname__}"


def check_warm_start(task: AnyTask, settings: Settings, start: Settings, dataset: Dataset, arm: str) -> None:
    """Compare what the weights of two trials are called, and their shapes; nothing is called.

    Raises:
        UserError: one takes over nothing of the other, or is tested with weights that neither has trained.
    """
    import torch

    with torch.device("meta"):
        module, other = task.module(settings, dataset), task.module(start, dataset)
    if hasattr(module, "begin_with"):
        return
    theirs, own = (
        {name: part.shape for name, part in each.state_dict().items() if isinstance(part, torch.Tensor)}
        for each in (other, module)
    )
    lost = [name for name, shape in own.items() if theirs.get(name) != shape]
    if len(lost) == len(own) or (lost and task.epochs(settings) == 0):
        raise UserError(
            "a trial must find the weights that it begins with, by name and shape"
            + (", and all of them where it trains nothing itself" if task.epochs(settings) == 0 else ""),
            where=f"{_place(module)}, arm '{arm}'",
            received=f"none for {', '.join(lost[:3])}{' ...' if len(lost) > 3 else ''}",
            advice="give the same network, or define begin_with(weights) in the module (docs/add-a-task.md)",
        )


_ADVICE = "docs/add-a-task.md shows a whole task"
