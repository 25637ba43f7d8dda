"""Standing: who may stop an enterprise, for how long, and what that does to it."""

from datetime import UTC, date, datetime

import pytest
from django.db import DatabaseError, transaction

from tests.vouchers.story import (
    AT,
    CHIEF,
    CLERK,
    a_voucher,
    an_enterprise,
    entries,
    refused,
)
from vouchers import barring, spending
from vouchers.models import Enterprise, StateRow

pytestmark = pytest.mark.django_db
UNTIL = date(2029, 8, 31)


def bar(enterprise, until=UNTIL, **changes):
    told = {"reason": "普市监〔2026〕9号", "approved_by": CHIEF, "actor": CLERK, "at": AT}
    return barring.bar_enterprise(enterprise, until, **told | changes)


def test_a_suspension_and_its_end_say_why():
    enterprise = an_enterprise()
    with refused("reason_missing"):
        barring.suspend_enterprise(enterprise, reason="", actor=CLERK, at=AT)
    barring.suspend_enterprise(enterprise, reason="经营异常名录", actor=CLERK, at=AT)
    done = barring.reinstate_enterprise(enterprise, reason="已移出", actor=CLERK, at=AT)
    assert done.state == "active"
    assert [row.internal for row in StateRow.objects.of(done)][-2:] == ["经营异常名录", "已移出"]


def test_a_watch_begins_and_ends():
    enterprise = an_enterprise()
    watched = barring.watch_enterprise(enterprise, reason="轻微违规", actor=CLERK, at=AT)
    assert (watched.state, watched.standing_since) == ("watch", date(2026, 9, 1))
    assert barring.clear_watch(watched, reason="已整改", actor=CLERK, at=AT).state == "active"


def test_a_bar_has_two_persons_an_end_and_freezes_what_there_is():
    voucher = a_voucher()
    enterprise = voucher.enterprise
    for change, code in (
        ({"approved_by": CLERK}, "same_person"),
        ({"reason": " "}, "reason_missing"),
        ({"until": date(2026, 8, 31)}, "bar_end_invalid"),
        ({"until": date(2037, 1, 1)}, "bar_end_invalid"),
    ):
        with refused(code):
            bar(enterprise, **change)
    barred = bar(enterprise, at=voucher.issued_at)
    assert (barred.state, barred.barred_until) == ("barred", UNTIL)
    voucher.refresh_from_db()
    assert voucher.frozen
    assert entries("enterprise.bar") == 1


def test_a_bar_ends_alone_after_its_day_and_by_two_before_it():
    enterprise = bar(an_enterprise())
    with refused("bar_running", "2029-08-31"):
        barring.end_bar(enterprise, reason="信用修复", actor=CLERK, at=AT)
    with refused("same_person"):
        barring.end_bar(enterprise, reason="信用修复", approved_by=CLERK, actor=CLERK, at=AT)
    back = barring.end_bar(enterprise, reason="信用修复", approved_by=CHIEF, actor=CLERK, at=AT)
    assert (back.state, back.barred_until) == ("watch", None)
    again = bar(back)
    later = datetime(2029, 9, 1, 2, tzinfo=UTC)
    assert barring.end_bar(again, reason="期满", actor=CLERK, at=later).state == "watch"


def test_a_firm_that_left_gets_nothing_new_and_may_come_back():
    enterprise = an_enterprise()
    with refused("left_in_future"):
        barring.move_out_enterprise(enterprise, date(2026, 9, 2), reason="迁出", actor=CLERK, at=AT)
    left = barring.move_out_enterprise(
        enterprise, date(2026, 8, 20), reason="迁至浦东", actor=CLERK, at=AT
    )
    assert (left.state, left.standing_since) == ("moved_out", date(2026, 8, 20))
    assert barring.move_in_enterprise(left, reason="迁回", actor=CLERK, at=AT).state == "active"


def test_a_deregistered_firm_is_over_and_its_vouchers_are_frozen():
    voucher = a_voucher()
    at = voucher.issued_at
    with refused("same_person"):
        barring.deregister_enterprise(
            voucher.enterprise, reason="注销", approved_by=CLERK, actor=CLERK, at=at
        )
    over = barring.deregister_enterprise(
        voucher.enterprise, reason="注销", approved_by=CHIEF, actor=CLERK, at=at
    )
    voucher.refresh_from_db()
    assert (over.state, voucher.frozen) == ("deregistered", True)
    with refused("wrong_state"):
        barring.reinstate_enterprise(over, reason="恢复", actor=CLERK, at=at)


def test_a_barred_firm_can_neither_hold_nor_hand_in():
    voucher = a_voucher()
    barred = bar(voucher.enterprise, at=voucher.issued_at)
    voucher.enterprise = barred
    with refused("voucher_frozen"):
        spending.hold_amount(
            voucher, 100, order_ref="o", provider_ref="p", expires_at=voucher.valid_until,
            actor=CLERK, at=voucher.issued_at,
        )  # fmt: skip


def test_the_database_wants_an_end_for_every_bar():
    enterprise = bar(an_enterprise())
    with pytest.raises(DatabaseError), transaction.atomic():
        Enterprise.objects.filter(pk=enterprise.pk).update(barred_until=None)
