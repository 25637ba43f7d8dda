"""Admit providers, their keys and their machines; two people for whatever counts."""

from datetime import datetime
from typing import Any

from django.db import transaction

from ledger import audit
from ledger.actors import Actor
from ledger.refusals import Refused
from providers.keying import NewKey, confirm_key, propose_key, prove_possession, revoke_key
from providers.models import AcceleratorModel, Capacity, Provider, ProviderSeat
from providers.models.state_row import move, note_birth
from providers.releasing import ask_release
from vouchers.banking import file_account
from vouchers.credit_codes import check

MOST_DEVICES = 1_000_000

__all__ = [
    "NewKey",
    "add_provider_seat",
    "admit_provider",
    "apply_provider",
    "confirm_capacity",
    "confirm_key",
    "decline_provider",
    "propose_key",
    "prove_possession",
    "readmit_provider",
    "register_capacity",
    "revoke_key",
    "suspend_provider",
]


@transaction.atomic
def apply_provider(
    name: str,
    uscc: str,
    *,
    contact: str = "",
    bank_name: str = "",
    bank_account: str = "",
    user: Any = None,
    insist: bool = False,
    actor: Actor,
    at: datetime,
) -> Provider:
    """Ask for admission under a credit code; ``user`` becomes the provider's administrator.

    A bank account given here is filed; money goes there once another person confirmed it.

    Writes: provider, seat, account, state row, log entries.

    Raises:
        Refused: the name, the code or the account is faulty, or the code is registered already.
    """
    judged = check(uscc)
    if judged.outcome == "bad" and not (insist and judged.may_insist):
        raise Refused("uscc_invalid", judged.message, field="uscc")
    if not name.strip():
        raise Refused("name_invalid", "请填写供方名称。", field="name")
    if Provider.objects.filter(uscc=judged.code).exists():
        raise Refused("already_registered", "这个代码已登记为供方。", field="uscc")
    provider = Provider.objects.create(
        name=name.strip(),
        uscc=judged.code,
        uscc_flag="" if judged.outcome == "ok" else judged.reason,
        contact=contact,
        applied_at=at,
        applied_by_person=actor.person,
    )
    if user is not None:
        ProviderSeat.objects.create(user=user, provider=provider, role=ProviderSeat.Role.ADMIN)
    note_birth(provider, "申请入库", actor=actor, at=at)
    _log("provider.apply", provider, actor, at, {"uscc": judged.code})
    if bank_account.strip():
        filed = {"bank_name": bank_name, "number": bank_account}
        file_account(provider, holder=provider.name, **filed, actor=actor, at=at)
    return provider


@transaction.atomic
def admit_provider(
    provider: Provider,
    *,
    batch_no: str,
    valid_until: datetime | None = None,
    actor: Actor,
    at: datetime,
) -> Provider:
    """Admit a provider into the register; not by whoever applied for it.

    Writes: state row, log entry.

    Raises:
        Refused: it is not waiting, or the same person applied.
    """
    provider = _taken(provider)
    _other_person(actor, provider.applied_by_person, "入库审核")
    provider.batch_no = batch_no
    provider.admitted_at = at
    provider.valid_until = valid_until
    return _turn(provider, "admit", "", actor, at)


@transaction.atomic
def decline_provider(provider: Provider, *, reason: str, actor: Actor, at: datetime) -> Provider:
    """Refuse admission, with the reason the provider will read."""
    return _turn(_taken(provider), "decline", _need_reason(reason), actor, at)


@transaction.atomic
def suspend_provider(provider: Provider, *, reason: str, actor: Actor, at: datetime) -> Provider:
    """Stop new orders at a provider; running ones are metered on."""
    return _turn(_taken(provider), "suspend", _need_reason(reason), actor, at)


@transaction.atomic
def readmit_provider(provider: Provider, *, reason: str, actor: Actor, at: datetime) -> Provider:
    """End a suspension."""
    return _turn(_taken(provider), "readmit", _need_reason(reason), actor, at)


@transaction.atomic
def add_provider_seat(
    provider: Provider, user: Any, role: str, *, actor: Actor, at: datetime
) -> ProviderSeat:
    """Give a person a seat at a provider. Writes: seat, log entry."""
    seat, _ = ProviderSeat.objects.update_or_create(
        user=user, provider=provider, defaults={"role": role, "active": True}
    )
    _log("provider.seat", provider, actor, at, {"user": str(user.pk), "role": role})
    return seat


@transaction.atomic
def register_capacity(
    provider: Provider,
    model: AcceleratorModel,
    device_count: int,
    *,
    valid_from: datetime,
    valid_until: datetime | None = None,
    evidence: str = "",
    actor: Actor,
    at: datetime,
) -> Capacity:
    """File how many accelerators of a model a provider has; the bureau confirms.

    Writes: capacity, state row, log entry.
    """
    if not 0 < device_count <= MOST_DEVICES:
        raise Refused("out_of_range", "数量应为 1 至 1000000 的整数。", field="device_count")
    capacity = Capacity.objects.create(
        provider=provider,
        model=model,
        device_count=device_count,
        valid_from=valid_from,
        valid_until=valid_until,
        evidence=evidence,
        filed_at=at,
        proposed_by_person=actor.person,
    )
    note_birth(capacity, "登记算力规模", actor=actor, at=at)
    _log("provider.capacity.file", provider, actor, at, _capacity_facts(capacity))
    return capacity


@transaction.atomic
def confirm_capacity(capacity: Capacity, *, actor: Actor, at: datetime) -> Capacity:
    """Confirm a filed capacity; records that waited for it are judged again.

    Writes: state row, log entry; released records with their postings.

    Raises:
        Refused: the same person filed it, or it is not waiting.
    """
    capacity = Capacity.objects.select_for_update(of=("self",)).get(pk=capacity.pk)
    _other_person(actor, capacity.proposed_by_person, "算力规模确认")
    move(capacity, "approve", actor=actor, at=at)
    capacity.approved_by_person = actor.person
    capacity.save()
    _log("provider.capacity.confirm", capacity.provider, actor, at, _capacity_facts(capacity))
    ask_release(f"capacity:{capacity.pk}", capacity.provider, actor=actor, at=at)
    return capacity


def _taken(provider: Provider) -> Provider:
    return Provider.objects.select_for_update(of=("self",)).get(pk=provider.pk)


def _turn(provider: Provider, event: str, reason: str, actor: Actor, at: datetime) -> Provider:
    move(provider, event, actor=actor, at=at, reason=reason)
    provider.save()
    _log(f"provider.{event}", provider, actor, at, {"state": provider.state})
    return provider


def _need_reason(reason: str) -> str:
    if not reason.strip():
        raise Refused("reason_missing", "请填写理由。", field="reason")
    return reason.strip()


def _other_person(actor: Actor, first: str, step: str) -> None:
    if not actor.person or actor.person == first:
        raise Refused("same_person", f"{step}须由另一人办理，不能与提出人是同一自然人。")


def _capacity_facts(capacity: Capacity) -> dict[str, Any]:
    return {
        "capacity": str(capacity.pk),
        "model": capacity.model.key,
        "device_count": str(capacity.device_count),
        "valid_from": capacity.valid_from,
    }


def _log(kind: str, provider: Provider, actor: Actor, at: datetime, facts: dict[str, Any]) -> None:
    audit.record(kind, {"provider": str(provider.pk)} | facts, actor=actor, at=at)
