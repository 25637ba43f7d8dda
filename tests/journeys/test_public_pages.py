"""Whatever a reader without an account can reach by links."""

import pytest

from tests.journeys.conftest import is_a_good_page
from tests.journeys.walking import walk


@pytest.mark.django_db(transaction=True)
def test_everything_a_stranger_can_reach_is_a_good_page(open_window, held_clock) -> None:
    page = open_window()
    reached = []
    for address in walk(page, "/public/privacy/", "/login/"):
        is_a_good_page(page)
        reached.append(address)
    assert len(reached) >= 3
