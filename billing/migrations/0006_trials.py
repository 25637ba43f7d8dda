"""Trials of a month, and how its second computation ended."""

from django.db import migrations, models

import ledger.identifiers

GUARDS = """
CREATE TRIGGER guard_append BEFORE UPDATE OR DELETE OR TRUNCATE ON billing_trial
    FOR EACH STATEMENT EXECUTE FUNCTION billing_guard_change();
ALTER TABLE billing_trial ENABLE ALWAYS TRIGGER guard_append;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("billing", "0005_claim_guards"),
    ]

    operations = [
        migrations.AddField(
            model_name="monthclose",
            name="recomputed_difference_fen",
            field=models.BigIntegerField(blank=True, null=True, verbose_name="独立重算差异（分）"),
        ),
        migrations.AddField(
            model_name="monthclose",
            name="recomputed_lines",
            field=models.PositiveIntegerField(blank=True, null=True, verbose_name="独立重算行数"),
        ),
        migrations.CreateModel(
            name="Trial",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=ledger.identifiers.new_id,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("month", models.CharField(max_length=7, verbose_name="月份")),
                ("number", models.PositiveIntegerField(verbose_name="次序")),
                ("asked_at", models.DateTimeField(verbose_name="试算时间")),
                ("asked_id", models.CharField(max_length=64, verbose_name="账号")),
                ("asked_name", models.CharField(max_length=100, verbose_name="试算人")),
                ("digest", models.CharField(max_length=64, verbose_name="摘要")),
                ("statement_count", models.PositiveIntegerField(verbose_name="对账单数")),
                ("lines", models.PositiveIntegerField(verbose_name="行数")),
                ("gross_fen", models.BigIntegerField(verbose_name="服务总价（分）")),
                ("public_fen", models.BigIntegerField(verbose_name="券抵扣（分）")),
                ("recomputed_lines", models.PositiveIntegerField(verbose_name="独立重算行数")),
                (
                    "recomputed_difference_fen",
                    models.BigIntegerField(verbose_name="独立重算差异（分）"),
                ),
                ("blockers", models.PositiveIntegerField(verbose_name="未了结事项")),
                ("amounts", models.JSONField(default=list, verbose_name="各单金额")),
                ("carried", models.JSONField(default=list, verbose_name="转入下期")),
            ],
            options={
                "verbose_name": "试算",
                "verbose_name_plural": "试算",
                "constraints": [
                    models.UniqueConstraint(fields=("month", "number"), name="trial_number_once")
                ],
            },
        ),
        migrations.RunSQL(GUARDS, reverse_sql=migrations.RunSQL.noop),
    ]
