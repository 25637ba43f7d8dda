"""Budget and issue: what is written, what is refused, and that a refusal changes nothing."""

from datetime import UTC, datetime

import pytest
from django.db import DatabaseError, transaction

from ledger.balances import balance
from ledger.check_codes import grouped, read_code
from ledger.identifiers import new_id
from ledger.merkle import leaf_hash
from ledger.models import LogEntry
from tests.vouchers.story import (
    AT,
    CHIEF,
    CLERK,
    FINANCE,
    OTHER_USCC,
    a_draft,
    a_programme,
    a_voucher,
    admin_of,
    an_approved,
    an_enterprise,
    entries,
    journals,
    refused,
    staff,
    submit,
)
from vouchers import barring, enrolling, freezing, issuing
from vouchers.models import BudgetGrant, Programme, StateRow, Voucher
from vouchers.positions import Position, voucher_position

pytestmark = pytest.mark.django_db


def grant(programme, amount_fen=1_000_000, **changes):
    told = {
        "document_no": "普财〔2026〕2号",
        "approved_by": CHIEF,
        "actor": FINANCE,
        "at": AT,
    } | changes
    return issuing.grant_budget(programme, amount_fen, **told)


def test_a_grant_puts_money_into_the_budget():
    programme = a_programme(grant_fen=0)
    made = grant(programme, 250_000_000)
    assert balance(programme.account).available == 250_000_000
    (journal,) = journals("budget.grant")
    assert journal.id == made.journal_id
    assert entries("budget.grant") == 1
    assert (made.prepared_person, made.approved_person) == (FINANCE.person, CHIEF.person)


def test_the_same_key_grants_once():
    programme, key = a_programme(grant_fen=0), new_id()
    first = grant(programme, key=key)
    again = grant(programme, key=key)
    assert first == again
    assert balance(programme.account).available == 1_000_000
    with refused("key_reused"):
        grant(programme, 2_000_000, key=key)


GRANT_REFUSALS = [
    ({"approved_by": FINANCE}, 1, "same_person", "两个人"),
    ({"approved_by": staff("别名", person=FINANCE.person)}, 1, "same_person", "同一自然人"),
    ({"approved_by": staff("系统").__class__(kind="system", id="x", name="x", role="x")},
     1, "same_person", "两个人"),
    ({"document_no": "  "}, 1, "document_missing", "文号"),
    ({}, 0, "amount_invalid", "大于 0"),
    ({}, -5, "amount_invalid", "大于 0"),
    ({}, 10**18, "amount_invalid", "大于 0"),
    ({}, 700_000_001, "over_programme_budget", "最多可下达 7,000,000.00 元"),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "amount", "code", "words"), GRANT_REFUSALS)
def test_a_grant_is_refused_with_its_reason(changes, amount, code, words):
    programme = a_programme(grant_fen=0)
    with refused(code, words):
        grant(programme, amount, **changes)


def test_grants_of_a_scheme_add_up_to_its_total_at_most():
    programme = a_programme(grant_fen=0)
    grant(programme, 700_000_000)
    with refused("over_programme_budget", "最多可下达 0.00 元"):
        grant(programme, 1)


def test_the_database_wants_two_persons_for_a_grant():
    made = grant(a_programme(grant_fen=0))
    row = BudgetGrant.objects.values().get(pk=made.pk)
    row |= {"id": new_id(), "journal_id": new_id(), "approved_person": row["prepared_person"]}
    with pytest.raises(DatabaseError, match="two_persons"), transaction.atomic():
        BudgetGrant.objects.create(**row)


def test_an_issue_moves_the_face_from_the_budget_to_the_voucher():
    voucher = a_voucher()
    assert voucher.face_fen == 880_000
    assert voucher_position(voucher) == Position(880_000, 880_000, 0, 0, 0, 0)
    assert balance(voucher.programme.account).available == 100_000_000 - 880_000
    assert len(journals("voucher.issue")) == 1
    assert entries("voucher.issue") == 1
    assert voucher.application.state == "issued"
    assert [row.to_state for row in StateRow.objects.of(voucher)] == ["active"]


def test_a_voucher_is_valid_from_issue_for_half_a_year():
    voucher = a_voucher()
    assert voucher.valid_from == voucher.issued_at == datetime(2026, 9, 9, 1, tzinfo=UTC)
    assert voucher.valid_until == datetime(2027, 3, 8, 16, tzinfo=UTC)


def test_vouchers_are_numbered_without_gaps():
    programme = a_programme()
    first = a_voucher(an_enterprise(), programme)
    other = an_approved(an_enterprise(OTHER_USCC, "别家公司"), programme)
    with refused("same_person"):
        issuing.issue_voucher(other, actor=CLERK, at=other.approved_at)
    second = issuing.issue_voucher(other, actor=CHIEF, at=other.approved_at)
    assert (first.voucher_no, second.voucher_no) == ("PTSLJ-2026-000001", "PTSLJ-2026-000002")


def test_the_same_key_issues_once():
    application, key = an_approved(), new_id()
    at = application.approved_at
    first = issuing.issue_voucher(application, actor=CHIEF, at=at, key=key)
    assert issuing.issue_voucher(application, actor=CHIEF, at=at, key=key) == first
    assert Voucher.objects.count() == 1
    with refused("already_issued", first.voucher_no):
        issuing.issue_voucher(application, actor=CHIEF, at=at, key=new_id())


def test_issuing_takes_the_amount_that_was_approved_and_judges_nothing_again():
    application = an_approved()
    enterprise = application.enterprise
    enrolling.record_facts(
        enterprise, {"registered_district": "310115"}, source="bureau", as_of=AT.date(),
        actor=CLERK, at=application.approved_at,
    )  # fmt: skip
    voucher = issuing.issue_voucher(application, actor=CHIEF, at=application.approved_at)
    assert voucher.face_fen == application.approved_fen
    assert voucher.application.verdict_digest == application.verdict_digest


def test_the_first_reviewer_does_not_issue_under_any_account():
    application = an_approved()
    with refused("same_person", "初审人"):
        issuing.issue_voucher(
            application, actor=staff("另一账号", person=CLERK.person), at=application.approved_at
        )


def test_a_suspended_enterprise_gets_no_voucher():
    application = an_approved()
    barring.suspend_enterprise(application.enterprise, reason="核查", actor=CLERK, at=AT)
    with refused("enterprise_suspended", "不能发券"):
        issuing.issue_voucher(application, actor=CHIEF, at=application.approved_at)


def test_nothing_is_issued_over_the_budget():
    application = an_approved(programme=a_programme(grant_fen=879_999))
    with refused("insufficient_funds", "方案可用预算 8,799.99 元"):
        issuing.issue_voucher(application, actor=CHIEF, at=application.approved_at)
    grant(application.programme, 1)
    assert issuing.issue_voucher(application, actor=CHIEF, at=application.approved_at)


BIG = {"need": {"card_hours": "400000", "requested_fen": "500000.00"}}


def test_the_cap_can_be_reached_to_the_fen():
    voucher = a_voucher(**BIG)
    assert voucher.face_fen == voucher.programme.cap_fen == 50_000_000


def test_nothing_is_issued_over_the_cap_of_an_enterprise():
    """Goal: cap across windows. Method: approve two requests, issue one, try the other."""
    programme, enterprise = a_programme(), an_enterprise()
    application = an_approved(enterprise, programme, **BIG)
    other = an_approved(an_enterprise(OTHER_USCC, "别家公司"), programme)
    type(other).objects.filter(pk=other.pk).update(enterprise=enterprise, window_no=2)
    issuing.issue_voucher(application, actor=CHIEF, at=application.approved_at)
    other.refresh_from_db()
    with refused("over_cap", "余 0.00 元"):
        issuing.issue_voucher(other, actor=CHIEF, at=other.approved_at)


def test_the_database_holds_the_cap_by_itself():
    voucher = a_voucher(**BIG)
    other = an_approved(an_enterprise(OTHER_USCC, "别家公司"), Programme.objects.get())
    row = Voucher.objects.values().get(pk=voucher.pk)
    row |= {"id": new_id(), "voucher_no": "X", "application_id": other.pk, "face_fen": 1}
    row |= {"issue_key": None}
    with pytest.raises(DatabaseError, match="cap of 50000000 fen exceeded"), transaction.atomic():
        Voucher.objects.create(**row)


def test_an_application_that_is_not_approved_gets_no_voucher():
    application = submit(a_draft())
    with refused("wrong_state", "审定后才能发券"):
        issuing.issue_voucher(application, actor=CHIEF, at=AT)


def test_a_freeze_needs_one_person_and_its_end_two():
    voucher = a_voucher()
    frozen = freezing.freeze_voucher(voucher, reason="核查 1 号", actor=CLERK, at=voucher.issued_at)
    assert frozen.frozen
    assert freezing.freeze_voucher(
        voucher, reason="again", actor=CLERK, at=voucher.issued_at
    ).frozen
    with refused("same_person"):
        freezing.unfreeze_voucher(
            voucher, reason="了结", approved_by=CLERK, actor=CLERK, at=voucher.issued_at
        )
    open_again = freezing.unfreeze_voucher(
        voucher, reason="了结", approved_by=CHIEF, actor=CLERK, at=voucher.issued_at
    )
    assert not open_again.frozen
    events = [row.event for row in StateRow.objects.of(voucher)]
    assert events == ["issue", "freeze", "unfreeze"]


def test_a_freeze_says_why():
    voucher = a_voucher()
    with refused("reason_missing"):
        freezing.freeze_voucher(voucher, reason=" ", actor=CLERK, at=AT)


def test_a_revoked_voucher_gives_the_rest_back_to_the_budget():
    voucher = a_voucher()
    revoked = issuing.revoke_voucher(
        voucher, reason="虚假材料", approved_by=CHIEF, actor=CLERK, at=voucher.issued_at
    )
    assert revoked.state == "revoked"
    assert voucher_position(revoked) == Position(880_000, 0, 0, 0, 0, 880_000)
    assert balance(voucher.programme.account).available == 100_000_000
    assert len(journals("voucher.revoke")) == 1


def test_a_revocation_needs_two_persons_and_a_reason():
    voucher = a_voucher()
    with refused("same_person"):
        issuing.revoke_voucher(
            voucher, reason="x", approved_by=CLERK, actor=CLERK, at=voucher.issued_at
        )
    with refused("reason_missing"):
        issuing.revoke_voucher(
            voucher, reason="", approved_by=CHIEF, actor=CLERK, at=voucher.issued_at
        )


def test_each_voucher_carries_a_code_that_follows_from_its_entry_in_the_log():
    voucher = a_voucher()
    entry = LogEntry.objects.get(type="voucher.issue")
    assert voucher.issue_digest == leaf_hash(bytes(entry.body)).hex()
    assert read_code(grouped(voucher.check_code)) == voucher.check_code
    with pytest.raises(DatabaseError, match="never change"), transaction.atomic():
        Voucher.objects.filter(pk=voucher.pk).update(check_code="0" * 16)


def test_an_enterprise_gives_back_what_it_will_not_use():
    voucher = a_voucher()
    firm = admin_of(voucher.enterprise)
    with refused("not_entitled", "企业管理员"):
        issuing.surrender_voucher(voucher, reason="", actor=CLERK, at=voucher.issued_at)
    back = issuing.surrender_voucher(voucher, reason="项目取消", actor=firm, at=voucher.issued_at)
    assert back.state == "surrendered"
    assert voucher_position(back) == Position(880_000, 0, 0, 0, 0, 880_000)
    assert balance(voucher.programme.account).available == 100_000_000
    assert issuing.surrender_voucher(voucher, reason="", actor=firm, at=AT) == back
    assert entries("voucher.surrender") == 1


def test_a_frozen_voucher_is_not_given_back():
    voucher = a_voucher()
    freezing.freeze_voucher(voucher, reason="核查", actor=CLERK, at=voucher.issued_at)
    with refused("voucher_frozen"):
        issuing.surrender_voucher(
            voucher, reason="", actor=admin_of(voucher.enterprise), at=voucher.issued_at
        )
