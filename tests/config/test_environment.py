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
