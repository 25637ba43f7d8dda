"""What a provider takes home from an upload: a signed receipt, rows by outcome, rows to mend.

The receipt is a signed note (C2SP) under the key of the log, over one line of canonical JSON; it
can be checked with the log's public key and nothing else.
"""

import csv
import io
import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import rfc8785
from django.conf import settings
from django.db.models import Sum

from ledger import audit
from ledger.keys import key_history, sign_text, text_keys
from ledger.receipts import promise_for
from providers.batches import ERROR_COLUMNS, FORMULA_MARK
from providers.models import BatchRow, UsageBatch, UsageRecord
from providers.problems import CATALOGUE
from providers.records import FIELDS, RowFault

MOST_RESULTS = 1_000
REVERSALS_FROM = 1_000  # segments from here on are reversals, not rows of the batch
_LEFT_OUT = frozenset(BatchRow.Outcome.values)
# What a spreadsheet may run, full-width signs included; also our own mark, so that it comes back.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠", FORMULA_MARK)
_NUMBER = re.compile(r"-[0-9.]+")


def receipt_of(batch: UsageBatch, *, at: datetime) -> dict[str, Any]:
    """Return the signed receipt of a finished batch, with its place in the log once sealed.

    Before that a signed promise goes with it: the entry will be in the log within a minute.
    """
    if not key_history().lasting():
        audit.ensure_key(at)
    index = audit.entry_index(batch.log_entry_id) if batch.log_entry_id else None
    stated: dict[str, Any] = {
        "batch_id": str(batch.pk),
        "provider_id": str(batch.provider_id),
        "key_id": batch.key.key_id if batch.key else "",
        "livemode": batch.livemode,
        "received_at": batch.received_at.isoformat(),
        "status": batch.status,
        "counts": {name: str(count) for name, count in batch.counts.items()},
        "device_milli_seconds": str(batch.device_milli_seconds),
        "pflops_hours": f"{batch.pflops_hours:f}",
        "body_sha256": batch.body_sha256,
        "log_origin": settings.LOG_ORIGIN,
        "log_entry_id": str(batch.log_entry_id or ""),
        "log_index": "" if index is None else str(index),
    }
    text = f"{settings.LOG_ORIGIN}/receipt\n{rfc8785.dumps(stated).decode()}\n"
    promise = promise_for(batch.log_entry_id, at=at) if batch.log_entry_id else None
    return {
        "receipt": stated,
        "note": sign_text(text, at=at),
        "vkey": text_keys()[-1].text,
        "promise": promise or "",
    }


def results_page(
    batch: UsageBatch, *, status: str = "", after_row: int = 0, limit: int = 100
) -> tuple[list[dict[str, Any]], int | None]:
    """Return one page of rows with their outcomes in row order, and where the next one starts."""
    found: list[dict[str, Any]] = []
    if status not in _LEFT_OUT:
        found += _stored(batch, status, after_row, limit)
    if not status or status in _LEFT_OUT:
        found += _left_out(batch, status, after_row, limit)
    found.sort(key=lambda each: int(each["row"]))
    page = found[:limit]
    more = len(found) > limit
    return page, int(page[-1]["row"]) if more and page else None


def _stored(batch: UsageBatch, status: str, after: int, limit: int) -> list[dict[str, Any]]:
    records = UsageRecord.objects.filter(batch=batch, segment=0, row_no__gt=after)
    if status:
        records = records.filter(state=status)
    rows = list(records.order_by("row_no")[: limit + 1])
    whole = UsageRecord.objects.filter(
        batch=batch, row_no__in=[each.row_no for each in rows], segment__lt=REVERSALS_FROM
    )
    sums = dict(
        whole.values("row_no")
        .annotate(total=Sum("device_milli_seconds"))
        .values_list("row_no", "total")
    )
    return [
        {
            "row": row.row_no,
            "record_id": row.record_id,
            "status": row.state,
            "hold_reason": row.hold_reason,
            "device_milli_seconds": str(sums[row.row_no]),
            "gflops": row.gflops,
            "settle_month": row.settle_month,
            "late": row.settle_month != row.month,
            "errors": [],
        }
        for row in rows
    ]


def _left_out(batch: UsageBatch, status: str, after: int, limit: int) -> list[dict[str, Any]]:
    # Row 0 is the whole body, when it was refused as such.
    rows = BatchRow.objects.filter(batch=batch, row_no__gt=after or -1)
    if status:
        rows = rows.filter(outcome=status)
    return [
        {
            "row": row.row_no,
            "record_id": row.record_id,
            "status": row.outcome,
            "errors": faults_of(row),
        }
        for row in rows.order_by("row_no", "id")[: limit + 1]
    ]


def faults_of(row: BatchRow, language: str = "zh") -> list[dict[str, Any]]:
    """Return the faults of a row that was left out, in words."""
    return [told(row.row_no, fault, language) for fault in row.faults]


def told(row_no: int, fault: dict[str, Any], language: str = "zh") -> dict[str, Any]:
    """Return one stored fault in words, with both digests where there are two."""
    plain = RowFault(row_no, fault["column"], fault["code"], fault["value"]).as_plain(language)
    digests = {name: fault[name] for name in ("stored_digest", "given_digest") if fault.get(name)}
    return plain | digests


def errors_csv(batch: UsageBatch) -> Iterator[str]:
    """Yield the rows that were not taken, as sent, with three columns that say why.

    The file may be mended and sent back as it is: the three columns are passed over. A cell that
    a spreadsheet would run as a formula gets an apostrophe in front, which is taken away again
    when the file comes back.
    """
    yield "\ufeff" + _line([*FIELDS, *ERROR_COLUMNS])
    rows = BatchRow.objects.filter(batch=batch).exclude(outcome=BatchRow.Outcome.DUPLICATE)
    for row in rows.order_by("row_no", "id").iterator(chunk_size=2000):
        codes = [fault["code"] for fault in row.faults]
        details = [each["detail"] for each in faults_of(row)]
        hints = [CATALOGUE[code].hint_zh for code in codes]
        cells = [row.given.get(name, "") for name in FIELDS]
        yield _line(
            [
                *map(_safe, cells),
                " ".join(codes),
                "；".join(details),
                "；".join(dict.fromkeys(hints)),
            ]
        )


def _safe(cell: str) -> str:
    """Keep a spreadsheet from running a cell."""
    runs = cell.startswith(_FORMULA) and not _NUMBER.fullmatch(cell)
    return FORMULA_MARK + cell if runs else cell


def _line(cells: list[str]) -> str:
    out = io.StringIO()
    csv.writer(out).writerow(cells)
    return out.getvalue()
