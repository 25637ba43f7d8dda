"""The accelerator registry with its rates, and what providers offer at which filed price."""

from datetime import datetime

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower

from ledger.identifiers import new_id
from providers.lifecycle import AliasMachine, FilingMachine, OfferingMachine
from providers.pricing import Tier


class AcceleratorModel(models.Model):
    """A kind of accelerator, known by a key that never changes meaning."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    key = models.CharField("型号代码", max_length=60, unique=True)
    name = models.CharField("名称", max_length=100)
    vendor = models.CharField("厂商", max_length=100)
    domestic = models.BooleanField("国产", default=False)
    memory_gb = models.PositiveSmallIntegerField("显存（GB）", null=True, blank=True)

    class Meta:
        verbose_name = "加速器型号"
        verbose_name_plural = "加速器型号"
        ordering = ["vendor", "name"]

    def __str__(self) -> str:
        return self.name


def registry() -> models.QuerySet[AcceleratorModel]:
    """Return every kind of accelerator that is known."""
    return AcceleratorModel.objects.all()


class AcceleratorAlias(AliasMachine):
    """Another name under which providers report a model; compared without case.

    A name that comes to mean another model is a new version; the one before is retired then.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    alias = models.CharField("别名", max_length=128)
    version = models.PositiveSmallIntegerField("版本", default=1)
    model = models.ForeignKey(
        AcceleratorModel, on_delete=models.PROTECT, related_name="aliases", verbose_name="型号"
    )
    filed_at = models.DateTimeField("登记时间")
    proposed_by_person = models.CharField("提出自然人", max_length=64, blank=True)
    approved_by_person = models.CharField("批准自然人", max_length=64, blank=True)

    class Meta:
        verbose_name = "型号别名"
        verbose_name_plural = "型号别名"
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=AliasMachine.State.values), name="alias_state_known"
            ),
            models.CheckConstraint(
                condition=Q(approved_by_person="") | ~Q(proposed_by_person=F("approved_by_person")),
                name="alias_two_persons",
            ),
            models.UniqueConstraint("alias", condition=Q(state="approved"), name="alias_once"),
            models.UniqueConstraint(
                "alias", condition=Q(state="proposed"), name="alias_proposed_once"
            ),
            models.UniqueConstraint(
                fields=["alias", "version"],
                condition=~Q(state="declined"),
                name="alias_version_once",
            ),
            models.CheckConstraint(condition=Q(alias=Lower("alias")), name="alias_lower_case"),
        ]

    def __str__(self) -> str:
        return self.alias


class RateQuerySet(models.QuerySet["AcceleratorRate"]):
    """Questions about rates."""

    def waiting(self) -> "RateQuerySet":
        """Return proposals that wait for the second person."""
        return self.filter(state="proposed").order_by("proposed_at")

    def approved(self) -> "RateQuerySet":
        """Return what counts."""
        return self.filter(state="approved")

    def in_force(self, at: datetime) -> "RateQuerySet":
        """Return the rates that count at a moment."""
        return self.approved().filter(
            Q(valid_until__isnull=True) | Q(valid_until__gt=at), valid_from__lte=at
        )


class AcceleratorRate(FilingMachine):
    """The dense peak of a model in one number format, as filed, checked and dated.

    Units: ``gflops`` per whole device, dense. FP16 and FP32 never share a sum.
    """

    class NumberFormat(models.TextChoices):
        """What is counted; figures of two formats are never compared or added."""

        FP16 = "FP16_DENSE", "FP16/BF16"
        FP8 = "FP8_DENSE", "FP8"
        INT8 = "INT8_DENSE", "INT8"
        TF32 = "TF32_DENSE", "TF32"
        FP32 = "FP32_DENSE", "FP32（通用单元）"

    class Grade(models.TextChoices):
        """How well the figure is founded."""

        VENDOR = "A", "厂商资料或多方印证"
        PUBLIC = "B", "公开资料，有疑问"
        MEMORY = "M", "未见原始资料"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    model = models.ForeignKey(
        AcceleratorModel, on_delete=models.PROTECT, related_name="rates", verbose_name="型号"
    )
    number_format = models.CharField(
        "数制", max_length=20, choices=NumberFormat.choices, default=NumberFormat.FP16
    )
    dense = models.BooleanField("稠密", default=True)
    gflops = models.PositiveIntegerField("峰值（GFLOPS，稠密）")
    version = models.PositiveSmallIntegerField("版本")
    valid_from = models.DateTimeField("有效起")
    valid_until = models.DateTimeField("有效止", null=True, blank=True)
    source = models.CharField("依据", max_length=200)
    page = models.CharField("页码或条目", max_length=50, blank=True)
    document_sha256 = models.CharField("文件摘要", max_length=64, blank=True)
    caution = models.CharField("提示批准人", max_length=200, blank=True)
    grade = models.CharField("依据等级", max_length=1, choices=Grade.choices)
    proposed_at = models.DateTimeField("提出时间")
    proposed_by_person = models.CharField("提出自然人", max_length=64, blank=True)
    approved_by_person = models.CharField("批准自然人", max_length=64, blank=True)

    objects = RateQuerySet.as_manager()

    class Meta:
        verbose_name = "折算系数"
        verbose_name_plural = "折算系数"
        permissions = [("propose_rate", "提出折算系数"), ("approve_rate", "批准折算系数")]
        constraints = [
            models.UniqueConstraint(
                fields=["model", "number_format", "version"], name="rate_version_once"
            ),
            models.CheckConstraint(
                condition=Q(state__in=FilingMachine.State.values), name="rate_state_known"
            ),
            models.CheckConstraint(condition=Q(gflops__gt=0), name="rate_positive"),
            models.CheckConstraint(condition=Q(dense=True), name="rate_dense"),
            models.CheckConstraint(condition=~Q(source=""), name="rate_has_evidence"),
            models.CheckConstraint(
                condition=Q(
                    number_format__in=[
                        "FP16_DENSE",
                        "FP8_DENSE",
                        "INT8_DENSE",
                        "TF32_DENSE",
                        "FP32_DENSE",
                    ]
                ),
                name="rate_format_known",
            ),
            models.CheckConstraint(
                condition=Q(valid_until__isnull=True) | Q(valid_until__gt=F("valid_from")),
                name="rate_validity_forward",
            ),
            models.CheckConstraint(
                condition=Q(approved_by_person="") | ~Q(proposed_by_person=F("approved_by_person")),
                name="rate_two_persons",
            ),
            models.CheckConstraint(
                condition=~Q(state="approved") | ~Q(approved_by_person=""),
                name="rate_approved_by_somebody",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.model_id} {self.number_format} v{self.version}"


class OfferingQuerySet(models.QuerySet["Offering"]):
    """Questions about offerings."""

    def open_to_order(self) -> "OfferingQuerySet":
        """Return what an enterprise may order now."""
        return (
            self.filter(state="published", provider__state="admitted")
            .select_related("provider", "model")
            .order_by("provider__name", "title")
        )


class Offering(OfferingMachine):
    """Something a provider sells: accelerators of one model."""

    class SkuClass(models.TextChoices):
        """What kind of thing is sold."""

        ACCELERATOR = "ACCELERATOR", "智能算力（加速卡）"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    provider = models.ForeignKey(
        "providers.Provider",
        on_delete=models.PROTECT,
        related_name="offerings",
        verbose_name="供方",
    )
    title = models.CharField("名称", max_length=100)
    description = models.TextField("说明", blank=True)
    model = models.ForeignKey(
        AcceleratorModel, on_delete=models.PROTECT, related_name="offerings", verbose_name="型号"
    )
    sku_class = models.CharField(
        "类别", max_length=20, choices=SkuClass.choices, default=SkuClass.ACCELERATOR
    )
    created_at = models.DateTimeField("创建时间")

    objects = OfferingQuerySet.as_manager()

    class Meta:
        verbose_name = "服务项目"
        verbose_name_plural = "服务项目"
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=OfferingMachine.State.values), name="offering_state_known"
            ),
            models.UniqueConstraint(fields=["provider", "title"], name="offering_title_once"),
        ]

    def __str__(self) -> str:
        return self.title

    def price_at(self, at: datetime) -> "OfferingPrice | None":
        """Return the filed price in force at a moment."""
        return self.prices.filter(valid_from__lte=at).order_by("-valid_from", "-version").first()


class OfferingPrice(models.Model):
    """A filed price; a new price is a new version, the old one stays for running orders.

    ``tiers`` are the prices of what lies beyond a quantity of the month, ascending; what lies below
    the first of them costs ``price_fen``.

    Units: ``price_fen`` in fen per PFLOPS-hour (FP16 dense) or per card-hour; ``tiers`` as
    ``[{"from_units": 1000, "price_fen": 500}]`` in whole units of the price.
    """

    class PricingUnit(models.TextChoices):
        """What the price is for."""

        PFLOPS_HOUR = "PFLOPS_HOUR", "PFLOPS·时"
        CARD_HOUR = "CARD_HOUR", "卡时"

    class State(models.TextChoices):
        """A price is on file; it ends only by a later version."""

        FILED = "filed", "已备案"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    offering = models.ForeignKey(
        Offering, on_delete=models.PROTECT, related_name="prices", verbose_name="服务项目"
    )
    version = models.PositiveSmallIntegerField("版本")
    pricing_unit = models.CharField("计价单位", max_length=12, choices=PricingUnit.choices)
    price_fen = models.PositiveIntegerField("单价（分）")
    tiers = models.JSONField("阶梯", default=list, blank=True)
    valid_from = models.DateTimeField("生效时间")
    filed_at = models.DateTimeField("备案时间")
    state = models.CharField("状态", max_length=10, choices=State.choices, default=State.FILED)

    class Meta:
        verbose_name = "备案单价"
        verbose_name_plural = "备案单价"
        constraints = [
            models.UniqueConstraint(fields=["offering", "version"], name="price_version_once"),
            models.CheckConstraint(condition=Q(price_fen__gt=0), name="price_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.offering_id} v{self.version}"

    def tariff_tiers(self) -> tuple[Tier, ...]:
        """Return the price list, from the first unit on."""
        return (Tier(0, self.price_fen), *(Tier(**each) for each in self.tiers))
