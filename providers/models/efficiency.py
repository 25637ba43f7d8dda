"""What a provider files about its site for a month: PUE, green power, latency, with its paper."""

from collections.abc import Iterable
from decimal import Decimal

from django.db import models
from django.db.models import F, Q

from ledger.identifiers import new_id
from providers.efficiency import GREEN_BP, LATENCY_US, PUE_MILLI
from providers.lifecycle import FilingMachine
from providers.models.provider import Provider
from vouchers.models.kept_file import KeptFile


class EfficiencyQuerySet(models.QuerySet["EfficiencyFiling"]):
    """Questions about efficiency filings."""

    def waiting(self) -> "EfficiencyQuerySet":
        """Return filings that wait for the bureau."""
        return self.filter(state="proposed").order_by("filed_at")

    def standing(self, months: Iterable[str]) -> "EfficiencyQuerySet":
        """Return what counts: of each provider and month the last version that was confirmed."""
        approved = self.filter(state="approved", month__in=list(months))
        return approved.order_by("provider_id", "month", "-version").distinct(
            "provider_id", "month"
        )


class EfficiencyFiling(FilingMachine, KeptFile):
    """PUE, green power and latency of a provider's site in a month; counts once confirmed.

    A later version says everything anew and takes the place of the earlier, which stays.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    provider = models.ForeignKey(
        Provider, on_delete=models.PROTECT, related_name="efficiency_filings", verbose_name="供方"
    )
    month = models.CharField("月份", max_length=7)
    version = models.PositiveSmallIntegerField("版本", default=1)
    pue_milli = models.PositiveSmallIntegerField("PUE（千分之一）", null=True, blank=True)
    green_bp = models.PositiveSmallIntegerField("绿电占比（万分之一）", null=True, blank=True)
    latency_us = models.PositiveIntegerField("网络时延（微秒）", null=True, blank=True)
    note = models.CharField("口径说明", max_length=200, blank=True)
    filed_at = models.DateTimeField("申报时间")
    proposed_by_person = models.CharField("申报自然人", max_length=64)
    approved_by_person = models.CharField("确认自然人", max_length=64, blank=True)
    decided_at = models.DateTimeField("办理时间", null=True, blank=True)
    reason = models.CharField("退回理由", max_length=200, blank=True)

    objects = EfficiencyQuerySet.as_manager()

    class Meta:
        verbose_name = "能效申报"
        verbose_name_plural = "能效申报"
        ordering = ["-month", "-version"]
        constraints = [
            models.UniqueConstraint(
                fields=["provider", "month", "version"], name="efficiency_version_once"
            ),
            models.UniqueConstraint(
                fields=["provider", "month"],
                condition=Q(state="proposed"),
                name="efficiency_one_waits",
            ),
            models.CheckConstraint(
                condition=Q(state__in=FilingMachine.State.values), name="efficiency_state_known"
            ),
            models.CheckConstraint(
                condition=Q(pue_milli__isnull=True) | Q(pue_milli__range=PUE_MILLI),
                name="efficiency_pue_sane",
            ),
            models.CheckConstraint(
                condition=Q(green_bp__isnull=True) | Q(green_bp__range=GREEN_BP),
                name="efficiency_green_sane",
            ),
            models.CheckConstraint(
                condition=Q(latency_us__isnull=True) | Q(latency_us__range=LATENCY_US),
                name="efficiency_latency_sane",
            ),
            models.CheckConstraint(
                condition=Q(pue_milli__isnull=False)
                | Q(green_bp__isnull=False)
                | Q(latency_us__isnull=False),
                name="efficiency_says_something",
            ),
            models.CheckConstraint(
                condition=Q(approved_by_person="", state__in=["proposed", "declined"])
                | (
                    Q(state="approved")
                    & ~Q(approved_by_person="")
                    & ~Q(proposed_by_person=F("approved_by_person"))
                ),
                name="efficiency_two_persons",
            ),
            models.CheckConstraint(
                condition=~Q(state="declined") | ~Q(reason=""), name="efficiency_reason_told"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.provider_id} {self.month} v{self.version}"

    @property
    def pue(self) -> str:
        """Return the PUE as people write it, empty when it was not filed."""
        return _decimal(self.pue_milli, 3)

    @property
    def green(self) -> str:
        """Return the share of green power in per cent, empty when it was not filed."""
        return _decimal(self.green_bp, 2)

    @property
    def latency(self) -> str:
        """Return the latency in milli-seconds, empty when it was not filed."""
        return _decimal(self.latency_us, 3)


def _decimal(value: int | None, places: int) -> str:
    return "" if value is None else f"{Decimal(value).scaleb(-places):.{places}f}"
