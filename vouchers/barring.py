"""Change what an enterprise may do: watch, suspend, bar, move out, deregister, and the ways back.

One person may stop at once; what takes a right away for long, or gives it back early, needs two.
What each state allows stands in ``standing``.
"""

from datetime import date, datetime
from typing import Any

from django.db import transaction

from ledger import audit
from ledger.actors import Actor
from ledger.periods import day_of
from ledger.refusals import Refused
from vouchers import gates
from vouchers.freezing import freeze_voucher
from vouchers.models import Enterprise
from vouchers.notices import tell_enterprise
from vouchers.states import move

LONGEST_BAR_YEARS = 10


def watch_enterprise(
    enterprise: Enterprise, *, reason: str, actor: Actor, at: datetime
) -> Enterprise:
    """Put an enterprise under watch: every case of it is looked at by a person."""
    return _turn(enterprise, "watch", reason, actor, at)


def clear_watch(enterprise: Enterprise, *, reason: str, actor: Actor, at: datetime) -> Enterprise:
    """End a watch."""
    return _turn(enterprise, "clear_watch", reason, actor, at)


@transaction.atomic
def suspend_enterprise(
    enterprise: Enterprise, *, reason: str, actor: Actor, at: datetime
) -> Enterprise:
    """Suspend an enterprise: no new application, issue or hold while something is looked into."""
    done = _turn(enterprise, "suspend", reason, actor, at)
    _tell(done, "enterprise_suspended", at, reason="有关情况正在核查")
    return done


@transaction.atomic
def reinstate_enterprise(
    enterprise: Enterprise, *, reason: str, actor: Actor, at: datetime
) -> Enterprise:
    """End a suspension."""
    done = _turn(enterprise, "reinstate", reason, actor, at)
    _tell(done, "enterprise_reinstated", at)
    return done


@transaction.atomic
def bar_enterprise(
    enterprise: Enterprise,
    until: date,
    *,
    reason: str,
    approved_by: Actor,
    actor: Actor,
    at: datetime,
) -> Enterprise:
    """Take an enterprise's right away up to and including a day; two people.

    Its vouchers are frozen; what it used already is settled, but not paid before a person looked.

    Args:
        enterprise: whose right.
        until: the last day of the bar.
        reason: the finding and its document number.
        approved_by: another natural person than ``actor``.
        actor: who prepared it.
        at: when.

    Writes: state row, freeze of each active voucher, log entry.

    Raises:
        Refused: one person twice, no reason, or a day that is past or too far away.
    """
    gates.two_persons(actor, approved_by)
    today = day_of(at)
    if not today <= until <= date(today.year + LONGEST_BAR_YEARS, 12, 31):
        raise Refused(
            "bar_end_invalid",
            f"截止日期须在今天至 {today.year + LONGEST_BAR_YEARS} 年底之间，请更正。",
            field="until",
        )
    enterprise = Enterprise.objects.select_for_update(of=("self",)).get(pk=enterprise.pk)
    _reason(reason)
    move(enterprise, "bar", actor=actor, at=at, internal=reason)
    enterprise.standing_since, enterprise.barred_until = today, until
    enterprise.save()
    _freeze_all(enterprise, f"企业取消资格：{reason}", actor, at)
    _tell(enterprise, "enterprise_barred", at, until=until)
    audit.record(
        "enterprise.bar",
        {
            "enterprise": enterprise.pk,
            "until": until.isoformat(),
            "approved_by": approved_by.for_log(),
        },
        actor=actor,
        at=at,
    )
    return enterprise


@transaction.atomic
def end_bar(
    enterprise: Enterprise,
    *,
    reason: str,
    approved_by: Actor | None = None,
    actor: Actor,
    at: datetime,
) -> Enterprise:
    """End a bar: after its last day one person is enough, before (信用修复) it takes two.

    The enterprise is under watch from here on; its vouchers stay frozen until unfrozen one by one.

    Raises:
        Refused: before the end without a second person, or no reason.
    """
    enterprise = Enterprise.objects.select_for_update(of=("self",)).get(pk=enterprise.pk)
    if enterprise.barred_until and day_of(at) <= enterprise.barred_until:
        if approved_by is None:
            raise Refused(
                "bar_running",
                f"取消资格到 {enterprise.barred_until} 期满；"
                "提前恢复须两人办理，并附信用修复证明。",
            )
        gates.two_persons(actor, approved_by)
    enterprise = _moved(enterprise, "end_bar", reason, actor, at)
    audit.record(
        "enterprise.end_bar",
        {
            "enterprise": enterprise.pk,
            "approved_by": approved_by.for_log() if approved_by else None,
        },
        actor=actor,
        at=at,
    )
    return enterprise


@transaction.atomic
def move_out_enterprise(
    enterprise: Enterprise, left_on: date, *, reason: str, actor: Actor, at: datetime
) -> Enterprise:
    """Note that an enterprise left the district on a day: no new voucher, and none is held from.

    What was used before that day is still settled and paid.

    Writes: state row, freeze of each active voucher, log entry.

    Raises:
        Refused: no reason, a day in the future, or a state it cannot leave from.
    """
    if left_on > day_of(at):
        raise Refused("left_in_future", "迁出日期不能晚于今天，请更正。", field="left_on")
    enterprise = _moved(enterprise, "move_out", reason, actor, at)
    enterprise.standing_since = left_on
    enterprise.save()
    _freeze_all(enterprise, f"企业迁出：{reason}", actor, at)
    audit.record(
        "enterprise.move_out",
        {"enterprise": enterprise.pk, "left_on": left_on.isoformat()},
        actor=actor,
        at=at,
    )
    return enterprise


def move_in_enterprise(
    enterprise: Enterprise, *, reason: str, actor: Actor, at: datetime
) -> Enterprise:
    """Note that an enterprise is back in the district."""
    return _turn(enterprise, "move_in", reason, actor, at)


@transaction.atomic
def deregister_enterprise(
    enterprise: Enterprise, *, reason: str, approved_by: Actor, actor: Actor, at: datetime
) -> Enterprise:
    """Note that a body is no more (注销、吊销); two people, and there is no way back.

    Writes: state row, freeze of each active voucher, log entry.

    Raises:
        Refused: one person twice, or no reason.
    """
    gates.two_persons(actor, approved_by)
    enterprise = _moved(enterprise, "deregister", reason, actor, at)
    _freeze_all(enterprise, f"企业注销：{reason}", actor, at)
    audit.record(
        "enterprise.deregister",
        {"enterprise": enterprise.pk, "approved_by": approved_by.for_log()},
        actor=actor,
        at=at,
    )
    return enterprise


@transaction.atomic
def _turn(
    enterprise: Enterprise, event: str, reason: str, actor: Actor, at: datetime
) -> Enterprise:
    enterprise = _moved(enterprise, event, reason, actor, at)
    audit.record(f"enterprise.{event}", {"enterprise": enterprise.pk}, actor=actor, at=at)
    return enterprise


def _moved(
    enterprise: Enterprise, event: str, reason: str, actor: Actor, at: datetime
) -> Enterprise:
    """Lock an enterprise and move it; whatever it stood under before is over."""
    enterprise = Enterprise.objects.select_for_update(of=("self",)).get(pk=enterprise.pk)
    _reason(reason)
    move(enterprise, event, actor=actor, at=at, internal=reason)
    enterprise.standing_since, enterprise.barred_until = day_of(at), None
    enterprise.save()
    return enterprise


def _tell(enterprise: Enterprise, kind: str, at: datetime, **facts: Any) -> None:
    told = {"name": enterprise.name} | facts
    tell_enterprise(enterprise, kind, told, about=enterprise, at=at)


def _reason(reason: str) -> None:
    if not reason.strip():
        raise Refused("reason_missing", "请写明理由和依据。", field="reason")


def _freeze_all(enterprise: Enterprise, reason: str, actor: Actor, at: datetime) -> None:
    for voucher in enterprise.vouchers.filter(state="active", frozen=False).order_by("pk"):
        freeze_voucher(voucher, reason=reason, actor=actor, at=at)
