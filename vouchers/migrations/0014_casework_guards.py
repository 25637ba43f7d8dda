"""What is remembered around an application is only added to, in plain SQL."""

from django.db import migrations

APPEND_ONLY = ("clockmark", "handedin", "jointreply", "supplementitem")


def _append_only(table: str) -> str:
    return f"""
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON vouchers_{table}
    FOR EACH ROW EXECUTE FUNCTION vouchers_refuse_change();
CREATE TRIGGER append_only_table BEFORE TRUNCATE ON vouchers_{table}
    FOR EACH STATEMENT EXECUTE FUNCTION vouchers_refuse_change();
ALTER TABLE vouchers_{table} ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE vouchers_{table} ENABLE ALWAYS TRIGGER append_only_table;
"""


def _drop(table: str) -> str:
    return f"""
DROP TRIGGER append_only ON vouchers_{table};
DROP TRIGGER append_only_table ON vouchers_{table};
"""


class Migration(migrations.Migration):
    dependencies = [("vouchers", "0013_casework")]

    operations = [
        migrations.RunSQL(
            "".join(_append_only(each) for each in APPEND_ONLY),
            "".join(_drop(each) for each in APPEND_ONLY),
        )
    ]
