"""Draw up the list of everything owed and not yet listed: one line per payee."""

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction

from billing.models import (
    MonthClose,
    PaymentBatch,
    PaymentItem,
    PaymentLine,
    PaymentOffset,
    PaymentSign,
    Statement,
)
from billing.models.payment import LISTED
from billing.models.state_row import write_row
from billing.settling.collecting import Part, set_off
from billing.settling.telling import tell_to_sign
from billing.sheets import csv_bytes
from ledger import audit
from ledger.actors import Actor
from ledger.amounts import yuan_text
from ledger.capitals import capital_amount
from ledger.refusals import Refused
from providers.models import Provider
from vouchers.inquiring import payment_waits
from vouchers.models import Enterprise

COLUMNS = (
    "序号", "收款单位", "统一社会信用代码", "开户行", "账号（脱敏）", "金额（元）",
    "企业", "对账单号", "券号", "其中金额（元）", "备注",
)  # fmt: skip
Payee = Provider | Enterprise
Owed = dict[Payee, list[tuple[Statement, int]]]


def masked_account(payee: Payee) -> str:
    """Return a payee's account as it may be printed."""
    return f"**** **** {payee.bank_account_last4}" if payee.bank_account_last4 else "未登记"


def account_of(payee: Payee) -> UUID | None:
    """Return the filing that a payee's account rests on, None where nobody filed one."""
    now = payee.accounts.in_force()
    return now.pk if now else None


def export_payment_list(close: MonthClose, *, actor: Actor, at: datetime) -> PaymentBatch:
    """Draw up the payment list of everything owed and not yet listed; it waits for signatures.

    One line per payee with the statements it is made of. When nothing new is owed, the last list is
    the answer. A statement of an enterprise that is suspended, barred or no more waits for a person
    (核查事项); what waits is noted first, so that it stands even when nothing is left to pay.

    Writes: one list with its bytes and digest, its lines and items, the first signature, state row,
        log entry.

    Raises:
        Refused: not approved yet, nothing owed, or drawn up by who prepared or approved the month.
    """
    held = _hold_back(close, actor=actor, at=at)
    return _export(close, held, actor=actor, at=at)


@transaction.atomic
def _hold_back(close: MonthClose, *, actor: Actor, at: datetime) -> list[UUID]:
    """Return the statements whose payment waits for an inquiry, and open what is not open yet."""
    statements = close.statements.filter(state="approved").select_related("enterprise")
    return [
        each.pk
        for each in statements.order_by("enterprise_id", "statement_no")
        if each.payable_fen > 0 and statement_waits(each, actor=actor, at=at)
    ]


def statement_waits(statement: Statement, *, actor: Actor, at: datetime) -> bool:
    """Tell whether the payment of a statement waits for a person; open the inquiry about it."""
    return payment_waits(
        statement.enterprise,
        f"payment:{statement.pk}",
        f"对账单 {statement.statement_no}（{statement.month}）的款项",
        actor=actor,
        at=at,
    )


@transaction.atomic
def _export(close: MonthClose, held: Sequence[UUID], *, actor: Actor, at: datetime) -> PaymentBatch:
    close = MonthClose.objects.select_for_update(of=("self",)).get(pk=close.pk)
    if close.state not in (MonthClose.State.CLOSED, MonthClose.State.PAID):
        raise Refused("not_approved", "本月结算尚未签发，不能导出付款清单。请先完成签发。")
    if not actor.person or actor.person in (close.prepared_person, close.approved_person):
        raise Refused("same_person", "提请人和签发人不能导出付款清单，须由第三人办理（三人分离）。")
    owed = _owed(close, held)
    if not owed:
        return _last_list(close, held)
    batch = PaymentBatch(
        batch_no=f"PTSL-ZF-{close.month}-{close.payments.count() + 1:02d}",
        close=close,
        exported_at=at,
        prepared_person=close.prepared_person,
        approved_person=close.approved_person,
        released_name=actor.name,
        released_person=actor.person,
    )
    lines, items, offsets = _lay_out(batch, owed)
    content = list_bytes(lines, items, offsets)
    batch.count, batch.total_fen = len(lines), sum(each.amount_fen for each in lines)
    batch.offset_fen = sum(each.amount_fen for each in offsets)
    batch.head_needed = batch.total_fen >= settings.PAYMENT_HEAD_FROM_FEN
    batch.content, batch.sha256 = content.decode(), hashlib.sha256(content).hexdigest()
    batch.save(force_insert=True)
    PaymentLine.objects.bulk_create(lines)
    PaymentItem.objects.bulk_create(items)
    PaymentOffset.objects.bulk_create(offsets)
    PaymentSign.objects.create(
        batch=batch, step="draw", digest=batch.sha256, name=actor.name, person=actor.person,
        signed_at=at,
    )  # fmt: skip
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
    tell_to_sign(batch, "first", at)
    return batch


def _last_list(close: MonthClose, held: Sequence[UUID]) -> PaymentBatch:
    """Return the last list when nothing new is owed, or say why there is none."""
    last = close.payments.exclude(state="dropped").last()
    if last is None and held:
        raise Refused(
            "payments_held",
            f"本月应付款项涉及 {len(held)} 份对账单的企业资格问题，暂缓拨付；"
            "请在“核查事项”中办结后再导出。",
        )
    if last is None:
        raise Refused("nothing_to_pay", "本月没有应付金额。")
    return last


def _owed(close: MonthClose, held: Sequence[UUID]) -> Owed:
    """Return what each payee is owed beyond what is already on a list."""
    owed: Owed = defaultdict(list)
    statements = (
        close.statements.filter(state="approved")
        .exclude(pk__in=held)
        .select_for_update(of=("self",))
        .select_related("provider", "enterprise", "voucher")
        .order_by("provider__uscc", "statement_no")
    )
    for statement in statements:
        listed = sum(
            item.amount_fen
            for item in statement.payment_items.filter(active=True, line__state__in=LISTED)
        )
        planned = statement.payment_offsets.filter(
            active=True, booked_at=None, line__state__in=LISTED
        )
        amount = statement.payable_fen - listed - sum(each.amount_fen for each in planned)
        if amount > 0:
            owed[statement.payee].append((statement, amount))
    return owed


def _lay_out(
    batch: PaymentBatch, owed: Owed
) -> tuple[list[PaymentLine], list[PaymentItem], list[PaymentOffset]]:
    """Return the lines of a list with their parts and what they set off, not yet saved."""
    lines, items, offsets = [], [], []
    for ordinal, (payee, parts) in enumerate(owed.items(), start=1):
        named: dict[str, Any] = (
            {"provider": payee} if isinstance(payee, Provider) else {"enterprise": payee}
        )
        line = PaymentLine(
            batch=batch,
            ordinal=ordinal,
            payee_name=payee.name,
            bank_name=payee.bank_name,
            account_masked=masked_account(payee),
            account_id=account_of(payee),
            **named,
        )
        kept = set_off(parts)
        mine = _items(line, parts, kept)
        line.offset_fen = sum(amount for _, _, amount in kept)
        line.amount_fen = sum(each.amount_fen for each in mine)
        lines.append(line)
        items += mine
        offsets += [
            PaymentOffset(line=line, clawback=case, statement=statement, amount_fen=amount)
            for case, statement, amount in kept
        ]
    return lines, items, offsets


def _items(
    line: PaymentLine, parts: Sequence[tuple[Statement, int]], kept: Sequence[Part]
) -> list[PaymentItem]:
    """Return what is paid of each statement after set-off."""
    found = []
    for statement, owed in parts:
        amount = owed - sum(fen for _, about, fen in kept if about.pk == statement.pk)
        if amount > 0:
            part = statement.payment_items.count() + 1
            found.append(PaymentItem(line=line, statement=statement, part=part, amount_fen=amount))
    return found


def list_bytes(
    lines: Sequence[PaymentLine],
    items: Sequence[PaymentItem],
    offsets: Sequence[PaymentOffset] = (),
) -> bytes:
    """Return a payment list as CSV: a row per statement, subtotals, total in digits and words."""
    rows: list[dict[str, object]] = []
    for line in lines:
        mine = [item for item in items if item.line_id == line.pk]
        kept = [each for each in offsets if each.line_id == line.pk]
        rows += [_row(line, item) for item in mine]
        rows += [_kept_row(line, each) for each in kept]
        netted = (
            f"；应付 {yuan_text(line.gross_fen)} 元，抵扣 {yuan_text(line.offset_fen)} 元"
            if kept
            else ""
        )
        rows.append(
            {
                **dict.fromkeys(COLUMNS, ""),
                "收款单位": f"小计（{line.payee_name}）",
                "金额（元）": yuan_text(line.amount_fen),
                "备注": f"{len(mine)} 份对账单{netted}",
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


def _kept_row(line: PaymentLine, offset: PaymentOffset) -> dict[str, object]:
    """Return the row of what is set off: named with its case, below zero in words only."""
    return {
        **dict.fromkeys(COLUMNS, ""),
        "序号": line.ordinal,
        "收款单位": line.payee_name,
        "对账单号": offset.statement.statement_no,
        "其中金额（元）": f"抵扣 {yuan_text(offset.amount_fen)}",
        "备注": f"抵扣追回款，案号 {offset.clawback.case_no}",
    }


def _row(line: PaymentLine, item: PaymentItem) -> dict[str, object]:
    statement = item.statement
    return {
        "序号": line.ordinal,
        "收款单位": line.payee_name,
        "统一社会信用代码": line.payee.uscc,
        "开户行": line.bank_name,
        "账号（脱敏）": line.account_masked,
        "金额（元）": "",
        "企业": statement.enterprise.name,
        "对账单号": statement.statement_no,
        "券号": statement.voucher.voucher_no,
        "其中金额（元）": yuan_text(item.amount_fen),
        "备注": f"第 {item.part} 部分" if item.part > 1 else "",
    }
