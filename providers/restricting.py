"""From where a key may be used: address lists, filed by one person and confirmed by another."""

from datetime import datetime

from django.db import transaction

from ledger import audit
from ledger.actors import Actor
from ledger.networks import NetworksRefused, read_networks
from ledger.refusals import Refused
from providers.models import NetworkFiling, Provider, ProviderKey, ProviderSeat
from providers.models.state_row import move, note_birth


@transaction.atomic
def file_networks(
    key: ProviderKey, lines: list[str], *, reason: str = "", actor: Actor, at: datetime
) -> NetworkFiling:
    """File from which address blocks a key may be used; none means from anywhere.

    For a test key it counts at once, for a live key once the bureau confirms it.

    Writes: filing, state row, log entry.

    Raises:
        Refused: a block that is none, or the key is revoked.
    """
    key = _taken(key)
    if key.state == ProviderKey.State.REVOKED:
        raise Refused("key_revoked", "密钥已吊销。")
    try:
        networks = read_networks(lines)
    except NetworksRefused as refused:
        raise Refused("networks_invalid", str(refused), field="networks") from refused
    filing = NetworkFiling.objects.create(
        key=key, networks=networks, reason=reason, filed_at=at, proposed_by_person=actor.person
    )
    note_birth(filing, "提出来源网段", actor=actor, at=at)
    _log("provider.key.networks.file", key, networks, actor, at)
    if key.mode == ProviderKey.Mode.TEST:
        _put_in_force(filing, key, actor, at)
    return filing


@transaction.atomic
def confirm_networks(filing: NetworkFiling, *, actor: Actor, at: datetime) -> NetworkFiling:
    """Put an address list into force: never by the person who filed it.

    Writes: state row, log entry.

    Raises:
        Refused: the same person, or not waiting.
    """
    key = _taken(filing.key)
    filing = NetworkFiling.objects.select_for_update(of=("self",)).get(pk=filing.pk)
    judge_second(key.provider, actor.person, filing.proposed_by_person, "来源网段确认")
    filing.approved_by_person = actor.person
    _put_in_force(filing, key, actor, at)
    return filing


def _put_in_force(filing: NetworkFiling, key: ProviderKey, actor: Actor, at: datetime) -> None:
    move(filing, "approve", actor=actor, at=at)
    filing.save()
    key.networks = filing.networks
    key.save(update_fields=["networks"])
    _log("provider.key.networks.confirm", key, filing.networks, actor, at)


@transaction.atomic
def decline_networks(
    filing: NetworkFiling, *, reason: str, actor: Actor, at: datetime
) -> NetworkFiling:
    """Refuse an address list, with the reason the provider will read. Writes: state row, entry."""
    filing = NetworkFiling.objects.select_for_update(of=("self",)).get(pk=filing.pk)
    if not reason.strip():
        raise Refused("reason_missing", "请填写理由。", field="reason")
    move(filing, "decline", actor=actor, at=at, reason=reason.strip())
    filing.save()
    _log("provider.key.networks.decline", filing.key, None, actor, at)
    return filing


def _taken(key: ProviderKey) -> ProviderKey:
    found = ProviderKey.objects.select_related("provider").select_for_update(of=("self",))
    return found.get(pk=key.pk)


def judge_second(provider: Provider, person: str, first: str, step: str) -> None:
    """Insist on another natural person than the first, one without a seat at the provider.

    Raises:
        Refused: it is the same person, or one with a seat there, now or earlier.
    """
    if not person or person == first:
        raise Refused("same_person", f"{step}须由另一人办理，不能与提出人是同一自然人。")
    seats = ProviderSeat.objects.filter(provider=provider, user__person_hash=person)
    if seats.exists():
        raise Refused("own_organisation", "您在该供方有或有过席位，须由他人办理。")


def _log(
    kind: str, key: ProviderKey, networks: list[str] | None, actor: Actor, at: datetime
) -> None:
    facts = {"provider": str(key.provider_id), "key": key.key_id}
    audit.record(
        kind, facts if networks is None else {**facts, "networks": networks}, actor=actor, at=at
    )
