"""Write every journal out again from its rows and compare it with the bytes of its entry.

Written apart from the posting function in the database, which wrote both: whatever it did wrong,
or anybody changed since, shows here and is named.
"""

import hashlib
import json
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import psycopg
from django.conf import settings
from django.db import connection

from ledger import models
from ledger.entries import (
    JOURNAL_TYPE,
    VERSION,
    Malformed,
    canonical,
    canonical_text,
    decode,
    moment_text,
    text_literal,
)
from ledger.invariants import Finding

Progress = Callable[[int, int], None]
AT_ONCE = 2_000
REPORT_EVERY = 20_000

_JOURNALS = """
SELECT j.seq, j.id, j.kind, j.effective_at, j.recorded_at, j.actor::text, j.approvals::text,
    j.refs::text, j.request_hash, e.body,
    (SELECT coalesce(json_agg(json_build_array(t.id, t.ordinal, t.code, t.phase,
            d.unit, d.code, d.programme, d.subject, c.code, c.programme, c.subject,
            t.amount::text, t.pending_id, to_char(t.expires_at AT TIME ZONE 'UTC',
            'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), t.reason) ORDER BY t.ordinal), '[]')::text
        FROM ledger_transfer t
        LEFT JOIN ledger_account d ON d.id = t.debit_id
        LEFT JOIN ledger_account c ON c.id = t.credit_id
        WHERE t.journal_id = j.seq)
FROM ledger_journal j
LEFT JOIN ledger_logentry e ON e.id = j.id
ORDER BY j.seq
"""


def stream(name: str, sql: str) -> Iterator[tuple[Any, ...]]:
    """Yield the rows of a query a few thousand at a time, whatever their number."""
    with psycopg.ServerCursor(connection.connection, name) as cursor:
        cursor.itersize = AT_ONCE
        cursor.execute(sql, binary=True)
        yield from cursor


def journal_findings(report: Progress, total: int) -> list[Finding]:
    """Return every journal and transfer that differs from the bytes of its entry."""
    found: list[Finding] = []
    counted = models.LogEntry.objects.count()
    written = Rewriting()
    for done, row in enumerate(stream("inspect_journals", _JOURNALS)):
        if done % REPORT_EVERY == 0:
            report(counted + done, total)
        if not written.fits(row):
            found += _journal_faults(row)
    return found


class Rewriting:
    """Writes journals out again from their rows; where the bytes are those of the entry, all fits.

    Only where they are not is the row taken apart to name what differs.
    """

    def __init__(self) -> None:
        self._accounts: dict[tuple[str, ...], str] = {}

    def fits(self, row: tuple[Any, ...]) -> bool:
        """Say whether entry and request hash come out of the rows to the byte."""
        seq, journal_id, kind, effective_at, recorded_at, actor, approvals, refs, asked = row[:9]
        if row[9] is None:
            return False
        columns = json.loads(row[10])
        if [each[1] for each in columns] != list(range(len(columns))):
            return False
        head = (
            f'{{"approvals":{_recoded(approvals)},"effective_at":"{moment_text(effective_at)}",'
            f'"journal":"{journal_id}","kind":{text_literal(kind)},"refs":{_recoded(refs)}'
        )
        tail = f',"transfers":[{",".join([self._leg(each) for each in columns])}]}}'
        written = (
            f'{{"actor":{_recoded(actor)},"at":"{moment_text(recorded_at)}","auth":null,'
            f'"body":{head},"seq":"{seq}"{tail},"id":"{journal_id}","links":[],'
            f'"log":{text_literal(settings.LOG_ORIGIN)},"pii":{{}},"type":"{JOURNAL_TYPE}",'
            f'"v":"{VERSION}"}}'
        )
        try:
            digest = hashlib.sha256((head + tail).encode()).digest()
            return written.encode() == bytes(row[9]) and digest == bytes(asked)
        except UnicodeEncodeError:
            return False

    def _leg(self, columns: list[Any]) -> str:
        known, _, code, phase, unit = columns[:5]
        amount, pending_id, expires_at, reason = columns[11:]
        debit, credit = self._account(columns[5:8]), self._account(columns[8:11])
        more = f'"expires_at":"{expires_at}",' if expires_at else ""
        pending = f'"pending_id":"{pending_id}",' if pending_id else ""
        why = f'"reason":{text_literal(reason)},' if reason else ""
        return (
            f'{{"amount":"{amount}","code":"{code}","credit":{credit},"debit":{debit},'
            f'{more}"id":"{known}",{pending}"phase":"{phase}",{why}"unit":"{unit}"}}'
        )

    def _account(self, name: list[str]) -> str:
        key = tuple(name)
        known = self._accounts.get(key)
        if known is None:
            known = self._accounts[key] = canonical_text(name)
        return known


def _recoded(text: str) -> str:
    """Return the canonical form of what the database gives as JSON."""
    return text if text in ("[]", "{}") else canonical_text(json.loads(text))


def _journal_faults(row: tuple[Any, ...]) -> Iterator[Finding]:
    subject = f"ledger_journal {row[0]}"
    if row[9] is None:
        yield Finding("journal", subject, "没有对应的日志条目")
        return
    try:
        entry = decode(bytes(row[9]))
    except Malformed:
        return  # Told already with the entry itself.
    stated = entry["body"]
    stored = _journal_body(row)
    legs = stated.get("transfers")
    yield from _transfer_faults(
        row, stored.pop("transfers"), legs if isinstance(legs, list) else []
    )
    for name, value in stored.items():
        if stated.get(name) != value:
            yield Finding("journal", f"{subject}.{name}", f"与日志条目 {entry['id']} 不一致")
    if (moment_text(row[4]), json.loads(row[5])) != (entry["at"], entry["actor"]):
        yield Finding("journal", f"{subject}.recorded_at/actor", "与日志条目不一致")
    asked = {name: each for name, each in stated.items() if name != "seq"}
    if bytes(row[8]) != hashlib.sha256(canonical(asked)).digest():
        yield Finding("journal", f"{subject}.request_hash", "与日志条目不一致")


def _journal_body(row: tuple[Any, ...]) -> dict[str, Any]:
    seq, journal_id, kind, effective_at = row[:4]
    return {
        "seq": str(seq),
        "journal": str(journal_id),
        "kind": kind,
        "effective_at": moment_text(effective_at),
        "approvals": json.loads(row[6]),
        "refs": json.loads(row[7]),
        "transfers": json.loads(row[10]),
    }


def _transfer_faults(
    row: tuple[Any, ...], stored: list[list[Any]], stated: list[Any]
) -> Iterator[Finding]:
    if len(stored) != len(stated):
        yield Finding(
            "transfer",
            f"ledger_journal {row[0]}",
            f"有 {len(stored)} 笔分录，日志为 {len(stated)} 笔",
        )
    for place, (columns, leg) in enumerate(zip(stored, stated, strict=False)):
        expected = _leg(columns)
        subject = f"ledger_transfer {UUID(columns[0])}"
        wrong = [name for name in {*expected, *leg} if expected.get(name) != leg.get(name)]
        for name in sorted(wrong):
            yield Finding(
                "transfer",
                f"{subject}.{name}",
                f"行内为 {expected.get(name)}，日志为 {leg.get(name)}",
            )
        if columns[1] != place:
            yield Finding("transfer", f"{subject}.ordinal", f"应为 {place}")


def _leg(columns: list[Any]) -> dict[str, Any]:
    leg = {
        "id": columns[0],
        "code": str(columns[2]),
        "phase": columns[3],
        "unit": columns[4],
        "debit": columns[5:8],
        "credit": columns[8:11],
        "amount": columns[11],
        "pending_id": columns[12],
        "expires_at": columns[13],
        "reason": columns[14],
    }
    return {name: value for name, value in leg.items() if value}
