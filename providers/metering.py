"""Take in usage: every record counted once, explained, corrected only by new rows.

An upload becomes a batch; its rows are judged and stored as sets (``staging``). What counts is
posted to the COMPUTE books per provider and settlement month, and stands in the signed log.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction

from ledger import audit
from ledger.actors import Actor
from ledger.amounts import divide_half_up, pflops_hours
from ledger.book import post
from ledger.chart import TransferCode, metered, unmatched
from ledger.identifiers import new_id
from ledger.refusals import Refused
from ledger.transfers import Journal, Transfer
from providers.batches import MOST_ROWS, BadBatch, read_batch, unpack
from providers.measures import (
    DEVICE_MILLI_SECONDS_PER_CARD_HOUR,
    GFLOPS_MILLI_SECONDS_PER_PFLOPS_HOUR,
)
from providers.models import (
    BatchRow,
    OfferingPrice,
    Provider,
    ProviderKey,
    UploadAnswer,
    UsageBatch,
)
from providers.problems import CATALOGUE
from providers.staging import Stage, Sum, release_rows
from providers.tallies import Blocker, MonthlyUsage, blockers, monthly_usage

__all__ = [
    "Blocker",
    "MonthlyUsage",
    "Upload",
    "blockers",
    "book_usage",
    "monthly_usage",
    "release_held",
    "run_batch_work",
    "take_upload",
    "validate_upload",
]

SYNC_ROWS = 5_000
SYNC_BYTES = 5 << 20
MOST_FAULTS_SHOWN = 1_000
BATCH_ENDPOINT = "batches"
_MOST_ORDERS_SHOWN = 100
# A journal holds at most 200 transfers; a batch touches far fewer months.
_MONTHS_PER_JOURNAL = 100
_METERING_STATES = (Provider.State.ADMITTED, Provider.State.SUSPENDED)

RequestWork = Callable[..., Any]


@dataclass(frozen=True)
class Upload:
    """What came over the wire, before anybody has looked into it."""

    body: bytes
    content_type: str
    on_error: str = UsageBatch.OnError.REJECT_BATCH
    content_encoding: str = ""
    source: str = "api"
    expected_rows: int | None = None
    expected_device_milli_seconds: int | None = None
    signature_input: str = ""
    signature: str = ""

    @property
    def body_sha256(self) -> str:
        """Return the digest of the bytes as sent."""
        return hashlib.sha256(self.body).hexdigest()

    @property
    def digest(self) -> str:
        """Return the digest of what makes two requests the same."""
        said = (
            self.body_sha256,
            self.content_type,
            self.content_encoding,
            self.on_error,
            str(self.expected_rows),
            str(self.expected_device_milli_seconds),
        )
        return hashlib.sha256("\n".join(said).encode()).hexdigest()


@dataclass(frozen=True)
class Taken:
    """A batch as it stands after an upload, and whether it was there before."""

    batch: UsageBatch
    replayed: bool = False


@dataclass(frozen=True)
class Verdict:
    """What an upload would come to: the batch with its counts, and the first faults."""

    batch: UsageBatch
    faults: list[dict[str, Any]]
    fault_rows: int


@transaction.atomic
def take_upload(
    provider: Provider,
    upload: Upload,
    *,
    provider_key: ProviderKey | None,
    livemode: bool,
    actor: Actor,
    at: datetime,
    key: UUID,
    later: bool = False,
) -> Taken:
    """Take one upload in, once per idempotency key; the same key gives the same batch again.

    Args:
        later: store the body and leave the work to a worker (``run_batch_work``); the caller
            asks for it when the batch comes back as ``processing``.
    Writes: one batch, its records or its faults, one journal (700, 900) when something counts,
        one log entry.

    Raises:
        Refused: the body cannot be read, control totals differ, the provider may not report.
    """
    known = _claim_key(provider, livemode, BATCH_ENDPOINT, key, upload.digest, at)
    if known is not None:
        if known.batch is None:
            raise Refused("in_progress", CATALOGUE["in_progress"].zh)
        return Taken(known.batch, replayed=True)
    if provider.state not in _METERING_STATES:
        raise Refused("provider_suspended", CATALOGUE["provider_suspended"].zh)
    batch = _open_batch(provider, upload, provider_key, livemode, actor, at)
    UploadAnswer.objects.filter(
        provider=provider, livemode=livemode, endpoint=BATCH_ENDPOINT, idempotency_key=key
    ).update(batch=batch)
    if later:
        _keep_body(upload)
    else:
        _fill(batch, upload.body, actor=actor, at=at)
    return Taken(batch)


def validate_upload(
    provider: Provider,
    upload: Upload,
    *,
    provider_key: ProviderKey | None,
    livemode: bool,
    actor: Actor,
    at: datetime,
) -> Verdict:
    """Say what an upload would come to, row by row, and keep nothing of it.

    Raises:
        Refused: as ``take_upload``.
    """
    with transaction.atomic():
        batch = _open_batch(provider, upload, provider_key, livemode, actor, at)
        _fill(batch, upload.body, actor=actor, at=at, dry_run=True)
        faulty = BatchRow.objects.filter(batch=batch).exclude(outcome="duplicate")
        rows = list(faulty.order_by("row_no", "id")[:MOST_FAULTS_SHOWN])
        faults = [dict(fault, row=row.row_no) for row in rows for fault in row.faults]
        verdict = Verdict(batch, faults[:MOST_FAULTS_SHOWN], faulty.count())
        transaction.set_rollback(True)
    return verdict


def run_batch_work(work: Any, progress: Any) -> dict[str, Any]:
    """Judge and store a large batch that was kept for later; asking again changes nothing."""
    batch = UsageBatch.objects.select_related("provider").get(pk=work.payload["batch"])
    actor = Actor(**work.payload["actor"])
    if batch.status != UsageBatch.Status.PROCESSING:
        return {"status": batch.status}
    body = body_path(batch.body_sha256).read_bytes()
    progress(0, 1, "正在校验")
    try:
        with transaction.atomic():
            batch = UsageBatch.objects.select_for_update(of=("self",)).get(pk=batch.pk)
            if batch.status == UsageBatch.Status.PROCESSING:
                _fill(batch, body, actor=actor, at=work.requested_at)
    except Refused as refused:
        _refuse_batch(batch, refused, actor=actor, at=work.requested_at)
    progress(1, 1, "完成")
    return {"status": batch.status}


@transaction.atomic
def release_held(provider: Provider | None = None, *, actor: Actor, at: datetime) -> int:
    """Judge held records again and count those that no longer wait; nothing is sent twice.

    Called when a rate, an alias, a capacity or an order's limit has come; safe at any time.

    Returns:
        How many records have been released.
    Writes: their new state, one journal (700) and one log entry per provider concerned.
    """
    waiting = Provider.objects.filter(usage__state="held", usage__livemode=True)
    if provider is not None:
        waiting = waiting.filter(pk=provider.pk)
    released = 0
    for each in waiting.distinct().order_by("pk"):
        records, sums = release_rows(each)
        if not records:
            continue
        released += records
        book_usage(each, "metering.release", sums, {"provider": str(each.pk)}, actor=actor, at=at)
        facts = {"provider": str(each.pk), "records": str(records)}
        audit.record("metering.release", facts, actor=actor, at=at)
    return released


def book_usage(
    provider: Provider,
    kind: str,
    sums: list[Sum],
    refs: dict[str, str],
    *,
    actor: Actor,
    at: datetime,
) -> None:
    """Post what counts to the COMPUTE books: per settlement month, use in, corrected use out.

    Use is rounded up and what is taken back is rounded down to whole GFLOPS-seconds, so that the
    statement lines drawn from it (rounded down) always find enough.

    Units: GFLOPS-seconds. Writes: one journal per 100 months.
    """
    totals: dict[str, list[int]] = {}
    for each in sums:
        pair = totals.setdefault(each.settle_month, [0, 0])
        pair[0] += each.device_milli_seconds * each.gflops
        pair[1] += each.reversed_device_milli_seconds * each.gflops
    transfers: list[Transfer] = []
    for month, (used, returned) in sorted(totals.items()):
        here, there = metered(provider.pk, month), unmatched(provider.pk, month)
        if used:
            amount = -(-used // 1000)
            transfers.append(Transfer(new_id(), here, there, amount, TransferCode.METER))
        if returned >= 1000:
            amount = returned // 1000
            transfers.append(Transfer(new_id(), there, here, amount, TransferCode.CORRECT))
    for first in range(0, len(transfers), _MONTHS_PER_JOURNAL):
        lines = tuple(transfers[first : first + _MONTHS_PER_JOURNAL])
        post(Journal(new_id(), kind, at, lines, refs), actor=actor, at=at)


def body_path(body_sha256: str) -> Path:
    """Return where the raw bytes of an upload are kept, by digest."""
    return Path(settings.VAR_DIR) / "metering" / body_sha256[:2] / body_sha256


def _claim_key(
    provider: Provider, livemode: bool, endpoint: str, key: UUID, digest: str, at: datetime
) -> UploadAnswer | None:
    """Claim an idempotency key; return the earlier claim if there is one.

    A second request at the same instant waits here until the first is done.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO providers_uploadanswer"
            " (provider_id, livemode, endpoint, idempotency_key, request_digest, status, body, at)"
            " VALUES (%s, %s, %s, %s, %s, 0, '{}', %s) ON CONFLICT DO NOTHING RETURNING id",
            [provider.pk, livemode, endpoint, key, digest, at],
        )
        if cursor.fetchone():
            return None
    known = UploadAnswer.objects.select_related("batch").get(
        provider=provider, livemode=livemode, endpoint=endpoint, idempotency_key=key
    )
    if known.request_digest != digest:
        raise Refused("idempotency_key_reused", CATALOGUE["idempotency_key_reused"].zh)
    return known


def _open_batch(
    provider: Provider,
    upload: Upload,
    provider_key: ProviderKey | None,
    livemode: bool,
    actor: Actor,
    at: datetime,
) -> UsageBatch:
    return UsageBatch.objects.create(
        provider=provider,
        key=provider_key,
        livemode=livemode,
        source=upload.source,
        sent_by_name=actor.name,
        on_error=upload.on_error,
        content_type=upload.content_type,
        content_encoding=upload.content_encoding,
        body_sha256=upload.body_sha256,
        body_size=len(upload.body),
        signature_input=upload.signature_input,
        signature=upload.signature,
        expected_rows=upload.expected_rows,
        expected_device_milli_seconds=upload.expected_device_milli_seconds,
        received_at=at,
    )


def _keep_body(upload: Upload) -> None:
    """Keep the raw bytes by digest until a worker has read them, and as evidence after."""
    path = body_path(upload.body_sha256)
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        fresh = path.with_suffix(f".{new_id()}")
        fresh.write_bytes(upload.body)
        fresh.replace(path)


def _fill(
    batch: UsageBatch, body: bytes, *, actor: Actor, at: datetime, dry_run: bool = False
) -> None:
    """Decode, judge and store one batch; the caller holds the transaction."""
    stage = Stage(batch)
    try:
        plain = unpack(body, batch.content_encoding)
        staged = stage.fill(read_batch(plain, batch.content_type), most_rows=MOST_ROWS)
    except BadBatch as bad:
        raise _as_refusal(bad) from bad
    _check_totals(batch, staged.rows, staged.device_milli_seconds)
    judged = stage.judge()
    stage.store_left_out()
    judged["rejected"] = judged.get("rejected", 0) + staged.bad
    faulty = judged["rejected"] + judged.get("conflict", 0)
    refuse = bool(faulty) and batch.on_error == UsageBatch.OnError.REJECT_BATCH
    sums = [] if refuse and not dry_run else stage.store()
    _write_counts(batch, staged.rows, judged, sums, nothing_stored=refuse and not dry_run)
    batch.status = _status_of(refuse, faulty)
    batch.refused_code = "batch_refused" if refuse else ""
    batch.finished_at = at
    if not dry_run:
        _book_and_record(batch, sums, actor=actor, at=at)


def _status_of(refuse: bool, faulty: int) -> str:
    if refuse:
        return UsageBatch.Status.REJECTED
    return UsageBatch.Status.PARTIAL if faulty else UsageBatch.Status.ACCEPTED


def _check_totals(batch: UsageBatch, rows: int, device_milli_seconds: int) -> None:
    """Refuse a batch that is empty or differs from what its sender declared."""
    if rows == 0:
        raise Refused("empty_batch", CATALOGUE["empty_batch"].zh)
    declared = batch.expected_rows
    if declared is not None and declared != rows:
        raise Refused(
            "count_mismatch",
            f"声明 {declared} 条，实际 {rows} 条，整批未入账。请核对后重发。",
            details={"declared": str(declared), "found": str(rows)},
        )
    declared = batch.expected_device_milli_seconds
    if declared is not None and declared != device_milli_seconds:
        raise Refused(
            "sum_mismatch",
            f"声明用量 {declared} 卡毫秒，实际 {device_milli_seconds}，整批未入账。请核对后重发。",
            details={"declared": str(declared), "found": str(device_milli_seconds)},
        )


def _write_counts(
    batch: UsageBatch, rows: int, judged: dict[str, int], sums: list[Sum], *, nothing_stored: bool
) -> None:
    batch.rows = rows
    batch.rejected = rows if nothing_stored else judged.get("rejected", 0)
    for outcome in ("accepted", "duplicate", "conflict", "held", "open", "zero"):
        setattr(batch, outcome, 0 if nothing_stored else judged.get(outcome, 0))
    batch.device_milli_seconds = sum(each.device_milli_seconds for each in sums)
    batch.pflops_hours = pflops_hours(sum(each.device_milli_seconds * each.gflops for each in sums))
    batch.rated = _preview(sums)


def _preview(sums: list[Sum]) -> dict[str, Any]:
    """Rate what counts at the filed prices, for information; billing rates for good."""
    orders: dict[str, dict[str, int]] = {}
    for each in sums:
        net = each.device_milli_seconds - each.reversed_device_milli_seconds
        line = orders.setdefault(each.order_no, {"use": 0, "gross": 0, "unit": 1})
        line["use"] += net
        if each.pricing_unit == OfferingPrice.PricingUnit.CARD_HOUR:
            line["gross"] += net * each.price_fen
            line["unit"] = DEVICE_MILLI_SECONDS_PER_CARD_HOUR
        else:
            line["gross"] += net * each.gflops * each.price_fen
            line["unit"] = GFLOPS_MILLI_SECONDS_PER_PFLOPS_HOUR
    lines = [
        {
            "order_no": order_no,
            "device_milli_seconds": str(line["use"]),
            "gross_fen": str(divide_half_up(line["gross"], line["unit"])),
        }
        for order_no, line in sorted(orders.items())
    ]
    return {
        "gross_fen": str(sum(int(line["gross_fen"]) for line in lines)),
        "orders": lines[:_MOST_ORDERS_SHOWN],
    }


def _book_and_record(batch: UsageBatch, sums: list[Sum], *, actor: Actor, at: datetime) -> None:
    refs = {"batch": str(batch.pk), "provider": str(batch.provider_id)}
    if batch.livemode and sums:
        book_usage(batch.provider, "metering.batch", sums, refs, actor=actor, at=at)
    entry = audit.record(
        "metering.batch",
        {
            "batch": str(batch.pk),
            "provider": str(batch.provider_id),
            "key": batch.key.key_id if batch.key else "",
            "livemode": batch.livemode,
            "status": batch.status,
            "body_sha256": batch.body_sha256,
            "counts": {name: str(count) for name, count in batch.counts.items()},
            "device_milli_seconds": str(batch.device_milli_seconds),
            "pflops_hours": f"{batch.pflops_hours:f}",
        },
        actor=actor,
        at=at,
        auth={"signature_input": batch.signature_input, "signature": batch.signature},
    )
    batch.log_entry_id = entry.id
    batch.save()


def _refuse_batch(batch: UsageBatch, refused: Refused, *, actor: Actor, at: datetime) -> None:
    """Close a batch that a worker could not read at all."""
    with transaction.atomic():
        batch.status = UsageBatch.Status.REJECTED
        batch.refused_code = refused.code
        batch.finished_at = at
        _book_and_record(batch, [], actor=actor, at=at)


def _as_refusal(bad: BadBatch) -> Refused:
    """Say in Chinese why a body cannot be read, and where."""
    problem = CATALOGUE[bad.code]
    where = f"第 {bad.row} 行" if bad.row else ""
    where += f"“{bad.column}”列" if bad.column else ""
    seen = f"（{bad.value}）" if bad.value else ""
    text = f"{where}：{problem.zh}{seen}" if where else f"{problem.zh}{seen}"
    details = {"row": str(bad.row) if bad.row else "", "column": bad.column, "value": bad.value}
    return Refused(
        bad.code, f"{text}。{problem.hint_zh}。", details={k: v for k, v in details.items() if v}
    )
