"""What was told stays as it was told; a mail moves only where mails may move."""

from django.db import migrations

APPEND_ONLY = ("notice", "noticeread", "noticeattempt")
DELIVERY_EDGES = (
    "waiting>delivered waiting>given_up delivered>waiting given_up>waiting no_address>waiting"
)

FORWARD = "".join(
    f"""
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON vouchers_{table}
    FOR EACH ROW EXECUTE FUNCTION vouchers_refuse_change();
CREATE TRIGGER append_only_table BEFORE TRUNCATE ON vouchers_{table}
    FOR EACH STATEMENT EXECUTE FUNCTION vouchers_refuse_change();
ALTER TABLE vouchers_{table} ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE vouchers_{table} ENABLE ALWAYS TRIGGER append_only_table;
"""
    for table in APPEND_ONLY
) + (
    "CREATE TRIGGER guard_edge BEFORE UPDATE OF state ON vouchers_noticedelivery"
    f" FOR EACH ROW EXECUTE FUNCTION vouchers_guard_edge('{DELIVERY_EDGES}');"
)


class Migration(migrations.Migration):
    dependencies = [("vouchers", "0005_messages")]

    operations = [migrations.RunSQL(FORWARD, migrations.RunSQL.noop)]
