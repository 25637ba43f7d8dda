"""The typed reader of the environment."""

import pytest
from django.core.exceptions import ImproperlyConfigured

from config.environment import EnvironmentReader


def read_everything(values: dict[str, str]) -> EnvironmentReader:
    reader = EnvironmentReader(values)
    reader.text("SECRET_KEY", why="a random text")
    reader.database("DATABASE_URL")
    reader.flag("DEBUG", default=False)
    reader.number("CONN_MAX_AGE", default=60)
    return reader


def test_a_start_tells_everything_that_is_missing_at_once():
    with pytest.raises(ImproperlyConfigured) as refusal:
        read_everything({"DEBUG": "perhaps", "CONN_MAX_AGE": "-1"}).finish()
    for name in ("SECRET_KEY", "DATABASE_URL", "DEBUG", "CONN_MAX_AGE"):
        assert name in str(refusal.value)


def test_a_complete_environment_starts():
    read_everything({"SECRET_KEY": "x", "DATABASE_URL": "postgres://a@127.0.0.1:1/b"}).finish()


def test_only_postgresql_is_accepted():
    reader = EnvironmentReader({"DATABASE_URL": "sqlite:///x.db"})
    reader.database("DATABASE_URL")
    with pytest.raises(ImproperlyConfigured, match="postgres://"):
        reader.finish()


@pytest.mark.parametrize(
    ("text", "value"), [("1", True), ("on", True), ("0", False), ("No", False)]
)
def test_flags_are_read_as_people_write_them(text, value):
    assert EnvironmentReader({"DEBUG": text}).flag("DEBUG", default=not value) is value


def test_a_list_falls_back_to_its_default_when_empty():
    reader = EnvironmentReader({"HOSTS": " a, b ,,", "NONE": " , "})
    assert reader.words("HOSTS", default=["x"]) == ["a", "b"]
    assert reader.words("NONE", default=["x"]) == ["x"]


def test_a_refused_combination_stops_the_start():
    reader = EnvironmentReader({})
    reader.refuse(True, "DEBUG must be off")
    with pytest.raises(ImproperlyConfigured, match="DEBUG must be off"):
        reader.finish()


OWN = {
    "DATABASE_URL": "postgres://app@127.0.0.1:1/b",
    "DATABASE_URL_MIGRATE": "postgres://migrate@127.0.0.1:1/b",
    "DATABASE_URL_SEAL": "postgres://seal@127.0.0.1:1/b",
    "DATABASE_URL_AUDIT": "postgres://audit@127.0.0.1:1/b",
}


@pytest.mark.parametrize(
    ("words", "user"),
    [
        (["granian", "config.wsgi:application"], "app"),
        (["celery", "seal_log"], "app"),
        (["manage.py"], "app"),
        (["manage.py", "doctor"], "app"),
        (["./manage.py", "seal_log", "--once"], "seal"),
        (["manage.py", "verify_log"], "audit"),
        (["manage.py", "check_books"], "audit"),
        (["manage.py", "prepare_house"], "migrate"),
        (["manage.py", "migrate"], "migrate"),
    ],
)
def test_each_program_comes_to_the_database_as_its_own_role(words, user):
    found = EnvironmentReader(OWN).own_database(words, "voucher")
    assert found["USER"] == user
    becomes = {"assume_role": "voucher_owner"} if user == "migrate" else None
    assert found.get("OPTIONS") == becomes


def test_without_addresses_of_their_own_all_come_as_one():
    reader = EnvironmentReader({"DATABASE_URL": OWN["DATABASE_URL"]})
    for command in ("seal_log", "migrate", "verify_log"):
        found = reader.own_database(["manage.py", command], "voucher")
        assert (found["USER"], found.get("OPTIONS")) == ("app", None)


def test_the_sealer_starts_without_knowing_the_applications_address():
    reader = EnvironmentReader({"DATABASE_URL_SEAL": OWN["DATABASE_URL_SEAL"]})
    assert reader.own_database(["manage.py", "seal_log"], "voucher")["USER"] == "seal"
    reader.finish()


def test_a_page_has_a_limit_of_its_own():
    found = EnvironmentReader({**OWN, "STATEMENT_TIMEOUT": "15"}).own_database(["web"], "voucher")
    assert found["OPTIONS"] == {"options": "-c statement_timeout=15s"}


def test_a_prefix_that_would_need_quotes_stops_the_start():
    reader = EnvironmentReader({"DATABASE_ROLE_PREFIX": "Bad Name"})
    reader.role_prefix()
    with pytest.raises(ImproperlyConfigured, match="DATABASE_ROLE_PREFIX"):
        reader.finish()
