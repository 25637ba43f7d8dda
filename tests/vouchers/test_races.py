"""Two at once, with real threads and committed rows: one wins, the other hears why."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connection

from ledger.balances import balance
from ledger.identifiers import new_id
from ledger.periods import Month
from ledger.refusals import Refused
from tests.vouchers.story import (
    AT,
    CHIEF,
    CLERK,
    OTHER_USCC,
    a_draft,
    a_programme,
    a_voucher,
    admin_of,
    an_approved,
    an_enterprise,
)
from vouchers import applying, enrolling, issuing, spending
from vouchers.models import Application, Enterprise, Voucher
from vouchers.positions import voucher_position

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(*calls):
    """Run calls in threads that start together; return each answer or refusal code."""
    barrier = Barrier(len(calls))

    def run(call):
        barrier.wait()
        try:
            return call()
        except Refused as refused:
            return refused.code
        finally:
            connection.close()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


def refusals(answers):
    return sorted(each for each in answers if isinstance(each, str))


def test_two_issues_race_for_the_last_budget():
    programme = a_programme(grant_fen=1_000_000)
    first = an_approved(an_enterprise(), programme)
    second = an_approved(an_enterprise(OTHER_USCC, "别家公司"), programme)
    answers = at_once(
        *(
            lambda each=each: issuing.issue_voucher(each, actor=CHIEF, at=each.approved_at)
            for each in (first, second)
        )
    )
    assert refusals(answers) == ["insufficient_funds"]
    assert Voucher.objects.count() == 1
    assert balance(programme.account).available == 1_000_000 - 880_000
    assert sorted(Application.objects.values_list("state", flat=True)) == ["approved", "issued"]


def test_the_same_issue_pressed_twice_makes_one_voucher():
    application, key = an_approved(), new_id()
    at = application.approved_at
    answers = at_once(
        *[lambda: issuing.issue_voucher(application, actor=CHIEF, at=at, key=key)] * 4
    )
    assert len({each.pk for each in answers}) == 1
    assert Voucher.objects.count() == 1


def test_two_issues_of_one_enterprise_stay_within_its_cap():
    """Goal: the cap under a race. Method: two approved cases of one firm, 300,000 yuan each."""
    big = {"need": {"card_hours": "200000", "requested_fen": "300000.00"}}
    programme, enterprise = a_programme(), an_enterprise()
    first = an_approved(enterprise, programme, **big)
    second = an_approved(an_enterprise(OTHER_USCC, "别家公司"), programme, **big)
    Application.objects.filter(pk=second.pk).update(enterprise=enterprise, window_no=2)
    second.refresh_from_db()
    answers = at_once(
        *(
            lambda each=each: issuing.issue_voucher(each, actor=CHIEF, at=each.approved_at)
            for each in (first, second)
        )
    )
    assert refusals(answers) == ["over_cap"]
    assert Voucher.objects.count() == 1


def test_two_tabs_submit_the_same_draft():
    draft = a_draft()
    actor = admin_of(draft.enterprise)
    answers = at_once(
        *(
            lambda: applying.submit_application(
                draft, version=draft.version, actor=actor, at=AT, key=new_id()
            )
            for _ in range(2)
        )
    )
    assert refusals(answers) == ["already_submitted"]
    draft.refresh_from_db()
    assert draft.application_no == "PTSLQ-2026-000001"


def test_two_tabs_save_the_same_page():
    draft = a_draft()
    actor, version = admin_of(draft.enterprise), draft.version
    typed = {"contact_name": "张三丰", "contact_phone": "13812345678", "contact_mail": ""}
    answers = at_once(
        *(
            lambda: applying.save_step(draft, "contact", typed, version=version, actor=actor, at=AT)
            for _ in range(2)
        )
    )
    assert refusals(answers) == ["stale_draft"]
    draft.refresh_from_db()
    assert draft.version == version + 1


def test_two_people_begin_an_application_at_once():
    enterprise, programme = an_enterprise(), a_programme()
    actor = admin_of(enterprise)
    answers = at_once(
        *[lambda: applying.start_draft(enterprise, programme, actor=actor, at=AT)] * 3
    )
    assert len({each.pk for each in answers}) == 1
    assert Application.objects.count() == 1


def test_two_people_register_the_same_enterprise_at_once():
    answers = at_once(
        *(
            lambda: enrolling.register_enterprise(
                "上海智算科技有限公司", OTHER_USCC, actor=CLERK, at=AT
            )
            for _ in range(2)
        )
    )
    assert refusals(answers) == ["already_registered"]
    assert Enterprise.objects.count() == 1


def test_two_tabs_hold_the_whole_voucher():
    voucher = a_voucher()
    answers = at_once(
        *(
            lambda no=no: spending.hold_amount(
                voucher,
                880_000,
                order_ref=f"o{no}",
                provider_ref="p",
                expires_at=voucher.valid_until,
                actor=CLERK,
                at=voucher.issued_at,
            )
            for no in range(2)
        )
    )
    assert refusals(answers) == ["insufficient_funds"]
    assert voucher_position(voucher).held == 880_000


def test_many_small_holds_never_overdraw():
    voucher = a_voucher()
    answers = at_once(
        *(
            lambda no=no: spending.hold_amount(
                voucher,
                200_000,
                order_ref=f"o{no}",
                provider_ref="p",
                expires_at=voucher.valid_until,
                actor=CLERK,
                at=voucher.issued_at,
            )
            for no in range(6)
        )
    )
    assert refusals(answers) == ["insufficient_funds"] * 2
    assert voucher_position(voucher).available == 80_000


def test_a_redemption_and_a_release_of_one_hold_do_not_both_happen():
    voucher = a_voucher()
    hold = spending.hold_amount(
        voucher,
        880_000,
        order_ref="o",
        provider_ref="p",
        expires_at=voucher.valid_until,
        actor=CLERK,
        at=voucher.issued_at,
    )
    answers = at_once(
        lambda: spending.redeem(
            hold,
            880_000,
            month=Month(2026, 10),
            charge_ref="c",
            terms={},
            compute=0,
            provider_ref="p",
            keep_open=False,
            actor=CLERK,
            at=voucher.issued_at,
        ),
        lambda: spending.release(hold, actor=CLERK, at=voucher.issued_at),
    )
    position = voucher_position(voucher)
    assert (position.redeemed, position.available) in {(880_000, 0), (0, 880_000)}
    assert refusals(answers) in (["hold_closed"], [])
