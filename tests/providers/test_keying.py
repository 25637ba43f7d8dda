"""A key from proposal to revocation; what came under it when others may have had it."""

import base64
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.db import DatabaseError, transaction

from ledger.actors import Actor
from ledger.periods import Month
from ledger.refusals import Refused
from providers import keying, metering, restricting
from providers.flags import flagged
from providers.models import BatchClearance, ProviderKey, ProviderSeat, UsageBatch
from tests.providers import world
from tests.providers.world import AT, CLERK, ENGINEER, LATER, World
from tests.vouchers import story

pytestmark = pytest.mark.django_db
OCTOBER = Month(2026, 10)


def refusal(act, *args, **kwargs) -> str:
    with pytest.raises(Refused) as refused:
        act(*args, **kwargs)
    return refused.value.code


def proposed(provider, private=None, **more):
    private = private or Ed25519PrivateKey.generate()
    pem = world.public_pem(private)
    new = keying.propose_key(provider, "live", public_key=pem, actor=ENGINEER, at=AT, **more)
    return new.key, private


def proof(private, challenge: str) -> str:
    return base64.b64encode(private.sign(challenge.encode())).decode()


def test_a_challenge_names_provider_and_key_so_a_proof_fits_no_other():
    provider = world.a_provider()
    one, private = proposed(provider)
    assert provider.uscc in one.challenge
    assert one.key_id in one.challenge
    other, _ = proposed(world.a_provider("另一家"))
    wrong = proof(private, other.challenge)
    assert refusal(keying.prove_possession, one, wrong, actor=ENGINEER, at=AT) == (
        "possession_not_proved"
    )
    late = AT + timedelta(days=8)
    right = proof(private, one.challenge)
    assert refusal(keying.prove_possession, one, right, actor=ENGINEER, at=late) == (
        "challenge_expired"
    )
    assert keying.prove_possession(one, right, actor=ENGINEER, at=AT).possession_proved_at == AT


def test_one_key_signs_for_one_provider_and_never_again_once_revoked():
    provider = world.a_provider()
    key, private = proposed(provider)
    pem = {"public_key": world.public_pem(private), "actor": ENGINEER, "at": AT}
    assert refusal(keying.propose_key, provider, "live", **pem) == "key_used_before"
    other = world.a_provider("另一家")
    assert refusal(keying.propose_key, other, "test", **pem) == "key_used_before"
    keying.revoke_key(key, reason="更换", actor=ENGINEER, at=AT)
    assert refusal(keying.propose_key, provider, "test", **pem) == "key_used_before"


def test_a_private_key_that_was_sent_is_barred_for_ever():
    provider = world.a_provider()
    private = Ed25519PrivateKey.generate()
    leaked = world.private_pem(private).decode()
    send = {"public_key": leaked, "actor": ENGINEER, "at": AT}
    assert refusal(keying.propose_key, provider, "live", **send) == "private_key"
    assert refusal(keying.propose_key, provider, "live", **send) == "private_key"
    assert ProviderKey.objects.get().state == "revoked"
    send["public_key"] = world.public_pem(private)
    assert refusal(keying.propose_key, provider, "live", **send) == "key_used_before"


def test_a_replaced_key_stays_good_for_the_overlap_and_not_longer():
    provider = world.a_provider()
    old, _, _ = world.a_live_key(provider)
    new, private = proposed(provider, replaces=old)
    keying.prove_possession(new, proof(private, new.challenge), actor=ENGINEER, at=AT)
    keying.confirm_key(new, actor=CLERK, at=LATER)
    old.refresh_from_db()
    assert old.is_valid_at(LATER + keying.OVERLAP - timedelta(seconds=1))
    assert not old.is_valid_at(LATER + keying.OVERLAP)
    new.refresh_from_db()
    assert new.is_valid_at(LATER + keying.OVERLAP)
    stranger = world.a_provider("另一家")
    pem = world.public_pem(Ed25519PrivateKey.generate())
    assert refusal(
        keying.propose_key, stranger, "live", public_key=pem, replaces=old, actor=ENGINEER, at=AT
    ) == ("wrong_state")


@pytest.mark.parametrize(
    "change",
    [
        {"algorithm": "sm2-sm3"},
        {"algorithm": "hmac-sha256"},
        {"public_key": "AAAA"},
        {"mode": "test"},
        {"token_digest": "0" * 64},
        {"valid_until": LATER + timedelta(days=4000)},
        {"proposed_by_person": "somebody else"},
    ],
)
def test_the_database_keeps_a_key_as_it_was_proposed(change):
    key, _, _ = world.a_live_key(world.a_provider())
    with pytest.raises(DatabaseError), transaction.atomic():
        ProviderKey.objects.filter(pk=key.pk).update(**change)


class Leak:
    """Three batches under one key, and one under another."""

    def __init__(self) -> None:
        self.there = World()
        self.key, _, _ = world.a_live_key(self.there.provider)
        other, _, _ = world.a_live_key(self.there.provider)
        self.batches = [
            self.send(f"r-{number}", LATER + timedelta(hours=number)) for number in range(3)
        ]
        self.send("other", LATER + timedelta(hours=2), other)

    def send(self, record_id, at, key=None) -> UsageBatch:
        start = at - timedelta(days=40)
        record = self.there.record(
            record_id, started_at=world.hours(start, 0), ended_at=world.hours(start, 0.5)
        )
        return self.there.send(record, at=at, provider_key=key or self.key)

    def revoke(self, hours: float, at=LATER + timedelta(days=1)):
        since = LATER + timedelta(hours=hours)
        return keying.revoke_key(
            self.key, reason="笔记本失窃", compromised_since=since, actor=CLERK, at=at
        )


def test_a_compromise_date_flags_exactly_what_came_since_and_blocks_its_month():
    leak = Leak()
    assert flagged() == []
    leak.revoke(hours=1)
    assert flagged() == leak.batches[1:]
    assert [each.is_suspect for each in UsageBatch.objects.filter(key=leak.key).order_by(
        "received_at")] == [False, True, True]  # fmt: skip
    (blocker,) = [b for b in metering.blockers(OCTOBER) if b.kind == "compromised_key"]
    assert (blocker.count, blocker.provider) == (2, leak.there.provider)
    keying.clear_batch(leak.batches[1], reason="与作业日志一致", actor=CLERK, at=LATER)
    assert flagged() == leak.batches[2:]
    keying.clear_batch(leak.batches[2], reason="与作业日志一致", actor=CLERK, at=LATER)
    assert "compromised_key" not in {b.kind for b in metering.blockers(OCTOBER)}


def test_a_compromise_date_moves_back_after_revocation_and_never_forward():
    leak = Leak()
    leak.revoke(hours=2)
    assert flagged() == leak.batches[2:]
    leak.revoke(hours=0)
    assert flagged() == leak.batches
    assert refusal(leak.revoke, hours=1) == "compromise_later"
    assert refusal(leak.revoke, hours=100) == "compromise_ahead"
    assert leak.revoke(hours=0).compromised_since == LATER
    with pytest.raises(DatabaseError), transaction.atomic():
        ProviderKey.objects.filter(pk=leak.key.pk).update(compromised_since=None)


def test_only_a_flagged_batch_is_cleared_once_with_a_reason():
    leak = Leak()
    clear = {"reason": "核对", "actor": CLERK, "at": LATER}
    assert refusal(keying.clear_batch, leak.batches[0], **clear) == "not_flagged"
    leak.revoke(hours=0)
    assert refusal(keying.clear_batch, leak.batches[0], **(clear | {"reason": " "})) == (
        "reason_missing"
    )
    first = keying.clear_batch(leak.batches[0], **clear)
    assert keying.clear_batch(leak.batches[0], **clear) == first
    with pytest.raises(DatabaseError), transaction.atomic():
        BatchClearance.objects.filter(pk=first.pk).update(reason="其他")


def test_a_test_key_can_not_write_what_counts_nor_a_live_key_tests():
    there = World()
    live, _, _ = world.a_live_key(there.provider)
    tested, _ = world.a_test_key(there.provider)
    for key, livemode in ((tested, True), (live, False)):
        with pytest.raises(DatabaseError, match="test key"), transaction.atomic():
            there.send(there.record(), provider_key=key, livemode=livemode)
    assert not UsageBatch.objects.exists()


def test_an_address_list_counts_once_another_person_confirms_it():
    key, _, _ = world.a_live_key(world.a_provider())
    lines = ["203.0.113.0/24", "2001:db8::/32"]
    filing = restricting.file_networks(key, lines, actor=ENGINEER, at=AT)
    key.refresh_from_db()
    assert key.networks == []
    assert refusal(restricting.confirm_networks, filing, actor=ENGINEER, at=AT) == "same_person"
    restricting.confirm_networks(filing, actor=CLERK, at=AT)
    key.refresh_from_db()
    assert key.networks == lines
    assert refusal(restricting.confirm_networks, filing, actor=CLERK, at=AT) == "wrong_state"
    bad = refusal(restricting.file_networks, key, ["10.0.0.1/8"], actor=ENGINEER, at=AT)
    assert bad == "networks_invalid"
    again = restricting.file_networks(key, [], actor=ENGINEER, at=AT)
    restricting.decline_networks(again, reason="请说明", actor=CLERK, at=AT)
    key.refresh_from_db()
    assert key.networks == lines


def test_a_test_key_takes_its_address_list_at_once():
    key, _ = world.a_test_key(world.a_provider())
    restricting.file_networks(key, ["198.51.100.1"], actor=ENGINEER, at=AT)
    key.refresh_from_db()
    assert key.networks == ["198.51.100.1/32"]


def test_keys_that_end_soon_are_found():
    key, _, _ = world.a_live_key(world.a_provider())
    thirty = max(keying.WARNED_BEFORE)
    assert not ProviderKey.objects.ending(AT, thirty).exists()
    soon = key.valid_until - timedelta(days=29)
    assert ProviderKey.objects.ending(soon, thirty).get() == key
    assert not ProviderKey.objects.ending(key.valid_until, thirty).exists()


def test_who_sits_at_a_provider_confirms_nothing_for_it():
    provider = world.a_provider()
    user = story.user_of("孙双职")
    ProviderSeat.objects.create(user=user, provider=provider, role="provider_operator")
    member = Actor(
        kind="user", id=str(user.pk), name="孙双职", role="approver", person=user.person_hash
    )
    new, private = proposed(provider)
    keying.prove_possession(new, proof(private, new.challenge), actor=ENGINEER, at=AT)
    assert refusal(keying.confirm_key, new, actor=member, at=AT) == "own_organisation"
    filing = restricting.file_networks(new, ["203.0.113.0/24"], actor=ENGINEER, at=AT)
    assert refusal(restricting.confirm_networks, filing, actor=member, at=AT) == "own_organisation"
