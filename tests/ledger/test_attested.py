"""Tampering with what others said about the log: every changed column names its row."""

from datetime import UTC, datetime

import pytest
from django.db import connection, transaction

from deploy.time_authority import Server, TimeAuthority
from ledger import models
from ledger.anchoring import import_receipt
from ledger.attested import attestation_findings
from ledger.inspecting import inspect_log
from ledger.stamping import stamp_newest
from ledger.witnessing import witness_newest
from tests.guards import guards_off
from tests.ledger.bodies import answering, honest, listing, served
from tests.ledger.making import ACTOR, AT, book, grant, seal_all
from tests.ledger.small_log import AUDIT
from tests.ledger.test_inspecting import BENT, column_type

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.unbalanced,
    pytest.mark.superuser,
]
TABLES = (models.Cosignature, models.TimeStamp, models.Anchor)
#: Row numbers mean nothing.
ALLOWED = {"ledger_cosignature.id", "ledger_timestamp.id", "ledger_anchor.id"}


@pytest.fixture
def house(tmp_path, settings):
    """Give a checkpoint that was witnessed, stamped and anchored."""
    book(grant(100))
    newest = seal_all()
    with honest(AUDIT, tmp_path) as address:
        settings.LOG_WITNESSES = listing(*((address, each) for each in AUDIT.keys))
        witness_newest(datetime.now(UTC))
    authority = TimeAuthority(tmp_path / "tsa")
    authority.make()
    settings.LOG_TSA_ROOTS = str(authority.root)
    with served(Server(("127.0.0.1", 0), authority)) as address:
        settings.LOG_TSA_URL = address
        stamp_newest(datetime.now(UTC))
    import_receipt(b"receipt", size=newest.size, source="浦江数链", actor=ACTOR, at=AT)
    seal_all()


def tell_after(table: str, statement: str) -> list[str]:
    """Change a table as its owner could, look, and take it back."""
    with guards_off(connection, [table]) as cursor:
        cursor.execute(statement)
        found = [each.subject for each in attestation_findings()]
        transaction.set_rollback(True)
    return found


def test_every_changed_column_is_found(house):
    assert [each.objects.count() for each in TABLES] == [2, 1, 1]
    assert inspect_log() == []
    missed = []
    for model in TABLES:
        table = model._meta.db_table
        for column in (each.column for each in model._meta.concrete_fields):
            change = BENT[column_type(table, column)].format(column)
            if column_type(table, column) == "boolean":
                change = f"NOT {column}"
            told = tell_after(
                table, f"UPDATE {table} SET {column} = {change}"
                f" WHERE id = (SELECT min(id) FROM {table})"
            )  # fmt: skip
            if bool(told) == (f"{table}.{column}" in ALLOWED):
                missed.append((table, column, told))
    assert missed == []


def test_each_byte_of_a_cosignature_counts(house):
    row = models.Cosignature.objects.get(algorithm="ED25519")
    for place in range(2, len(row.line) - 1, 7):
        fresh = "A" if row.line[place] != "A" else "B"
        bent = row.line[:place] + fresh + row.line[place + 1 :]
        sql = f"UPDATE ledger_cosignature SET line = '{bent}' WHERE id = {row.pk}"
        assert tell_after("ledger_cosignature", sql) == [f"ledger_cosignature {row.pk}"]


def test_rows_are_checked_as_far_as_the_settings_go(house, settings):
    settings.LOG_WITNESSES = ""
    settings.LOG_TSA_ROOTS = ""
    assert attestation_findings() == []
    for table, column in (("cosignature", "witness"), ("timestamp", "digest"), ("anchor", "sm3")):
        change = BENT[column_type(f"ledger_{table}", column)].format(column)
        sql = f"UPDATE ledger_{table} SET {column} = {change}"
        assert tell_after(f"ledger_{table}", sql)


def test_an_opaque_token_is_known_by_its_digest(house, settings):
    book(grant(1))
    seal_all()
    raw = b"an SM2 token " + bytes.fromhex("06082a811ccf55018375")
    with answering(lambda _: (200, {}, raw)) as address:
        settings.LOG_TSA_URL = address
        made = stamp_newest(datetime.now(UTC))
    assert made.national
    assert attestation_findings() == []
    bent = "UPDATE ledger_timestamp SET token = token || 'x'::bytea WHERE national"
    assert len(tell_after("ledger_timestamp", bent)) == 1
    forged = "UPDATE ledger_timestamp SET national = false WHERE national"
    assert len(tell_after("ledger_timestamp", forged)) == 1
