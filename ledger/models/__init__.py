"""The tables of the books and of the log. Only ``ledger`` reads them; nobody changes a row.

Rows are inserted by ``ledger.book``, ``ledger.audit`` and ``ledger.sealing`` alone; the guards
in the plain-SQL migrations refuse every update, delete and truncate. A balance row is moved by
the database itself, in the statement that inserts the transfers.
"""

from ledger.models.books import (
    Account,
    AccountBalance,
    AccountRollup,
    Journal,
    PeriodClose,
    RefusedId,
    Transfer,
)
from ledger.models.incidents import Incident, IncidentClosing, IncidentRequest
from ledger.models.log import (
    Checkpoint,
    EntryReference,
    LogEntry,
    LogEntryQuerySet,
    LogLeaf,
    LogTile,
    Promise,
    Xid8Field,
)
from ledger.models.witnesses import Anchor, Cosignature, TimeStamp
from ledger.models.work import Work

__all__ = [
    "Account",
    "AccountBalance",
    "AccountRollup",
    "Anchor",
    "Checkpoint",
    "Cosignature",
    "EntryReference",
    "Incident",
    "IncidentClosing",
    "IncidentRequest",
    "Journal",
    "LogEntry",
    "LogEntryQuerySet",
    "LogLeaf",
    "LogTile",
    "PeriodClose",
    "Promise",
    "RefusedId",
    "TimeStamp",
    "Transfer",
    "Work",
    "Xid8Field",
]
