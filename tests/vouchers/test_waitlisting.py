"""The waiting list: who is put on it, and that it moves up by itself when money returns."""

import pytest

from ledger.balances import balance
from ledger.identifiers import new_id
from tests.vouchers.crowd import a_crowd
from tests.vouchers.story import AT, CHIEF, CLERK, a_programme, entries, refused, staff
from tests.vouchers.test_dividing import a_revealed_draw, confirm, prepare
from tests.vouchers.test_races import at_once, refusals
from tests.vouchers.test_reserving import reserve
from vouchers import barring, batch_issuing, issuing
from vouchers.models import Voucher
from vouchers.waitlisting import move_up, waitlist_application

pytestmark = pytest.mark.django_db
WAN = 1_000_000
ISSUER = staff("周发券", role="approver")


def test_the_waiting_list_moves_up_by_itself_when_money_returns():
    """Goal: revoke, move up. Method: money for one of three; the second waits, the first loses."""
    programme = a_programme(grant_fen=WAN)
    first, second, third = a_crowd(programme, 3, WAN)
    voucher = issuing.issue_voucher(first, actor=CHIEF, at=AT)
    for each in (second, third):
        waitlist_application(each, actor=CHIEF, at=AT)
    assert move_up(programme, actor=CLERK, at=AT) == []
    issuing.revoke_voucher(voucher, reason="虚假材料", approved_by=CHIEF, actor=CLERK, at=AT)
    system = CLERK.__class__(kind="system", id="move-up", name="候补递补", role="system")
    (made,) = move_up(programme, actor=system, at=AT)
    assert made.application_id == second.pk
    assert balance(programme.account).available == 0
    third.refresh_from_db()
    assert third.state == "waitlisted"
    assert entries("application.waitlist") == 2


def test_who_has_money_or_no_list_is_not_put_on_it():
    programme = a_programme(grant_fen=WAN)
    application = a_crowd(programme, 1, WAN)[0]
    reserve(programme)
    with refused("has_money"):
        waitlist_application(application, actor=CHIEF, at=AT)


def test_who_lost_a_draw_moves_up_in_the_order_of_the_lots():
    programme, _, _ = a_revealed_draw(grant_fen=WAN, count=3)
    run = confirm(prepare(programme))
    ordered = [each.application for each in run.lines.select_related("application")]
    voucher = issuing.issue_voucher(ordered[0], actor=CHIEF, at=AT)
    with refused("insufficient_funds"):
        issuing.issue_voucher(ordered[1], actor=CHIEF, at=AT)
    for each in ordered[1:]:
        waitlist_application(each, actor=CHIEF, at=AT)
    issuing.revoke_voucher(voucher, reason="放弃", approved_by=CHIEF, actor=CLERK, at=AT)
    (made,) = move_up(programme, actor=CHIEF, at=AT)
    assert made.application_id == ordered[1].pk


def test_a_batch_issues_what_it_can_and_says_what_became_of_the_rest():
    programme = a_programme(grant_fen=2 * WAN)
    crowd = a_crowd(programme, 4, WAN)
    barring.suspend_enterprise(crowd[0].enterprise, reason="核查", actor=CLERK, at=AT)
    batch = batch_issuing.prepare_batch(crowd, actor=CHIEF, at=AT, key=(key := new_id()))
    assert batch_issuing.prepare_batch(crowd, actor=CHIEF, at=AT, key=key) == batch
    with refused("in_another_batch", batch.batch_no):
        batch_issuing.prepare_batch(crowd[:1], actor=CHIEF, at=AT)
    with refused("same_person"):
        batch_issuing.issue_batch(batch, actor=CHIEF, at=AT)
    done = batch_issuing.issue_batch(batch, actor=ISSUER, at=AT)
    told = list(done.items.values_list("outcome", "message"))
    assert [outcome for outcome, _ in told] == ["refused", "issued", "waitlisted", "waitlisted"]
    assert "资格已暂停" in told[0][1]
    assert told[1][1] == Voucher.objects.get().voucher_no
    assert batch_issuing.issue_batch(batch, actor=ISSUER, at=AT).issued_at == AT
    assert entries("voucher.batch_issue") == 1
    with refused("batch_issued"):
        batch_issuing.drop_batch(batch, actor=CHIEF, at=AT)


@pytest.mark.django_db(transaction=True)
def test_u5_two_windows_race_for_the_last_money_and_the_loser_waits():
    """U5: serialised reserve; the loser is put on the waiting list, never oversold."""
    programme = a_programme(grant_fen=WAN)
    first = a_crowd(programme, 1, WAN, window_no=1)[0]
    second = a_crowd(programme, 1, WAN, begin=1, window_no=2)[0]
    answers = at_once(
        *(
            lambda each=each: issuing.issue_voucher(each, actor=CHIEF, at=AT)
            for each in (second, first)
        )
    )
    assert refusals(answers) == ["insufficient_funds"]
    assert Voucher.objects.get().application_id == first.pk
    waitlist_application(second, actor=CHIEF, at=AT)
    assert balance(programme.account).available == 0
