"""Take in usage: every record counted once, explained, corrected only by new rows.

An upload becomes a batch; its rows are judged and stored as sets (``staging``). What counts is
posted to the COMPUTE books per provider and settlement month, and stands in the signed log.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from ledger import audit, work
from ledger.actors import Actor
from ledger.amounts import pflops_hours
from ledger.refusals import Refused
from ledger.work import Progress, Work
from providers.bodies import Body, kept_body
from providers.booking import Returned, book_returned, book_usage
from providers.columns import SMALL, ahead, read_pieces
from providers.limits import count_records
from providers.models import BatchRow, Provider, ProviderKey, UploadAnswer, UsageBatch
from providers.plain import size_of, unpacked
from providers.problems import CATALOGUE
from providers.repeating import know_again
from providers.staging import Stage, Staged, Sum, release_rows
from providers.tallies import Blocker, MonthlyUsage, blockers, monthly_usage
from providers.telling import tell_batch
from providers.uploads import (
    Taken,
    Upload,
    Verdict,
    as_refusal,
    claim_key,
    difference_of,
    fault_in,
    is_long,
    keep_body,
    open_batch,
    preview,
)
from providers.wire import MOST_ROWS, BadBatch

__all__ = [
    "Blocker",
    "MonthlyUsage",
    "Returned",
    "Taken",
    "Upload",
    "Verdict",
    "blockers",
    "book_returned",
    "book_usage",
    "is_large",
    "monthly_usage",
    "progress_of",
    "release_held",
    "run_batch_work",
    "take_upload",
    "validate_upload",
]

SYNC_ROWS = 5_000
SYNC_BYTES = 5 << 20
MOST_FAULTS_SHOWN = 1_000
BATCH_ENDPOINT = "batches"
WORK_KIND = "metering.batch"
_METERING_STATES = (Provider.State.ADMITTED, Provider.State.SUSPENDED)


def is_large(upload: Upload) -> bool:
    """Say whether an upload is too long to wait for, so that a worker judges it.

    Raises:
        Refused: its packing already shows that it cannot be read.
    """
    return is_long(upload, most_rows=SYNC_ROWS, most_bytes=SYNC_BYTES)


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
        later: store the body and leave the judging to a worker (``run_batch_work``).
    Writes: one batch, its records or its faults, one journal (700, 900) when something counts,
        one log entry.

    Raises:
        Refused: the body cannot be read, control totals differ, the provider may not report.
    """
    known = claim_key(provider, livemode, BATCH_ENDPOINT, key, upload.digest, at)
    if known is not None:
        if known.batch is None:
            raise Refused("in_progress", CATALOGUE["in_progress"].zh)
        return Taken(known.batch, replayed=True)
    if provider.state not in _METERING_STATES:
        raise Refused("provider_suspended", CATALOGUE["provider_suspended"].zh)
    batch = open_batch(provider, upload, provider_key, livemode, actor, at)
    UploadAnswer.objects.filter(
        provider=provider, livemode=livemode, endpoint=BATCH_ENDPOINT, idempotency_key=key
    ).update(batch=batch)
    if later:
        work.request(
            WORK_KIND, key=str(batch.pk), payload={"batch": str(batch.pk)}, actor=actor, at=at
        )
    else:
        _fill(batch, upload.raw, actor=actor, at=at)
    # The last step: what was refused above leaves no file, what is committed has its evidence.
    keep_body(upload)
    return Taken(batch)


def validate_upload(
    provider: Provider,
    upload: Upload,
    *,
    provider_key: ProviderKey | None,
    livemode: bool,
    actor: Actor,
    at: datetime,
    look: Callable[[UsageBatch], None] | None = None,
) -> Verdict:
    """Say what an upload would come to, row by row, and keep nothing of it.

    Args:
        look: called with the batch while its rows can still be read.

    Raises:
        Refused: as ``take_upload``.
    """
    with transaction.atomic():
        batch = open_batch(provider, upload, provider_key, livemode, actor, at)
        _fill(batch, upload.raw, actor=actor, at=at, dry_run=True)
        faulty = BatchRow.objects.filter(batch=batch).exclude(outcome="duplicate")
        rows = list(faulty.order_by("row_no", "id")[:MOST_FAULTS_SHOWN])
        faults = [dict(fault, row=row.row_no) for row in rows for fault in row.faults]
        verdict = Verdict(batch, faults[:MOST_FAULTS_SHOWN], faulty.count())
        if look is not None:
            look(batch)
        transaction.set_rollback(True)
    return verdict


def run_batch_work(task: Work, progress: Progress) -> dict[str, Any]:
    """Judge and store a large batch that was kept for later; asking again changes nothing."""
    batch = UsageBatch.objects.select_related("provider").get(pk=task.payload["batch"])
    actor = Actor(**task.requested_by)
    if batch.status != UsageBatch.Status.PROCESSING:
        return {"status": batch.status}
    body = kept_body(batch.body_sha256)
    body.insist_on_digest()
    progress(0, body.size, "正在读取")
    try:
        with transaction.atomic():
            batch = UsageBatch.objects.select_for_update(of=("self",)).get(pk=batch.pk)
            if batch.status == UsageBatch.Status.PROCESSING:
                _fill(batch, body, actor=actor, at=task.requested_at, tell=progress.tell)
    except Refused as refused:
        _refuse_batch(batch, refused, actor=actor, at=task.requested_at)
    count_records(batch.key, batch.rows)
    progress(body.size, body.size, "完成")
    return {"status": batch.status}


@transaction.atomic
def release_held(provider: Provider | None = None, *, actor: Actor, at: datetime) -> int:
    """Judge held records again and count those that no longer wait; nothing is sent twice.

    Called when a rate, an alias, a capacity or an order's limit has come; safe at any time.

    Suspected repeats go only when two people say so (``deciding``).

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


def progress_of(batch: UsageBatch) -> dict[str, Any] | None:
    """Return how far a worker got with a batch, nothing when it is not with a worker.

    Units: ``bytes_read`` of ``bytes`` of the body without its packing.
    """
    if batch.status != UsageBatch.Status.PROCESSING:
        return None
    task = work.find(WORK_KIND, str(batch.pk))
    if task is None:
        return None
    return {"bytes_read": task.done, "bytes": task.total, "step": task.message or "等待办理"}


def _fill(
    batch: UsageBatch,
    body: Body,
    *,
    actor: Actor,
    at: datetime,
    dry_run: bool = False,
    tell: Callable[[int, int, str], None] | None = None,
) -> None:
    """Judge and store one batch; the caller holds the transaction."""
    rows = know_again(batch)
    sums: list[Sum] = []
    if rows:
        # A declared sum was held against the very same bytes before.
        _check_totals(batch, rows, batch.expected_device_milli_seconds or 0)
        judged, refuse = {"duplicate": rows}, False
    else:
        stage = Stage(batch)
        staged = _read(stage, batch, body, tell)
        rows = staged.rows
        judged = stage.judge()
        stage.store_left_out()
        judged["rejected"] = judged.get("rejected", 0) + staged.bad
        refuse = _is_faulty(judged) and batch.on_error == UsageBatch.OnError.REJECT_BATCH
        if dry_run or not refuse:
            sums = stage.store()
    _write_counts(batch, rows, judged, sums, nothing_stored=refuse and not dry_run)
    batch.status = _status_of(refuse, _is_faulty(judged))
    batch.refused_code = "batch_refused" if refuse else ""
    batch.finished_at = at
    if not dry_run:
        _book_and_record(batch, sums, actor=actor, at=at)


def _read(
    stage: Stage, batch: UsageBatch, body: Body, tell: Callable[[int, int, str], None] | None
) -> Staged:
    """Decode a body into the stage and hold it against what its sender declared."""
    senders = frozenset({batch.provider.uscc, str(batch.provider_id)})
    packing = (batch.content_type, batch.content_encoding)
    try:
        with body.open() as raw, unpacked(raw, *packing, body.folder) as (plain, kind):
            size = size_of(plain)
            pieces = read_pieces(plain, kind, senders=senders)
            staged = stage.fill(
                ahead(pieces) if size >= SMALL else pieces,
                most_rows=MOST_ROWS,
                tell=tell and (lambda rows: tell(plain.tell(), size, f"已读取 {rows:,} 条")),
            )
    except BadBatch as bad:
        raise as_refusal(bad) from bad
    _check_totals(batch, staged.rows, staged.device_milli_seconds)
    if tell:
        tell(size, size, f"共 {staged.rows:,} 条，正在核对并入账")
    return staged


def _is_faulty(judged: dict[str, int]) -> bool:
    return bool(judged.get("rejected", 0) + judged.get("conflict", 0))


def _status_of(refuse: bool, faulty: bool) -> str:
    if refuse:
        return UsageBatch.Status.REJECTED
    return UsageBatch.Status.PARTIAL if faulty else UsageBatch.Status.ACCEPTED


def _check_totals(batch: UsageBatch, rows: int, device_milli_seconds: int) -> None:
    """Refuse a batch that is empty or differs from what its sender declared."""
    if rows == 0:
        raise as_refusal(BadBatch("empty_batch"))
    declared = batch.expected_rows
    if declared is not None and declared != rows:
        raise Refused(
            "count_mismatch",
            f"声明 {declared} 条，实际 {rows} 条，整批未入账。请核对后重发。",
            details=difference_of("Batch-Row-Count", declared, rows),
        )
    declared = batch.expected_device_milli_seconds
    if declared is not None and declared != device_milli_seconds:
        raise Refused(
            "sum_mismatch",
            f"声明用量 {declared} 卡毫秒，实际 {device_milli_seconds}，整批未入账。请核对后重发。",
            details=difference_of("Batch-Device-Milli-Seconds", declared, device_milli_seconds),
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
    batch.rated = preview(sums)


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
    tell_batch(batch, actor=actor, at=at)


def _refuse_batch(batch: UsageBatch, refused: Refused, *, actor: Actor, at: datetime) -> None:
    """Close a batch that a worker could not read at all, and keep where it stumbled."""
    with transaction.atomic():
        fault = fault_in(refused)
        if fault:
            row = fault.pop("row")
            BatchRow.objects.create(
                batch=batch, row_no=row, outcome=BatchRow.Outcome.REJECTED, faults=[fault]
            )
        batch.status = UsageBatch.Status.REJECTED
        batch.refused_code = refused.code
        batch.finished_at = at
        _book_and_record(batch, [], actor=actor, at=at)
