"""A file that was handed in and kept: what it is, where its bytes lie, what is known of viruses."""

from django.db import models


class Scan(models.TextChoices):
    """What is known about viruses in a file."""

    QUARANTINED = "quarantined", "安全检查中"
    CLEAN = "clean", "已通过安全检查"
    INFECTED = "infected", "未通过安全检查"


class KeptFile(models.Model):
    """The columns of a kept file; its bytes lie under ``stored_path`` (``vouchers.evidence``).

    Only what is known about viruses in it ever changes.
    """

    Scan = Scan

    file_name = models.CharField("文件名", max_length=200)
    size = models.PositiveBigIntegerField("字节数")
    sha256 = models.CharField("SHA-256", max_length=64)
    content_type = models.CharField("类型", max_length=40)
    pages = models.PositiveSmallIntegerField("页数", default=0)
    stored_path = models.CharField("存放位置", max_length=100, unique=True)
    scan = models.CharField(
        "安全检查", max_length=12, choices=Scan.choices, default=Scan.QUARANTINED
    )
    scanner = models.CharField("检查方式", max_length=20, blank=True)
    scanned_at = models.DateTimeField("检查时间", null=True, blank=True)

    class Meta:
        abstract = True
