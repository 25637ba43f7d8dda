"""The house starts only with settings that are whole and fit together."""

import os
import subprocess
import sys

import pytest
from django.conf import settings

from tests.house.source_tree import ROOT, text_of

GOOD = {
    "SECRET_KEY": "k" * 50,
    "DATABASE_URL": "postgres://house@127.0.0.1:1/house",
    "CELERY_BROKER_URL": "redis://127.0.0.1:1/0",
    "PUBLIC_ORIGIN": "https://vouchers.example",
    "PATH": os.environ["PATH"],
}
SHOWN = (
    "from config import settings as s;"
    "print(s.DEBUG, s.SESSION_COOKIE_SECURE, s.CSRF_COOKIE_SECURE, s.SECURE_SSL_REDIRECT,"
    " s.SECURE_HSTS_SECONDS > 0, s.SESSION_COOKIE_NAME)"
)


def start(**changes: str | None) -> subprocess.CompletedProcess[str]:
    """Read the settings in a fresh process; ``None`` takes a variable away."""
    given = {name: value for name, value in (GOOD | changes).items() if value is not None}
    return subprocess.run(
        [sys.executable, "-c", SHOWN], cwd=ROOT, env=given, capture_output=True, text=True
    )


def test_an_open_house_is_encrypted_and_tells_nothing_of_itself():
    answer = start()
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.split() == ["False", "True", "True", "True", "True", "__Host-session"]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"SECRET_KEY": None}, "SECRET_KEY"),
        ({"DATABASE_URL": None}, "DATABASE_URL"),
        ({"CELERY_BROKER_URL": None}, "CELERY_BROKER_URL"),
        ({"DATABASE_URL": "sqlite:///house.db"}, "postgres"),
        ({"DEBUG": "1"}, "DEBUG"),
        ({"SECRET_KEY": "short"}, "SECRET_KEY"),
    ],
)
def test_a_wrong_start_is_refused_with_the_name_of_what_is_wrong(changes, told):
    answer = start(**changes)
    assert answer.returncode != 0
    assert told in answer.stderr


def test_nothing_is_fetched_from_elsewhere():
    policy = dict(settings.CONTENT_SECURITY_POLICY["DIRECTIVES"])
    assert set(policy.pop("img-src")) == {"'self'", "data:"}  # a chart is drawn into its page
    assert {source for sources in policy.values() for source in sources} <= {"'self'", "'none'"}


def test_the_stock_admin_stays_out():
    assert "django.contrib.admin" not in settings.INSTALLED_APPS


def test_no_secret_has_a_default():
    text = text_of(ROOT / "config" / "settings.py")
    for name in ("SECRET_KEY", "CELERY_BROKER_URL"):
        assert f'env.text("{name}", why=' in text


def test_settings_stay_one_page_to_read():
    assert len(text_of(ROOT / "config" / "settings.py").splitlines()) < 200
