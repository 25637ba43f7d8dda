"""The account of a person; rights come from seats and bureau groups."""

import uuid

from django.contrib.auth.models import AbstractUser
from django.db import models

from ledger import clock


class User(AbstractUser):
    """An account. Several accounts may belong to one natural person (``person_hash``)."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    display_name = models.CharField("姓名", max_length=100)
    person_hash = models.CharField(
        "自然人标识",
        max_length=64,
        help_text="身份信息的加盐摘要：职责分离按自然人而不是按账号判断。",
    )

    password_changed_at = models.DateTimeField("密码更换时间", null=True, blank=True)

    def set_password(self, raw_password: str | None) -> None:
        """Set a password and remember when: it may have to be changed by its age."""
        super().set_password(raw_password)
        self.password_changed_at = clock.now()

    class Meta:
        verbose_name = "账号"
        verbose_name_plural = "账号"
