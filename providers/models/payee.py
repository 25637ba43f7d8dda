"""Accounts that providers filed; the form is that of enterprises (``vouchers.models.payee``)."""

from django.db import models

from providers.models.provider import Provider
from vouchers.models import PayeeAccount


class ProviderAccount(PayeeAccount):
    """An account that a provider filed; its share of a month is paid there."""

    payee = models.ForeignKey(
        Provider, on_delete=models.PROTECT, related_name="accounts", verbose_name="供方"
    )
    audience = "provider"

    class Meta(PayeeAccount.Meta):
        verbose_name = "供方收款账户"
        verbose_name_plural = "供方收款账户"
