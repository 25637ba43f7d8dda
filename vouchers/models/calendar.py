"""Public holidays and make-up working days, as announced year by year."""

from django.db import models


class CalendarYear(models.Model):
    """A year whose holidays are known; a year that is absent is unknown, not free of holidays."""

    year = models.PositiveSmallIntegerField("年份", primary_key=True)
    source = models.CharField("来源", max_length=200)
    loaded_at = models.DateTimeField("载入时间")

    class Meta:
        verbose_name = "节假日年度"
        verbose_name_plural = "节假日年度"

    def __str__(self) -> str:
        return f"{self.year}"


class Holiday(models.Model):
    """A day that differs from its weekday: a weekday off, or a weekend day worked."""

    calendar_year = models.ForeignKey(
        CalendarYear, on_delete=models.PROTECT, related_name="days", verbose_name="年度"
    )
    day = models.DateField("日期", unique=True)
    is_off = models.BooleanField("是否放假")
    name = models.CharField("名称", max_length=50, blank=True)

    class Meta:
        verbose_name = "节假日"
        verbose_name_plural = "节假日"

    def __str__(self) -> str:
        return f"{self.day} {'休' if self.is_off else '班'}"
