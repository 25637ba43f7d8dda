"""Promises about entries before they are sealed, and the words under which entries are found."""

from django.db import migrations, models

from ledger.migrations._append_only import append_only

APPEND_ONLY = ("promise", "entryreference")

# A search by the beginning of a word reads the index, whatever the language of the database.
BY_BEGINNING = """
ALTER TABLE ledger_entryreference ALTER COLUMN reference TYPE varchar(140) COLLATE "C";
"""


class Migration(migrations.Migration):
    """Make both tables and guard them."""

    dependencies = [("ledger", "0008_suites")]

    operations = [
        migrations.CreateModel(
            name="Promise",
            fields=[
                ("entry_id", models.UUIDField(primary_key=True, serialize=False)),
                ("leaf_hash", models.BinaryField()),
                ("promised_at", models.DateTimeField()),
                ("due_at", models.DateTimeField()),
                ("note", models.TextField()),
            ],
            options={
                "verbose_name": "写入承诺",
                "indexes": [models.Index(fields=["due_at"], name="promise_due")],
            },
        ),
        migrations.CreateModel(
            name="EntryReference",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "reference",
                        "index",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("reference", models.CharField(max_length=140)),
                ("index", models.BigIntegerField()),
            ],
            options={
                "verbose_name": "条目索引",
                "indexes": [models.Index(fields=["index"], name="entry_reference_index")],
            },
        ),
        migrations.RunSQL(BY_BEGINNING, migrations.RunSQL.noop),
        *append_only(*APPEND_ONLY),
    ]
