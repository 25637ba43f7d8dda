"""Pay what was approved: list it for the bank, record what the bank did, pay nothing twice."""

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

from django.db import transaction

from billing.capitals import capital_amount
from billing.models import MonthClose, PaymentBatch, PaymentItem, PaymentLine, Statement, move
from billing.models.state_row import write_row
from billing.settling.postings import book_payment, book_return
from billing.sheets import csv_bytes
from ledger import audit
from ledger.actors import Actor
from ledger.amounts import yuan_text
from ledger.periods import day_of
from ledger.refusals import Refused
from providers.models import Provider
from providers.telling import tell

LONGEST_REFERENCE = 64
COLUMNS = (
    "序号", "收款单位", "统一社会信用代码", "开户行", "账号（脱敏）", "金额（元）",
    "企业", "对账单号", "券号", "其中金额（元）", "备注",
)  # fmt: skip


def masked_account(provider: Provider) -> str:
    """Return a payee's account as it may be printed."""
    return f"**** **** {provider.bank_account_last4}" if provider.bank_account_last4 else "未登记"


@transaction.atomic
def export_payment_list(close: MonthClose, *, actor: Actor, at: datetime) -> PaymentBatch:
    """Make the payment list of everything owed and not yet listed.

    One line per payee with the statements it is made of. When nothing new is owed, the last list is
    the answer.

    Writes: one list with its bytes and digest, its lines and items, state row, log entry.

    Raises:
        Refused: not approved yet, nothing owed, or released by who prepared or approved it.
    """
    close = MonthClose.objects.select_for_update(of=("self",)).get(pk=close.pk)
    if close.state not in (MonthClose.State.CLOSED, MonthClose.State.PAID):
        raise Refused("not_approved", "本月结算尚未签发，不能导出付款清单。请先完成签发。")
    if not actor.person or actor.person in (close.prepared_person, close.approved_person):
        raise Refused("same_person", "提请人和签发人不能导出付款清单，须由第三人办理（三人分离）。")
    owed = _owed(close)
    if not owed:
        last = close.payments.last()
        if last is None:
            raise Refused("nothing_to_pay", "本月没有应付金额。")
        return last
    batch = PaymentBatch(
        batch_no=f"PTSL-ZF-{close.month}-{close.payments.count() + 1:02d}",
        close=close,
        exported_at=at,
        prepared_person=close.prepared_person,
        approved_person=close.approved_person,
        released_name=actor.name,
        released_person=actor.person,
    )
    lines, items = _lay_out(batch, owed)
    content = list_bytes(lines, items)
    batch.count, batch.total_fen = len(lines), sum(each.amount_fen for each in lines)
    batch.content, batch.sha256 = content.decode(), hashlib.sha256(content).hexdigest()
    batch.save(force_insert=True)
    PaymentLine.objects.bulk_create(lines)
    PaymentItem.objects.bulk_create(items)
    write_row(close, "export", "导出付款清单", (close.state,) * 2, actor=actor, at=at)
    body = {
        "month": close.month,
        "batch": batch.pk,
        "batch_no": batch.batch_no,
        "lines": batch.count,
        "total_fen": batch.total_fen,
        "sha256": batch.sha256,
    }
    audit.record("payment.listed", body, actor=actor, at=at)
    return batch


def _owed(close: MonthClose) -> dict[Provider, list[tuple[Statement, int]]]:
    """Return what each payee is owed beyond what is already on a list."""
    owed: dict[Provider, list[tuple[Statement, int]]] = defaultdict(list)
    statements = (
        close.statements.filter(state="approved")
        .select_for_update(of=("self",))
        .select_related("provider", "enterprise", "voucher")
        .order_by("provider__uscc", "statement_no")
    )
    for statement in statements:
        listed = sum(
            item.amount_fen
            for item in statement.payment_items.filter(active=True, line__state="waiting")
        )
        amount = statement.payable_fen - listed
        if amount > 0:
            owed[statement.provider].append((statement, amount))
    return owed


def _lay_out(
    batch: PaymentBatch, owed: dict[Provider, list[tuple[Statement, int]]]
) -> tuple[list[PaymentLine], list[PaymentItem]]:
    """Return the lines and items of a list, not yet saved."""
    lines, items = [], []
    for ordinal, (provider, parts) in enumerate(owed.items(), start=1):
        line = PaymentLine(
            batch=batch,
            ordinal=ordinal,
            provider=provider,
            payee_name=provider.name,
            bank_name=provider.bank_name,
            account_masked=masked_account(provider),
            amount_fen=sum(amount for _, amount in parts),
        )
        lines.append(line)
        items += [
            PaymentItem(
                line=line,
                statement=statement,
                part=statement.payment_items.count() + 1,
                amount_fen=amount,
            )
            for statement, amount in parts
        ]
    return lines, items


def list_bytes(lines: Sequence[PaymentLine], items: Sequence[PaymentItem]) -> bytes:
    """Return a payment list as CSV: a row per statement, subtotals, total in digits and words."""
    rows: list[dict[str, object]] = []
    for line in lines:
        mine = [item for item in items if item.line_id == line.pk]
        rows += [_row(line, item) for item in mine]
        rows.append(
            {
                **dict.fromkeys(COLUMNS, ""),
                "收款单位": f"小计（{line.payee_name}）",
                "金额（元）": yuan_text(line.amount_fen),
                "备注": f"{len(mine)} 份对账单",
            }
        )
    total = sum(line.amount_fen for line in lines)
    rows.append(
        {
            **dict.fromkeys(COLUMNS, ""),
            "收款单位": f"合计（{len(lines)} 笔）",
            "金额（元）": yuan_text(total),
            "备注": capital_amount(total),
        }
    )
    return csv_bytes(COLUMNS, rows)


def _row(line: PaymentLine, item: PaymentItem) -> dict[str, object]:
    statement = item.statement
    return {
        "序号": line.ordinal,
        "收款单位": line.payee_name,
        "统一社会信用代码": line.provider.uscc,
        "开户行": line.bank_name,
        "账号（脱敏）": line.account_masked,
        "金额（元）": "",
        "企业": statement.enterprise.name,
        "对账单号": statement.statement_no,
        "券号": statement.voucher.voucher_no,
        "其中金额（元）": yuan_text(item.amount_fen),
        "备注": f"第 {item.part} 部分" if item.part > 1 else "",
    }


@transaction.atomic
def record_payment(
    line: PaymentLine, *, bank_reference: str, paid_on: date, actor: Actor, at: datetime
) -> PaymentLine:
    """Record that the bank paid one line; the same reference again changes nothing.

    Writes: postings (420) per statement, the line, state rows, log entry.

    Raises:
        Refused: already paid under another reference, the reference was used, or the payee's
            account changed after approval.
    """
    line = _taken(line)
    reference = bank_reference.strip()
    if line.state == PaymentLine.State.PAID and line.bank_reference == reference:
        return line
    _judge_payment(line, reference, paid_on, actor, at)
    for item in _items(line):
        book_payment(item, actor=actor, at=at)
        statement = item.statement
        statement.paid_fen += item.amount_fen
        if statement.payable_fen == 0 and statement.held_back_fen == 0:
            move(statement, "pay", actor=actor, at=at, reason=reference)
        statement.save()
    move(line, "pay", actor=actor, at=at, reason=reference)
    line.bank_reference, line.paid_on = reference, paid_on
    line.recorded_name, line.recorded_at = actor.name, at
    line.save()
    body = {
        "payment": line.pk,
        "batch": line.batch_id,
        "amount_fen": line.amount_fen,
        "paid_on": paid_on.isoformat(),
        "reference_sha256": hashlib.sha256(reference.encode()).hexdigest(),
    }
    audit.record("payment.recorded", body, actor=actor, at=at)
    told = {"payment": str(line.pk), "amount_fen": str(line.amount_fen), "paid_on": body["paid_on"]}
    tell(line.provider, "settlement.paid", told, actor=actor, at=at)
    return line


def _judge_payment(
    line: PaymentLine, reference: str, paid_on: date, actor: Actor, at: datetime
) -> None:
    """Refuse a record of payment that cannot be true or is not this person's to make."""
    if line.state == PaymentLine.State.PAID:
        raise Refused(
            "already_paid",
            f"这笔款项已登记付款（流水号 {line.bank_reference}），不能重复付款。",
        )
    if line.state == PaymentLine.State.RETURNED:
        raise Refused("already_returned", "这笔款项已退汇，请重新导出付款清单后在新清单上登记。")
    if not actor.person or actor.person == line.batch.approved_person:
        raise Refused("same_person", "签发人不能登记付款，请由财务办理。")
    if not reference or len(reference) > LONGEST_REFERENCE:
        raise Refused("reference_needed", "请填写银行流水号。", field="bank_reference")
    if PaymentLine.objects.filter(bank_reference=reference).exclude(pk=line.pk).exists():
        raise Refused(
            "reference_used", "这个银行流水号已登记在另一笔付款上，请核对。", field="bank_reference"
        )
    if paid_on > day_of(at):
        raise Refused("paid_in_future", "付款日期不能晚于今天。", field="paid_on")
    if line.account_masked != masked_account(line.provider):
        raise Refused(
            "account_changed",
            "收款账户在导出清单之后有变更，付款已停办。请核实账户并重新签发。",
        )


@transaction.atomic
def record_return(line: PaymentLine, *, reason: str, actor: Actor, at: datetime) -> PaymentLine:
    """Record that the bank sent a payment back; what it paid is owed again.

    Writes: postings (430) per statement, items ended, state rows, log entry. The next payment list
        takes the amounts up again.
    """
    line = _taken(line)
    if line.state == PaymentLine.State.RETURNED:
        return line
    if not reason.strip():
        raise Refused("reason_needed", "请填写退汇原因。", field="reason")
    for item in _items(line):
        book_return(item, actor=actor, at=at)
        statement = item.statement
        statement.paid_fen -= item.amount_fen
        if statement.state == Statement.State.PAID:
            move(statement, "bounce", actor=actor, at=at, reason=reason)
        statement.save()
        item.active = False
        item.save()
    move(line, "give_back", actor=actor, at=at, reason=reason)
    line.returned_reason, line.returned_at = reason.strip()[:200], at
    line.save()
    body = {"payment": line.pk, "batch": line.batch_id, "amount_fen": line.amount_fen}
    audit.record("payment.returned", body, actor=actor, at=at)
    return line


def _taken(line: PaymentLine) -> PaymentLine:
    """Lock a payment after its month."""
    found = PaymentLine.objects.select_related("batch").get(pk=line.pk)
    MonthClose.objects.select_for_update(of=("self",)).get(pk=found.batch.close_id)
    return (
        PaymentLine.objects.select_for_update(of=("self",))
        .select_related("batch__close", "provider")
        .get(pk=line.pk)
    )


def _items(line: PaymentLine) -> list[PaymentItem]:
    return list(
        line.items.filter(active=True)
        .select_related("statement__voucher__programme")
        .select_for_update(of=("self", "statement"))
        .order_by("statement__statement_no")
    )


def line_named(pk: UUID | str) -> PaymentLine | None:
    """Return one payment line."""
    return PaymentLine.objects.select_related("batch__close", "provider").filter(pk=pk).first()
