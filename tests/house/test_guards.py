"""The guards of the test run themselves: each is tried with the fault it is for."""

import socket
import time

import psycopg
import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.template import Context, Template

from tests.guards import end_other_sessions, is_here
from tests.worker import database_url


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
    assert not Group.objects.filter(name="left over").exists()
    Group.objects.create(name="left over")


@pytest.mark.django_db(transaction=True)
def test_committed_rows_of_another_test_are_not_seen():
    assert not Group.objects.filter(name="left over").exists()
    Group.objects.create(name="left over")


@pytest.mark.django_db
def test_a_session_left_open_does_not_keep_the_test_database():
    with psycopg.connect(database_url()) as left_open:
        end_other_sessions(connection)
        with pytest.raises(psycopg.OperationalError):
            left_open.execute("SELECT 1")
