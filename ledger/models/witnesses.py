"""What others say about the log: cosignatures, time stamps, receipts of an anchor. Append-only."""

from django.db import models


class Cosignature(models.Model):
    """One signature line of a witness over one checkpoint."""

    size = models.BigIntegerField()
    witness = models.CharField(max_length=255)
    key_id = models.CharField(max_length=8)
    algorithm = models.CharField(max_length=20)
    line = models.TextField()
    at = models.DateTimeField()

    class Meta:
        verbose_name = "见证签名"
        constraints = [
            models.UniqueConstraint(fields=["size", "witness", "key_id"], name="cosignature_once")
        ]

    def __str__(self) -> str:
        """Return who cosigned which size."""
        return f"{self.witness} {self.size}"


class TimeStamp(models.Model):
    """The answer of a time stamp authority over the bytes of one checkpoint."""

    size = models.BigIntegerField()
    digest = models.BinaryField()
    token = models.BinaryField()
    tsa = models.CharField(max_length=300)
    serial = models.CharField(max_length=80)
    national = models.BooleanField(default=False)
    at = models.DateTimeField()

    class Meta:
        verbose_name = "时间戳"
        constraints = [
            models.UniqueConstraint(fields=["size", "tsa", "serial"], name="time_stamp_once")
        ]

    def __str__(self) -> str:
        """Return which size was stamped and by whom."""
        return f"{self.size} {self.tsa}"


class Anchor(models.Model):
    """A receipt that another chain gave for one checkpoint: an opaque file, known by its digest."""

    size = models.BigIntegerField()
    root = models.BinaryField()
    sha256 = models.BinaryField()
    sm3 = models.BinaryField()
    receipt = models.BinaryField()
    receipt_sha256 = models.BinaryField(unique=True)
    source = models.CharField(max_length=100)
    entry_id = models.UUIDField(unique=True)
    at = models.DateTimeField()

    class Meta:
        verbose_name = "锚定回执"

    def __str__(self) -> str:
        """Return which size was anchored and where."""
        return f"{self.size} {self.source}"
