"""What the grid gave off in a year, as it was published."""

import django_fsm
from django.db import migrations, models

import ledger.identifiers


class Migration(migrations.Migration):
    dependencies = [
        ("providers", "0021_payee_account_guards"),
    ]

    operations = [
        migrations.CreateModel(
            name="GridFactor",
            fields=[
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("proposed", "待批准"),
                            ("approved", "已批准"),
                            ("declined", "未批准"),
                        ],
                        default="proposed",
                        max_length=50,
                        verbose_name="状态",
                    ),
                ),
                (
                    "id",
                    models.UUIDField(
                        default=ledger.identifiers.new_id,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("year", models.PositiveSmallIntegerField(verbose_name="年度")),
                ("version", models.PositiveSmallIntegerField(default=1, verbose_name="版本")),
                ("mg_per_kwh", models.PositiveIntegerField(verbose_name="排放因子（毫克/千瓦时）")),
                ("source", models.CharField(max_length=200, verbose_name="公布文件")),
                ("proposed_at", models.DateTimeField(verbose_name="提出时间")),
                ("proposed_by_person", models.CharField(max_length=64, verbose_name="提出自然人")),
                (
                    "approved_by_person",
                    models.CharField(blank=True, max_length=64, verbose_name="批准自然人"),
                ),
                (
                    "decided_at",
                    models.DateTimeField(blank=True, null=True, verbose_name="办理时间"),
                ),
            ],
            options={
                "verbose_name": "电网排放因子",
                "verbose_name_plural": "电网排放因子",
                "ordering": ["-year", "-version"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("year", "version"), name="grid_factor_version_once"
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("state", "proposed")),
                        fields=("year",),
                        name="grid_factor_one_waits",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("state__in", ["proposed", "approved", "declined"])),
                        name="grid_factor_state_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("mg_per_kwh__range", (1000, 2000000))),
                        name="grid_factor_sane",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("approved_by_person", ""), ("state__in", ["proposed", "declined"])
                            ),
                            models.Q(
                                ("state", "approved"),
                                models.Q(("approved_by_person", ""), _negated=True),
                                models.Q(
                                    ("proposed_by_person", models.F("approved_by_person")),
                                    _negated=True,
                                ),
                            ),
                            _connector="OR",
                        ),
                        name="grid_factor_two_persons",
                    ),
                ],
            },
            bases=(django_fsm.FSMModelMixin, models.Model),
        ),
    ]
