"""A credit or debit note is kept as issued."""

from django.db import migrations

SQL = """
CREATE TRIGGER guard_append BEFORE UPDATE OR DELETE OR TRUNCATE ON billing_settlementnote
    FOR EACH STATEMENT EXECUTE FUNCTION billing_guard_change();
ALTER TABLE billing_settlementnote ENABLE ALWAYS TRIGGER guard_append;
"""


class Migration(migrations.Migration):
    dependencies = [("billing", "0016_settlement_notes")]
    operations = [migrations.RunSQL(SQL, reverse_sql=migrations.RunSQL.noop)]
