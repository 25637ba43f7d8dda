"""The right to change the log's signing keys, held by two kinds of people."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("ledger", "0010_witnesses")]

    operations = [
        migrations.AlterModelOptions(
            name="logentry",
            options={
                "verbose_name": "日志条目",
                "permissions": [
                    ("inspect_log", "查看与核验签名日志"),
                    ("change_log_key", "更换日志签名密钥"),
                ],
            },
        ),
    ]
