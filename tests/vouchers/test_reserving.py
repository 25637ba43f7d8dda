"""Places in line and money set aside: in order, within the budget, whoever asks at once."""

from datetime import timedelta

import pytest
from django.db import DatabaseError, connection, transaction

from ledger.models import LogEntry
from tests.vouchers.crowd import a_crowd
from tests.vouchers.story import (
    AT,
    CHIEF,
    CLERK,
    a_draft,
    a_programme,
    admin_of,
    an_enterprise,
    entries,
    refused,
    submit,
)
from tests.vouchers.test_races import at_once, refusals
from vouchers import applying, issuing, reserving
from vouchers.models import (
    Application,
    BudgetPool,
    Intake,
    Reservation,
    ReservationEnd,
    Voucher,
)
from vouchers.pools import free_fen

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
WAN = 1_000_000


def reserve(programme, at=AT):
    return reserving.reserve_all(programme, actor=CLERK, at=at)


def reserved():
    return list(
        Reservation.objects.open().values_list("intake__application__application_no", flat=True)
    )


def test_handing_in_draws_a_place_that_is_kept_and_logged():
    application = submit(a_draft())
    intake = application.intake
    assert reserving.take_place(application, actor=CLERK, at=AT) == intake
    assert (Intake.objects.count(), entries("allocation.intake")) == (1, 1)


def test_money_is_set_aside_in_order_of_intake_until_it_no_longer_fits():
    programme = a_programme(grant_fen=5 * WAN)
    first, second = a_crowd(programme, 2, 2 * WAN), a_crowd(programme, 3, WAN, begin=2)
    big = a_crowd(programme, 1, 2 * WAN, begin=5)
    turn = reserve(programme)
    assert (turn.count, turn.total_fen) == (3, 5 * WAN)
    assert reserved() == [each.application_no for each in [*first, second[0]]]
    assert BudgetPool.objects.get().reserved_fen == 5 * WAN
    assert free_fen(programme) == 0
    assert reserve(programme).count == 0
    assert entries("allocation.reserve") == 1
    with refused("insufficient_funds"):
        issuing.issue_voucher(big[0], actor=CHIEF, at=AT)


def test_nobody_small_overtakes_somebody_large():
    programme = a_programme(grant_fen=3 * WAN)
    a_crowd(programme, 1, 2 * WAN)
    a_crowd(programme, 1, 2 * WAN, begin=1)
    small = a_crowd(programme, 1, WAN, begin=2)
    reserve(programme)
    assert len(reserved()) == 1
    with refused("not_first_in_line", "不能越过"):
        issuing.issue_voucher(small[0], actor=CHIEF, at=AT)


def test_a_voucher_uses_what_was_set_aside_and_the_rest_is_free_again():
    programme = a_programme(grant_fen=5 * WAN)
    application = a_crowd(programme, 1, 3 * WAN)[0]
    reserve(programme)
    Application.objects.filter(pk=application.pk).update(approved_fen=2 * WAN)
    voucher = issuing.issue_voucher(application, actor=CHIEF, at=AT)
    assert voucher.face_fen == 2 * WAN
    assert ReservationEnd.objects.get().outcome == "used"
    assert (free_fen(programme), BudgetPool.objects.get().reserved_fen) == (3 * WAN, 0)


def test_what_came_to_nothing_goes_to_the_next_in_line():
    programme = a_programme(grant_fen=900_000)
    draft = a_draft(an_enterprise(), programme)
    application = submit(draft)
    a_crowd(programme, 1, 900_000)
    reserve(programme)
    assert reserved() == [application.application_no]
    applying.withdraw_application(application, actor=admin_of(application.enterprise), at=AT)
    turn = reserve(programme)
    assert (turn.count, turn.released) == (1, 1)
    assert reserved() == ["PTSLQ-2026-900000"]


def overbook(row):
    with transaction.atomic():
        Reservation.objects.create(amount_fen=1, **row)
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def test_the_database_sets_nothing_aside_beyond_the_budget_or_twice():
    programme = a_programme(grant_fen=WAN)
    intake = a_crowd(programme, 1, WAN)[0].intake
    reserve(programme)
    row = {"intake": intake, "slug": programme.slug, "place": 1, "reserved_at": AT}
    with pytest.raises(DatabaseError, match="already"), transaction.atomic():
        Reservation.objects.create(amount_fen=1, **row)
    other = a_crowd(programme, 1, WAN, begin=1)[0].intake
    with pytest.raises(DatabaseError, match="set aside"):
        overbook(row | {"intake": other})


def test_the_log_alone_proves_the_order():
    """Goal: an outsider recomputes who got money. Method: intake entries, sorted, summed."""
    programme = a_programme(grant_fen=3 * WAN)
    for each in a_crowd(programme, 4, WAN):
        Intake.objects.filter(application=each)
    reserve(programme)
    entry = LogEntry.objects.get(type="allocation.reserve")
    assert b'"count":"3"' in bytes(entry.body)
    assert f'"total_fen":"{3 * WAN}"'.encode() in bytes(entry.body)


@pytest.mark.django_db(transaction=True)
class TestRaces:
    def test_the_allocator_and_single_issues_together_never_overbook(self):
        programme = a_programme(grant_fen=5 * WAN)
        crowd = a_crowd(programme, 8, WAN)
        answers = at_once(
            lambda: reserve(programme),
            lambda: reserve(programme),
            *(
                lambda each=each: issuing.issue_voucher(each, actor=CHIEF, at=AT)
                for each in crowd[3:7]
            ),
        )
        assert set(refusals(answers)) <= {"insufficient_funds", "not_first_in_line"}
        reserve(programme)
        issued = Voucher.objects.count()
        assert issued + Reservation.objects.open().count() == 5
        funded = Reservation.objects.values_list("intake__application", flat=True)
        assert set(funded) == {each.pk for each in crowd[:5]}

    def test_intakes_that_are_still_running_are_waited_for(self):
        """Goal: no place in line is passed by one that committed earlier. Method: 6 at once."""
        programme = a_programme(grant_fen=3 * WAN)
        crowd = a_crowd(programme, 6, WAN)
        # Places are drawn anew, in threads, while the allocator runs beside them.
        places = list(Intake.objects.order_by("position").values_list("application", flat=True))
        answers = at_once(*[lambda: reserve(programme)] * 4)
        assert sum(each.count for each in answers) == 3
        got = set(Reservation.objects.values_list("intake__application", flat=True))
        assert got == set(places[:3])
        assert len(crowd) == 6
