"""Caps: per firm and year, per related group and year; two members of a group cannot race past."""

from datetime import UTC, datetime

import pytest
from django.db import transaction

from tests.racing import together
from tests.vouchers.registers import confirmed
from tests.vouchers.story import (
    CHIEF,
    FILE,
    OTHER_USCC,
    USCC,
    a_programme,
    an_approved,
    an_enterprise,
    refused,
)
from vouchers import caps, issuing
from vouchers.models import Voucher

LIMITS = 'enterprise_year = "9000.00"\ngroup_year = "10000.00"\n'


def a_group_programme():
    lines = [
        LIMITS if line.startswith("enterprise_year") else line
        for line in FILE.read_text().splitlines(True)
        if not line.startswith("group_year")
    ]
    return a_programme("".join(lines))


def two_of_a_group():
    programme = a_group_programme()
    pair = an_enterprise(), an_enterprise(OTHER_USCC, "乙公司")
    cases = [an_approved(each, programme) for each in pair]
    confirmed("shareholding", f"{OTHER_USCC},乙公司,{USCC},上海智算科技有限公司,30")
    return programme, cases


def issue(case):
    return issuing.issue_voucher(case, actor=CHIEF, at=case.approved_at)


@pytest.mark.django_db
def test_a_year_and_a_group_are_counted_in_one_place():
    programme, (first, second) = two_of_a_group()
    voucher = issue(first)
    firm, at = first.enterprise, first.approved_at
    next_year = datetime(2027, 1, 1, tzinfo=UTC)
    assert caps.used_by_enterprise_fen(firm, programme, at) == voucher.face_fen == 880_000
    assert caps.used_by_enterprise_fen(firm, programme) == 880_000
    assert caps.used_by_enterprise_fen(firm, programme, next_year) == 0
    assert caps.used_by_enterprise_fen(second.enterprise, programme, at) == 0
    members = caps.group_members(second.enterprise, programme)
    assert {each.uscc for each in members} == {USCC, OTHER_USCC}
    assert caps.used_by_group_fen(members, programme, at) == 880_000
    with refused("over_cap", "智算科技有限公司）合并年度上限 10,000.00 元，已发 8,800.00 元"):
        issue(second)
    caps.refuse_over_caps(second.enterprise, programme, 120_000, at)
    caps.refuse_over_caps(second.enterprise, programme, 900_000, next_year)
    with refused("over_cap", "企业年度上限 9,000.00 元"):
        caps.refuse_over_caps(firm, programme, 50_000_000, at)


@pytest.mark.django_db(transaction=True)
def test_two_members_of_a_group_cannot_race_past_its_cap():
    """Goal: the group's cap under a race. Method: two firms, 8,800 yuan each, cap 10,000."""
    _, cases = two_of_a_group()
    answers = together(*(lambda each=each: issue(each).state for each in cases))
    assert answers == {"active": 1, "over_cap": 1}
    assert Voucher.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_locks_of_a_group_are_taken_in_one_order_from_both_sides():
    _, cases = two_of_a_group()

    def lock(case):
        with transaction.atomic():
            return caps.lock_group(case.enterprise, case.programme)[0].uscc

    answers = together(*(lambda each=each: lock(each) for each in cases * 4))
    assert answers == {USCC: 4, OTHER_USCC: 4}
