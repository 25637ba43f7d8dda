"""Who stands where in line, which money is set aside for whom, and the runs that divided it."""

from django.db import models

from ledger.identifiers import new_id
from vouchers.models.application import Application
from vouchers.models.programme import Programme


class Intake(models.Model):
    """The place of an application in line, drawn when it was handed in (受理次序).

    ``position`` comes from one sequence of the database and never repeats; a smaller one goes
    first. Gaps mean nothing: a submission that was refused drew one.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    application = models.OneToOneField(
        Application, on_delete=models.PROTECT, related_name="intake", verbose_name="申请"
    )
    slug = models.CharField("方案代号", max_length=40)
    window_no = models.PositiveSmallIntegerField("申报窗口")
    position = models.BigIntegerField("次序号", unique=True)
    taken_at = models.DateTimeField("受理时间")

    class Meta:
        verbose_name = "受理次序"
        verbose_name_plural = "受理次序"
        indexes = [models.Index(fields=["slug", "position"], name="vouchers_intake_line")]

    def __str__(self) -> str:
        return f"{self.slug} {self.position}"


class BudgetPool(models.Model):
    """How much of a scheme's budget is set aside; locked by whoever sets aside or issues.

    The sum is kept by the triggers of reservations, never by the house.
    """

    slug = models.CharField("方案代号", max_length=40, primary_key=True)
    reserved_fen = models.BigIntegerField("已预留（分）", default=0)

    class Meta:
        verbose_name = "预算池"
        verbose_name_plural = "预算池"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(reserved_fen__gte=0), name="budget_pool_not_negative"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.slug} {self.reserved_fen}"


class ReservationQuerySet(models.QuerySet["Reservation"]):
    """Questions about reservations."""

    def open(self) -> "ReservationQuerySet":
        """Return those that still set money aside."""
        return self.filter(end__isnull=True).order_by("reserved_at", "place")


class Reservation(models.Model):
    """Money of the budget set aside for one application until it is issued or let go (额度预留).

    ``place`` is what decided: the position in line, or the rank of a run.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    intake = models.ForeignKey(
        Intake, on_delete=models.PROTECT, related_name="reservations", verbose_name="次序"
    )
    slug = models.CharField("方案代号", max_length=40)
    amount_fen = models.BigIntegerField("预留金额（分）")
    place = models.BigIntegerField("名次")
    reserved_at = models.DateTimeField("预留时间")

    objects = ReservationQuerySet.as_manager()

    class Meta:
        verbose_name = "额度预留"
        verbose_name_plural = "额度预留"
        indexes = [models.Index(fields=["slug", "reserved_at"], name="vouchers_reservation_slug")]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(amount_fen__gt=0), name="reservation_positive"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.slug} {self.amount_fen}"


class ReservationEnd(models.Model):
    """What became of a reservation: a voucher, or money let go for the next in line (预留了结)."""

    class Outcome(models.TextChoices):
        """How it ended."""

        USED = "used", "已发券"
        RELEASED = "released", "已释放"

    reservation = models.OneToOneField(
        Reservation,
        primary_key=True,
        on_delete=models.PROTECT,
        related_name="end",
        verbose_name="预留",
    )
    outcome = models.CharField("结果", max_length=10, choices=Outcome.choices)
    reason = models.CharField("原因", max_length=100)
    ended_at = models.DateTimeField("了结时间")

    class Meta:
        verbose_name = "预留了结"
        verbose_name_plural = "预留了结"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(outcome__in=["used", "released"]),
                name="reservation_end_known",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.reservation_id} {self.outcome}"


class DrawSeed(models.Model):
    """A secret chosen before a window closes; its digest is public from then on (抽签承诺).

    ``public_source`` says which public number of the future is mixed in, so that not even who
    knows the secret can foresee the draw.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    programme = models.ForeignKey(
        Programme, on_delete=models.PROTECT, related_name="draw_seeds", verbose_name="方案"
    )
    window_no = models.PositiveSmallIntegerField("申报窗口")
    seed = models.CharField("种子", max_length=64)
    commitment = models.CharField("种子摘要", max_length=64)
    public_source = models.CharField("公开随机数来源", max_length=200)
    committed_at = models.DateTimeField("承诺时间")
    committed_person = models.CharField("承诺自然人", max_length=64)

    class Meta:
        verbose_name = "抽签承诺"
        verbose_name_plural = "抽签承诺"
        constraints = [
            models.UniqueConstraint(fields=["programme", "window_no"], name="draw_seed_once"),
        ]

    def __str__(self) -> str:
        return self.commitment


class DrawReveal(models.Model):
    """The secret laid open after the window closed, with the public number (抽签揭示)."""

    seed = models.OneToOneField(
        DrawSeed,
        primary_key=True,
        on_delete=models.PROTECT,
        related_name="reveal",
        verbose_name="承诺",
    )
    public_word = models.CharField("公开随机数", max_length=200)
    revealed_at = models.DateTimeField("揭示时间")

    class Meta:
        verbose_name = "抽签揭示"
        verbose_name_plural = "抽签揭示"

    def __str__(self) -> str:
        return self.public_word


class AllocationRunQuerySet(models.QuerySet["AllocationRun"]):
    """Questions about runs."""

    def waiting(self) -> "AllocationRunQuerySet":
        """Return those that wait for a second person."""
        return self.filter(confirmed_at__isnull=True, dropped_at__isnull=True)

    def confirmed(self) -> "AllocationRunQuerySet":
        """Return those that count, the newest first."""
        return self.filter(confirmed_at__isnull=False).order_by("-confirmed_at")


class AllocationRun(models.Model):
    """One division of the money of a window: tried by one person, confirmed by another (分配).

    ``digest`` covers every line and the money there was: what the second person confirms is what
    the first one saw.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    run_no = models.CharField("分配编号", max_length=30, unique=True)
    programme = models.ForeignKey(
        Programme, on_delete=models.PROTECT, related_name="runs", verbose_name="方案"
    )
    window_no = models.PositiveSmallIntegerField("申报窗口")
    rule = models.CharField("分配规则", max_length=20)
    free_fen = models.BigIntegerField("可分配金额（分）")
    digest = models.CharField("试算摘要", max_length=64)
    prepared_at = models.DateTimeField("试算时间")
    prepared_by = models.CharField("试算人", max_length=100)
    prepared_person = models.CharField("试算自然人", max_length=64)
    confirmed_at = models.DateTimeField("确认时间", null=True, blank=True)
    confirmed_by = models.CharField("确认人", max_length=100, blank=True)
    confirmed_person = models.CharField("确认自然人", max_length=64, blank=True)
    dropped_at = models.DateTimeField("作废时间", null=True, blank=True)

    objects = AllocationRunQuerySet.as_manager()

    class Meta:
        verbose_name = "分配"
        verbose_name_plural = "分配"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(confirmed_person="")
                | ~models.Q(prepared_person=models.F("confirmed_person")),
                name="allocation_run_two_persons",
            ),
            models.CheckConstraint(
                condition=models.Q(confirmed_at__isnull=True) | models.Q(dropped_at__isnull=True),
                name="allocation_run_one_end",
            ),
        ]

    def __str__(self) -> str:
        return self.run_no


class AllocationLine(models.Model):
    """What a run gives one application, with everything that led to it (分配明细)."""

    class Outcome(models.TextChoices):
        """What an application gets."""

        FUNDED = "funded", "获得额度"
        WAITLISTED = "waitlisted", "候补"
        BELOW = "below", "未达最低分"
        UNFUNDED = "unfunded", "未获额度"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    run = models.ForeignKey(
        AllocationRun, on_delete=models.PROTECT, related_name="lines", verbose_name="分配"
    )
    application = models.ForeignKey(
        Application, on_delete=models.PROTECT, related_name="allocations", verbose_name="申请"
    )
    rank = models.PositiveIntegerField("名次")
    position = models.BigIntegerField("次序号")
    score = models.IntegerField("得分", null=True, blank=True)
    asked_fen = models.BigIntegerField("拟支持金额（分）")
    granted_fen = models.BigIntegerField("分配金额（分）")
    outcome = models.CharField("结果", max_length=12, choices=Outcome.choices)
    grounds = models.JSONField("依据", default=dict)

    class Meta:
        verbose_name = "分配明细"
        verbose_name_plural = "分配明细"
        ordering = ["rank"]
        constraints = [
            models.UniqueConstraint(fields=["run", "rank"], name="allocation_line_rank_once"),
            models.UniqueConstraint(
                fields=["run", "application"], name="allocation_line_once_per_application"
            ),
            models.CheckConstraint(
                condition=models.Q(granted_fen__gte=0)
                & models.Q(granted_fen__lte=models.F("asked_fen")),
                name="allocation_line_never_above_asked",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.run_id} {self.rank}"


class BudgetAlert(models.Model):
    """The moment at which what was promised of a scheme's grants reached a mark (预算预警)."""

    class Level(models.TextChoices):
        """Which mark was reached."""

        WARN = "warn", "预警"
        STOP = "stop", "用尽"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    slug = models.CharField("方案代号", max_length=40)
    level = models.CharField("级别", max_length=10, choices=Level.choices)
    granted_fen = models.BigIntegerField("已下达（分）")
    promised_fen = models.BigIntegerField("已承诺（分）")
    raised_at = models.DateTimeField("时间")

    class Meta:
        verbose_name = "预算预警"
        verbose_name_plural = "预算预警"
        constraints = [
            # Once for each amount granted: a new grant sets the marks anew.
            models.UniqueConstraint(
                fields=["slug", "level", "granted_fen"], name="budget_alert_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.slug} {self.level}"
