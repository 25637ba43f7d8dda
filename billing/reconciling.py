"""Three-way match: what the provider metered, the enterprise answered, its scheduler says.

A run is kept as it came out; a later file makes a later run. A difference moves no money by itself:
one click turns it into an objection on its line.

Source: product 76, 78; decision 0192.
"""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import transaction

from billing import matching
from billing.models import MatchRow, MatchRun, ProviderTotal, Statement
from billing.models.statement import StatementLine
from billing.rating import PricingUnit, gross_fen
from billing.scheduler_files import Job, read_jobs
from billing.settling.confirming import need_seat
from ledger import audit
from ledger.actors import Actor
from ledger.refusals import Refused
from providers.models import UsageRecord
from vouchers.evidence import Upload, keep, safe_name

_WRITTEN_AT_ONCE = 1_000


@dataclass(frozen=True)
class _Record:
    """One reported record as the match and the price see it."""

    piece: matching.Piece
    gflops: int
    model_ref: str


@transaction.atomic
def run_match(
    statement: Statement, upload: Upload, *, from_bureau: bool, actor: Actor, at: datetime
) -> MatchRun:
    """Compare a statement's month with a scheduler file.

    Args:
        from_bureau: the bureau uploads; without it the actor must hold a seat in the enterprise.

    Writes: the file under a random name, one run with its rows, log entry.

    Raises:
        Refused: nobody's statement, or a file that cannot be read (``scheduler_files``).
    """
    if not from_bureau:
        need_seat(statement, "enterprise", actor)
    if statement.state == Statement.State.DRAFT:
        raise Refused("wrong_state", "对账单尚未出具，还不能核对。")
    read = read_jobs(upload.content)
    records = _records(statement)
    jobs = [piece for job in read.jobs if (piece := _clipped(job, statement)) is not None]
    if not jobs:
        title = statement.close.period.title
        raise Refused("no_jobs", f"文件里没有{title}的作业，请导出这个月的记录。", field="file")
    pairs = matching.match([each.piece for each in records], jobs)
    known = {each.piece.key: each for each in reversed(records)}
    lines = list(statement.lines.filter(reverses__isnull=True))
    rows = [
        _row(number, pair, known, lines, statement) for number, pair in enumerate(pairs, start=1)
    ]
    run = _run_of(statement, upload, rows)
    run.from_bureau, run.run_at, run.run_name = from_bureau, at, actor.name
    run.jobs, run.records = len(jobs), len(records)
    run.left_out = [{"line": each.line, "why": each.why} for each in read.left_out]
    run.save(force_insert=True)
    for each in rows:
        each.run = run
    MatchRow.objects.bulk_create(rows, batch_size=_WRITTEN_AT_ONCE)
    body = {
        "run": run.pk,
        "statement": statement.pk,
        "version": run.version,
        "sha256": run.sha256,
        **{name: run.counts[name] for name in matching.RESULTS},
        "stake_fen": run.stake_fen,
    }
    audit.record("match.run", body, actor=actor, at=at)
    return run


def _records(statement: Statement) -> list[_Record]:
    """Return what counts of the order in the statement's month, by record."""
    found = (
        UsageRecord.objects.filter(
            order=statement.order_id, settle_month=statement.month, livemode=True, counted=True
        )
        .order_by("started_at", "record_id", "segment")
        .values_list(
            "record_id", "job_ref", "started_at", "ended_at", "device_count",
            "device_milli_seconds", "gflops", "model_id",
        )
    )  # fmt: skip
    return [
        _Record(
            matching.Piece(
                matching.job_key(job, record), record, start, end or start, devices, used
            ),
            gflops or 0,
            str(model),
        )
        for record, job, start, end, devices, used, gflops, model in found
    ]


def _clipped(job: Job, statement: Statement) -> matching.Piece | None:
    """Return the part of a job that lies in the statement's month."""
    period = statement.close.period
    start, end = max(job.started_at, period.start_at), min(job.ended_at, period.end_at)
    if end <= start:
        return None
    used = int((end - start).total_seconds() * 1000) * job.devices
    return matching.Piece(job.ref, job.ref, start, end, job.devices, used)


def _row(
    number: int,
    pair: matching.Pair,
    known: dict[str, _Record],
    lines: Sequence[StatementLine],
    statement: Statement,
) -> MatchRow:
    mine, theirs = pair.provider, pair.scheduler
    record = known.get(mine.key) if mine else None
    line = _line_of(record, lines)
    return MatchRow(
        ordinal=number,
        result=pair.result,
        job_ref=theirs.key if theirs else mine.key if mine else "",
        record_id=record.piece.name if record else "",
        line_ordinal=line.ordinal if line else None,
        provider_from=mine.start if mine else None,
        provider_until=mine.end if mine else None,
        provider_devices=mine.devices if mine else None,
        scheduler_from=theirs.start if theirs else None,
        scheduler_until=theirs.end if theirs else None,
        scheduler_devices=theirs.devices if theirs else None,
        provider_milli_seconds=mine.milli_seconds if mine else 0,
        scheduler_milli_seconds=theirs.milli_seconds if theirs else 0,
        stake_fen=0 if pair.result == matching.MATCHED else _worth(pair.over, line, statement),
        why=pair.why[:300],
    )


def _line_of(record: _Record | None, lines: Sequence[StatementLine]) -> StatementLine | None:
    """Return the line in which a record is charged; a single line is everybody's."""
    used = [each for each in lines if each.device_milli_seconds >= 0]
    if record is not None:
        used = [each for each in used if each.model_ref == record.model_ref] or used
    return used[0] if len(used) == 1 or (used and record is not None) else None


def _worth(over: int, line: StatementLine | None, statement: Statement) -> int:
    """Return what a difference is worth at the price of its line, or of the order."""
    price = statement.order.price
    value = gross_fen(
        abs(over),
        gflops=line.gflops if line else 0,
        price_fen=line.price_fen if line else price.price_fen,
        unit=PricingUnit(line.pricing_unit if line else price.pricing_unit),
    )
    return value if over >= 0 else -value


def _run_of(statement: Statement, upload: Upload, rows: Sequence[MatchRow]) -> MatchRun:
    """Return the run, not yet written, with its file, its totals and what the enterprise said."""
    counts = Counter(each.result for each in rows)
    answer = statement.confirmations.filter(side="enterprise", version=statement.version).first()
    return MatchRun(
        statement=statement,
        version=statement.version,
        file_name=safe_name(upload.name),
        size=len(upload.content),
        sha256=hashlib.sha256(upload.content).hexdigest(),
        stored_path=keep(upload.content),
        start_seconds=matching.SECONDS,
        share_bp=matching.SHARE_BP,
        enterprise_said=_said(statement, answer),
        counts={name: counts.get(name, 0) for name in matching.RESULTS},
        provider_milli_seconds=sum(each.provider_milli_seconds for each in rows),
        scheduler_milli_seconds=sum(each.scheduler_milli_seconds for each in rows),
        stake_fen=sum(each.stake_fen for each in rows),
    )


def _said(statement: Statement, answer: Any) -> str:
    """Return the third side of the match: what the enterprise answered so far."""
    if statement.objections.filter(side="enterprise", state="open").exists():
        return "已提出异议"
    return str(answer.get_basis_display()) if answer else "尚未答复"


@transaction.atomic
def record_total(
    statement: Statement,
    total_fen: int,
    card_hours: Decimal | None,
    note: str,
    *,
    actor: Actor,
    at: datetime,
) -> ProviderTotal:
    """Keep what the provider's own books say of a statement; the difference is shown, no more.

    Writes: one row, log entry. The same total again is kept once.

    Raises:
        Refused: no seat in the provider, or an amount below zero.
    """
    need_seat(statement, "provider", actor)
    if total_fen < 0 or total_fen > 10**15 or (card_hours is not None and card_hours < 0):
        raise Refused("amount_invalid", "合计不能小于 0 元。", field="gross")
    last = statement.provider_totals.first()
    same = (statement.version, total_fen, card_hours, note.strip())
    if last and (last.version, last.gross_fen, last.card_hours, last.note) == same:
        return last
    made = ProviderTotal.objects.create(
        statement=statement,
        version=statement.version,
        gross_fen=total_fen,
        card_hours=card_hours,
        note=note.strip()[:300],
        said_at=at,
        said_name=actor.name,
    )
    body = {"statement": statement.pk, "version": made.version, "gross_fen": total_fen}
    audit.record("match.total", body, actor=actor, at=at)
    return made
