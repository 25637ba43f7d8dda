"""Guards around every test: real parts, no network, a fixed zone, honest templates, whole books."""

import gc
import os
import socket
import time
from collections.abc import Iterator
from dataclasses import replace
from io import StringIO

import hypothesis
import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.test import TransactionTestCase

from config.celery import app
from config.invariants import everything
from tests import roles
from tests.guards import (
    LoudMissingVariable,
    end_other_sessions,
    reference_tables,
    refuse_foreign_address,
    wipe_tables,
)
from tests.worker import RealWorker

GARBAGE = 50_000  # objects between two looks for garbage; a page's rendering makes thousands
os.environ["TZ"] = "Pacific/Chatham"  # code that trusts the machine's zone fails here
time.tzset()
# pytest-django's live server and Playwright share a thread with an event loop.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
# No test judges a time: a machine with other work to do is slow, not wrong.
hypothesis.settings.register_profile(
    "house", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("house")


def pytest_configure() -> None:
    """Set what a test run does otherwise than the house: quick hashes, plain static addresses."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.STORAGES["staticfiles"] = {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
    }
    settings.TEMPLATES[0]["OPTIONS"]["string_if_invalid"] = LoudMissingVariable("%s")
    settings.LOG_OPEN_ROOMS = ("test",)
    settings.MAIL = replace(settings.MAIL, on=True)  # into Django's box, or a server of the test
    # What people must show before each page has its own tests (tests/config/test_sittings.py).
    settings.ENTRY = replace(
        settings.ENTRY, second_factor=False, confirm_again_seconds=0, one_bureau_session=False
    )
    settings.DATABASE_ROLE_PREFIX = roles.PREFIX
    if template := os.environ.get("TEST_TEMPLATE"):  # tables made once for all processes
        settings.DATABASES["default"].setdefault("TEST", {})["TEMPLATE"] = template
    settings.ALLOWED_HOSTS = ["127.0.0.1", "localhost", "testserver"]
    # Runs that share a broker (two test processes, two people) must not hear each other's bell.
    app.conf.task_default_queue = f"test-{os.getpid()}"


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest files first: a file is one process's work, and none should be left last."""
    slow = {each.path for each in items if each.get_closest_marker("slow")}
    items.sort(key=lambda item: ("journeys" not in item.path.parts, item.path not in slow))


def pytest_collection_finish() -> None:
    """Let the collector of garbage pass by what stays to the end: all code, all tests."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(GARBAGE)


_comes = {"as": "", "ready": ""}


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Let the test come to the database as the application, or as it is marked."""
    marks = [each for each in ("sealer", "superuser") if item.get_closest_marker(each)]
    _comes["as"] = marks[0] if marks else "app"
    if _comes["ready"]:
        roles.come_as(_comes["as"])


@pytest.fixture(scope="session", autouse=True)
def _no_network() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name in ("connect", "connect_ex", "sendto"):
            patch.setattr(socket.socket, name, refuse_foreign_address(getattr(socket.socket, name)))
        yield


@pytest.fixture(autouse=True)
def _own_var_folder(tmp_path, settings) -> None:
    """Give each test its own folder for keys, log marks, attachments and PDFs."""
    settings.VAR_DIR = tmp_path / "var"
    settings.MEDIA_ROOT = settings.VAR_DIR / "attachments"
    settings.VAR_DIR.mkdir()


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup, django_db_blocker) -> Iterator[None]:
    """Hand the test database to its roles; empty it between tests that commit."""
    with django_db_blocker.unblock():
        call_command("sync_roles", verbosity=0, stdout=StringIO())
        kept = reference_tables(connection)
        roles.make_roles()
    _comes["ready"] = "yes"
    roles.come_as(_comes["as"])
    TransactionTestCase._fixture_teardown = lambda self: wipe_tables(connection, kept)
    yield
    _comes["ready"] = ""
    roles.come_plainly()
    with django_db_blocker.unblock():
        end_other_sessions(connection)


@pytest.fixture
def celery_worker(transactional_db) -> Iterator[RealWorker]:
    """Give a real worker process on the test database, not yet started."""
    worker = RealWorker()
    yield worker
    worker.stop()


@pytest.fixture(autouse=True)
def _books_are_whole(request) -> Iterator[None]:
    """Check the books after every test that had the database (unless it plants a fault)."""
    database = {"db", "transactional_db"} & set(request.fixturenames)
    marked = request.node.get_closest_marker("django_db")
    if request.node.get_closest_marker("unbalanced") or not (database or marked):
        yield
        return
    request.getfixturevalue("db" if not database else next(iter(database)))
    yield
    # A test that ended in a refused statement has nothing in its transaction left to look at.
    if not connection.needs_rollback:
        found = [
            f"{each.name}: {each.subject}: {each.detail}" for each in everything(prepared=True)
        ]
        assert not found, "\n".join(found)
