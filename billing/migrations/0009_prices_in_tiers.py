"""Lines of a tier, with a discount or free credit, or without support and why."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("billing", "0008_what_if"),
    ]

    operations = [
        migrations.AddField(
            model_name="statementline",
            name="credit_fen",
            field=models.BigIntegerField(default=0, verbose_name="赠送抵减（分）"),
        ),
        migrations.AddField(
            model_name="statementline",
            name="discount_bp",
            field=models.PositiveIntegerField(default=0, verbose_name="折扣（万分之一）"),
        ),
        migrations.AddField(
            model_name="statementline",
            name="filed_price_fen",
            field=models.BigIntegerField(blank=True, null=True, verbose_name="原备案单价（分）"),
        ),
        migrations.AddField(
            model_name="statementline",
            name="tier",
            field=models.PositiveSmallIntegerField(default=0, verbose_name="阶梯"),
        ),
        migrations.AddField(
            model_name="statementline",
            name="unpaid_reason",
            field=models.CharField(blank=True, max_length=200, verbose_name="不予支持的原因"),
        ),
        migrations.AddConstraint(
            model_name="statementline",
            constraint=models.CheckConstraint(
                condition=models.Q(("unpaid_reason", ""), ("public_fen", 0), _connector="OR"),
                name="line_unpaid_has_no_share",
            ),
        ),
    ]
