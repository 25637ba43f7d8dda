"""Carry messages by mail: each waiting delivery is claimed, handed in once, and its answer kept.

The rows are the truth. A worker claims a delivery with a lease and a fencing number; if it dies
after handing the mail in and before writing so, the mail goes out again under the same Message-ID.
Refused for good means that somebody is told; anything else is tried again for a day.
"""

import smtplib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.errors import MessageError
from email.headerregistry import Address
from typing import Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives, get_connection
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now
from django.template.loader import render_to_string

from ledger import audit
from ledger.actors import Actor
from ledger.refusals import Refused
from vouchers import notices
from vouchers.models import NoticeAttempt, NoticeDelivery

LEASE = timedelta(minutes=5)  # longer than the slowest talk with a mail server
PAUSES = tuple(timedelta(minutes=each) for each in (1, 5, 30, 120, 480, 840))
ABOUT_MAIL = ("own_mail_dead", "mail_dead_end")
TOLD_OF_DEAD_MAIL = "vouchers.view_cases"
_FOR_GOOD = range(500, 600)
_LONGEST_ANSWER = 300
Outcome = NoticeAttempt.Outcome


@dataclass(frozen=True)
class Answer:
    """What became of one try; ``server_down`` says that the next one would fare no better."""

    outcome: str
    text: str = ""
    server_down: bool = False


def deliver_due(now: Callable[[], datetime], most: int = 100) -> int:
    """Hand in what is due, one mail after the other; return how many were tried.

    Writes: one attempt a try, and where the delivery stands after it.
    """
    if not settings.MAIL.on:
        return 0
    tried, server = 0, get_connection()
    try:
        while tried < most and (delivery := _claim(now())) is not None:
            tried += 1
            answer = hand_in(delivery, server)
            write_down(delivery, answer, now())
            if answer.server_down:
                break
    finally:
        server.close()
    return tried


def hand_in(delivery: NoticeDelivery, server: Any) -> Answer:
    """Hand one mail to the mail server and return what it said."""
    try:
        server.send_messages([build(delivery)])
    except smtplib.SMTPRecipientsRefused as refused:
        code, said = next(iter(refused.recipients.values()))
        return _refused(code, said)
    except smtplib.SMTPResponseException as refused:
        down = isinstance(refused, smtplib.SMTPConnectError | smtplib.SMTPAuthenticationError)
        if down:
            return Answer(Outcome.LATER, _answer(refused.smtp_code, refused.smtp_error), down)
        return _refused(refused.smtp_code, refused.smtp_error)
    except (MessageError, ValueError, UnicodeError, IndexError):
        return Answer(Outcome.REFUSED, "邮箱地址不合规")
    except (smtplib.SMTPException, OSError) as fault:
        return Answer(Outcome.LATER, f"邮件服务器无应答（{type(fault).__name__}）", True)
    return Answer(Outcome.DELIVERED)


def build(delivery: NoticeDelivery) -> EmailMultiAlternatives:
    """Return the mail: plain text and the same as simple HTML; nothing in it calls home.

    Raises:
        ValueError: the address is none.
    """
    # The parser of the standard library refuses line ends and what is no address.
    address = Address(addr_spec=delivery.address).addr_spec
    notice = delivery.notice
    words = {
        "notice": notice,
        "name": delivery.user.display_name,
        "site": settings.MAIL.site,
        "url": settings.MAIL.site + notice.link if notice.link else "",
    }
    host = settings.MAIL.sender.rpartition("@")[2].strip("> ")
    mail = EmailMultiAlternatives(
        subject=notice.subject,
        body=render_to_string("mail/message.txt", words),
        from_email=settings.MAIL.sender,
        to=[address],
        headers={"Message-ID": f"<{delivery.pk}@{host}>", "Auto-Submitted": "auto-generated"},
    )
    mail.attach_alternative(render_to_string("mail/message.html", words), "text/html")
    return mail


@transaction.atomic
def write_down(delivery: NoticeDelivery, answer: Answer, at: datetime) -> bool:
    """Keep a try and move the delivery on; nothing if another worker holds it now.

    Returns:
        Whether the claim still stood.
    """
    held = NoticeDelivery.objects.select_for_update(of=("self",))
    row = held.filter(pk=delivery.pk, fence=delivery.fence, state="waiting").first()
    if row is None:
        return False
    row.attempts, row.round_count, row.lease_until = row.attempts + 1, row.round_count + 1, None
    row.tries.create(
        number=row.attempts,
        at=at,
        address=row.address,
        outcome=answer.outcome,
        answer=answer.text[:_LONGEST_ANSWER],
    )
    over = row.round_count > len(PAUSES)
    if answer.outcome == Outcome.DELIVERED:
        row.state = NoticeDelivery.State.DELIVERED
    elif answer.outcome == Outcome.REFUSED or over:
        row.state = NoticeDelivery.State.GIVEN_UP
        _tell_of_dead_end(row, answer.text, at)
    else:
        row.next_at = at + PAUSES[row.round_count - 1]
    row.save()
    return True


@transaction.atomic
def resend_delivery(delivery: NoticeDelivery, *, actor: Actor, at: datetime) -> NoticeDelivery:
    """Send a message once more, to the address the person has now, with a new day of tries.

    Writes: delivery, log entry.

    Raises:
        Refused: it still waits, or the person has no address.
    """
    found = NoticeDelivery.objects.select_related("user").select_for_update(of=("self",))
    delivery = found.get(pk=delivery.pk)
    if delivery.state == NoticeDelivery.State.WAITING:
        raise Refused("mail_waiting", "这封邮件还在发送队列中，请稍后再看结果。")
    if not delivery.user.email:
        raise Refused("no_address", "收件人没有登记邮箱，请先请对方登记邮箱，或另行通知。")
    delivery.address = delivery.user.email[:320]
    delivery.state, delivery.round_count = NoticeDelivery.State.WAITING, 0
    delivery.next_at, delivery.lease_until = at, None
    delivery.save()
    body = {"delivery": delivery.pk, "notice": delivery.notice_id}
    audit.record("mail.resend", body, actor=actor, at=at)
    return delivery


@transaction.atomic
def _claim(at: datetime) -> NoticeDelivery | None:
    """Take the delivery that waits longest and that nobody holds."""
    due = NoticeDelivery.objects.due(at).select_related("notice", "user")
    row = due.select_for_update(of=("self",), skip_locked=True).first()
    if row is None:
        return None
    NoticeDelivery.objects.filter(pk=row.pk).update(fence=F("fence") + 1, lease_until=Now() + LEASE)
    row.fence += 1
    return row


def _refused(code: int, said: bytes | str) -> Answer:
    for_good = code in _FOR_GOOD
    return Answer(Outcome.REFUSED if for_good else Outcome.LATER, _answer(code, said))


def _answer(code: int, said: bytes | str) -> str:
    text = said.decode(errors="replace") if isinstance(said, bytes) else said
    return f"{code} {' '.join(text.split())}"


def _tell_of_dead_end(delivery: NoticeDelivery, why: str, at: datetime) -> None:
    """Tell the person in the inbox, and the bureau if a time limit may hang on the mail."""
    notice = delivery.notice
    if notice.kind in ABOUT_MAIL:
        return
    facts = {
        "address": delivery.address,
        "subject": notice.subject,
        "name": delivery.user.display_name,
        "why": why or "多次尝试后仍未成功",
    }
    once = f"{delivery.pk}:{delivery.attempts}"
    notices.tell_person(
        delivery.user, "own_mail_dead", facts, about=delivery, at=at, once=f"own:{once}"
    )
    if notices.is_statutory(notice.kind):
        notices.tell_staff(
            TOLD_OF_DEAD_MAIL, "mail_dead_end", facts, about=delivery, at=at, once=f"dead:{once}"
        )
