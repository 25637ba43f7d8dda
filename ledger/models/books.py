"""The books: accounts, balances, journals and their transfers."""

from django.db import models
from django.db.models import F, Q


class Account(models.Model):
    """One pool of value, opened on first use and never changed."""

    id = models.BigAutoField(primary_key=True)
    code = models.CharField(max_length=4)
    programme = models.CharField(max_length=100, default="")
    subject = models.CharField(max_length=200, default="")
    unit = models.CharField(max_length=8)
    limited = models.BooleanField()
    sync = models.BooleanField()
    opened_at = models.DateTimeField()

    class Meta:
        verbose_name = "账户"
        constraints = [
            models.UniqueConstraint(fields=["code", "programme", "subject"], name="account_key")
        ]

    def __str__(self) -> str:
        """Return the account's name."""
        return f"{self.code}:{self.programme}:{self.subject}"


class AccountBalance(models.Model):
    """The balance of an account that postings must be checked against at once.

    A projection of the transfers: the database moves it in the statement that inserts them,
    and its CHECK carries the limit.
    """

    account = models.OneToOneField(
        Account, on_delete=models.PROTECT, primary_key=True, db_constraint=False
    )
    limited = models.BooleanField()
    debits_pending = models.BigIntegerField(db_default=0)
    debits_posted = models.BigIntegerField(db_default=0)
    credits_pending = models.BigIntegerField(db_default=0)
    credits_posted = models.BigIntegerField(db_default=0)

    class Meta:
        verbose_name = "账户余额"
        constraints = [
            models.CheckConstraint(
                name="balance_sums_not_negative",
                condition=Q(debits_pending__gte=0, debits_posted__gte=0)
                & Q(credits_pending__gte=0, credits_posted__gte=0),
            ),
            models.CheckConstraint(
                name="balance_within_limit",
                condition=Q(limited=False)
                | Q(credits_posted__gte=F("debits_posted") + F("debits_pending")),
            ),
        ]

    def __str__(self) -> str:
        """Return what is available."""
        return str(self.credits_posted - self.debits_posted - self.debits_pending)


class Journal(models.Model):
    """A business event in the books: transfers that were booked together."""

    seq = models.BigAutoField(primary_key=True)
    id = models.UUIDField(unique=True)
    kind = models.CharField(max_length=200)
    effective_at = models.DateTimeField()
    recorded_at = models.DateTimeField()
    actor = models.JSONField()
    approvals = models.JSONField()
    refs = models.JSONField()
    request_hash = models.BinaryField()

    class Meta:
        verbose_name = "记账凭证"

    def __str__(self) -> str:
        """Return place and kind."""
        return f"{self.seq} {self.kind}"


class Transfer(models.Model):
    """One movement of value from one account to another; never changed, never deleted."""

    id = models.UUIDField(primary_key=True)
    journal = models.ForeignKey(
        Journal, on_delete=models.PROTECT, db_constraint=False, db_index=False
    )
    ordinal = models.SmallIntegerField()
    debit = models.ForeignKey(
        Account, on_delete=models.PROTECT, related_name="+", db_constraint=False, db_index=False
    )
    credit = models.ForeignKey(
        Account, on_delete=models.PROTECT, related_name="+", db_constraint=False, db_index=False
    )
    amount = models.BigIntegerField()
    code = models.SmallIntegerField()
    phase = models.CharField(max_length=7)
    pending_id = models.UUIDField(null=True)
    expires_at = models.DateTimeField(null=True)
    reason = models.CharField(max_length=200, default="")

    class Meta:
        verbose_name = "分录"
        constraints = [
            models.UniqueConstraint(fields=["journal", "ordinal"], name="transfer_place"),
            models.UniqueConstraint(
                fields=["pending_id"],
                condition=Q(phase__in=["post", "void"]),
                name="transfer_resolved_once",
            ),
            models.CheckConstraint(name="transfer_amount_positive", condition=Q(amount__gt=0)),
            models.CheckConstraint(name="transfer_two_accounts", condition=~Q(debit=F("credit"))),
            models.CheckConstraint(
                name="transfer_phase_known",
                condition=Q(phase__in=["single", "pending"], pending_id__isnull=True)
                | Q(phase__in=["post", "void"], pending_id__isnull=False),
            ),
        ]
        indexes = [
            # One side of an account in the order of booking: sums behind a roll-up, statements.
            models.Index(fields=["debit", "journal"], name="transfer_debit"),
            models.Index(fields=["credit", "journal"], name="transfer_credit"),
        ]

    def __str__(self) -> str:
        """Return code and amount."""
        return f"{self.code} {self.amount}"


class AccountRollup(models.Model):
    """The four sums of an account that has no balance row, up to one place in the order of booking.

    What lies in the account is its last roll-up and the transfers behind it, so that the answer
    takes the same time however many transfers there are. Anybody can sum it up again.
    """

    id = models.BigAutoField(primary_key=True)
    account = models.ForeignKey(
        Account, on_delete=models.PROTECT, related_name="+", db_constraint=False, db_index=False
    )
    upto_seq = models.BigIntegerField()
    debits_pending = models.BigIntegerField()
    debits_posted = models.BigIntegerField()
    credits_pending = models.BigIntegerField()
    credits_posted = models.BigIntegerField()
    made_at = models.DateTimeField()

    class Meta:
        verbose_name = "账户汇总"
        constraints = [
            models.UniqueConstraint(fields=["account", "upto_seq"], name="rollup_place"),
            models.CheckConstraint(
                name="rollup_sums_not_negative",
                condition=Q(debits_pending__gte=0, debits_posted__gte=0)
                & Q(credits_pending__gte=0, credits_posted__gte=0),
            ),
        ]
        indexes = [models.Index(fields=["upto_seq"], name="rollup_newest")]

    def __str__(self) -> str:
        """Return account and place."""
        return f"{self.account_id} up to {self.upto_seq}"


class PeriodClose(models.Model):
    """The trial balance of a programme at the end of a month, as a digest, when it was closed.

    It covers what is effective before the month's end, up to the place ``upto_seq`` in the order
    of booking; the digest is computed again from the transfers whenever the books are checked. An
    empty programme stands for the accounts that belong to none (computing, own share).
    """

    id = models.BigAutoField(primary_key=True)
    programme = models.CharField(max_length=100, default="")
    month = models.CharField(max_length=7)
    upto_seq = models.BigIntegerField()
    trial_balance_hash = models.CharField(max_length=64)
    closed_at = models.DateTimeField()

    class Meta:
        verbose_name = "账期关闭"
        constraints = [
            models.UniqueConstraint(fields=["programme", "month"], name="period_closed_once")
        ]

    def __str__(self) -> str:
        """Return programme and month."""
        return f"{self.programme} {self.month}"


class RefusedId(models.Model):
    """A journal id that was refused by the state of the books; it stays refused."""

    id = models.UUIDField(primary_key=True)
    code = models.CharField(max_length=40)
    request_hash = models.BinaryField()
    refused_at = models.DateTimeField()

    class Meta:
        verbose_name = "已拒绝编号"

    def __str__(self) -> str:
        """Return the id and why."""
        return f"{self.id} {self.code}"
