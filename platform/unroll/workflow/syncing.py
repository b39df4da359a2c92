"""Send a results folder's runs to W&B: those that it has not confirmed, each step once, one upload at a time."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from unroll.contract import UserError
from unroll.ledger import FINAL, Lock, StorageError
from unroll.tracking.local import Destination

if TYPE_CHECKING:
    from collections.abc import Iterator

    from unroll.ledger import Ledger
    from unroll.tracking.uploading import Patience, Sent

WORK = Path("wandb", "sync")
"""Folder in the results folder: the lock of an upload, and what its client is given."""


def being_written(ledger: Ledger) -> frozenset[str]:
    """Trials that may be running: those without a final outcome, while somebody owns the results folder."""
    owner = ledger.owner()
    if owner is None or owner.is_gone:
        return frozenset()
    trials = {trial.id for trial in ledger.registered()}
    done = {trial for trial, outcome in ledger.outcomes(trials).items() if outcome.status in FINAL}
    return frozenset(trials - done)


def sync(
    ledger: Ledger,
    *,
    command: str,
    entity: str,
    project: str,
    watch: Callable[[int, int], None],
    patience: Patience | None = None,
) -> Sent:
    """Send what W&B has not confirmed; without any such run nothing is asked, not even for a key.

    Args:
        ledger: the results folder.
        command: what is run, for whoever wants to sync at the same time.
        entity: W&B user or team; "" for each run's own, then the key's.
        project: W&B project; "" for each run's own.
        watch: told how many runs are confirmed, and of how many.
        patience: how long to try.

    Raises:
        UserError: there is no key, or W&B refuses it; W&B is switched off or does not answer; the folder holds no
            runs; another process syncs it.
    """
    from unroll.tracking import server, uploading
    from unroll.tracking.remote import Remote, Unanswered

    to = Destination(server.address(), entity, project)
    check_runs(ledger)
    ledger.check_place()
    with _alone(ledger, command):
        sent = uploading.Sent()
        busy = being_written(ledger)
        sent.set_aside += uploading.set_empty_aside(ledger.root, busy=busy)
        runs = uploading.waiting_runs(ledger.root, to=to, busy=busy)
        if not runs:
            return sent
        remote = Remote.configured()
        try:
            account = remote.account()
        except Unanswered as error:
            raise UserError(
                "W&B must answer",
                received=str(error),
                advice="nothing was sent; look whether WANDB_BASE_URL is right and the network is there, and try again",
            ) from None
        watch(0, len(runs))
        uploading.upload(
            runs,
            remote,
            account,
            to=to,
            work=ledger.root / WORK / "client",
            sent=sent,
            watch=watch,
            patience=patience or uploading.Patience(),
        )
    return sent


def check_runs(ledger: Ledger) -> None:
    """See that a results folder holds runs of W&B.

    Raises:
        UserError: it does not.
    """
    if (ledger.root / "wandb").is_dir():
        return
    raise UserError(
        "a results folder must hold runs of W&B to send",
        where=str(ledger.root),
        received="no folder wandb",
        advice="run the study with wandb.mode=offline or online; what ran with wandb.mode=disabled has none",
    )


@contextmanager
def _alone(ledger: Ledger, command: str) -> Iterator[None]:
    with ExitStack() as stack:
        try:
            stack.enter_context(Lock(ledger.root / WORK / "lock", command))
        except StorageError:
            raise
        except UserError as error:
            raise UserError(
                "only one process may send a results folder's runs at a time",
                where=error.where,
                received=error.received,
                advice="wait until it ends or stop it",
            ) from None
        yield
