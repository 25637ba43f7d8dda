"""What a provider files about its site for a month, with its paper; what the grid gives off."""

from collections.abc import Iterable
from decimal import Decimal

from django.db import models
from django.db.models import F, Q

from ledger.identifiers import new_id
from providers.efficiency import GREEN_BP, GRID_MG, LATENCY_US, PUE_MILLI
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


class GridFactorQuerySet(models.QuerySet["GridFactor"]):
    """Questions about emission factors of the grid."""

    def waiting(self) -> "GridFactorQuerySet":
        """Return proposals that wait for the second person."""
        return self.filter(state="proposed").order_by("proposed_at")

    def standing(self) -> "GridFactorQuerySet":
        """Return what counts: of each year the last version that was approved."""
        approved = self.filter(state="approved").order_by("year", "-version")
        return approved.distinct("year")


class GridFactor(FilingMachine):
    """What a kilowatt-hour of the grid gave off in a year, as the authority published it.

    A later version of a year takes the place of the earlier, which stays.

    Units: milligrams of CO2 equivalent per kilowatt-hour.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    year = models.PositiveSmallIntegerField("年度")
    version = models.PositiveSmallIntegerField("版本", default=1)
    mg_per_kwh = models.PositiveIntegerField("排放因子（毫克/千瓦时）")
    source = models.CharField("公布文件", max_length=200)
    proposed_at = models.DateTimeField("提出时间")
    proposed_by_person = models.CharField("提出自然人", max_length=64)
    approved_by_person = models.CharField("批准自然人", max_length=64, blank=True)
    decided_at = models.DateTimeField("办理时间", null=True, blank=True)

    objects = GridFactorQuerySet.as_manager()

    class Meta:
        verbose_name = "电网排放因子"
        verbose_name_plural = "电网排放因子"
        ordering = ["-year", "-version"]
        constraints = [
            models.UniqueConstraint(fields=["year", "version"], name="grid_factor_version_once"),
            models.UniqueConstraint(
                fields=["year"], condition=Q(state="proposed"), name="grid_factor_one_waits"
            ),
            models.CheckConstraint(
                condition=Q(state__in=FilingMachine.State.values), name="grid_factor_state_known"
            ),
            models.CheckConstraint(condition=Q(mg_per_kwh__range=GRID_MG), name="grid_factor_sane"),
            models.CheckConstraint(
                condition=Q(approved_by_person="", state__in=["proposed", "declined"])
                | (
                    Q(state="approved")
                    & ~Q(approved_by_person="")
                    & ~Q(proposed_by_person=F("approved_by_person"))
                ),
                name="grid_factor_two_persons",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.year} v{self.version}"

    @property
    def kg_per_kwh(self) -> str:
        """Return the factor as it is published: kilograms per kilowatt-hour."""
        return _decimal(self.mg_per_kwh, 6).rstrip("0").rstrip(".")


def _decimal(value: int | None, places: int) -> str:
    return "" if value is None else f"{Decimal(value).scaleb(-places):.{places}f}"
