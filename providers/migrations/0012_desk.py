"""Two people decide about usage that waits; what looks odd is kept; uploads may be numbered."""

import django.db.models.deletion
import django_fsm
from django.db import migrations, models

import ledger.identifiers


class Migration(migrations.Migration):
    dependencies = [
        ("providers", "0011_usage_by_month"),
    ]

    operations = [
        migrations.CreateModel(
            name="DeskRequest",
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
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("correct", "准予更正已截止月份"),
                            ("refuse", "待定记录不予入账"),
                            ("release", "疑似重复准予入账"),
                            ("waive", "缺口予以说明"),
                        ],
                        max_length=10,
                        verbose_name="事项",
                    ),
                ),
                ("subject", models.CharField(max_length=128, verbose_name="对象")),
                ("names", models.JSONField(default=list, verbose_name="缺口")),
                ("reason", models.CharField(max_length=200, verbose_name="理由")),
                ("proposed_at", models.DateTimeField(verbose_name="提出时间")),
                ("proposed_by", models.CharField(max_length=100, verbose_name="提出人")),
                ("proposed_by_person", models.CharField(max_length=64, verbose_name="提出自然人")),
                (
                    "decided_at",
                    models.DateTimeField(blank=True, null=True, verbose_name="办结时间"),
                ),
                ("decided_by", models.CharField(blank=True, max_length=100, verbose_name="办结人")),
                (
                    "decided_by_person",
                    models.CharField(blank=True, max_length=64, verbose_name="办结自然人"),
                ),
            ],
            options={
                "verbose_name": "计量办理事项",
                "verbose_name_plural": "计量办理事项",
                "permissions": [
                    ("propose_usage", "提出计量更正、不予入账与缺口说明"),
                    ("decide_usage", "办结计量更正、不予入账与缺口说明"),
                ],
            },
            bases=(django_fsm.FSMModelMixin, models.Model),
        ),
        migrations.CreateModel(
            name="Finding",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("high_utilisation", "利用率过高"),
                            ("never_varies", "整月用量毫无变化"),
                            ("declared_differs", "自报卡秒与计算不符"),
                            ("month_jump", "用量环比突变"),
                            ("order_jump", "订单用量环比突变"),
                            ("possible_duplicate", "疑似换号重报"),
                            ("job_overlap", "同一作业时间重叠"),
                        ],
                        max_length=20,
                        verbose_name="疑点",
                    ),
                ),
                ("month", models.CharField(max_length=7, verbose_name="月份")),
                ("subject", models.CharField(max_length=200, verbose_name="对象")),
                ("records", models.JSONField(default=list, verbose_name="相关记录")),
                ("figures", models.JSONField(default=dict, verbose_name="数字")),
                ("found_at", models.DateTimeField(verbose_name="发现时间")),
            ],
            options={
                "verbose_name": "计量疑点",
                "verbose_name_plural": "计量疑点",
            },
        ),
        migrations.CreateModel(
            name="FindingDecision",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                (
                    "choice",
                    models.CharField(
                        choices=[
                            ("genuine", "情况属实"),
                            ("ask", "请供方说明"),
                            ("hold", "暂缓其后上报入账"),
                        ],
                        max_length=10,
                        verbose_name="处理",
                    ),
                ),
                ("reason", models.CharField(max_length=200, verbose_name="理由")),
                ("decided_at", models.DateTimeField(verbose_name="时间")),
                ("decided_by", models.CharField(max_length=100, verbose_name="经办人")),
                (
                    "decided_by_person",
                    models.CharField(blank=True, max_length=64, verbose_name="经办自然人"),
                ),
            ],
            options={
                "verbose_name": "疑点处理",
                "verbose_name_plural": "疑点处理",
            },
        ),
        migrations.RemoveConstraint(
            model_name="usagerecord",
            name="usage_state_known",
        ),
        migrations.AddField(
            model_name="usagebatch",
            name="sequence",
            field=models.BigIntegerField(blank=True, null=True, verbose_name="供方批次序号"),
        ),
        migrations.AlterField(
            model_name="usagerecord",
            name="hold_reason",
            field=models.CharField(
                blank=True,
                choices=[
                    ("unknown_model", "型号未登记"),
                    ("no_rate", "型号没有有效折算系数"),
                    ("no_capacity", "供方未登记该型号的算力规模"),
                    ("over_capacity", "超过登记的算力规模"),
                    ("over_hold", "超过订单占用额度"),
                    ("suspect_repeat", "疑似重复，待核实"),
                    ("late_correction", "更正已截止月份，等待两人办理"),
                    ("under_review", "区数据局正在核查该供方"),
                ],
                max_length=20,
                verbose_name="待定原因",
            ),
        ),
        migrations.AlterField(
            model_name="usagerecord",
            name="state",
            field=models.CharField(
                choices=[
                    ("accepted", "已入账"),
                    ("held", "待定"),
                    ("open", "未结束"),
                    ("zero", "零用量"),
                    ("superseded", "已更正"),
                    ("reversal", "冲销"),
                    ("refused", "不予入账"),
                ],
                max_length=10,
                verbose_name="状态",
            ),
        ),
        migrations.AddConstraint(
            model_name="usagerecord",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "state__in",
                        ["accepted", "held", "open", "zero", "superseded", "reversal", "refused"],
                    )
                ),
                name="usage_state_known",
            ),
        ),
        migrations.AddField(
            model_name="deskrequest",
            name="provider",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="desk_requests",
                to="providers.provider",
                verbose_name="供方",
            ),
        ),
        migrations.AddField(
            model_name="finding",
            name="provider",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="findings",
                to="providers.provider",
                verbose_name="供方",
            ),
        ),
        migrations.AddField(
            model_name="findingdecision",
            name="finding",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="decisions",
                to="providers.finding",
                verbose_name="疑点",
            ),
        ),
        migrations.AddConstraint(
            model_name="deskrequest",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ["proposed", "approved", "declined"])),
                name="desk_state_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="deskrequest",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state", "proposed")),
                fields=("provider", "subject"),
                name="desk_request_once",
            ),
        ),
        migrations.AddConstraint(
            model_name="deskrequest",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("decided_by_person", ""),
                    models.Q(("proposed_by_person", models.F("decided_by_person")), _negated=True),
                    _connector="OR",
                ),
                name="desk_two_persons",
            ),
        ),
        migrations.AddConstraint(
            model_name="deskrequest",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("decided_at__isnull", True), ("state", "proposed")),
                    models.Q(
                        models.Q(("state", "proposed"), _negated=True),
                        ("decided_at__isnull", False),
                        models.Q(("decided_by_person", ""), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="desk_decided_by_somebody",
            ),
        ),
        migrations.AddIndex(
            model_name="finding",
            index=models.Index(fields=["month", "kind"], name="providers_finding_month"),
        ),
        migrations.AddConstraint(
            model_name="finding",
            constraint=models.UniqueConstraint(
                fields=("provider", "kind", "month", "subject"), name="finding_once"
            ),
        ),
    ]
