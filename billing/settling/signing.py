"""Sign a payment list step by step, send it to the treasury, or drop it before it is sent.

The bureau signs twice (three times where the sum asks for the head), finance twice; whoever drew
the list up or signed it once signs no other step.
"""

import hashlib
from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from billing.bank_files import Payment, payment_file
from billing.models import (
    BankFile,
    MonthClose,
    PaymentBatch,
    PaymentHold,
    PaymentLine,
    PaymentSign,
    move,
)
from billing.settling.collecting import book_offsets
from billing.settling.listing import Payee, account_of, masked_account, statement_waits
from billing.settling.paying import end_items, settle_batch
from billing.settling.telling import tell_to_sign
from ledger import audit
from ledger.actors import Actor
from ledger.refusals import Refused
from providers.models import Provider

BUREAU = ("first", "second", "head")
#: The signature after which a list moves on, and how.
MOVES = {"review": "review", "clear": "clear"}


def steps_of(batch: PaymentBatch) -> tuple[str, ...]:
    """Return the signatures a list needs after it was drawn up, in order."""
    head = ("head",) if batch.head_needed else ()
    return ("first", "second", *head, "review", "clear")


def next_step(batch: PaymentBatch) -> str:
    """Return the signature a list waits for; empty when it has them all or was dropped."""
    if batch.state == PaymentBatch.State.DROPPED:
        return ""
    given = set(batch.signs.values_list("step", flat=True))
    return next((each for each in steps_of(batch) if each not in given), "")


@transaction.atomic
def sign_batch(
    batch: PaymentBatch, *, step: str, digest: str, actor: Actor, at: datetime
) -> PaymentBatch:
    """Sign one step of a payment list; the same person asking again changes nothing.

    Args:
        step: the signature, one of ``PaymentSign.Step`` after the drawing up.
        digest: of the list as it was shown.

    Writes: the signature; the list moved where it is the last of its stage; state row, log entry.

    Raises:
        Refused: another step is due, the list shown was another, an account changed, or the person
            drew it up, signed it or may not release it.
    """
    batch = taken_batch(batch)
    known = batch.signs.filter(step=step).first()
    if known and known.person == actor.person and known.digest == digest:
        return batch
    _judge_sign(batch, step, digest, actor)
    PaymentSign.objects.create(
        batch=batch, step=step, digest=digest, name=actor.name, person=actor.person, signed_at=at
    )
    following = next_step(batch)
    event = MOVES.get(step) or ("approve" if following == "review" else "")
    if event:
        move(batch, event, actor=actor, at=at)
        batch.save()
    body = {"batch": batch.pk, "batch_no": batch.batch_no, "step": step, "sha256": digest}
    audit.record("payment.signed", body, actor=actor, at=at)
    if following:
        tell_to_sign(batch, following, at)
    return batch


def _judge_sign(batch: PaymentBatch, step: str, digest: str, actor: Actor) -> None:
    due = next_step(batch)
    if step != due:
        word = PaymentSign.Step(due).label if due else "没有待签的环节"
        raise Refused(
            "step_order", f"付款清单 {batch.batch_no} 当前环节为“{word}”，请刷新页面按顺序办理。"
        )
    if digest != batch.sha256:
        raise Refused("changed", "您核对的不是最新的付款清单，请刷新页面重新核对。")
    signed = set(batch.signs.values_list("person", flat=True))
    if not actor.person or actor.person in signed:
        raise Refused("same_person", "您已在这份清单上制表或签署，须由他人办理（各环节不同人）。")
    if step in BUREAU and actor.person == batch.prepared_person:
        raise Refused("same_person", "本月结算由您提请，清单须由他人审批。")
    if step == "clear" and actor.person in (batch.prepared_person, batch.approved_person):
        raise Refused("same_person", "本月结算由您提请或签发，清单须由他人批准拨付。")
    for line in batch.lines.filter(state="waiting").select_related("provider", "enterprise"):
        if account_fault(line):
            raise Refused(
                "account_changed",
                f"{line.payee_name}的{account_fault(line)}。请退回作废这份清单，重新导出并审批。",
            )


def account_fault(line: PaymentLine) -> str:
    """Return what is wrong with the account or the name a line would pay to; empty when nothing."""
    payee: Payee = line.payee
    if line.payee_name != payee.name:
        return f"登记名称已变更为{payee.name}，与清单户名不一致"
    listed = (line.account_id, line.account_masked, line.bank_name)
    if listed != (account_of(payee), masked_account(payee), payee.bank_name):
        return "收款账户在制表之后有变更"
    now = payee.accounts.in_force()
    if now and now.holder != payee.name:
        return f"收款账户的户名仍为{now.holder}，须按现名称重新登记"
    return "" if payee.bank_account_last4 or not line.amount_fen else "收款账户未登记"


@transaction.atomic
def drop_batch(batch: PaymentBatch, *, reason: str, actor: Actor, at: datetime) -> PaymentBatch:
    """Send a list back before it is sent: what it listed is owed as before.

    Writes: list and lines moved, items ended, state rows, log entry.

    Raises:
        Refused: sent already, or no reason.
    """
    batch = taken_batch(batch)
    if batch.state == PaymentBatch.State.DROPPED:
        return batch
    if not reason.strip():
        raise Refused("reason_needed", "请写明退回理由。", field="reason")
    move(batch, "drop", actor=actor, at=at, reason=reason)
    batch.save()
    for line in batch.lines.filter(state__in=["waiting", "suspended"]).order_by("ordinal"):
        move(line, "withdraw", actor=actor, at=at, reason=reason)
        line.save()
        end_items(line)
    body = {"batch": batch.pk, "batch_no": batch.batch_no, "sha256": batch.sha256}
    audit.record("payment.dropped", body, actor=actor, at=at)
    return batch


@transaction.atomic
def send_batch(batch: PaymentBatch, *, actor: Actor, at: datetime) -> PaymentBatch:
    """Send what may be paid to the treasury: one bank file with its digest.

    What must not be paid now - another account or name than was approved, an enterprise whose
    standing forbids it - is suspended and stays out of the file. A line released later goes out in
    a further file of the same list. With nothing to send, the list stays where it is.

    Writes: lines suspended or sent, a bank file, the list moved, state rows, log entry.

    Raises:
        Refused: not all signatures are there, or sent by somebody of the bureau's signers.
    """
    batch = taken_batch(batch)
    if batch.state not in (PaymentBatch.State.FINANCE_APPROVED, PaymentBatch.State.SENT):
        raise Refused(
            "step_order",
            f"付款清单 {batch.batch_no} 为“{batch.get_state_display()}”，"
            "须经数据局审批、财政复核和批准后才能送国库。",
        )
    signers = batch.signs.filter(step__in=BUREAU).values_list("person", flat=True)
    if not actor.person or actor.person in {*signers, batch.approved_person}:
        raise Refused("same_person", "审批人不能送国库，请由财务办理。")
    going = _fit_to_pay(batch, actor, at)
    if not going:
        return batch
    for line in going:
        book_offsets(line, actor=actor, at=at)
        if not line.amount_fen:
            move(line, "net", actor=actor, at=at)
            line.save()
    paid = [each for each in going if each.amount_fen]
    if paid:
        _put_out(batch, paid, actor, at)
    if batch.state != PaymentBatch.State.SENT:
        batch.sent_at = at
        move(batch, "send", actor=actor, at=at)
        batch.save()
    settle_batch(batch, actor=actor, at=at)
    return taken_batch(batch)


def _fit_to_pay(batch: PaymentBatch, actor: Actor, at: datetime) -> list[PaymentLine]:
    """Return the waiting lines that may go, and suspend the others with their reason."""
    going = []
    lines = batch.lines.filter(state="waiting").select_related("provider", "enterprise", "batch")
    for line in lines.select_for_update(of=("self",)).order_by("ordinal"):
        kind, reason = _obstacle(line, actor, at)
        if reason:
            put_hold(line, kind, reason, actor=actor, at=at)
        else:
            going.append(line)
    return going


def _obstacle(line: PaymentLine, actor: Actor, at: datetime) -> tuple[str, str]:
    """Return why a line must not be paid now, by kind; both empty when it may."""
    if fault := account_fault(line):
        return PaymentHold.Kind.ACCOUNT, fault
    released = line.holds.filter(kind__in=["standing", "frozen", "other"]).exclude(ended_at=None)
    if released.exists():  # two persons looked at it and stand for it
        return "", ""
    provider = line.provider
    if provider is not None and provider.state != Provider.State.ADMITTED:
        return (
            PaymentHold.Kind.STANDING,
            f"服务商{provider.name}已{provider.get_state_display()}，款项须核查",
        )
    for item in line.items.filter(active=True).select_related("statement__enterprise"):
        if statement_waits(item.statement, actor=actor, at=at):
            firm = item.statement.enterprise
            return (
                PaymentHold.Kind.STANDING,
                f"{firm.name}{firm.get_state_display()}，对账单 {item.statement.statement_no} "
                "的款项须核查",
            )
    return "", ""


def put_hold(line: PaymentLine, kind: str, reason: str, *, actor: Actor, at: datetime) -> None:
    """Suspend a line with its reason; the caller holds the month.

    Writes: the line moved, the reason, state row, log entry.
    """
    move(line, "suspend", actor=actor, at=at, reason=reason)
    line.save()
    PaymentHold.objects.create(
        line=line, kind=kind, reason=reason[:300], put_at=at, put_name=actor.name
    )
    body = {"payment": line.pk, "batch": line.batch_id, "kind": kind}
    audit.record("payment.suspended", body, actor=actor, at=at)


def _put_out(
    batch: PaymentBatch, going: Sequence[PaymentLine], actor: Actor, at: datetime
) -> BankFile:
    """Write the bank file of the lines that go, and move them."""
    content = payment_file([as_payment(each) for each in going])
    file = BankFile.objects.create(
        batch=batch,
        no=batch.files.count() + 1,
        content=content.decode(),
        sha256=hashlib.sha256(content).hexdigest(),
        count=len(going),
        total_fen=sum(each.amount_fen for each in going),
        sent_at=at,
        sent_name=actor.name,
        sent_person=actor.person,
    )
    for line in going:
        move(line, "send", actor=actor, at=at)
        line.save()
    body = {
        "batch": batch.pk,
        "batch_no": batch.batch_no,
        "file": file.pk,
        "lines": file.count,
        "total_fen": file.total_fen,
        "sha256": file.sha256,
    }
    audit.record("payment.sent", body, actor=actor, at=at)
    return file


def as_payment(line: PaymentLine) -> Payment:
    """Return a line as it stands in a bank file."""
    return Payment(
        reference=line.reference,
        payee=line.payee_name,
        uscc=line.payee.uscc,
        bank=line.bank_name,
        tail=line.account_masked[-4:],
        amount_fen=line.amount_fen,
        purpose=f"算力券结算款 {line.batch.close.month}",
    )


def taken_batch(batch: PaymentBatch) -> PaymentBatch:
    """Lock a list after its month."""
    MonthClose.objects.select_for_update(of=("self",)).get(pk=batch.close_id)
    return (
        PaymentBatch.objects.select_for_update(of=("self",))
        .select_related("close")
        .get(pk=batch.pk)
    )
