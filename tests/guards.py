"""What the guards in conftest do, one function each."""

import ipaddress
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from tests.roles import SUPERUSER, as_role

#: Above this the pages of deleted rows would slow the tests that follow.
FEW_BYTES = 4_000_000


class LoudMissingVariable(str):
    """Stand in for a missing template variable: fail the test instead of showing nothing."""

    def __mod__(self, variable: object) -> str:
        raise AssertionError(f"a template asks for {variable}, which its view does not give")


def is_here(address: object) -> bool:
    """Say whether a socket address is on this machine (loopback or a socket file)."""
    if not isinstance(address, tuple):
        return True
    host = str(address[0])
    return host in {"localhost", ""} or _is_loopback(host)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def refuse_foreign_address(method: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap a socket method so that only addresses of this machine are reached."""

    def guarded(self: Any, *args: Any) -> Any:
        if not is_here(args[-1]):
            raise AssertionError(f"a test reaches for the network: {args[-1]!r}")
        return method(self, *args)

    return guarded


@contextmanager
def guards_off(connection: BaseDatabaseWrapper, tables: Iterable[str]) -> Iterator[Any]:
    """Give a superuser's cursor with the triggers of tables off; they are on again at the end.

    All in one transaction: if it is taken back, so is the switching.
    """
    with as_role(SUPERUSER), transaction.atomic(connection.alias), connection.cursor() as cursor:
        cursor.execute(
            "SELECT tgrelid::regclass::text, quote_ident(tgname) FROM pg_trigger"
            " WHERE NOT tgisinternal AND tgenabled = 'A' AND tgparentid = 0"
        )
        enabled = cursor.fetchall()
        tables = with_parts(cursor, tables)
        always = [each for each in enabled if each[0] in set(tables)]
        for table in tables:
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        yield cursor
        if connection.needs_rollback:
            return
        for table in tables:
            cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")
        for table, trigger in always:
            cursor.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {trigger}")


def with_parts(cursor: Any, tables: Iterable[str]) -> list[str]:
    """Return tables with the parts of those that are partitioned: each has triggers of its own."""
    tables = list(tables)
    cursor.execute(
        "SELECT inhrelid::regclass::text FROM pg_inherits JOIN pg_class ON oid = inhrelid"
        " WHERE relkind = 'r' AND inhparent::regclass::text = ANY (%s)",
        [tables],
    )
    return tables + [row[0] for row in cursor.fetchall()]


def table_names(connection: BaseDatabaseWrapper) -> list[str]:
    """Return all tables of the house in the test database (partitions with their parents)."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.oid::regclass::text FROM pg_class c"
            " WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition"
            " AND c.relnamespace = 'public'::regnamespace ORDER BY 1"
        )
        return [row[0] for row in cursor.fetchall()]


def reference_tables(connection: BaseDatabaseWrapper) -> frozenset[str]:
    """Return the tables that migrations fill (holidays, permissions), and keep a copy of each."""
    with connection.cursor() as cursor:
        filled = []
        cursor.execute("CREATE SCHEMA IF NOT EXISTS kept")
        for table in table_names(connection):
            cursor.execute(f"SELECT EXISTS (SELECT 1 FROM {table})")
            if cursor.fetchone()[0]:
                filled.append(table)
                cursor.execute(f"DROP TABLE IF EXISTS kept.{table}")
                cursor.execute(f"CREATE TABLE kept.{table} AS TABLE {table}")
    return frozenset(filled)


def wipe_tables(connection: BaseDatabaseWrapper, kept: frozenset[str]) -> None:
    """Empty all tables but ``kept``, stepping around the triggers that forbid it.

    From the tables kept only the rows go that migrations did not bring. Few tables of a test hold
    rows, and to delete those is five times as quick as to truncate every table there is.

    Only a superuser can do this; the house itself never runs as a role that could.
    """
    tables = [table for table in table_names(connection) if table not in kept]
    filled = _filled(connection, tables)
    large = any(size > FEW_BYTES for size in filled.values())
    with guards_off(connection, tables if large else filled) as cursor:
        if large:
            cursor.execute(f"TRUNCATE {', '.join(tables)} RESTART IDENTITY")
        else:
            _delete_all(cursor, filled)
            _restart_numbers(cursor, tables)
        _take_out_the_new(cursor, sorted(kept))


def _filled(connection: BaseDatabaseWrapper, tables: list[str]) -> dict[str, int]:
    """Return the tables that hold rows, each with its size in bytes."""
    size = (
        "coalesce((SELECT sum(pg_relation_size(relid)) FROM pg_partition_tree('{0}')), 0)"
        " + pg_relation_size('{0}')"
    )
    asked = " UNION ALL ".join(
        f"SELECT '{table}', {size.format(table)} WHERE EXISTS (SELECT FROM {table})"
        for table in tables
    )
    with connection.cursor() as cursor:
        cursor.execute(asked)
        return {name: int(size or 0) for name, size in cursor.fetchall()}


def _delete_all(cursor: Any, tables: Iterable[str]) -> None:
    # As a replica: no foreign key asks for an order.
    cursor.execute("SET LOCAL session_replication_role = replica")
    for table in tables:
        cursor.execute(f"DELETE FROM {table}")
    cursor.execute("SET LOCAL session_replication_role = origin")


def _restart_numbers(cursor: Any, tables: list[str]) -> None:
    cursor.execute(
        "SELECT setval(seqrelid, seqstart, false) FROM pg_sequence"
        " JOIN pg_depend ON objid = seqrelid AND deptype IN ('a', 'i')"
        " AND refclassid = 'pg_class'::regclass AND refobjid::regclass::text = ANY (%s)"
        " WHERE pg_sequence_last_value(seqrelid) IS NOT NULL",
        [tables],
    )


def _take_out_the_new(cursor: Any, kept: list[str]) -> None:
    grown = [f"(SELECT count(*) FROM {each}) > (SELECT count(*) FROM kept.{each})" for each in kept]
    cursor.execute(f"SELECT {', '.join(grown)}")
    names = [name for name, more in zip(kept, cursor.fetchone(), strict=True) if more]
    if names:
        # One statement: rows that refer to each other may go in any order.
        parts = ", ".join(
            f"new_{number} AS (DELETE FROM {name} AS now WHERE NOT EXISTS ("
            f"SELECT FROM kept.{name} AS was WHERE ROW(was.*) IS NOT DISTINCT FROM ROW(now.*)))"
            for number, name in enumerate(names)
        )
        cursor.execute(f"WITH {parts} SELECT 1")


def end_other_sessions(connection: BaseDatabaseWrapper) -> None:
    """End the sessions that threads of a live server left in the test database, so it can go."""
    with as_role(SUPERUSER), connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
