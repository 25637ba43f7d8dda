"""The letters of the bureau: their frozen content, their number, and the digest of the file."""

from django.db import models

from ledger.identifiers import new_id
from vouchers.models.application import Application, PublicNotice
from vouchers.models.state_row import StateRow


class Letter(models.Model):
    """One letter that an event called for; never changed. It prints from ``content`` alone.

    A letter of an upper room names its event and its subject by id (``source``, ``about``).
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    row = models.OneToOneField(
        StateRow,
        on_delete=models.PROTECT,
        related_name="letter",
        verbose_name="事由",
        null=True,
        blank=True,
    )
    source = models.UUIDField("上层事由编号", unique=True, null=True, blank=True)
    about = models.UUIDField("上层对象编号", null=True, blank=True)
    kind = models.CharField("种类", max_length=20)
    number = models.CharField("文号", max_length=40, unique=True)
    application = models.ForeignKey(
        Application,
        on_delete=models.PROTECT,
        related_name="letters",
        verbose_name="申请",
        null=True,
        blank=True,
    )
    notice = models.ForeignKey(
        PublicNotice,
        on_delete=models.PROTECT,
        related_name="letters",
        verbose_name="公示",
        null=True,
        blank=True,
    )
    content = models.JSONField("内容")
    content_sha256 = models.CharField("内容摘要", max_length=64)
    check_code = models.CharField("核验码", max_length=16, unique=True)
    sha256 = models.CharField("文件 SHA-256", max_length=64)
    pages = models.PositiveSmallIntegerField("页数")
    made_at = models.DateTimeField("制作时间")

    class Meta:
        verbose_name = "文书"
        verbose_name_plural = "文书"
        constraints = [
            models.CheckConstraint(
                name="letter_about_one_thing",
                condition=models.Q(
                    application__isnull=True, notice__isnull=False, about__isnull=True
                )
                | models.Q(application__isnull=False, notice__isnull=True, about__isnull=True)
                | models.Q(
                    application__isnull=True,
                    notice__isnull=True,
                    about__isnull=False,
                    source__isnull=False,
                    row__isnull=True,
                ),
            )
        ]

    def __str__(self) -> str:
        return self.number
