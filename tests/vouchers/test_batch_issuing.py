"""Batches of issues, and requests that take two people."""

import pytest

from tests.vouchers.crowd import a_crowd
from tests.vouchers.story import AT, CHIEF, CLERK, a_programme, a_voucher, refused, staff
from vouchers import batch_issuing, freezing, requesting

pytestmark = pytest.mark.django_db
WAN = 1_000_000
ISSUER = staff("周发券", role="approver")


def test_a_dropped_batch_frees_its_applications():
    programme = a_programme()
    crowd = a_crowd(programme, 2, WAN)
    batch = batch_issuing.prepare_batch(crowd, actor=CHIEF, at=AT)
    batch_issuing.drop_batch(batch, actor=CHIEF, at=AT)
    with refused("batch_dropped"):
        batch_issuing.issue_batch(batch, actor=ISSUER, at=AT)
    assert batch_issuing.prepare_batch(crowd, actor=CHIEF, at=AT).items.count() == 2
    with refused("nothing_chosen"):
        batch_issuing.prepare_batch([], actor=CHIEF, at=AT)


def test_a_revocation_is_asked_for_by_one_and_decided_by_another():
    voucher = a_voucher()
    at = voucher.issued_at
    with refused("not_frozen"):
        requesting.request_change(voucher, "unfreeze", reason="x", actor=CLERK, at=at)
    with refused("reason_missing"):
        requesting.request_change(voucher, "revoke", reason=" ", actor=CLERK, at=at)
    asked = requesting.request_change(voucher, "revoke", reason="虚假材料", actor=CLERK, at=at)
    assert requesting.request_change(voucher, "revoke", reason="y", actor=CHIEF, at=at) == asked
    with refused("same_person"):
        requesting.decide_request(asked, agree=True, actor=CLERK, at=at)
    requesting.decide_request(asked, agree=True, actor=CHIEF, at=at)
    voucher.refresh_from_db()
    assert voucher.state == "revoked"
    assert requesting.decide_request(asked, agree=False, actor=CHIEF, at=at).agreed


def test_an_unfreeze_that_is_refused_changes_nothing():
    voucher = a_voucher()
    at = voucher.issued_at
    freezing.freeze_voucher(voucher, reason="核查", actor=CLERK, at=at)
    asked = requesting.request_change(voucher, "unfreeze", reason="了结", actor=CLERK, at=at)
    requesting.decide_request(asked, agree=False, actor=CLERK, at=at)
    voucher.refresh_from_db()
    assert voucher.frozen
    again = requesting.request_change(voucher, "unfreeze", reason="了结", actor=CLERK, at=at)
    requesting.decide_request(again, agree=True, actor=CHIEF, at=at)
    voucher.refresh_from_db()
    assert not voucher.frozen
