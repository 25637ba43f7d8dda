"""Price lists by quantity; what a provider takes off an order's price, kept as given."""

import django.db.models.deletion
from django.db import migrations, models

import ledger.identifiers
from providers.migrations._guards import kept


class Migration(migrations.Migration):
    dependencies = [
        ("providers", "0015_registry"),
    ]

    operations = [
        migrations.AddField(
            model_name="offeringprice",
            name="tiers",
            field=models.JSONField(blank=True, default=list, verbose_name="阶梯"),
        ),
        migrations.CreateModel(
            name="OrderDiscount",
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
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("PERCENT", "按比例折扣"),
                            ("CONTRACT_PRICE", "合同固定单价"),
                            ("CREDIT", "赠送金额"),
                        ],
                        max_length=20,
                        verbose_name="方式",
                    ),
                ),
                ("value", models.BigIntegerField(verbose_name="数值")),
                ("from_month", models.CharField(max_length=7, verbose_name="起始月份")),
                ("reason", models.CharField(max_length=200, verbose_name="依据")),
                ("given_at", models.DateTimeField(verbose_name="登记时间")),
                ("given_by_name", models.CharField(max_length=100, verbose_name="登记人")),
                ("given_by_person", models.CharField(max_length=64, verbose_name="登记自然人")),
                (
                    "order",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="discounts",
                        to="providers.order",
                        verbose_name="订单",
                    ),
                ),
            ],
            options={
                "verbose_name": "订单优惠",
                "verbose_name_plural": "订单优惠",
                "ordering": ["from_month", "given_at", "id"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("kind__in", ["PERCENT", "CONTRACT_PRICE", "CREDIT"])),
                        name="discount_kind_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("value__gt", 0)), name="discount_positive"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("kind", "PERCENT"), _negated=True),
                            ("value__lte", 10000),
                            _connector="OR",
                        ),
                        name="discount_at_most_all",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("reason", ""), _negated=True),
                        name="discount_has_reason",
                    ),
                ],
            },
        ),
        migrations.RunSQL(";".join(kept("orderdiscount")), migrations.RunSQL.noop),
    ]
