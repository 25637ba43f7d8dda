"""Statements take back what corrections of earlier months give up, and name those months."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("billing", "0002_guards"),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="statementline",
            name="line_sign_says_reversal",
        ),
        migrations.AddField(
            model_name="statement",
            name="also_settles",
            field=models.JSONField(default=list, verbose_name="一并结算的以前月份"),
        ),
        migrations.AddConstraint(
            model_name="statementline",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("device_milli_seconds__gte", 0),
                        ("gross_fen__gte", 0),
                        ("reverses__isnull", True),
                    ),
                    models.Q(
                        ("device_milli_seconds__lt", 0),
                        ("gross_fen__lte", 0),
                        ("reverses__isnull", True),
                    ),
                    models.Q(("gross_fen__lte", 0), ("reverses__isnull", False)),
                    _connector="OR",
                ),
                name="line_sign_says_reversal",
            ),
        ),
    ]
