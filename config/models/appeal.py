"""What somebody says who finds their enterprise registered by others."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from ledger.identifiers import new_id


class BindingAppeal(models.Model):
    """An appeal against whoever registered an enterprise first; the bureau decides it.

    ``assured`` says that the government identity named the person for this enterprise.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    enterprise_id = models.UUIDField("企业")
    enterprise_name = models.CharField("企业名称", max_length=200)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="binding_appeals",
        verbose_name="申诉人",
    )
    person = models.CharField("自然人标识", max_length=64)
    statement = models.CharField("申诉说明", max_length=500)
    assured = models.BooleanField("统一身份认证为法人", default=False)
    appealed_at = models.DateTimeField("申诉时间")
    decided_at = models.DateTimeField("答复时间", null=True, blank=True)
    upheld = models.BooleanField("成立", null=True, blank=True)
    answer = models.CharField("答复", max_length=500, blank=True)
    decided_by_name = models.CharField("答复人", max_length=100, blank=True)
    decided_by_person = models.CharField("答复人自然人标识", max_length=64, blank=True)

    class Meta:
        verbose_name = "绑定申诉"
        verbose_name_plural = "绑定申诉"
        constraints = [
            models.UniqueConstraint(
                fields=["enterprise_id", "person"],
                condition=Q(decided_at__isnull=True),
                name="appeal_once_at_a_time",
            ),
            models.CheckConstraint(
                condition=~Q(person=F("decided_by_person")), name="appeal_decided_by_another"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.enterprise_name}：{self.user}"
