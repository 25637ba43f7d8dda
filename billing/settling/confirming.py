"""Both sides confirm a statement; who may speak for a side."""

from datetime import datetime
from typing import Any

from django.db import transaction

from billing.models import Confirmation, MonthClose, Statement, move
from billing.models.answer import Side
from ledger import audit
from ledger.actors import Actor
from ledger.refusals import Refused
from providers.models import ProviderSeat
from vouchers.models import EnterpriseSeat


@transaction.atomic
def confirm_statement(
    statement: Statement, *, side: str, digest: str, actor: Actor, at: datetime
) -> Confirmation:
    """Say yes to a statement for one side; the second side's yes confirms it.

    Args:
        digest: of the statement as it was shown; another digest means it changed meanwhile.

    Writes: one confirmation, a state row when it was the second, a log entry.

    Raises:
        Refused: no seat there, changed meanwhile, already objected, or the same person for both.
    """
    statement = taken(statement)
    need_seat(statement, side, actor)
    known = statement.confirmations.filter(side=side, version=statement.version).first()
    if known is not None:
        return known
    if statement.state not in (Statement.State.IN_REVIEW, Statement.State.DISPUTED):
        raise Refused("wrong_state", "这份对账单不在确认阶段，请刷新页面查看最新状态。")
    if digest != statement.digest:
        raise Refused("changed", "对账单内容已更新，请重新核对后再确认。")
    if statement.objections.filter(side=side, state="open").exists():
        raise Refused("objection_open", "贵方对这份对账单的异议还在处理，办结后才能确认。")
    if statement.confirmations.filter(actor_person=actor.person).exclude(side=side).exists():
        raise Refused("same_person", "同一自然人不能同时代表企业和服务商确认，请由他人办理。")
    confirmation = Confirmation.objects.create(
        statement=statement,
        side=side,
        version=statement.version,
        digest=statement.digest,
        confirmed_at=at,
        actor_id=actor.id,
        actor_name=actor.name,
        actor_person=actor.person,
    )
    confirm_when_both(statement, actor=actor, at=at)
    body = {
        "statement": statement.pk,
        "side": side,
        "version": statement.version,
        "digest": statement.digest,
    }
    audit.record("statement.confirmed", body, actor=actor, at=at)
    return confirmation


@transaction.atomic
def confirm_when_both(statement: Statement, *, actor: Actor, at: datetime) -> None:
    """Confirm a statement that both sides said yes to."""
    said_yes = statement.confirmations.filter(version=statement.version).count()
    if said_yes == len(Side.values) and statement.state == Statement.State.IN_REVIEW:
        move(statement, "confirm", actor=actor, at=at)
        statement.save()


def need_seat(statement: Statement, side: str, person: Actor) -> None:
    """Refuse somebody who holds no seat on that side of this statement."""
    held: Any
    if side == Side.ENTERPRISE:
        held = EnterpriseSeat.objects.filter(enterprise_id=statement.enterprise_id)
    elif side == Side.PROVIDER:
        held = ProviderSeat.objects.filter(provider_id=statement.provider_id)
    else:
        raise Refused("no_such_side", "只有企业和服务商可以确认对账单。")
    if not held.filter(user_id=person.id, active=True).exists():
        raise Refused("not_your_statement", "您不是这份对账单的一方，不能办理。")


def taken(statement: Statement) -> Statement:
    """Lock a statement after its month, always in this order."""
    MonthClose.objects.select_for_update(of=("self",)).get(pk=statement.close_id)
    return (
        Statement.objects.select_for_update(of=("self",))
        .select_related("close", "voucher__programme")
        .get(pk=statement.pk)
    )
