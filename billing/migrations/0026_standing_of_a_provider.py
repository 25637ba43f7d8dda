"""A payment may wait for the standing of a provider too."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("billing", "0025_claims_lapse_guards"),
    ]

    operations = [
        migrations.AlterField(
            model_name="paymenthold",
            name="kind",
            field=models.CharField(
                choices=[
                    ("standing", "企业或服务商资格"),
                    ("frozen", "司法冻结"),
                    ("account", "收款账户变更"),
                    ("other", "其他"),
                ],
                max_length=10,
                verbose_name="类别",
            ),
        ),
    ]
