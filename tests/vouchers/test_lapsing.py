"""The clock and vouchers: reminders, the last day, the time to settle, what was never used."""

from datetime import datetime, timedelta

import pytest

from ledger.balances import balance
from ledger.chart import expired
from ledger.periods import Month
from tests.vouchers.story import (
    AT,
    CHIEF,
    CLERK,
    a_voucher,
    admin_of,
    entries,
    fill,
    journals,
)
from vouchers import applying, enrolling, issuing, lapsing, pages_money, spending, watching
from vouchers.funding import rebudget_lapsed
from vouchers.models import BudgetAlert, Notice
from vouchers.positions import Position, voucher_position

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
SYSTEM = CLERK.__class__(kind="system", id="expire", name="到期", role="system")


def lapse(at: datetime) -> int:
    return lapsing.lapse_due(actor=SYSTEM, at=at)


def a_held_voucher():
    voucher = a_voucher()
    hold = spending.hold_amount(
        voucher, 500_000, order_ref="o-1", provider_ref="q-1",
        expires_at=voucher.valid_until + 30 * DAY, actor=CLERK, at=voucher.issued_at,
    )  # fmt: skip
    return voucher, hold


def redeem(hold, fen, at):
    return spending.redeem(
        hold, fen, month=Month(2027, 2), charge_ref="c-1", terms={}, compute=0,
        provider_ref="q-1", keep_open=True, actor=CLERK, at=at,
    )  # fmt: skip


def test_u6_a_hold_outlives_its_voucher_until_the_claim_deadline_and_then_lapses():
    """U6: what is held settles within the tail; the rest goes to what lapsed."""
    voucher, hold = a_held_voucher()
    end = voucher.valid_until
    assert lapse(end - timedelta(minutes=1)) == 0
    assert lapse(end + timedelta(minutes=5)) == 1
    assert voucher_position(voucher) == Position(880_000, 0, 500_000, 0, 380_000, 0)
    redeem(hold, 200_000, end + 10 * DAY)
    assert lapse(end + 30 * DAY - timedelta(minutes=1)) == 0
    voucher.refresh_from_db()
    assert voucher_position(voucher) == Position(880_000, 0, 300_000, 200_000, 380_000, 0)
    assert lapse(end + 30 * DAY) == 0
    voucher.refresh_from_db()
    assert voucher_position(voucher) == Position(880_000, 0, 0, 200_000, 680_000, 0)
    assert balance(expired(voucher.programme.slug)).posted == 680_000
    assert len(journals("voucher.release")) == 1
    assert lapse(end + 31 * DAY) == 0


def test_u14_a_firm_that_grew_keeps_its_voucher_and_is_refused_a_new_one():
    """U14: the issued voucher stays valid; the rules fail a new application."""
    voucher = a_voucher()
    firm, actor = voucher.enterprise, admin_of(voucher.enterprise)
    later = voucher.programme.edition.windows.items[1].opens_at
    draft = applying.start_draft(firm, voucher.programme, actor=actor, at=later)
    draft = fill(draft, actor, at=later)
    enrolling.record_facts(
        firm, {"employees": 100_000, "revenue_fen": 10**14, "assets_fen": 10**14},
        source="bureau", as_of=later.date(), actor=CLERK, at=later,
    )  # fmt: skip
    assert applying.preview_verdict(draft, later).outcome == "failed"
    assert spending.hold_amount(
        voucher, 1_000, order_ref="o-9", provider_ref="q", expires_at=voucher.valid_until,
        actor=actor, at=min(later, voucher.valid_until - DAY),
    )  # fmt: skip


def test_u24_a_voucher_never_used_lapses_by_itself_and_counts_as_unused():
    """U24: auto release at expiry, counted in the unused rate."""
    voucher = a_voucher()
    slug = voucher.programme.slug
    assert pages_money.unused(slug)["share_bp"] == 0
    assert lapse(voucher.valid_until) == 1
    told = pages_money.unused(slug)
    assert (told["count"], told["unused_fen"], told["share_bp"]) == (1, 880_000, 10_000)
    assert Notice.objects.filter(kind="voucher_expired").count() == 1


def test_what_lapsed_returns_to_the_budget_only_while_somebody_may_still_apply():
    voucher = a_voucher()
    programme = voucher.programme
    lapse(voucher.valid_until)
    closed = programme.edition.windows.items[-1].closes_at
    assert rebudget_lapsed(programme, actor=SYSTEM, at=closed) == 0
    open_still = voucher.valid_until
    assert rebudget_lapsed(programme, actor=SYSTEM, at=open_still) == 880_000
    assert rebudget_lapsed(programme, actor=SYSTEM, at=open_still) == 0
    assert balance(programme.account).available == 100_000_000
    assert balance(expired(programme.slug)).posted == 0
    assert entries("budget.rebudget") == 1


def test_holders_are_reminded_once_on_each_day_the_edition_names():
    voucher = a_voucher()
    told = []
    for days in (40, 31, 30, 29, 8, 7, 7, 2, 1, 0):
        at = voucher.valid_until - days * DAY - timedelta(hours=12)
        told.append(lapsing.remind_holders(at))
    assert told == [0, 0, 1, 0, 0, 1, 0, 0, 1, 0]
    subjects = Notice.objects.filter(kind="voucher_expiring").values_list("subject", flat=True)
    assert any("30 天" in each for each in subjects)


def test_the_people_of_the_budget_are_warned_once_a_mark_is_reached():
    voucher = a_voucher()
    programme = voucher.programme
    assert watching.watch_budget(programme, actor=SYSTEM, at=AT) is None
    now = watching.promised(programme)
    assert (now.promised_fen, now.share_bp) == (880_000, 88)
    full = watching.Promised(now.granted_fen, 0)
    assert watching.level_of(programme, full) == "stop"
    assert watching.level_of(programme, watching.Promised(100, 20)) == "warn"
    assert watching.level_of(programme, watching.Promised(100, 21)) == ""
    assert watching.level_of(programme, watching.Promised(0, 0)) == ""
    assert not BudgetAlert.objects.exists()


def test_a_revoked_voucher_does_not_lapse():
    voucher = a_voucher()
    issuing.revoke_voucher(voucher, reason="x", approved_by=CHIEF, actor=CLERK, at=AT)
    assert lapse(voucher.valid_until) == 0
