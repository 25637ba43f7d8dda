"""The guards of the test run themselves: each is tried with the fault it is for."""

import socket
import time
from datetime import UTC, date, datetime

import psycopg
import pytest
from django.db import connection
from django.template import Context, Template

from config.models import User
from tests.guards import end_other_sessions, is_here
from tests.worker import database_url
from vouchers.calendars import store_year
from vouchers.models import CalendarYear

AT = datetime(2026, 3, 1, tzinfo=UTC)


def test_a_test_cannot_reach_the_network():
    with socket.socket() as plain, pytest.raises(AssertionError, match="reaches for the network"):
        plain.connect(("192.0.2.1", 80))


@pytest.mark.parametrize(
    "address", [("127.0.0.1", 1), ("::1", 1, 0, 0), "/tmp/socket", ("localhost", 1)]
)
def test_addresses_of_this_machine_are_allowed(address):
    assert is_here(address)


def test_a_missing_template_variable_fails_the_test():
    with pytest.raises(AssertionError, match="nobody"):
        Template("{{ nobody }}").render(Context())


def test_the_zone_of_the_machine_is_nobodys():
    assert time.tzname[0] not in {"UTC", "CST"}


@pytest.mark.django_db(transaction=True)
def test_committed_rows_are_gone_after_a_committed_test():
    assert not User.objects.filter(username="left over").exists()
    User.objects.create(username="left over", person_hash="p")


@pytest.mark.django_db(transaction=True)
def test_committed_rows_of_another_test_are_not_seen():
    assert not User.objects.filter(username="left over").exists()
    User.objects.create(username="left over", person_hash="p")


@pytest.mark.django_db(transaction=True)
def test_a_year_of_holidays_made_by_a_test_is_gone_afterwards():
    assert not CalendarYear.objects.filter(year=2077).exists()
    store_year(2077, [(date(2077, 1, 1), True, "元旦")], source="test", at=AT)


@pytest.mark.django_db(transaction=True)
def test_a_year_of_holidays_made_by_another_test_is_not_seen():
    assert CalendarYear.objects.exists()
    assert not CalendarYear.objects.filter(year=2077).exists()
    store_year(2077, [(date(2077, 1, 1), True, "元旦")], source="test", at=AT)


@pytest.mark.django_db
def test_a_session_left_open_does_not_keep_the_test_database():
    with psycopg.connect(database_url()) as left_open:
        end_other_sessions(connection)
        with pytest.raises(psycopg.OperationalError):
            left_open.execute("SELECT 1")
