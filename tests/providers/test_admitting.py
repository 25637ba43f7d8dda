"""Providers, keys and machines are admitted by two people, and what is weak is not."""

import base64
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP384R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.db import IntegrityError, transaction

from ledger.models import LogEntry
from ledger.refusals import Refused
from providers import admitting
from providers.models import Capacity, Provider, ProviderKey, StateRow
from tests.providers import world
from tests.providers.world import AT, CHIEF, CLERK, ENGINEER
from tests.vouchers import story

pytestmark = pytest.mark.django_db
PRIME = 2**255 - 19


def refusal(act, *args, **kwargs) -> str:
    with pytest.raises(Refused) as refused:
        act(*args, **kwargs)
    return refused.value.code


def applied() -> Provider:
    return admitting.apply_provider("云算", world.next_code(), actor=ENGINEER, at=AT)


def test_an_application_writes_provider_seat_state_row_and_log_entry():
    user = story.user_of("陈运维")
    before = LogEntry.objects.count()
    provider = admitting.apply_provider(
        " 云算 ", world.next_code(), bank_name="示例银行", bank_account="6222 0000 1234 5678",
        user=user, actor=ENGINEER, at=AT,
    )  # fmt: skip
    filed = provider.accounts.waiting().get()
    assert (provider.name, filed.holder, filed.last4) == ("云算", "云算", "5678")
    assert provider.bank_account_last4 == "", "nothing is paid there before it is confirmed"
    assert provider.seats.get().role == "provider_admin"
    assert StateRow.objects.of(provider).get().to_state == "applied"
    assert LogEntry.objects.count() == before + 2


@pytest.mark.parametrize(
    ("name", "uscc", "code"),
    [
        ("云算", "91310107MAFAKE0439", "uscc_invalid"),
        ("云算", "123", "uscc_invalid"),
        ("  ", story.USCC, "name_invalid"),
    ],
)
def test_a_faulty_application_is_refused_and_leaves_nothing(name, uscc, code):
    assert refusal(admitting.apply_provider, name, uscc, actor=ENGINEER, at=AT) == code
    assert not Provider.objects.exists()


def test_a_code_is_registered_once():
    provider = applied()
    again = refusal(admitting.apply_provider, "另一家", provider.uscc, actor=ENGINEER, at=AT)
    assert again == "already_registered"


def test_nobody_admits_what_they_applied_for():
    provider = applied()
    assert (
        refusal(admitting.admit_provider, provider, batch_no="1", actor=ENGINEER, at=AT)
        == "same_person"
    )
    assert admitting.admit_provider(provider, batch_no="1", actor=CLERK, at=AT).state == "admitted"


def test_a_provider_is_suspended_and_readmitted_with_reasons():
    provider = world.a_provider()
    assert (
        refusal(admitting.suspend_provider, provider, reason=" ", actor=CLERK, at=AT)
        == "reason_missing"
    )
    admitting.suspend_provider(provider, reason="核查", actor=CLERK, at=AT)
    again = admitting.readmit_provider(provider, reason="已澄清", actor=CLERK, at=AT)
    assert again.state == "admitted"
    assert [row.reason for row in StateRow.objects.of(provider)][-2:] == ["核查", "已澄清"]


def test_a_declined_provider_is_told_why():
    provider = admitting.decline_provider(applied(), reason="资料不全", actor=CLERK, at=AT)
    assert provider.state == "declined"


def test_a_test_key_works_at_once_and_only_its_digest_is_kept():
    provider = world.a_provider()
    new = admitting.propose_key(provider, "test", actor=ENGINEER, at=AT)
    assert new.key.state == "active"
    assert not new.key.livemode
    assert new.token.startswith(new.key.key_id)
    assert new.token not in str(ProviderKey.objects.values())
    assert not new.key.is_valid_at(AT + timedelta(days=365))


def test_a_live_key_needs_proof_and_a_second_person():
    provider = world.a_provider()
    private = Ed25519PrivateKey.generate()
    new = admitting.propose_key(
        provider, "live", public_key=world.public_pem(private), actor=ENGINEER, at=AT
    )
    confirm = admitting.confirm_key
    assert refusal(confirm, new.key, actor=CLERK, at=AT) == "possession_not_proved"
    wrong = base64.b64encode(Ed25519PrivateKey.generate().sign(b"x")).decode()
    for signature in (wrong, "not base64", ""):
        assert (
            refusal(admitting.prove_possession, new.key, signature, actor=ENGINEER, at=AT)
            == "possession_not_proved"
        )
    proof = base64.b64encode(private.sign(new.key.challenge.encode())).decode()
    admitting.prove_possession(new.key, proof, actor=ENGINEER, at=AT)
    assert refusal(confirm, new.key, actor=ENGINEER, at=AT) == "same_person"
    assert confirm(new.key, actor=CLERK, at=AT).state == "active"
    assert refusal(confirm, new.key, actor=CLERK, at=AT) == "wrong_state"


def test_the_database_holds_the_two_persons_of_a_key_and_its_proof():
    key, _, _ = world.a_live_key(world.a_provider())
    for change in ({"confirmed_by_person": key.proposed_by_person},
                   {"possession_proved_at": None}):  # fmt: skip
        with pytest.raises(IntegrityError), transaction.atomic():
            ProviderKey.objects.filter(pk=key.pk).update(**change)


def raw(point: int) -> str:
    return base64.b64encode(point.to_bytes(32, "little")).decode()


def elliptic(curve) -> str:
    public = generate_private_key(curve).public_key()
    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (lambda: "", "public_key_missing"),
        (lambda: world.private_pem(Ed25519PrivateKey.generate()).decode(), "private_key"),
        (lambda: "hello", "key_unreadable"),
        (lambda: base64.b64encode(b"x" * 31).decode(), "key_unreadable"),
        (lambda: "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----", "key_unreadable"),
        (lambda: elliptic(SECP384R1()), "key_algorithm"),
        (lambda: raw(0), "weak_key"),
        (lambda: raw(1), "weak_key"),
        (lambda: raw(1 + 2**255), "weak_key"),
        (lambda: raw(PRIME - 1), "weak_key"),
        (lambda: raw(PRIME), "weak_key"),
        (lambda: raw(PRIME + 1), "weak_key"),
        (lambda: raw(2**255 - 1), "weak_key"),
    ],
)
def test_a_key_that_is_private_weak_or_strange_is_refused(text, code):
    provider = world.a_provider()
    answer = refusal(
        admitting.propose_key, provider, "live", public_key=text(), actor=ENGINEER, at=AT
    )
    assert answer == code
    assert not ProviderKey.objects.exclude(state="revoked").exists()


def test_a_revoked_key_stays_revoked():
    key, _, _ = world.a_live_key(world.a_provider())
    revoked = admitting.revoke_key(key, reason="丢失", compromised_since=AT, actor=CLERK, at=AT)
    assert (revoked.state, revoked.compromised_since) == ("revoked", AT)
    assert admitting.revoke_key(key, reason="再次", actor=CLERK, at=AT).revoked_at == AT


def test_capacity_is_filed_by_one_and_confirmed_by_another():
    provider, model = world.a_provider(), world.a_model()
    assert (
        refusal(
            admitting.register_capacity, provider, model, 0, valid_from=AT, actor=ENGINEER, at=AT
        )
        == "out_of_range"
    )
    filed = admitting.register_capacity(provider, model, 8, valid_from=AT, actor=ENGINEER, at=AT)
    assert refusal(admitting.confirm_capacity, filed, actor=ENGINEER, at=AT) == "same_person"
    admitting.confirm_capacity(filed, actor=CHIEF, at=AT)
    assert Capacity.objects.approved().get() == filed


def test_a_seat_is_given_once_and_changed_in_place():
    provider, user = world.a_provider(), story.user_of("陈运维")
    for role in ("provider_engineer", "provider_operator"):
        admitting.add_provider_seat(provider, user, role, actor=CLERK, at=AT)
    assert provider.seats.get().role == "provider_operator"
