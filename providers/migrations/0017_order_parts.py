"""An order may draw on several vouchers; what each holds is kept as written."""

import django.db.models.deletion
from django.db import migrations, models

import ledger.identifiers
from providers.migrations._guards import kept


class Migration(migrations.Migration):
    dependencies = [
        ("providers", "0016_prices_in_tiers"),
        ("vouchers", "0036_second_notice"),
    ]

    operations = [
        migrations.CreateModel(
            name="OrderPart",
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
                ("ordinal", models.PositiveSmallIntegerField(verbose_name="次序")),
                ("held_fen", models.BigIntegerField(verbose_name="占用金额（分）")),
                (
                    "hold",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="order_part",
                        to="vouchers.hold",
                        verbose_name="占用",
                    ),
                ),
                (
                    "order",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="parts",
                        to="providers.order",
                        verbose_name="订单",
                    ),
                ),
                (
                    "voucher",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="order_parts",
                        to="vouchers.voucher",
                        verbose_name="算力券",
                    ),
                ),
            ],
            options={
                "verbose_name": "订单用券",
                "verbose_name_plural": "订单用券",
                "ordering": ["ordinal"],
                "constraints": [
                    models.UniqueConstraint(fields=("order", "ordinal"), name="part_ordinal_once"),
                    models.UniqueConstraint(fields=("order", "voucher"), name="part_voucher_once"),
                    models.CheckConstraint(
                        condition=models.Q(("ordinal__gt", 1), ("held_fen__gt", 0)),
                        name="part_is_further",
                    ),
                ],
            },
        ),
        migrations.RunSQL(";".join(kept("orderpart")), migrations.RunSQL.noop),
    ]
