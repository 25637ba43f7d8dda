"""The database's roles: made once by a superuser, given their rights after every migration.

Roles belong to the whole server, tables to one database. ``making`` needs a superuser and may
run in several databases of one server at once; ``differences`` and ``apply`` need the owner of
the tables. All of it may be done again at any time.
"""

# ruff: noqa: S608 - names are checked against a pattern, everything else is text of this file

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg import errors, sql

from deploy.ddl_guard import GUARD_OFF, GUARD_ON
from deploy.rights import HOLDERS, PUBLIC, Right, Things, statements, wanted

#: Roles with a password of their own. ``migrate`` may become the owner, and nobody else.
LOGINS = ("migrate", *HOLDERS)
OWNER = "owner"

#: Limits of each login. Waiting for a lock for ever helps nobody; an open transaction that does
#: nothing keeps the log from being sealed. Why these figures: docs/operations.md.
LIMITS: dict[str, dict[str, str]] = {
    "migrate": {"lock_timeout": "5s", "idle_in_transaction_session_timeout": "60s"},
    "app": {
        "lock_timeout": "30s",
        "statement_timeout": "15min",
        "idle_in_transaction_session_timeout": "60s",
    },
    "seal": {
        "lock_timeout": "5s",
        "statement_timeout": "10min",
        "idle_in_transaction_session_timeout": "60s",
    },
    "read": {
        "lock_timeout": "2s",
        "statement_timeout": "60s",
        "idle_in_transaction_session_timeout": "60s",
        "default_transaction_read_only": "on",
    },
    "audit": {
        "lock_timeout": "2s",
        "statement_timeout": "2h",
        "idle_in_transaction_session_timeout": "10min",
        "default_transaction_read_only": "on",
        # One look at the whole house sees one state of it.
        "default_transaction_isolation": "repeatable read",
    },
}
_TRIES = 12
_TRY_SECONDS = 0.1
#: Roles are shared by all databases of a server: two may be making them at the same moment.
_RACES = (
    errors.UniqueViolation,
    errors.DuplicateObject,
    errors.DeadlockDetected,
    errors.InternalError_,  # "tuple concurrently updated"
)


class RightsStuck(Exception):  # noqa: N818 - says what happened
    """Rights could not be given or taken: whoever asked is not the owner of the tables."""


Ask = Callable[[str], list[tuple[Any, ...]]]


def names(prefix: str) -> dict[str, str]:
    """Return the name in the database of every role, by its name in this house.

    Raises:
        ValueError: a prefix that would have to be quoted.
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,40}", prefix):
        raise ValueError(f"{prefix!r} is no prefix for database roles: use a-z, 0-9 and _")
    return {role: f"{prefix}_{role}" for role in (OWNER, *LOGINS)}


_ROLE = """
DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{name}') THEN
        CREATE ROLE {name} {login} NOINHERIT;
    ELSIF EXISTS (SELECT FROM pg_roles WHERE rolname = '{name}' AND (rolsuper OR rolcreaterole
            OR rolcreatedb OR rolbypassrls OR rolreplication
            OR rolcanlogin <> ('{login}' = 'LOGIN'))) THEN
        ALTER ROLE {name} {login} NOSUPERUSER NOCREATEROLE NOCREATEDB NOBYPASSRLS NOREPLICATION;
    END IF;
END $$"""

_MEMBERS = """
DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_auth_members WHERE roleid = '{owner}'::regrole
                   AND member = '{migrate}'::regrole) THEN
        GRANT {owner} TO {migrate};
    END IF;
    -- Whoever makes the roles without being a superuser must be allowed to hand over tables.
    IF NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
        GRANT {owner} TO CURRENT_USER;
    END IF;
END $$"""

_DATABASE = """
REVOKE ALL ON DATABASE {database} FROM PUBLIC;
GRANT CONNECT ON DATABASE {database} TO {everybody};
GRANT TEMPORARY ON DATABASE {database} TO {app}, {owner};
GRANT CREATE ON DATABASE {database} TO {owner};
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO {everybody};
GRANT USAGE, CREATE ON SCHEMA public TO {owner}"""

#: Tables that an earlier version, or a superuser by hand, made in a name of their own.
_OWNERSHIP = """
DO $$ DECLARE each record; BEGIN
    FOR each IN
        SELECT c.oid::regclass AS name FROM pg_class c
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'S')
          AND c.relowner <> '{owner}'::regrole AND NOT EXISTS (
              -- Sequences of columns go with their tables; parts of a table are tables.
              SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid
              AND (d.deptype = 'e' OR c.relkind = 'S' AND d.deptype IN ('a', 'i')))
    LOOP
        EXECUTE format('ALTER TABLE %s OWNER TO {owner}', each.name);
    END LOOP;
    FOR each IN
        SELECT p.oid::regprocedure AS name FROM pg_proc p
        WHERE p.pronamespace = 'public'::regnamespace AND p.proowner <> '{owner}'::regrole
          AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass
              AND d.objid = p.oid AND d.deptype = 'e')
    LOOP
        EXECUTE format('ALTER ROUTINE %s OWNER TO {owner}', each.name);
    END LOOP;
END $$"""


def making(prefix: str, database: str, *, guard: bool = True) -> list[str]:
    """Return the statements that make the roles and hand them the database, in their order.

    Args:
        guard: with the guard over the ledger's structure, which needs a superuser.
    """
    known = names(prefix)
    quoted = '"' + database.replace('"', '""') + '"'
    words = {
        **known,
        "database": quoted,
        "everybody": ", ".join(known[role] for role in LOGINS),
    }
    made = [_ROLE.format(name=known[OWNER], login="NOLOGIN")]
    made += [_ROLE.format(name=known[role], login="LOGIN") for role in LOGINS]
    made.append(_MEMBERS.format(**words))
    made += [
        f"ALTER ROLE {known[role]} IN DATABASE {quoted} SET {setting} = '{value}'"
        for role, limits in LIMITS.items()
        for setting, value in limits.items()
    ]
    made.append(_DATABASE.format(**words))
    if guard:
        # Taken away first, so that tables may change hands; put back in the same transaction.
        made.append(GUARD_OFF)
    made.append(_OWNERSHIP.format(**words))
    if guard:
        made.append(GUARD_ON)
    return [each.strip() for each in made]


def make(
    address: Mapping[str, Any] | str, prefix: str, passwords: Mapping[str, str], *, guard: bool
) -> None:
    """Make the roles as a superuser, give them these passwords, and apply the table of rights.

    Args:
        address: where to connect: a URL, or what ``psycopg.connect`` takes.
        passwords: role -> password; roles not named keep theirs.
    """
    for left in reversed(range(_TRIES)):
        try:
            with _connected(address) as connection:
                for each in making(prefix, connection.info.dbname, guard=guard):
                    connection.execute(each.encode())
                for role, password in passwords.items():
                    _set_password(connection, names(prefix)[role], password)
                apply(lambda text: _ask(connection, text), prefix)
            return
        except _RACES:
            if not left:
                raise
            time.sleep(_TRY_SECONDS)


def _connected(address: Mapping[str, Any] | str) -> psycopg.Connection[Any]:
    if isinstance(address, str):
        return psycopg.connect(address)
    return psycopg.connect(**address)


def _ask(connection: psycopg.Connection[Any], text: str) -> list[tuple[Any, ...]]:
    cursor = connection.execute(text.encode())
    return cursor.fetchall() if cursor.description else []


def _set_password(connection: psycopg.Connection[Any], name: str, password: str) -> None:
    """Set a password in its scrambled form, so that no log of the server can show it."""
    scrambled = connection.pgconn.encrypt_password(
        password.encode(), name.encode(), b"scram-sha-256"
    )
    connection.execute(
        sql.SQL("ALTER ROLE {} PASSWORD {}").format(
            sql.Identifier(name), sql.Literal(scrambled.decode())
        )
    )


_THINGS = """
SELECT 'table', c.relname::text, string_agg(a.attname, ',' ORDER BY a.attnum)
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm')
  AND NOT c.relispartition GROUP BY c.relname
UNION ALL
SELECT 'sequence', relname::text, '' FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relkind = 'S'
UNION ALL
SELECT CASE WHEN p.prorettype = 'trigger'::regtype THEN 'trigger' ELSE 'function' END,
    p.oid::regprocedure::text, p.proname
FROM pg_proc p WHERE p.pronamespace = 'public'::regnamespace AND NOT EXISTS (
    SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid
    AND d.deptype = 'e')
"""

_HELD = """
SELECT held.kind, held.name, held.part, coalesce(r.rolname, 'public'), held.privilege
FROM (
    SELECT CASE c.relkind WHEN 'S' THEN 'sequence' ELSE 'table' END AS kind,
        c.relname::text AS name,
        '' AS part, a.grantee, a.privilege_type AS privilege
    FROM pg_class c, aclexplode(c.relacl) a
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'S')
      AND NOT c.relispartition
    UNION ALL
    SELECT 'table', c.relname, t.attname, a.grantee, a.privilege_type
    FROM pg_class c JOIN pg_attribute t ON t.attrelid = c.oid, aclexplode(t.attacl) a
    WHERE c.relnamespace = 'public'::regnamespace AND NOT c.relispartition
    UNION ALL
    SELECT 'function', p.oid::regprocedure::text, '', a.grantee, a.privilege_type
    FROM pg_proc p, aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
    WHERE p.pronamespace = 'public'::regnamespace AND NOT EXISTS (
        SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid
        AND d.deptype = 'e')
) held LEFT JOIN pg_roles r ON r.oid = held.grantee
"""


@dataclass
class Differences:
    """What the database allows beyond or short of the table of rights.

    Args:
        missing: rights that the table gives and the database does not.
        excess: rights that the database gives and the table does not.
        foreign: tables and functions that do not belong to the owner.
    """

    missing: set[Right] = field(default_factory=set)
    excess: set[Right] = field(default_factory=set)
    foreign: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        """Say whether there is any."""
        return bool(self.missing or self.excess or self.foreign)


def things(ask: Ask) -> Things:
    """Return what the database holds that rights can be given on."""
    found = Things()
    for kind, name, more in ask(_THINGS):
        if kind == "table":
            found.tables[name] = more.split(",")
        elif kind == "sequence":
            found.sequences.append(name)
        else:
            found.functions[name] = more
            if kind == "trigger":
                found.triggers.add(name)
    return found


def exist(ask: Ask, prefix: str) -> bool:
    """Say whether this server has all the roles."""
    listed = ", ".join(f"'{each}'" for each in names(prefix).values())
    count = ask(f"SELECT count(*) FROM pg_roles WHERE rolname IN ({listed})")[0][0]
    return bool(count == len(names(prefix)))


def differences(ask: Ask, prefix: str) -> Differences:
    """Compare the database with the table of rights."""
    known = names(prefix)
    roles = {known[role]: role for role in HOLDERS} | {PUBLIC: PUBLIC}
    held = {
        Right(kind, name, part, roles[role], privilege)
        for kind, name, part, role, privilege in ask(_HELD)
        if role in roles
    }
    asked = wanted(things(ask))
    return Differences(asked - held, held - asked, [row[0] for row in ask(_foreign(known[OWNER]))])


def _foreign(owner: str) -> str:
    return f"""
SELECT c.relname FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace
    AND c.relkind IN ('r', 'p', 'v', 'm') AND c.relowner <> '{owner}'::regrole
UNION ALL
SELECT p.proname FROM pg_proc p WHERE p.pronamespace = 'public'::regnamespace
    AND p.proowner <> '{owner}'::regrole AND NOT EXISTS (
        SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid
        AND d.deptype = 'e')
ORDER BY 1"""


def apply(ask: Ask, prefix: str) -> int:
    """Give and take rights until the database agrees with the table; return how many moved.

    Taking a right on a whole table takes it on its columns too, so it is compared again.

    Raises:
        RightsStuck: PostgreSQL only warns where somebody has no right to give.
    """
    moved = 0
    for _ in range(3):
        found = differences(ask, prefix)
        if not found.missing and not found.excess:
            return moved
        moved += len(found.missing) + len(found.excess)
        for verb, rights in (("REVOKE", found.excess), ("GRANT", found.missing)):
            for each in statements(rights, verb, names(prefix)):
                ask(each)
    raise RightsStuck(f"{len(found.missing | found.excess)} rights do not move")
