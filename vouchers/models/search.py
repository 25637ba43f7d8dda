"""Under which words a thing of the house is found; written by ``vouchers.searching`` alone."""

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models

from ledger.identifiers import new_id


class SearchRow(models.Model):
    """One thing that people look for: its number, its name, and the letters it is found by.

    A copy for speed, never the truth: it can be made again from the things themselves.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    kind = models.CharField("种类", max_length=20)
    subject_id = models.UUIDField("对象编号")
    page_id = models.UUIDField("页面编号")
    number = models.CharField("号码", max_length=60)
    title = models.CharField("名称", max_length=200)
    text = models.TextField("检索文字")
    pieces = ArrayField(models.CharField(max_length=2), verbose_name="检索片段")

    class Meta:
        verbose_name = "检索条目"
        verbose_name_plural = "检索条目"
        constraints = [
            models.UniqueConstraint(fields=["kind", "subject_id"], name="search_row_once"),
        ]
        indexes = [GinIndex(fields=["pieces"], name="search_row_pieces")]

    def __str__(self) -> str:
        return f"{self.kind} {self.number}"
