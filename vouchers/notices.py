"""Tell people what happened: into their inbox, and by mail.

What is told is written in the transaction of what happened, so a message exists exactly when its
cause does; a worker carries the mails (``mailing``). Acts hand in facts; the words stand in
``notice_texts``. Upper rooms tell their own people with ``tell_people``.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import models
from django.db.models import Q, QuerySet
from django.urls import reverse

from vouchers.message_form import Text
from vouchers.models import (
    Enterprise,
    MailChoice,
    Notice,
    NoticeDelivery,
    NoticeRead,
)
from vouchers.notice_texts import TEXTS, told

BACKEND = "django.contrib.auth.backends.ModelBackend"
Scope = tuple[str, str]  # audience, who of it


def tell_enterprise(
    enterprise: Enterprise,
    kind: str,
    context: Mapping[str, Any],
    *,
    about: models.Model,
    at: datetime,
    once: str = "",
) -> Notice | None:
    """Tell everybody with a seat in an enterprise.

    Args:
        kind: a line of ``notice_texts.TEXTS``.
        context: the facts in the gaps of its words.
        about: the thing it is about; the link leads there.
        once: whatever is said under the same word is said only once.

    Writes: message and one delivery per person, in the caller's transaction.
    """
    people: Any = get_user_model().objects.filter(
        is_active=True, enterprise_seats__enterprise=enterprise, enterprise_seats__active=True
    )
    to = ("enterprise", str(enterprise.pk), enterprise.name)
    people = people.order_by("enterprise_seats__id")  # asked only where mails go out
    return tell_people(to, people, kind, context, about=about, at=at, once=once)


def tell_staff(
    right: str,
    kind: str,
    context: Mapping[str, Any],
    *,
    about: models.Model,
    at: datetime,
    once: str = "",
) -> Notice | None:
    """Tell everybody of the bureau who holds a right ("room.codename")."""
    users: Any = get_user_model().objects
    people = users.with_perm(right, backend=BACKEND, include_superusers=False).order_by("pk")
    to = ("right", right, "办公后台")
    return tell_people(to, people, kind, context, about=about, at=at, once=once)


def tell_person(
    user: Any,
    kind: str,
    context: Mapping[str, Any],
    *,
    about: models.Model,
    at: datetime,
    once: str = "",
) -> Notice | None:
    """Tell one person."""
    to = ("person", str(user.pk), user.display_name or user.get_username())
    return tell_people(to, [user], kind, context, about=about, at=at, once=once)


def tell_people(
    to: tuple[str, str, str],
    people: Iterable[Any],
    kind: str,
    context: Mapping[str, Any],
    *,
    about: models.Model,
    at: datetime,
    once: str = "",
) -> Notice | None:
    """Write one message for a recipient and its mails for the people behind it.

    Args:
        to: audience, who of it (an id or a right), and its name as people read it.

    Returns:
        The message, or nothing when it was said before.
    """
    text, words = TEXTS[kind], told(kind, context)
    if once and Notice.objects.filter(once=once).exists():
        return None
    notice = Notice.objects.create(
        audience=to[0],
        scope=to[1],
        recipient=to[2][:200],
        kind=kind,
        subject=words.subject,
        body=words.body,
        link=_link(text, about),
        about_kind=str(about._meta.model_name),
        about_id=str(about.pk),
        once=once or None,
        at=at,
    )
    if settings.MAIL.on and kind != "own_mail_dead":
        _address(notice, list(people), text, at)
    return notice


def tell_set(
    messages: Iterable[tuple[tuple[str, str, str], list[Any], Mapping[str, Any]]],
    kind: str,
    *,
    about: models.Model,
    at: datetime,
) -> list[Notice]:
    """Tell many recipients of one thing, each its own facts; as ``tell_people`` one by one.

    Args:
        messages: (audience, who of it, name), the people behind it, the facts.

    Writes: one message each and its mails, in three statements.
    """
    text, link = TEXTS[kind], _link(TEXTS[kind], about)
    notices, behind = [], []
    for to, people, context in messages:
        words = told(kind, context)
        notices.append(
            Notice(
                audience=to[0],
                scope=to[1],
                recipient=to[2][:200],
                kind=kind,
                subject=words.subject,
                body=words.body,
                link=link,
                about_kind=str(about._meta.model_name),
                about_id=str(about.pk),
                at=at,
            )
        )
        behind.append(people)
    Notice.objects.bulk_create(notices)
    if settings.MAIL.on:
        silent = _silent([each for people in behind for each in people], text)
        NoticeDelivery.objects.bulk_create(
            _delivery(notice, each, at)
            for notice, people in zip(notices, behind, strict=True)
            for each in people
            if each.pk not in silent
        )
    return notices


def _address(notice: Notice, people: list[Any], text: Text, at: datetime) -> None:
    """Write the mails; whoever switched mail off still gets what a time limit hangs on."""
    silent = _silent(people, text)
    NoticeDelivery.objects.bulk_create(
        _delivery(notice, each, at) for each in people if each.pk not in silent
    )


def _silent(people: list[Any], text: Text) -> set[Any]:
    if text.statutory:
        return set()
    off = MailChoice.objects.filter(user__in=people, wanted=False)
    return set(off.values_list("user_id", flat=True))


def _delivery(notice: Notice, user: Any, at: datetime) -> NoticeDelivery:
    return NoticeDelivery(
        notice=notice,
        user=user,
        address=user.email[:320],
        state="waiting" if user.email else "no_address",
        next_at=at,
    )


def _link(text: Text, about: models.Model) -> str:
    if not text.link:
        return ""
    return reverse(text.link, args=[about.pk] if text.about_link else [])


def is_statutory(kind: str) -> bool:
    """Say whether a time limit or a decision may hang on messages of a kind."""
    return kind in TEXTS and TEXTS[kind].statutory


# The inbox ------------------------------------------------------------------------------------


def unread_count(scopes: list[Scope], user: Any) -> int:
    """Return how many messages a person has not opened."""
    return Notice.objects.to(scopes).unread_by(user).count()


def inbox(scopes: list[Scope], user: Any, *, unread: bool = False) -> QuerySet[Notice]:
    """Return what a person was told, the newest first; each says whether it ``is_read``."""
    mine = Notice.objects.to(scopes).read_by(user)
    return (mine.unread_by(user) if unread else mine).order_by("-at", "-pk")


def mark_read(notices: Iterable[Notice], user: Any, at: datetime) -> None:
    """Remember that a person has seen some messages; twice is once."""
    NoticeRead.objects.bulk_create(
        (NoticeRead(notice=each, user=user, at=at) for each in notices), ignore_conflicts=True
    )


def wants_mail(user: Any) -> bool:
    """Say whether a person gets what goes by mail only if wanted."""
    return not MailChoice.objects.filter(user=user, wanted=False).exists()


def choose_mail(user: Any, *, wanted: bool, at: datetime) -> None:
    """Remember whether a person wants mail."""
    MailChoice.objects.update_or_create(user=user, defaults={"wanted": wanted, "changed_at": at})


# The log of what was sent ---------------------------------------------------------------------


def delivery_log(state: str = "", words: str = "") -> QuerySet[NoticeDelivery]:
    """Return mails for the bureau's log, the newest first.

    Args:
        state: only those; ``failed`` for what did not arrive.
        words: part of the address, the recipient or the subject.
    """
    found = NoticeDelivery.objects.newest_first()
    if state == "failed":
        found = found.undelivered()
    elif state in NoticeDelivery.State.values:
        found = found.filter(state=state)
    if words:
        found = found.filter(
            Q(address__icontains=words)
            | Q(notice__recipient__icontains=words)
            | Q(notice__subject__icontains=words)
        )
    return found


def undelivered_count() -> int:
    """Return how many mails did not arrive."""
    return NoticeDelivery.objects.undelivered().count()


def overdue_count(before: datetime) -> int:
    """Return how many mails should have gone out before a moment and still wait."""
    return NoticeDelivery.objects.filter(state="waiting", next_at__lt=before).count()
