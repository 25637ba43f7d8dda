"""What was frozen, noted or looked at on the bureau's desk is never changed or removed."""

from django.db import migrations

APPEND_ONLY = ("casebatch", "casebatchitem", "casenote", "readevent")


def _guard(table: str) -> str:
    return f"""
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON vouchers_{table}
    FOR EACH ROW EXECUTE FUNCTION vouchers_refuse_change();
CREATE TRIGGER append_only_table BEFORE TRUNCATE ON vouchers_{table}
    FOR EACH STATEMENT EXECUTE FUNCTION vouchers_refuse_change();
ALTER TABLE vouchers_{table} ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE vouchers_{table} ENABLE ALWAYS TRIGGER append_only_table;
"""


def _unguard(table: str) -> str:
    return f"""
DROP TRIGGER append_only ON vouchers_{table};
DROP TRIGGER append_only_table ON vouchers_{table};
"""


class Migration(migrations.Migration):
    dependencies = [("vouchers", "0033_desk_rooms")]

    operations = [
        migrations.RunSQL("".join(map(_guard, APPEND_ONLY)), "".join(map(_unguard, APPEND_ONLY)))
    ]
