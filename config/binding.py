"""Whose enterprise it is: the legal person's seat, and the appeal when others came first (P3)."""

from datetime import datetime
from typing import Any

from django.db import transaction

from config.inviting import refuse_other_realm
from config.models import BindingAppeal, User
from config.people import masked_name
from config.realms import Realm
from ledger import audit
from ledger.actors import Actor
from ledger.refusals import Refused
from vouchers.conflicts import refuse_if_conflicted
from vouchers.enrolling import add_seat, register_enterprise
from vouchers.models import Enterprise, EnterpriseSeat

SHORTEST = 10


def holder_of(uscc: str, user: Any) -> dict[str, Any]:
    """Return how an enterprise stands to somebody: free, theirs, or bound by others (masked)."""
    enterprise = Enterprise.objects.filter(uscc=uscc).first()
    if enterprise is None:
        return {"enterprise": None}
    seats = enterprise.seats.filter(active=True).select_related("user")
    admins = seats.filter(role=EnterpriseSeat.Role.ADMIN)
    return {
        "enterprise": enterprise,
        "own": seats.filter(user=user).exists(),
        "holders": [masked_name(each.user.display_name) for each in admins],
        "waiting": BindingAppeal.objects.filter(
            enterprise_id=enterprise.pk, user=user, decided_at__isnull=True
        ).first(),
    }


@transaction.atomic
def bind_legal_person(
    user: User, *, uscc: str, name: str, actor: Actor, at: datetime
) -> Enterprise:
    """Register the enterprise that the government identity named; the person administers it.

    Writes: as ``register_enterprise``.

    Raises:
        Refused: it is registered already, or the person sits on another side.
    """
    refuse_other_realm(user, Realm.ENTERPRISE)
    return register_enterprise(name, uscc, user=user, actor=actor, at=at)


@transaction.atomic
def appeal_binding(
    enterprise: Enterprise, user: User, *, statement: str, assured: bool, actor: Actor, at: datetime
) -> BindingAppeal:
    """Appeal against whoever registered an enterprise first.

    Writes: appeal, log entry.

    Raises:
        Refused: nothing said, one's own enterprise, another side, or an appeal waits already.
    """
    refuse_other_realm(user, Realm.ENTERPRISE)
    if len(statement.strip()) < SHORTEST:
        raise Refused(
            "reason_missing", "请写明您与企业的关系和依据，至少十个字。", field="statement"
        )
    if enterprise.seats.filter(user=user, active=True).exists():
        raise Refused("own", "您已是这家企业的成员。")
    if BindingAppeal.objects.filter(
        enterprise_id=enterprise.pk, person=actor.person, decided_at__isnull=True
    ).exists():
        raise Refused("already_waiting", "您的申诉已收到，正在办理。")
    made = BindingAppeal.objects.create(
        enterprise_id=enterprise.pk,
        enterprise_name=enterprise.name,
        user=user,
        person=actor.person,
        statement=statement.strip(),
        assured=assured,
        appealed_at=at,
    )
    body = {"appeal": made.pk, "enterprise": enterprise.pk}
    audit.record("account.appeal", body, actor=actor, at=at)
    return made


@transaction.atomic
def answer_appeal(
    appeal: BindingAppeal, *, upheld: bool, answer: str, actor: Actor, at: datetime
) -> BindingAppeal:
    """Answer an appeal; one that is upheld makes the person an administrator beside the others.

    Writes: appeal, log entry; a seat if it is upheld.

    Raises:
        Refused: answered already, no answer, the same person, or a declared conflict.
    """
    held = BindingAppeal.objects.select_for_update(of=("self",)).get(pk=appeal.pk)
    enterprise = Enterprise.objects.get(pk=held.enterprise_id)
    refuse_if_conflicted(actor, enterprise)
    if held.decided_at is not None:
        raise Refused("not_waiting", "这件申诉已经答复。")
    if not actor.person or actor.person == held.person:
        raise Refused("same_person", "不能答复自己的申诉。")
    if len(answer.strip()) < SHORTEST:
        raise Refused(
            "reason_missing", "请写明核实情况，至少十个字，申诉人会看到。", field="answer"
        )
    held.decided_at, held.upheld, held.answer = at, upheld, answer.strip()
    held.decided_by_name, held.decided_by_person = actor.name, actor.person
    held.save()
    body = {"appeal": held.pk, "enterprise": enterprise.pk, "upheld": "yes" if upheld else "no"}
    audit.record("account.answer_appeal", body, actor=actor, at=at)
    if upheld:
        add_seat(enterprise, held.user, EnterpriseSeat.Role.ADMIN, actor=actor, at=at)
    return held


def waiting_appeals() -> list[BindingAppeal]:
    """Return the appeals that wait for an answer, the oldest first."""
    rows = BindingAppeal.objects.filter(decided_at__isnull=True).select_related("user")
    return list(rows.order_by("appealed_at"))
