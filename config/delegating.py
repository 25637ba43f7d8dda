"""Standing in for an absent officer: one right, one person, until a day (U19)."""

from datetime import datetime, timedelta

from django.db import transaction

from config.models import Delegation, User
from config.roles import ROLES
from ledger import audit
from ledger.actors import Actor
from ledger.refusals import Refused

LONGEST = timedelta(days=31)
SHORTEST_REASON = 4
#: What may be handed on: decisions of the daily work. Budget, payments, keys and roles may not.
DELEGABLE: dict[str, str] = {
    "vouchers.review_application": "受理和初审",
    "vouchers.decide_application": "复审和审定",
    "vouchers.publish_notice": "公示",
    "vouchers.issue_voucher": "发券",
    "providers.admit_provider": "服务商入库",
    "providers.approve_rate": "折算系数审批",
    "providers.decide_usage": "用量疑点裁定",
}


@transaction.atomic
def delegate_right(
    giver: User,
    taker: User,
    right: str,
    *,
    begins_at: datetime,
    until: datetime,
    reason: str,
    actor: Actor,
    at: datetime,
) -> Delegation:
    """Let another officer exercise one's right until a moment; it ends by itself.

    The taker acts under their own name and person, so every rule of two persons holds as before.

    Writes: delegation, log entry.

    Raises:
        Refused: not one's own, not held by role, not delegable, to oneself or to no officer, for
            no time or too long, without reason, or delegated to the same person already.
    """
    if str(giver.pk) != actor.id:
        raise Refused("not_oneself", "只能委托自己的权限。")
    _right_of(giver, right)
    _able(giver, taker)
    if not at <= begins_at < until or until - begins_at > LONGEST:
        raise Refused("time_invalid", "委托期限须从现在起，最长 31 天。", field="until")
    if len(reason.strip()) < SHORTEST_REASON:
        raise Refused("reason_missing", "请写明事由，至少四个字。", field="reason")
    running = giver.given_delegations.filter(taker=taker, right=right, ended_at__isnull=True)
    if running.filter(until__gt=at).exists():
        raise Refused("already_delegated", f"已将这项权限委托给{taker.display_name}。")
    made = Delegation.objects.create(
        giver=giver,
        taker=taker,
        right=right,
        reason=reason.strip(),
        made_at=at,
        begins_at=begins_at,
        until=until,
    )
    body = {"delegation": made.pk, "taker": taker.pk, "right": right, "until": until}
    audit.record("account.delegate", body, actor=actor, at=at)
    return made


@transaction.atomic
def end_delegation(delegation: Delegation, *, actor: Actor, at: datetime) -> Delegation:
    """End a delegation before its time; by the giver, the taker or the platform.

    Writes: delegation, log entry.

    Raises:
        Refused: it has ended.
    """
    held = Delegation.objects.select_for_update(of=("self",)).get(pk=delegation.pk)
    if held.ended_at is not None or held.until <= at:
        raise Refused("not_waiting", "这项委托已经结束。")
    held.ended_at, held.ended_by_name = at, actor.name
    held.save()
    audit.record("account.end_delegation", {"delegation": held.pk}, actor=actor, at=at)
    return held


def rights_by_role(user: User) -> set[str]:
    """Return the rights a person holds by role; what is delegated to them is not among them."""
    return {right for role in user.groups.values_list("name", flat=True) for right in ROLES[role]}


def _right_of(giver: User, right: str) -> None:
    if right not in DELEGABLE:
        raise Refused("not_delegable", "这项权限不能委托。", field="right")
    if right not in rights_by_role(giver):
        raise Refused(
            "not_held", "您没有因职务持有这项权限；受托得到的权限不能再委托。", field="right"
        )


def _able(giver: User, taker: User) -> None:
    if taker.person_hash == giver.person_hash:
        raise Refused("same_person", "不能委托给自己。", field="taker")
    roles = set(taker.groups.values_list("name", flat=True))
    if not taker.is_active or not roles - {"platform", "auditor"}:
        raise Refused("not_an_officer", "只能委托给在岗的业务人员。", field="taker")
