"""A grant prepared by one person and approved by another."""

import pytest

from ledger.balances import balance
from ledger.identifiers import new_id
from tests.vouchers.story import AT, CHIEF, FINANCE, a_programme, entries, refused, staff
from vouchers import funding
from vouchers.models import GrantRequest

pytestmark = pytest.mark.django_db


def prepare(programme, amount_fen=1_000_000, **changes):
    told = {"document_no": "普财〔2026〕1号", "actor": FINANCE, "at": AT} | changes
    return funding.prepare_grant(programme, amount_fen, **told)


def test_preparing_moves_no_money():
    programme = a_programme(grant_fen=0)
    prepare(programme)
    assert balance(programme.account).available == 0
    assert GrantRequest.objects.waiting().count() == 1
    assert entries("budget.prepare") == 1


def test_another_person_approves_and_the_money_is_there_once():
    programme = a_programme(grant_fen=0)
    request = prepare(programme)
    first = funding.approve_grant(request, actor=CHIEF, at=AT)
    assert funding.approve_grant(request, actor=CHIEF, at=AT) == first
    assert (first.prepared_by, first.approved_by) == (FINANCE.name, CHIEF.name)
    assert balance(programme.account).available == 1_000_000
    assert not GrantRequest.objects.waiting().exists()


def test_the_same_natural_person_does_not_approve():
    request = prepare(a_programme(grant_fen=0))
    for actor in (FINANCE, staff("另一账号", person=FINANCE.person)):
        with refused("same_person"):
            funding.approve_grant(request, actor=actor, at=AT)


def test_the_same_key_prepares_once():
    programme, key = a_programme(grant_fen=0), new_id()
    assert prepare(programme, key=key) == prepare(programme, key=key)


def test_the_total_of_the_scheme_is_checked_at_both_steps():
    programme = a_programme(grant_fen=0)
    with refused("over_programme_budget"):
        prepare(programme, 700_000_001)
    one, two = prepare(programme, 400_000_000), prepare(programme, 400_000_000)
    funding.approve_grant(one, actor=CHIEF, at=AT)
    with refused("over_programme_budget", "最多可下达 3,000,000.00 元"):
        funding.approve_grant(two, actor=CHIEF, at=AT)


def test_a_dropped_request_is_not_approved():
    request = prepare(a_programme(grant_fen=0))
    GrantRequest.objects.filter(pk=request.pk).update(dropped_at=AT)
    with refused("request_dropped"):
        funding.approve_grant(request, actor=CHIEF, at=AT)
