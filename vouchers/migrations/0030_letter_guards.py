"""A letter stays as it was written."""

from django.db import migrations

FORWARD = """
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON vouchers_letter
    FOR EACH ROW EXECUTE FUNCTION vouchers_refuse_change();
CREATE TRIGGER append_only_table BEFORE TRUNCATE ON vouchers_letter
    FOR EACH STATEMENT EXECUTE FUNCTION vouchers_refuse_change();
ALTER TABLE vouchers_letter ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE vouchers_letter ENABLE ALWAYS TRIGGER append_only_table;
"""


class Migration(migrations.Migration):
    dependencies = [("vouchers", "0029_letters")]

    operations = [migrations.RunSQL(FORWARD, migrations.RunSQL.noop)]
