"""Put approved applications on the waiting list, and move them up when money is there again.

Money returns by revocation, surrender, withdrawal, refusal, or value that lapsed while a window is
open; a bell asks after each and every few minutes, and the list moves by itself, in its order.
"""

from datetime import datetime

from django.db import transaction

from ledger import audit
from ledger.actors import Actor
from ledger.refusals import Refused
from vouchers.funding import rebudget_lapsed
from vouchers.issuing import issue_voucher
from vouchers.models import Application, Programme, Voucher
from vouchers.notices import tell_enterprise, tell_staff
from vouchers.pools import free_fen, reservation_of
from vouchers.reserving import reserve_all
from vouchers.states import move

WAITLISTED = "waitlisted"


@transaction.atomic
def waitlist_application(application: Application, *, actor: Actor, at: datetime) -> Application:
    """Put an approved application for which there is no money on the waiting list.

    Writes: state row, log entry, messages to the enterprise and to who grants budget.

    Raises:
        Refused: not approved, money is set aside for it, or the edition has no waiting list.
    """
    application = (
        Application.objects.select_for_update(of=("self",))
        .select_related("programme", "enterprise")
        .get(pk=application.pk)
    )
    if application.state == WAITLISTED:
        return application
    rules = application.programme.edition.allocation
    if not rules.waitlist:
        raise Refused("no_waitlist", "本方案不设候补，请等待追加预算。", clause=rules.clause)
    if reservation_of(application.pk):
        raise Refused("has_money", "已为这件申请预留额度，请直接发券。")
    move(application, "waitlist", actor=actor, at=at)
    application.save()
    audit.record("application.waitlist", {"application": application.pk}, actor=actor, at=at)
    told = {"application_no": application.application_no}
    tell_enterprise(
        application.enterprise, "application_waitlisted", told, about=application, at=at
    )
    programme = application.programme
    short = {"programme": programme.title, "free_fen": free_fen(programme)}
    tell_staff("vouchers.grant_budget", "budget_short", short, about=programme, at=at)
    return application


def move_up(programme: Programme, *, actor: Actor, at: datetime) -> list[Voucher]:
    """Set returned money aside for the next in line, and issue to those who wait approved.

    Each issue is an act of its own: one that is refused does not hold up the others.

    Writes: what setting aside and issuing write.
    """
    with transaction.atomic():
        rebudget_lapsed(programme, actor=actor, at=at)
    reserve_all(programme, actor=actor, at=at)
    ready = (
        Application.objects.filter(
            state=WAITLISTED,
            programme__slug=programme.slug,
            intake__reservations__isnull=False,
            intake__reservations__end__isnull=True,
        )
        .order_by("intake__reservations__place")
        .distinct()
    )
    made = []
    for each in list(ready):
        try:
            made.append(issue_voucher(each, actor=actor, at=at))
        except Refused:
            continue  # stays on the list; the queue shows it, and the bell asks again
    return made


def newest_editions() -> list[Programme]:
    """Return the newest public edition of each scheme."""
    found: dict[str, Programme] = {}
    for each in Programme.objects.published().order_by("slug", "-edition_no"):
        found.setdefault(each.slug, each)
    return list(found.values())
