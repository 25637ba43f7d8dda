"""The stage that the journeys play on can be set."""

import pytest

from tests.journeys.given import given_a_programme_with_money, given_the_bureau
from tests.journeys.given_provider import given_a_provider
from vouchers.models import Programme

pytestmark = pytest.mark.django_db


def test_the_stage_is_set_through_the_acts(held_clock) -> None:
    bureau = given_the_bureau()
    programme = given_a_programme_with_money(bureau)
    seller = given_a_provider(bureau)
    assert programme.state == Programme.State.PUBLISHED
    assert seller.provider.state == "admitted"
    assert seller.offering.state == "published"
