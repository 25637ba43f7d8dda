"""The life of a provider's key: proposed, proved, confirmed, replaced, revoked.

A live key counts once a second person confirms it. Revoking takes one person and counts from the
next request on. What came under a key that others may have had is flagged, and stands in the way
of its month until the bureau has looked into it.
"""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from ledger import audit
from ledger.actors import Actor
from ledger.refusals import Refused
from providers.key_forms import KeyRefused, PublicKey, holds, read_public_key
from providers.models import (
    BatchClearance,
    Provider,
    ProviderKey,
    ProviderSeat,
    UsageBatch,
)
from providers.models.state_row import move, note_birth

KEY_LIFE = timedelta(days=365)
OVERLAP = timedelta(days=14)  # for how long a replaced key may still be used
CHALLENGE_LIFE = timedelta(days=7)
WARNED_BEFORE = (timedelta(days=30), timedelta(days=14), timedelta(days=7), timedelta(days=1))
_PROOF = "slq-key-proof:v1"


@dataclass(frozen=True)
class NewKey:
    """A key just proposed, with its token: shown once, never kept."""

    key: ProviderKey
    token: str


def propose_key(
    provider: Provider,
    mode: str,
    *,
    public_key: str = "",
    title: str = "",
    replaces: ProviderKey | None = None,
    actor: Actor,
    at: datetime,
) -> NewKey:
    """Make an interface key; the token is returned once and only its digest is kept.

    A test key works at once. A live key needs a public key, proof that the provider holds the
    private half (``prove_possession``), and a second person (``confirm_key``). Its algorithm is
    the one of the public key, for good. A private key sent by mistake is barred for ever.

    Args:
        replaces: a key in use that ends ``OVERLAP`` after this one is confirmed.
    Writes: key, state row(s), log entry.

    Raises:
        Refused: no public key for a live key; a private, weak, unreadable or used key.
    """
    found = PublicKey(ProviderKey.Algorithm.ED25519, "")
    if mode == ProviderKey.Mode.LIVE or public_key:
        try:
            found = read_public_key(public_key)
        except KeyRefused as refused:
            if refused.public is not None:
                _bar(provider, refused.public, actor, at)
            raise Refused(refused.code, str(refused), field="public_key") from refused
    return _propose(provider, mode, found, title=title, replaces=replaces, actor=actor, at=at)


@transaction.atomic
def _propose(
    provider: Provider,
    mode: str,
    public: PublicKey,
    *,
    title: str,
    replaces: ProviderKey | None,
    actor: Actor,
    at: datetime,
) -> NewKey:
    _refuse_used(provider, mode, public)
    if replaces is not None and (replaces.provider_id != provider.pk or replaces.mode != mode):
        raise Refused("wrong_state", "只能替换本供方同一模式的密钥。", field="replaces")
    key_id = f"pk_{mode}_{secrets.token_hex(8)}"
    token = f"{key_id}.{secrets.token_urlsafe(32)}"
    key = ProviderKey.objects.create(
        key_id=key_id,
        provider=provider,
        mode=mode,
        title=title,
        token_digest=hashlib.sha256(token.encode()).hexdigest(),
        algorithm=public.algorithm,
        public_key=public.encoded,
        challenge=_challenge(provider, key_id, public),
        replaces=replaces,
        valid_from=at,
        valid_until=at + KEY_LIFE,
        proposed_at=at,
        proposed_by_person=actor.person,
    )
    note_birth(key, "提出密钥", actor=actor, at=at)
    if mode == ProviderKey.Mode.TEST:
        move(key, "confirm", actor=actor, at=at)
        key.save()
        _end_replaced(key, at)
    facts = {"key": key_id, "public_key": public.encoded}
    _log("provider.key.propose", provider, actor, at, facts)
    return NewKey(key, token)


def _challenge(provider: Provider, key_id: str, public: PublicKey) -> str:
    """Return what is to be signed: it names provider and key, so a proof fits nothing else."""
    fingerprint = hashlib.sha256(public.encoded.encode()).hexdigest()[:16]
    return f"{_PROOF}:{provider.uscc}:{key_id}:{fingerprint}:{secrets.token_hex(32)}"


def _refuse_used(provider: Provider, mode: str, public: PublicKey) -> None:
    """Refuse a public key that was barred or revoked, or that signs for somebody."""
    if not public.encoded:
        return
    same = ProviderKey.objects.filter(public_key=public.encoded)
    if same.filter(state=ProviderKey.State.REVOKED).exists():
        raise Refused(
            "key_used_before", "这把公钥已被吊销或其私钥曾外泄，请重新生成。", field="public_key"
        )
    others = same.exclude(provider=provider).exists()
    if others or (mode == ProviderKey.Mode.LIVE and same.filter(mode=mode).exists()):
        raise Refused(
            "key_used_before",
            "这把公钥已登记，每把密钥只登记一次，请重新生成。",
            field="public_key",
        )


@transaction.atomic
def _bar(provider: Provider, public: PublicKey, actor: Actor, at: datetime) -> None:
    """Remember the public half of a private key that was sent: it is revoked before it began."""
    if ProviderKey.objects.filter(public_key=public.encoded, state="revoked").exists():
        return
    key = ProviderKey.objects.create(
        key_id=f"pk_barred_{secrets.token_hex(8)}",
        provider=provider,
        mode=ProviderKey.Mode.TEST,
        title="私钥曾被上传",
        token_digest=hashlib.sha256(secrets.token_bytes(32)).hexdigest(),
        algorithm=public.algorithm,
        public_key=public.encoded,
        valid_from=at,
        valid_until=at + KEY_LIFE,
        proposed_at=at,
        proposed_by_person=actor.person,
    )
    note_birth(key, "提出密钥", actor=actor, at=at)
    move(key, "revoke", actor=actor, at=at, reason="私钥曾被上传")
    key.revoked_at = at
    key.save()
    _log("provider.key.bar", provider, actor, at, {"key": key.key_id, "public_key": public.encoded})


@transaction.atomic
def prove_possession(
    key: ProviderKey, signature: str, *, actor: Actor, at: datetime
) -> ProviderKey:
    """Take the provider's signature over our challenge as proof that it holds the private key.

    Writes: log entry.

    Raises:
        Refused: the signature does not fit, or the challenge is too old.
    """
    key = _taken(key)
    if key.possession_proved_at:
        return key
    if at - key.proposed_at > CHALLENGE_LIFE:
        raise Refused("challenge_expired", "挑战值已超过 7 天，请重新提出密钥。", field="signature")
    if not key.public_key or not holds(key.algorithm, key.public_key, key.challenge, signature):
        raise Refused(
            "possession_not_proved",
            "签名与公钥不符。请用对应的私钥对挑战值签名，再粘贴 Base64 结果。",
            field="signature",
        )
    key.possession_proved_at = at
    key.save()
    _log("provider.key.prove", key.provider, actor, at, {"key": key.key_id})
    return key


@transaction.atomic
def confirm_key(key: ProviderKey, *, actor: Actor, at: datetime) -> ProviderKey:
    """Put a live key into force: by the bureau, never by the person who proposed it.

    The key it replaces stays good for ``OVERLAP``, so that nothing stops while machines change.

    Writes: state row, log entry.

    Raises:
        Refused: no proof of possession yet, the same person, or not waiting.
    """
    key = _taken(key)
    _other_person(actor, key.proposed_by_person, "密钥确认")
    _no_member(actor, key.provider)
    if key.mode == ProviderKey.Mode.LIVE and not key.possession_proved_at:
        raise Refused("possession_not_proved", "供方尚未证明持有私钥，暂不能确认。")
    move(key, "confirm", actor=actor, at=at)
    key.confirmed_by_person = actor.person
    key.confirmed_at = at
    key.save()
    _end_replaced(key, at)
    _log("provider.key.confirm", key.provider, actor, at, {"key": key.key_id})
    return key


def _end_replaced(key: ProviderKey, at: datetime) -> None:
    """Shorten the validity of the key that this one replaces."""
    if key.replaces_id is None:
        return
    old = ProviderKey.objects.select_for_update(of=("self",)).get(pk=key.replaces_id)
    old.valid_until = min(old.valid_until, at + OVERLAP)
    old.save(update_fields=["valid_until"])


@transaction.atomic
def revoke_key(
    key: ProviderKey,
    *,
    reason: str,
    compromised_since: datetime | None = None,
    actor: Actor,
    at: datetime,
) -> ProviderKey:
    """Revoke a key at once; one person is enough. A compromise date flags what it sent since.

    A date may also be given, or moved back, for a key that is revoked already.

    Writes: state row and log entry, each where something changes.

    Raises:
        Refused: no reason, or a date that lies ahead or would clear flagged batches.
    """
    key = _taken(key)
    if key.state != ProviderKey.State.REVOKED:
        move(key, "revoke", actor=actor, at=at, reason=_need_reason(reason))
        key.revoked_at = at
        key.save()
        _log("provider.key.revoke", key.provider, actor, at, {"key": key.key_id})
    if compromised_since is not None:
        _flag(key, compromised_since, _need_reason(reason), actor, at)
    return key


def _flag(key: ProviderKey, since: datetime, reason: str, actor: Actor, at: datetime) -> None:
    """Set from when on others may have had a key; every batch received since is flagged by it."""
    if since > at:
        raise Refused("compromise_ahead", "泄露时间不能晚于现在。", field="compromised_since")
    if key.compromised_since is not None and since >= key.compromised_since:
        if since == key.compromised_since:
            return
        raise Refused(
            "compromise_later",
            "泄露时间只能提前，已标记的批次须逐批核实。",
            field="compromised_since",
        )
    key.compromised_since = since
    key.save()
    flagged = key.batches.filter(received_at__gte=since)
    facts = {"key": key.key_id, "since": since, "batches": str(flagged.count()), "reason": reason}
    _log("provider.key.compromise", key.provider, actor, at, facts)


@transaction.atomic
def clear_batch(batch: UsageBatch, *, reason: str, actor: Actor, at: datetime) -> BatchClearance:
    """Declare a flagged batch genuine after looking into it; its month may close again.

    Writes: clearance, log entry.

    Raises:
        Refused: no reason, the batch is not flagged, or nobody stands behind the act.
    """
    batch = UsageBatch.objects.select_for_update(of=("self",)).get(pk=batch.pk)
    known = BatchClearance.objects.filter(batch=batch).first()
    if known is not None:
        return known
    if not batch.is_suspect:
        raise Refused("not_flagged", "这个批次没有被标记，不需要核实。")
    if not actor.person:
        raise Refused("same_person", "核实须由自然人办理。")
    _no_member(actor, batch.provider)
    cleared = BatchClearance.objects.create(
        batch=batch,
        cleared_at=at,
        cleared_by=actor.name,
        cleared_by_person=actor.person,
        reason=_need_reason(reason),
    )
    facts = {"batch": str(batch.pk), "reason": cleared.reason}
    _log("provider.key.clear_batch", batch.provider, actor, at, facts)
    return cleared


def _taken(key: ProviderKey) -> ProviderKey:
    found = ProviderKey.objects.select_related("provider").select_for_update(of=("self",))
    return found.get(pk=key.pk)


def _need_reason(reason: str) -> str:
    if not reason.strip():
        raise Refused("reason_missing", "请填写理由。", field="reason")
    return reason.strip()[:200]


def _other_person(actor: Actor, first: str, step: str) -> None:
    if not actor.person or actor.person == first:
        raise Refused("same_person", f"{step}须由另一人办理，不能与提出人是同一自然人。")


def _no_member(actor: Actor, provider: Provider) -> None:
    """Keep people who sit or sat at a provider from confirming for it (reliability 3, rule 7)."""
    if ProviderSeat.objects.filter(provider=provider, user__person_hash=actor.person).exists():
        raise Refused("own_organisation", "您在该供方有或有过席位，须由他人办理。")


def _log(kind: str, provider: Provider, actor: Actor, at: datetime, facts: dict[str, Any]) -> None:
    audit.record(kind, {"provider": str(provider.pk)} | facts, actor=actor, at=at)
