"""Remember: immutable records, atomic writes, read back as Polars frames."""

from unroll.ledger.analyses import AnalysisRecord
from unroll.ledger.checkpoints import CheckpointStore
from unroll.ledger.claims import Claim, Fenced
from unroll.ledger.columns import ENVIRONMENT
from unroll.ledger.files import StorageError, write_atomic
from unroll.ledger.frames import MISSING
from unroll.ledger.ledger import Ledger
from unroll.ledger.lock import Lock, Owner
from unroll.ledger.outcome import FINAL, HistoryRow, Outcome, Progress, Selected, Status
from unroll.ledger.packs import Pack, PackContent, PackRecord, encode_pack
from unroll.ledger.records import DamagedRecord, UnknownFormat, read_record, write_record
from unroll.ledger.refusal import nothing_left_on_error
from unroll.ledger.run_record import RunRecord
from unroll.ledger.scores import Scores, ScoresRecord
from unroll.ledger.shown import ShownExample, ShownExamples
from unroll.ledger.sources import describe_changed
from unroll.ledger.submissions import SubmissionRecord
from unroll.ledger.trial_records import TrialRecords
from unroll.ledger.weights import Weights, WeightsNotKept, WeightsRecord
from unroll.ledger.whole_seeds import partial_seeds, seeds_left_out, without_seeds

__all__ = [
    "ENVIRONMENT",
    "FINAL",
    "MISSING",
    "AnalysisRecord",
    "CheckpointStore",
    "Claim",
    "DamagedRecord",
    "Fenced",
    "HistoryRow",
    "Ledger",
    "Lock",
    "Outcome",
    "Owner",
    "Pack",
    "PackContent",
    "PackRecord",
    "Progress",
    "RunRecord",
    "Scores",
    "ScoresRecord",
    "Selected",
    "ShownExample",
    "ShownExamples",
    "Status",
    "StorageError",
    "SubmissionRecord",
    "TrialRecords",
    "UnknownFormat",
    "Weights",
    "WeightsNotKept",
    "WeightsRecord",
    "describe_changed",
    "encode_pack",
    "nothing_left_on_error",
    "partial_seeds",
    "read_record",
    "seeds_left_out",
    "without_seeds",
    "write_atomic",
    "write_record",
]
