"""U13: a new name keeps the code; a merger hands on what counts, not the voucher."""

from datetime import date

import pytest

from tests.vouchers.story import (
    AT,
    CHIEF,
    CLERK,
    OTHER_USCC,
    USCC,
    a_voucher,
    an_enterprise,
    entries,
    refused,
)
from vouchers import caps, inquiring, succeeding
from vouchers.models import Inquiry, Succession

pytestmark = pytest.mark.django_db
TOLD = {"document_no": "普市监变〔2026〕8号", "effective_on": date(2026, 8, 30), "actor": CLERK}


def test_a_renamed_firm_keeps_its_code_and_its_old_name_is_known():
    firm = an_enterprise()
    for name, changes, code in (
        ("名", {}, "name_invalid"),
        (firm.name, {}, "name_same"),
        ("新名公司", {"document_no": " "}, "document_missing"),
        ("新名公司", {"effective_on": date(2026, 9, 2)}, "effective_in_future"),
    ):
        with refused(code):
            succeeding.rename_enterprise(firm, name, at=AT, **TOLD | changes)
    made = succeeding.rename_enterprise(firm, "新名公司", at=AT, **TOLD)
    firm.refresh_from_db()
    assert (firm.name, firm.uscc) == ("新名公司", USCC)
    assert (made.old_name, made.new_name) == ("上海智算科技有限公司", "新名公司")
    assert entries("enterprise.rename") == 1


def test_a_merger_ends_the_old_body_and_counts_what_it_held_for_the_new_one():
    voucher = a_voucher()
    old, at = voucher.enterprise, voucher.issued_at
    heir = an_enterprise(OTHER_USCC, "承继公司")
    for successor, changes, code in (
        (old, {}, "same_enterprise"),
        (heir, {"approved_by": CLERK}, "same_person"),
        (heir, {"document_no": ""}, "document_missing"),
    ):
        with refused(code):
            succeeding.merge_enterprise(
                old, successor, at=at, **{"approved_by": CHIEF} | TOLD | changes
            )
    succeeding.merge_enterprise(old, heir, approved_by=CHIEF, at=at, **TOLD)
    old.refresh_from_db()
    voucher.refresh_from_db()
    assert (old.state, voucher.frozen) == ("deregistered", True)
    used = caps.used_by_enterprise_fen(heir, voucher.programme, at)
    assert used == voucher.face_fen
    assert old.seats.count() == 2
    assert Succession.objects.get().successor == heir
    inquiry = Inquiry.objects.waiting().get()
    assert inquiry.kind == "succession"
    with refused("reason_missing"):
        inquiring.decide_inquiry(inquiry, upheld=True, reason="", actor=CLERK, at=at)
    done = inquiring.decide_inquiry(inquiry, upheld=False, reason="已结清", actor=CLERK, at=at)
    assert (done.state, done.decided_by) == ("dismissed", CLERK.name)
    with refused("wrong_state"):
        inquiring.decide_inquiry(inquiry, upheld=True, reason="x", actor=CLERK, at=at)


def test_asking_again_finds_the_inquiry_there_is():
    firm = an_enterprise()
    told = {"actor": CLERK, "at": AT}
    first = inquiring.open_inquiry(firm, "other", "x:1", "请核查。", **told)
    assert inquiring.open_inquiry(firm, "other", "x:1", "再次。", **told).pk == first.pk
    assert entries("inquiry.open") == 1
