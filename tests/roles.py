"""As whom a test comes to the database: as the application, unless it says otherwise.

The test database is made and owned as a real one. Connections of a test sign in as the superuser
and take a role at once, so that a block of a test can be somebody else (``as_role``); programs
that a test starts sign in as the role itself. A test may be marked:

- ``sealer``: it writes entries and seals them in one process;
- ``superuser``: it tries the guards that lie behind the rights, or changes the structure.
"""

import hashlib
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

import psycopg
from django.conf import settings
from django.db import DatabaseError, connection
from psycopg import errors

from deploy import roles

#: Roles are shared by all databases of a server: never those of a house that lives there.
PREFIX = "testhouse"
BOTH = f"{PREFIX}_app_and_seal"
SUPERUSER = "superuser"
_OPTIONS = {
    "app": f"-c role={PREFIX}_app",
    "sealer": f"-c role={BOTH}",
    SUPERUSER: "-c event_triggers=off",
}
_BOTH = f"""
DO $$ BEGIN
    IF to_regrole('{BOTH}') IS NULL THEN
        CREATE ROLE {BOTH} NOLOGIN INHERIT IN ROLE {PREFIX}_app, {PREFIX}_seal;
    END IF;
END $$"""


def name_of(role: str) -> str:
    """Return the name in the database of a role."""
    return roles.names(PREFIX)[role]


def password_of(role: str) -> str:
    """Return the password of a role: the same in all processes of a test run, and secret."""
    return hashlib.sha256(f"{settings.SECRET_KEY}:{role}".encode()).hexdigest()


def plain_address() -> str:
    """Return the address of the test database for the superuser."""
    told = connection.settings_dict
    return _address(told["USER"], told["PASSWORD"])


def address_of(role: str) -> str:
    """Return the address of the test database for somebody who signs in as a role."""
    if role == SUPERUSER:
        return plain_address()
    return _address(name_of(role), password_of(role))


def _address(user: str, password: str) -> str:
    told = connection.settings_dict
    who = quote(user, safe="") + (f":{quote(password, safe='')}" if password else "")
    return f"postgres://{who}@{told['HOST']}:{told['PORT'] or 5432}/{told['NAME']}"


def make_roles() -> None:
    """Make the roles of the tests and hand them the test database."""
    passwords = {role: password_of(role) for role in roles.LOGINS}
    roles.make(plain_address(), PREFIX, passwords, guard=True)
    for left in reversed(range(10)):
        try:
            with psycopg.connect(plain_address()) as somebody:
                somebody.execute(_BOTH)
            return
        except (errors.UniqueViolation, errors.DuplicateObject):
            if not left:  # another process of the run makes it at this moment
                raise
            time.sleep(0.1)


def come_as(who: str) -> None:
    """Let all connections from now on be ``app``, ``sealer`` or ``superuser``."""
    options = connection.settings_dict.setdefault("OPTIONS", {})
    if options.get("options") != _OPTIONS[who]:
        assert not connection.in_atomic_block, "one module, one role: a transaction is open"
        options["options"] = _OPTIONS[who]
        connection.close()


def come_plainly() -> None:
    """Let connections be the superuser's again, as before the roles were made."""
    connection.settings_dict.get("OPTIONS", {}).pop("options", None)
    connection.close()


@contextmanager
def as_role(role: str) -> Iterator[None]:
    """Run the statements of a block as another role on the same connection."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('role'), current_setting('event_triggers')")
        before, triggers = cursor.fetchone()
        cursor.execute("SET ROLE NONE")
        if role == SUPERUSER:
            cursor.execute("SET event_triggers = off")
        else:
            cursor.execute(f"SET ROLE {name_of(role)}")
    try:
        yield
    finally:
        try:
            with connection.cursor() as cursor:
                cursor.execute("SET ROLE NONE")
                cursor.execute(f"SET event_triggers = {triggers}")
                cursor.execute(f"SET ROLE {before}")
        except DatabaseError:
            # The transaction has failed; going back takes the role with it.
            if not connection.in_atomic_block:
                raise


def give_group(user: Any, *groups: Any) -> None:
    """Put an account into groups, as the owner may; the application needs a confirmed grant."""
    with as_role(SUPERUSER):
        user.groups.add(*groups)
