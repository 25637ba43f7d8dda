"""The guard of tables whose rows stay as they were written."""

from django.db import migrations

# ALWAYS: also under ``session_replication_role = replica``.
TRIGGERS = """
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON ledger_{table}
    FOR EACH ROW EXECUTE FUNCTION ledger_refuse_change();
ALTER TABLE ledger_{table} ENABLE ALWAYS TRIGGER append_only;
CREATE TRIGGER never_truncate BEFORE TRUNCATE ON ledger_{table}
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change();
ALTER TABLE ledger_{table} ENABLE ALWAYS TRIGGER never_truncate;
"""


def append_only(*tables: str) -> list[migrations.RunSQL]:
    """Return the operations that guard tables of this room; they go when the tables go."""
    return [
        migrations.RunSQL(TRIGGERS.format(table=table), migrations.RunSQL.noop) for table in tables
    ]
