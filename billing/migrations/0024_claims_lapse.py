"""A claim that nobody answered in time lapses with its statement (逾期失效)."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("billing", "0023_papers_on_notes_guards"),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="claim",
            name="claim_state_known",
        ),
        migrations.AlterField(
            model_name="claim",
            name="state",
            field=models.CharField(
                choices=[
                    ("draft", "草稿"),
                    ("submitted", "已申请"),
                    ("supplement", "补正"),
                    ("checked", "已核验"),
                    ("reviewed", "已复核"),
                    ("written_off", "已核销"),
                    ("partial", "部分核销"),
                    ("refused", "不予核销"),
                    ("suspended", "暂缓"),
                    ("lapsed", "逾期失效"),
                ],
                default="draft",
                max_length=50,
                verbose_name="状态",
            ),
        ),
        migrations.AddConstraint(
            model_name="claim",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "state__in",
                        [
                            "draft",
                            "submitted",
                            "supplement",
                            "checked",
                            "reviewed",
                            "written_off",
                            "partial",
                            "refused",
                            "suspended",
                            "lapsed",
                        ],
                    )
                ),
                name="claim_state_known",
            ),
        ),
    ]
