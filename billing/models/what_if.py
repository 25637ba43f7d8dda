"""What-if runs: past months rated under other rules, kept as asked and as found, never changed."""

from uuid import UUID

from django.db import models

from ledger.identifiers import new_id


class WhatIfQuerySet(models.QuerySet["WhatIf"]):
    """Questions about what-if runs."""

    def newest_first(self) -> "WhatIfQuerySet":
        """Return all, the newest first, with what they found."""
        return self.select_related("result").order_by("-asked_at", "-id")

    def named(self, pk: UUID) -> "WhatIf | None":
        """Return one run with what it found, if it has."""
        return self.select_related("result").filter(pk=pk).first()


class WhatIf(models.Model):
    """One question: which months, which scheme (empty for all), what would be otherwise.

    ``changes`` holds the parameters as plain values (``billing.what_if_rules.Changes``); ``digest``
    covers question and changes.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    title = models.CharField("名称", max_length=100)
    slug = models.CharField("方案代号", max_length=40, blank=True)
    first_month = models.CharField("起始月份", max_length=7)
    last_month = models.CharField("截止月份", max_length=7)
    changes = models.JSONField("改变的参数")
    digest = models.CharField("摘要", max_length=64)
    asked_at = models.DateTimeField("提出时间")
    asked_name = models.CharField("提出人", max_length=100)
    asked_person = models.CharField("提出自然人", max_length=64)

    objects = WhatIfQuerySet.as_manager()

    class Meta:
        verbose_name = "政策测算"
        verbose_name_plural = "政策测算"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(first_month__lte=models.F("last_month")),
                name="whatif_months_forward",
            ),
        ]

    def __str__(self) -> str:
        return self.title


class WhatIfResult(models.Model):
    """What a run found: sums and one row per scheme, provider and enterprise.

    ``digest`` is the SHA-256 of ``content`` in its canonical form (RFC 8785). Units: fen.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    what_if = models.OneToOneField(
        WhatIf, on_delete=models.PROTECT, related_name="result", verbose_name="测算"
    )
    content = models.JSONField("结果")
    digest = models.CharField("结果摘要", max_length=64)
    found_at = models.DateTimeField("完成时间")

    class Meta:
        verbose_name = "政策测算结果"
        verbose_name_plural = "政策测算结果"

    def __str__(self) -> str:
        return str(self.what_if_id)
