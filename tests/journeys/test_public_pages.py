"""Whatever a reader without an account can reach by links."""

import pytest
from django.test import Client

from tests.journeys.conftest import is_a_good_page
from tests.journeys.walking import DEAD, walk


@pytest.mark.django_db(transaction=True)
def test_everything_a_stranger_can_reach_is_a_good_page(open_window, held_clock) -> None:
    page = open_window()
    reached = []
    for address, status in walk(Client(), "/public/privacy/", "/login/"):
        assert status < DEAD, address
        page.goto(address)
        is_a_good_page(page)
        reached.append(address)
    assert len(reached) >= 3
