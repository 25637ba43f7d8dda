"""Posting inside the database: one function that locks, judges, books and writes the entries.

``ledger.book`` calls ``ledger_post`` with the journals as columns. Nothing else writes accounts,
journals, transfers or journal entries, so the role of the application needs no INSERT on their
tables. The function is told *what* shall be booked and never what the log shall say about it:
it writes the canonical bytes itself, from the values it books, so that books and log cannot
differ whoever calls. The chart (pools, routes) is frozen here too; a test holds it against
``ledger.chart``.

Plans: each lookup goes by a key, whatever the tables hold and whatever plan was kept from
an earlier posting. Hence the settings of the function (no sequential scan, hash or merge join,
one generic plan), and arrays by subscript where two lists of the call meet.
"""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).parent / "sql"
PARTS = ("chart", "judge", "post", "guards")

DROP = """
ALTER TABLE ledger_logentry DROP CONSTRAINT log_entry_size;
DROP FUNCTION ledger_post;
DROP FUNCTION ledger_keep_refusals;
DROP FUNCTION ledger_judge;
DROP FUNCTION ledger_lock_accounts;
DROP FUNCTION ledger_open_accounts;
DROP FUNCTION ledger_deferred_available;
DROP FUNCTION ledger_safe_mode;
DROP FUNCTION ledger_moment;
DROP FUNCTION ledger_phase;
DROP FUNCTION ledger_routes;
DROP FUNCTION ledger_pools;
"""


class Migration(migrations.Migration):
    """Install the posting function."""

    dependencies = [("ledger", "0003_work")]

    operations = [
        migrations.RunSQL(
            "".join((SQL / f"0004_{part}.sql").read_text("utf-8") for part in PARTS), DROP
        ),
    ]
