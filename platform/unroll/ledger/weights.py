"""The trained weights of one trial: a file of tensors and the record that vouches for it, both whole or not there."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from unroll.contract import UserError
from unroll.ledger.files import remove, write_atomic
from unroll.ledger.kept import Kept
from unroll.ledger.outcome import Selected
from unroll.ledger.records import DamagedRecord, read_content, read_record, write_record
from unroll.study.trial import Count, Frozen, Trial

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

_KIND = "weights"
FILE = "weights.safetensors"
RECORD = "weights.json"

Which = Literal["last", "best"]


class WeightsRecord(Frozen):
    """What the file of weights is, and all that the module around them is rebuilt from."""

    trial: str
    task: str
    task_version: Count
    settings: dict[str, Any]
    """The trial's, complete and without locations."""
    located: tuple[str, ...] = ()
    """Dotted paths of the locations that were set; what they were is not written down."""
    which: Which
    """``last``: the weights that were tested; ``best``: those of the best validation, whatever was tested."""
    selected: Selected | None = None
    """Where they were taken; None: after the last step."""
    size: Count
    """Bytes of the file."""
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    """Of the whole file."""
    tied: dict[str, str] = Field(default={})
    """Name in the module's state -> the name under which the same tensor lies in the file."""
    kept: str = Field(pattern=r"^[0-9a-f]{32}$")
    """Digest of what rebuilds the data's part of the module: ``kept/<digest>.json``."""


class WeightsNotKept(UserError):
    """A trial has no weights in its results folder."""

    def __init__(self, folder: Path) -> None:
        super().__init__(
            "the weights of a trial must have been kept",
            where=str(folder),
            received="none",
            advice="they stay where a study says `keep: last` (the default) or `keep: best` when the trial is run, and "
            "results of older versions have none: run the study with it into a new folder",
        )
        self.args = (folder,)  # what pickle calls the class with


class DamagedWeights(DamagedRecord):
    """Trained weights, or what vouches for them or rebuilds their module, are not what was once written."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(path, reason)
        self.rule = "trained weights must be what was once written"
        self.advice = (
            "bring the file back from a copy, or run the study into a new folder; the trial's metrics are whole"
        )


class Weights:
    """``weights.safetensors`` and ``weights.json`` in the folder of a trial; :attr:`TrialRecords.weights` makes it.

    The record is written after the file and removed before it, so that a record always stands for a whole file: a kill
    between the two leaves a file that counts as nothing.

    Args:
        folder: the trial's.
        trial_id: whose they are.
        kept: where the results folder has what rebuilds modules.
        refuse_final: raises :class:`Fenced` where the trial has its result.
    """

    def __init__(self, folder: Path, trial_id: str, kept: Kept, refuse_final: Callable[[], None]) -> None:
        self._folder, self._id, self._kept, self._refuse_final = folder, trial_id, kept, refuse_final
        self._file, self._record = folder / FILE, folder / RECORD

    @property
    def present(self) -> bool:
        """Whether there are weights; :meth:`read` says whether they are whole."""
        return self._record.is_file()

    def keep(self, content: Mapping[str, Any]) -> str:
        """Write down what a task rebuilds its data's part of the module from, once for all trials; gives its digest.

        Raises:
            TypeError: it is no JSON.
            DamagedRecord: no record can hold it.
            StorageError: the disk refused.
        """
        return self._kept.write(content)

    def write(
        self,
        state: Mapping[str, Tensor],
        *,
        trial: Trial,
        located: Sequence[str] = (),
        which: Which,
        selected: Selected | None,
        kept: str,
    ) -> None:
        """Write the state of a module that was trained, durably; what an attempt before left is replaced.

        A tensor that the state has under several names (tied weights) is stored once.

        Args:
            state: the module's ``state_dict``, on any device.
            trial: whose it is.
            located: dotted paths of the settings that are locations and were set.
            which: the last weights or the best ones.
            selected: where they were taken; None: after the last step.
            kept: what :meth:`keep` gave.

        Raises:
            Fenced: the trial has its result.
            StorageError: the disk refused; what was there before is whole, or gone.
        """
        from safetensors.torch import save

        self._refuse_final()
        self.remove()
        tied = find_tied(state)
        tensors = {name: part.detach().cpu().contiguous().clone() for name, part in state.items() if name not in tied}
        data = save(tensors, metadata={"format": "pt"})
        record = WeightsRecord(
            trial=trial.id,
            task=trial.task,
            task_version=trial.task_version,
            settings=trial.settings,
            located=tuple(located),
            which=which,
            selected=selected,
            size=len(data),
            sha256=hashlib.sha256(data).hexdigest(),
            tied=tied,
            kept=kept,
        )
        write_atomic(self._file, data)
        write_record(self._record, _KIND, record)

    def describe(self) -> WeightsRecord:
        """What they are, without reading them.

        Raises:
            WeightsNotKept: there are none.
            DamagedWeights: the record is damaged.
            UnknownFormat: a newer Unroll wrote it.
            StorageError: the disk does not answer.
        """
        try:
            record = read_record(self._record, _KIND, WeightsRecord)
        except FileNotFoundError:
            raise WeightsNotKept(self._folder) from None
        except DamagedRecord as damage:
            raise DamagedWeights(damage.path, damage.received) from None
        if record.trial != self._id:
            raise DamagedWeights(self._record, f"a record of trial {record.trial[:60]}")
        return record

    def read(self) -> dict[str, Tensor]:
        """The state of the module, by the names of its ``state_dict``, on the processor; tied tensors are one.

        Raises:
            WeightsNotKept: there are none.
            DamagedWeights: they are not what was once written.
            UnknownFormat: a newer Unroll wrote them.
            StorageError: the disk does not answer.
        """
        from safetensors import SafetensorError
        from safetensors.torch import load

        record = self.describe()
        try:
            state = load(self.content(record))
            return state | {name: state[stored] for name, stored in record.tied.items()}
        except (
            SafetensorError,
            KeyError,
        ) as error:  # a right checksum is no sound content
            raise DamagedWeights(self._file, f"{type(error).__name__}: {error}") from None

    def content(self, record: WeightsRecord) -> bytes:
        """The file, which is what its record vouches for.

        Raises:
            DamagedWeights: it is not what was once written.
            StorageError: the disk does not answer.
        """
        try:
            data = read_content(self._file)
        except FileNotFoundError:
            raise DamagedWeights(self._file, "no file") from None
        if len(data) != record.size or hashlib.sha256(data).hexdigest() != record.sha256:
            raise DamagedWeights(self._file, "weights that do not match their checksum")
        return data

    def rebuilt_from(self) -> dict[str, Any]:
        """What the task rebuilds its data's part of the module from (``contract.Task.restored``).

        Raises:
            WeightsNotKept: there are none.
            DamagedWeights: it is lost or damaged.
            UnknownFormat: a newer Unroll wrote it.
            StorageError: the disk does not answer.
        """
        try:
            return self._kept.read(self.describe().kept)
        except DamagedRecord as damage:
            raise DamagedWeights(damage.path, damage.received) from None

    def remove(self) -> None:
        """Forget them; nothing if there are none. A trial that has its result keeps that.

        Raises:
            StorageError: the disk refused.
        """
        remove(self._record)
        remove(self._file)


def find_tied(state: Mapping[str, Tensor]) -> dict[str, str]:
    """Name -> the first name of the same tensor, for every further name that a tensor has in a state."""
    first: dict[tuple[Any, ...], str] = {}
    tied = {}
    for name, part in state.items():
        if part.numel():  # what is empty lies nowhere
            place = (part.device, part.data_ptr(), part.shape, part.stride(), part.dtype)
            if (other := first.setdefault(place, name)) != name:
                tied[name] = other
    return tied
