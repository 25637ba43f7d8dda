"""The table in which all processes count tries to sign in together (Django's database cache)."""

from django.db import migrations

TABLE = """
CREATE TABLE config_cache (
    cache_key varchar(255) NOT NULL PRIMARY KEY,
    value text NOT NULL,
    expires timestamp with time zone NOT NULL
);
CREATE INDEX config_cache_expires ON config_cache (expires);
"""


class Migration(migrations.Migration):
    dependencies = [("config", "0002_password_changed_at")]

    operations = [migrations.RunSQL(TABLE, "DROP TABLE config_cache")]
