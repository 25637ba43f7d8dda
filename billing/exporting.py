"""A month as files: statements, lines, payments, and the columns of FOCUS; as CSV, XLSX and JSON.

Small ones are written while they are asked for; a large one is work for later and lies ready for
a while. Every file can be narrowed to one provider or one enterprise, and is for a party always.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Count, Q, Sum

from billing import focus, statements
from billing.models import MonthClose, PaymentItem, Statement, StatementLine
from billing.report_parts import Party, filters_of
from billing.sheets import csv_chunks, xlsx_bytes
from billing.statements import CSV_COLUMNS, line_data
from ledger import audit, work
from ledger.actors import Actor
from ledger.refusals import Refused
from providers.models import Provider
from vouchers.models import Enterprise

KIND = "billing.export"
CHUNK = 2_000
FORMS = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "json": "application/json",
}
STATEMENT_COLUMNS = (
    "statement_no", "version", "month", "provider", "provider_uscc", "enterprise",
    "enterprise_uscc", "voucher_no", "order_no", "programme", "records", "pflops_hours",
    "gross_fen", "public_fen", "self_fen", "held_back_fen", "paid_fen", "binding", "state",
    "digest",
)  # fmt: skip
PAYMENT_COLUMNS = (
    "batch_no", "ordinal", "payee", "payee_uscc", "bank_name", "account_masked", "statement_no",
    "enterprise", "part", "amount_fen", "active", "state", "paid_on", "bank_reference",
    "returned_reason",
)  # fmt: skip
Rows = Iterator[dict[str, Any]]


@dataclass(frozen=True)
class Table:
    """One file of a month: what it is called, its columns, and where its rows come from."""

    name: str
    title: str
    columns: tuple[str, ...]
    rows: Callable[[MonthClose, Party], Rows]


def _statements(close: MonthClose, party: Party) -> Any:
    """Return the statements of a month that were put out, narrowed to a party."""
    found = close.statements.filter(**filters_of(party)).exclude(state="draft")
    return found.order_by("provider__uscc", "statement_no")


def _lines(close: MonthClose, party: Party) -> Iterator[tuple[Statement, StatementLine]]:
    found = _statements(close, party).select_related(
        "close", "enterprise", "provider", "order", "voucher__programme"
    )
    for each in found.prefetch_related("lines__reverses").iterator(CHUNK):
        for line in each.lines.all():
            yield each, line


def _line_rows(close: MonthClose, party: Party) -> Rows:
    for each, line in _lines(close, party):
        parties = {"provider": each.provider.name, "provider_uscc": each.provider.uscc}
        yield line_data(each, line) | parties


def _statement_rows(close: MonthClose, party: Party) -> Rows:
    found = _statements(close, party).select_related(
        "enterprise", "provider", "order", "voucher__programme"
    )
    for each in found.iterator(CHUNK):
        yield {
            **{name: getattr(each, name) for name in STATEMENT_COLUMNS if hasattr(each, name)},
            "provider": each.provider.name,
            "provider_uscc": each.provider.uscc,
            "enterprise": each.enterprise.name,
            "enterprise_uscc": each.enterprise.uscc,
            "voucher_no": each.voucher.voucher_no,
            "order_no": each.order.order_no,
            "programme": str(each.voucher.programme),
            "pflops_hours": f"{each.pflops_hours:f}",
            "binding": statements.binding_title(each),
            "state": each.get_state_display(),
        }


def _payment_rows(close: MonthClose, party: Party) -> Rows:
    narrowed = {f"statement__{name}": value for name, value in filters_of(party).items()}
    found = PaymentItem.objects.filter(line__batch__close=close, **narrowed).select_related(
        "line__batch", "line__provider", "line__enterprise", "statement__enterprise"
    )
    for each in found.order_by("line__batch__batch_no", "line__ordinal", "statement__statement_no"):
        line = each.line
        yield {
            "batch_no": line.batch.batch_no,
            "ordinal": line.ordinal,
            "payee": line.payee_name,
            "payee_uscc": line.payee.uscc,
            "bank_name": line.bank_name,
            "account_masked": line.account_masked,
            "statement_no": each.statement.statement_no,
            "enterprise": each.statement.enterprise.name,
            "part": each.part,
            "amount_fen": each.amount_fen,
            "active": int(each.active),
            "state": line.get_state_display(),
            "paid_on": line.paid_on.isoformat() if line.paid_on else None,
            "bank_reference": line.bank_reference,
            "returned_reason": line.returned_reason,
        }


def _focus_rows(close: MonthClose, party: Party) -> Rows:
    held = dict(
        StatementLine.objects.filter(statement__in=_statements(close, party))
        .annotate(held=Sum("objections__amount_fen", filter=Q(objections__state="open")))
        .filter(held__gt=0)
        .values_list("pk", "held")
    )
    for each, line in _lines(close, party):
        yield from focus.rows_of(_focus_values(each, line, held.get(line.pk, 0)))


def _focus_values(statement: Statement, line: StatementLine, held_fen: int) -> dict[str, Any]:
    """Return a line as the plain values that the mapping names."""
    programme = statement.voucher.programme
    month = statement.close.period
    details = {"x_Precision": "FP16-dense", "x_Gflops": line.gflops, "x_PriceTier": line.tier}
    tags = {"ptsl/usage_month": line.usage_month, "ptsl/rating": statement.rating_version}
    cap = line.cap_price_fen
    return line_data(statement, line) | {
        "provider": statement.provider.name,
        "programme": programme.title,
        "programme_slug": programme.slug,
        "period": (month.start_at, month.end_at),
        "first_at": line.first_at,
        "last_at": line.last_at,
        "pricing_unit": line.pricing_unit,
        "rate_label": line.rate_label,
        "model_ref": line.model_ref,
        "price_ref": line.price_ref,
        "cap": None if cap is None else focus.yuan(cap),
        "unpaid_reason": line.unpaid_reason,
        "corrects": line.usage_month != statement.month or line.reverses_id is not None,
        "held_fen": held_fen,
        "description": f"{line.model_name} {line.usage_month}",
        "resource_name": f"{statement.order.order_no} {line.model_name}",
        "service_name": f"{line.model_name} 算力",
        "price_details": json.dumps(details, sort_keys=True),
        "tags": json.dumps(tags, sort_keys=True),
        "version": statement.version,
        "entry_id": str(statement.entry_id or ""),
    }


TABLES = {
    each.name: each
    for each in (
        Table("statements", "对账单", STATEMENT_COLUMNS, _statement_rows),
        Table("lines", "对账单明细", CSV_COLUMNS, _line_rows),
        Table("payments", "付款明细", PAYMENT_COLUMNS, _payment_rows),
        Table("focus", "FOCUS 账单明细", focus.mapping().names, _focus_rows),
    )
}


def size_of(close: MonthClose, party: Party = None) -> int:
    """Return how many lines a month has for a party, the measure of every file of it."""
    found = _statements(close, party).aggregate(count=Count("lines"))
    return int(found["count"])


def file_name(close: MonthClose, table: str, form: str, party: Party = None) -> str:
    """Return what a file is called; the version of FOCUS stands in the name."""
    version = f"-{focus.mapping().version}" if table == "focus" else ""
    whose = f"-{party.uscc}" if party else ""
    return f"{table}{version}-{close.month}{whose}.{form}"


def written(
    close: MonthClose, table: str, form: str, party: Party, at: datetime
) -> Iterable[bytes]:
    """Return a file in pieces.

    Raises:
        KeyError: no such table or form.
    """
    found = TABLES[table]
    rows = found.rows(close, party)
    if form == "csv":
        return csv_chunks(found.columns, rows)
    if form == "xlsx":
        return [xlsx_bytes(found.title, found.columns, rows, at)]
    return _json_chunks(found, rows, close)


def _json_chunks(table: Table, rows: Rows, close: MonthClose) -> Iterator[bytes]:
    """Yield rows as one JSON object; columns in their order, one row a line."""
    head: dict[str, Any] = {"table": table.name, "month": close.month}
    if table.name == "focus":
        head["focus_version"] = focus.mapping().version
    yield json.dumps(head, ensure_ascii=False)[:-1].encode() + b', "rows": ['
    before = b"\n"
    for row in rows:
        kept = {name: row[name] for name in table.columns}
        yield before + json.dumps(kept, ensure_ascii=False).encode()
        before = b",\n"
    yield b"\n]}\n"


@transaction.atomic
def ask_export(
    close: MonthClose, table: str, form: str, party: Party, *, actor: Actor, at: datetime
) -> work.Work:
    """Ask for a large file to be written by a worker.

    Writes: one piece of work and a log entry, or nothing when it was asked for before.

    Raises:
        Refused: no such file.
    """
    if table not in TABLES or form not in FORMS:
        raise Refused("export_unknown", "没有这种导出文件，请从列表中选择。")
    key = _key(close, table, form, party)
    known = work.find(KIND, key)
    if known is not None:
        return known
    payload = {
        "close": str(close.pk),
        "table": table,
        "form": form,
        **{name: str(value.pk) for name, value in filters_of(party).items()},
    }
    body = {"month": close.month, "table": table, "form": form, "key": key}
    audit.record("settlement.export", body, actor=actor, at=at)
    return work.request(KIND, key=key, payload=payload, actor=actor, at=at)


def _key(close: MonthClose, table: str, form: str, party: Party) -> str:
    """Return what a file depends on: asked for again after a change, it is written again."""
    parts = [str(close.pk), close.digest, close.state, table, form, party.uscc if party else ""]
    return hashlib.sha256("|".join(parts).encode()).hexdigest()[:40]


def find_export(
    close: MonthClose, table: str, form: str, party: Party
) -> tuple[work.Work | None, Path]:
    """Return the work of a large file, and where the file lies once it is done."""
    key = _key(close, table, form, party)
    return work.find(KIND, key), _path(key, form)


def _path(key: str, form: str) -> Path:
    return Path(settings.VAR_DIR) / "exports" / "billing" / f"{key}.{form}"


def run_export_work(job: work.Work, progress: Any) -> dict[str, Any]:
    """Write a large file; the handler of the work ``billing.export``."""
    asked = job.payload
    close = MonthClose.objects.get(pk=asked["close"])
    party: Party = None
    if "provider" in asked:
        party = Provider.objects.get(pk=asked["provider"])
    elif "enterprise" in asked:
        party = Enterprise.objects.get(pk=asked["enterprise"])
    path = _path(job.key, asked["form"])
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    digest = hashlib.sha256()
    with part.open("wb") as out:
        for count, piece in enumerate(
            written(close, asked["table"], asked["form"], party, job.requested_at)
        ):
            out.write(piece)
            digest.update(piece)
            if count % CHUNK == 0:
                progress(count, size_of(close, party), "正在写出")
    part.chmod(0o600)
    part.replace(path)
    return {"sha256": digest.hexdigest(), "size": path.stat().st_size}
