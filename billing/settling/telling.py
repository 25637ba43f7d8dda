"""Tell both sides of a month's statements what waits for them."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db.models import Count, Sum

from billing.models import Clawback, MonthClose, PaymentBatch, PaymentLine, PaymentSign
from ledger.actors import Actor
from ledger.amounts import yuan_text
from providers.models import Provider, ProviderSeat
from providers.telling import tell
from vouchers.models import Enterprise, EnterpriseSeat
from vouchers.notices import tell_enterprise, tell_people, tell_set, tell_staff

#: Who gives which signature under a payment list.
SIGNS = {
    "first": "billing.approve_settlement",
    "second": "billing.approve_settlement",
    "head": "billing.approve_settlement",
    "review": "billing.release_payment",
    "clear": "billing.release_payment",
}


def tell_month_out(close: MonthClose, last_day: datetime | None, at: datetime) -> None:
    """Tell every enterprise and provider once how many statements of a month wait for it."""
    shared = {"month": close.month, "due_on": last_day and last_day.date()}
    for side, kind, houses, seats in (
        ("enterprise", "statements_to_confirm", Enterprise, EnterpriseSeat),
        ("provider", "provider_statements_to_confirm", Provider, ProviderSeat),
    ):
        rows = close.statements.values(side).annotate(
            count=Count("pk"), public_fen=Sum("public_fen"), self_fen=Sum("self_fen")
        )
        facts = {row[side]: {**row, **shared} for row in rows.order_by(side)}
        names = dict(houses.objects.filter(pk__in=facts).values_list("pk", "name"))
        people = _seated(seats, side, list(facts))
        messages = [
            ((side, str(pk), names[pk]), people.get(pk, []), said) for pk, said in facts.items()
        ]
        tell_set(messages, kind, about=close, at=at)


def _seated(seats: Any, side: str, ids: list[Any]) -> dict[Any, list[Any]]:
    """Return by house the accounts that have a seat in it."""
    active = seats.objects.filter(active=True, user__is_active=True, **{f"{side}__in": ids})
    found: dict[Any, list[Any]] = {}
    for each in active.select_related("user").order_by("id"):
        found.setdefault(getattr(each, f"{side}_id"), []).append(each.user)
    return found


def tell_to_sign(batch: PaymentBatch, step: str, at: datetime) -> None:
    """Tell those who may give the next signature under a payment list."""
    facts = {
        "batch_no": batch.batch_no,
        "step": PaymentSign.Step(step).label,
        "total": yuan_text(batch.total_fen),
    }
    tell_staff(SIGNS[step], "payment_to_sign", facts, about=batch, at=at)


def tell_paid(line: PaymentLine, *, actor: Actor, at: datetime) -> None:
    """Tell the payee that the money left for it."""
    paid_on = line.paid_on.isoformat() if line.paid_on else ""
    if line.provider:
        told = {"payment": str(line.pk), "amount_fen": str(line.amount_fen), "paid_on": paid_on}
        tell(line.provider, "settlement.paid", told, actor=actor, at=at)
        return
    facts = {"amount_fen": line.amount_fen, "paid_on": line.paid_on, "account": line.account_masked}
    tell_enterprise(line.payee, "payment_made", facts, about=line, at=at)


def tell_party(case: Clawback, kind: str, at: datetime) -> None:
    """Tell a party of a claim what was told, decided or set off."""
    facts = {
        "case_no": case.case_no,
        "month": case.statement.month,
        "amount_fen": case.claim_fen or case.proposed_fen,
        "hear_until": case.hear_until and case.hear_until.date(),
        "due_on": case.due_on,
        "left_fen": case.left_fen,
    }
    if case.enterprise:
        tell_enterprise(case.enterprise, kind, facts, about=case, at=at)
        return
    provider: Provider = case.party
    about: dict[str, Any] = {"about": case, "at": at}
    tell_people(address_of(provider), people_of(provider.pk), f"provider_{kind}", facts, **about)


def address_of(provider: Provider) -> tuple[str, str, str]:
    """Return a provider as the recipient of a message."""
    return ("provider", str(provider.pk), provider.name)


def people_of(provider_pk: Any) -> Iterable[Any]:
    """Return who holds a seat in a provider."""
    seats = ProviderSeat.objects.filter(provider=provider_pk, active=True, user__is_active=True)
    return [each.user for each in seats.select_related("user").order_by("id")]
