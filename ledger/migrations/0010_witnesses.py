"""What others say about the log: cosignatures, time stamps, receipts; nobody changes a row."""

from django.db import migrations, models

from ledger.migrations._append_only import append_only

TABLES = ("cosignature", "timestamp", "anchor")


class Migration(migrations.Migration):
    dependencies = [
        ("ledger", "0009_promises"),
    ]

    operations = [
        migrations.CreateModel(
            name="Anchor",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("size", models.BigIntegerField()),
                ("root", models.BinaryField()),
                ("sha256", models.BinaryField()),
                ("sm3", models.BinaryField()),
                ("receipt", models.BinaryField()),
                ("receipt_sha256", models.BinaryField(unique=True)),
                ("source", models.CharField(max_length=100)),
                ("entry_id", models.UUIDField(unique=True)),
                ("at", models.DateTimeField()),
            ],
            options={
                "verbose_name": "锚定回执",
            },
        ),
        migrations.CreateModel(
            name="Cosignature",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("size", models.BigIntegerField()),
                ("witness", models.CharField(max_length=255)),
                ("key_id", models.CharField(max_length=8)),
                ("algorithm", models.CharField(max_length=20)),
                ("line", models.TextField()),
                ("at", models.DateTimeField()),
            ],
            options={
                "verbose_name": "见证签名",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("size", "witness", "key_id"), name="cosignature_once"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="TimeStamp",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("size", models.BigIntegerField()),
                ("digest", models.BinaryField()),
                ("token", models.BinaryField()),
                ("tsa", models.CharField(max_length=300)),
                ("serial", models.CharField(max_length=80)),
                ("national", models.BooleanField(default=False)),
                ("at", models.DateTimeField()),
            ],
            options={
                "verbose_name": "时间戳",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("size", "tsa", "serial"), name="time_stamp_once"
                    )
                ],
            },
        ),
        *append_only(*TABLES),
    ]
