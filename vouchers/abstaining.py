"""Declare a tie to an enterprise and abstain; another person ends the declaration."""

from datetime import datetime
from typing import Any

from django.db import transaction

from ledger import audit
from ledger.actors import Actor
from ledger.refusals import Refused
from vouchers.models import ConflictDeclaration, Enterprise

SHORTEST_REASON = 4


@transaction.atomic
def declare_conflict(
    enterprise: Enterprise, officer: Any, *, relation: str, actor: Actor, at: datetime
) -> ConflictDeclaration:
    """Declare that an officer is tied to an enterprise; all acts on it are closed to them at once.

    Args:
        enterprise: the enterprise in question.
        officer: the account of the person who declares; always one's own.
        relation: what ties them (relative, share, former employer).
        actor: the same person.
        at: when.

    Writes: declaration, log entry (without the relation).

    Raises:
        Refused: for somebody else, no relation told, or declared already.
    """
    enterprise = Enterprise.objects.select_for_update(of=("self",)).get(pk=enterprise.pk)
    if str(officer.pk) != actor.id or not actor.person:
        raise Refused("not_oneself", "利益冲突只能由本人声明。")
    if len(relation.strip()) < SHORTEST_REASON:
        raise Refused("reason_missing", "请写明与该企业的关系，至少四个字。", field="relation")
    if ConflictDeclaration.objects.between(actor.person, enterprise).exists():
        raise Refused("already_declared", f"您已声明与“{enterprise.name}”的关系，无须重复。")
    made = ConflictDeclaration.objects.create(
        enterprise=enterprise,
        officer=officer,
        person=actor.person,
        relation=relation.strip(),
        declared_at=at,
    )
    body = {"declaration": made.pk, "enterprise": enterprise.pk}
    audit.record("conflict.declare", body, actor=actor, at=at)
    return made


@transaction.atomic
def end_conflict(
    declaration: ConflictDeclaration, *, reason: str, actor: Actor, at: datetime
) -> ConflictDeclaration:
    """End a declaration once the tie is gone; never by the person who declared it.

    Writes: end of the declaration, log entry.

    Raises:
        Refused: the same natural person, no reason, or ended already.
    """
    held = ConflictDeclaration.objects.select_for_update(of=("self",)).get(pk=declaration.pk)
    if not actor.person or actor.person == held.person:
        raise Refused("same_person", "本人的声明须由他人核实后解除。")
    if held.ended_at is not None:
        raise Refused("already_ended", "这项声明已经解除。")
    if len(reason.strip()) < SHORTEST_REASON:
        raise Refused("reason_missing", "请写明核实情况，至少四个字。", field="reason")
    held.ended_at = at
    held.ended_by_name, held.ended_by_person = actor.name, actor.person
    held.end_reason = reason.strip()
    held.save()
    body = {"declaration": held.pk, "enterprise": held.enterprise_id}
    audit.record("conflict.end", body, actor=actor, at=at)
    return held
