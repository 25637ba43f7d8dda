"""A month in the life of a voucher, walked through the pages, with script and without.

Goal: the people of the story reach the end of the month by pages alone, and separation of duties,
working days and the books hold on the way. Method: a real browser, the clock held and moved on.
"""

from datetime import timedelta

import pytest

from ledger import clock
from tests.journeys import bureau as office
from tests.journeys import firm
from tests.journeys.conftest import enter
from tests.journeys.given import given_a_person, given_a_programme_with_money, given_the_bureau
from tests.journeys.given_provider import given_a_provider

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("script", [True, False], ids=["script", "no-script"])
def test_a_month_in_the_life(open_window, held_clock, script: bool) -> None:
    staff = given_the_bureau()
    given_a_programme_with_money(staff)
    given_a_provider(staff)
    given_a_person("wang", "王敏")
    windows = {}
    for name in ("wang", "li", "zhao", "sun", "zhou", "cloud"):
        windows[name] = open_window(script=script)
        enter(windows[name], name)
    firm.enrols(windows["wang"])
    number = firm.applies(windows["wang"])
    office.verifies_and_accepts(windows["li"], number)
    office.reviews_first(windows["li"], number)
    office.reviews_second(windows["zhao"], number)
    office.publishes_notice(windows["li"])
    clock.advance(timedelta(days=9))
    office.closes_notice(windows["li"])
    office.decides(windows["zhao"], number)
    office.issues(windows["zhao"])
