"""Accounts of payees: the payee files one, another person of the bureau confirms it.

Whoever confirms types the number once more, from the paper in hand: nobody is shown it, and a
number that was filed with a slip is found before money goes there.
"""

import re
import unicodedata
from datetime import datetime
from typing import Any, Protocol

from cryptography.fernet import InvalidToken
from django.db import transaction

from ledger import audit
from ledger.actors import Actor
from ledger.boxes import close_text, open_text
from ledger.refusals import Refused
from vouchers.conflicts import refuse_if_conflicted
from vouchers.models import Enterprise, PayeeAccount
from vouchers.notices import tell_people, tell_staff

BOX = "payee-account"
KEEPS = "vouchers.keep_registers"
NUMBER = re.compile(r"[0-9]{8,32}")  # accounts of companies follow no check digit


class Payee(Protocol):
    """Whoever is paid: registered name, and the accounts it filed."""

    pk: Any
    name: str
    accounts: Any
    seats: Any


@transaction.atomic
def file_account(
    payee: Payee, *, holder: str, bank_name: str, number: str, actor: Actor, at: datetime
) -> PayeeAccount:
    """File the account a payee is to be paid to; the bureau confirms it before money goes there.

    One that still waits is replaced; the same account asked for again is the one that waits.

    Args:
        payee: an enterprise or a provider.
        holder: the name of the account; the registered name of the payee and no other.
        number: digits, with blanks or dashes as printed on the paper.

    Writes: a filing, the waiting one replaced, log entry, message to the bureau.

    Raises:
        Refused: another holder, a faulty bank or number, or the account in force once more.
    """
    payee = _taken(payee)
    holder, bank_name, number = _plain(holder), bank_name.strip(), bare_number(number)
    _judge_account(payee, holder, bank_name, number)
    waiting = payee.accounts.waiting().first()
    if waiting and _says(waiting, bank_name, number):
        return waiting  # type: ignore[no-any-return]
    now = payee.accounts.in_force()
    if now and now.holder == payee.name and _says(now, bank_name, number):
        raise Refused("account_same", "与现行收款账户相同，不需要重新登记。", field="number")
    if waiting:
        _decide(waiting, "replaced", "由新的登记替代", actor, at)
    account: PayeeAccount = payee.accounts.create(
        holder=payee.name,
        bank_name=bank_name,
        number_closed=close_text(number, BOX),
        last4=number[-4:],
        filed_at=at,
        filed_name=actor.name,
        filed_person=actor.person,
    )
    _log("payee.file", account, actor, at)
    told = {"payee": payee.name, "by": actor.name}
    tell_staff(KEEPS, "payee_filed", told, about=account, at=at)
    return account


@transaction.atomic
def confirm_account(
    account: PayeeAccount, *, number: str, evidence: str, actor: Actor, at: datetime
) -> PayeeAccount:
    """Confirm a filed account as a second person; from now on money goes there.

    Payments on lists that were drawn up before are not sent: they need a new approval.

    Args:
        number: the number as the paper in hand has it, typed once more.
        evidence: which paper was compared.

    Writes: the decision, bank and last four digits at the payee, log entry, message to the payee.

    Raises:
        Refused: decided already, the same person or one tied to the payee, no evidence, another
            number, or the payee has another name by now.
    """
    account = _taken_account(account)
    _no_tie(account, actor)
    if not actor.person or actor.person == account.filed_person:
        raise Refused("same_person", "收款账户须由登记人以外的另一人核对。")
    _need(evidence, "evidence", "请写明核对了什么凭证，例如“开户许可证，核准号 J2900…”。")
    filed = _number_of(account)
    if not filed:
        raise Refused(
            "number_unreadable", "登记的账号已无法解密（密钥已更换），请不予通过，由单位重新登记。"
        )
    if bare_number(number) != filed:
        raise Refused(
            "number_differs",
            "与登记的账号不一致。请对照凭证逐位核对后重新输入；确实不符的，请选择“不予通过”。",
            field="number",
        )
    payee: Any = account.payee  # type: ignore[attr-defined]
    if account.holder != payee.name:
        raise Refused("holder_differs", f"单位已更名为{payee.name}，须按新名称重新登记账户。")
    _decide(account, "confirmed", evidence, actor, at)
    payee.bank_name, payee.bank_account_last4 = account.bank_name, account.last4
    payee.save(update_fields=["bank_name", "bank_account_last4"])
    _log("payee.confirm", account, actor, at)
    _tell(account, "payee_confirmed", {"account": account.masked}, at)
    return account


@transaction.atomic
def decline_account(
    account: PayeeAccount, *, reason: str, actor: Actor, at: datetime
) -> PayeeAccount:
    """Decline a filed account with the reason its payee will read; the one in force stays.

    Writes: the decision, log entry, message to the payee.

    Raises:
        Refused: decided already, somebody tied to the payee, or no reason.
    """
    account = _taken_account(account)
    _no_tie(account, actor)
    _need(reason, "reason", "请写明不予通过的理由，登记单位会看到。")
    _decide(account, "declined", reason, actor, at)
    _log("payee.decline", account, actor, at)
    _tell(account, "payee_declined", {"account": account.masked, "reason": reason.strip()}, at)
    return account


def bare_number(typed: str) -> str:
    """Return a number without the blanks and dashes between its digits."""
    return re.sub(r"[\s-]", "", unicodedata.normalize("NFKC", typed))


def _judge_account(payee: Payee, holder: str, bank_name: str, number: str) -> None:
    if holder != _plain(payee.name):
        raise Refused("holder_differs", f"户名必须与登记名称一致：{payee.name}。", field="holder")
    if not 4 <= len(bank_name) <= 100:
        raise Refused(
            "bank_invalid", "请填写开户银行全称，到支行，4 至 100 字。", field="bank_name"
        )
    if not NUMBER.fullmatch(number):
        raise Refused(
            "number_invalid", "对公账号应为 8 至 32 位数字，可以带空格或短横线。", field="number"
        )


def _plain(name: str) -> str:
    """Return a name with brackets and letters of one width, without blanks."""
    return "".join(unicodedata.normalize("NFKC", name).split())


def _says(account: PayeeAccount, bank_name: str, number: str) -> bool:
    return (account.bank_name, _number_of(account)) == (bank_name, number)


def _number_of(account: PayeeAccount) -> str:
    """Return the number that was filed; empty when the key it was closed under is gone."""
    try:
        return open_text(account.number_closed, BOX)
    except InvalidToken:
        return ""


def _taken(payee: Any) -> Any:
    return type(payee).objects.select_for_update(of=("self",)).get(pk=payee.pk)


def _taken_account(account: Any) -> Any:
    """Lock a filing after its payee: filings of one payee are decided one after the other."""
    _taken(account.payee)
    rows = type(account).objects.select_for_update(of=("self",)).select_related("payee")
    found = rows.get(pk=account.pk)
    if found.outcome:
        raise Refused(
            "already_decided", f"这次登记为“{found.get_outcome_display()}”，请刷新页面查看。"
        )
    return found


def _no_tie(account: Any, actor: Actor) -> None:
    """Keep whoever sits or sat at the payee, or declared a tie to it, from deciding for it."""
    payee = account.payee
    if payee.seats.filter(user__person_hash=actor.person).exists():
        raise Refused("own_organisation", "您在该单位有或有过席位，须由他人办理。")
    if isinstance(payee, Enterprise):
        refuse_if_conflicted(actor, payee)


def _decide(account: Any, outcome: str, evidence: str, actor: Actor, at: datetime) -> None:
    account.outcome, account.evidence = outcome, evidence.strip()[:300]
    account.decided_at, account.decided_name = at, actor.name
    account.decided_person = actor.person
    account.save()


def _need(text: str, field: str, message: str) -> None:
    if not text.strip():
        raise Refused(f"{field}_missing", message, field=field)


def _log(kind: str, account: Any, actor: Actor, at: datetime) -> None:
    body = {"account": account.pk, "payee": account.payee_id, "kind": account.audience}
    audit.record(kind, body, actor=actor, at=at)


def _tell(account: Any, kind: str, facts: dict[str, Any], at: datetime) -> None:
    payee = account.payee
    seats = payee.seats.filter(active=True, user__is_active=True).select_related("user")
    people = [each.user for each in seats.order_by("id")]
    to = (account.audience, str(payee.pk), payee.name)
    prefix = "" if account.audience == "enterprise" else "provider_"
    tell_people(to, people, f"{prefix}{kind}", facts, about=account, at=at)
