"""A filed account of a provider is guarded as one of an enterprise."""

from django.db import migrations

FORWARD = """
CREATE TRIGGER guard_account BEFORE UPDATE OR DELETE ON providers_provideraccount
    FOR EACH ROW EXECUTE FUNCTION vouchers_guard_account();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("providers", "0020_payee_accounts"),
        ("vouchers", "0040_payee_account_guards"),
    ]

    operations = [migrations.RunSQL(FORWARD, migrations.RunSQL.noop)]
