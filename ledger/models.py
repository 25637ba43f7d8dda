"""The tables of the books and of the log. Only ``ledger`` reads them; nobody changes a row.

Rows are inserted by ``ledger.book``, ``ledger.audit`` and ``ledger.sealing`` alone; the guards
in migration 0002 refuse every update, delete and truncate. A balance row is moved by the
database itself, in the statement that inserts the transfers.
"""

from typing import Any

from django.db import models
from django.db.models import F, Func, Q

from ledger.identifiers import new_id


class Xid8Field(models.BigIntegerField):  # type: ignore[type-arg]
    """The transaction id of PostgreSQL, 64 bits, that never wraps."""

    def db_type(self, connection: Any) -> str:  # noqa: ARG002 - Django's signature
        """Return the column type."""
        return "xid8"


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
        Account, on_delete=models.PROTECT, related_name="+", db_constraint=False
    )
    credit = models.ForeignKey(
        Account, on_delete=models.PROTECT, related_name="+", db_constraint=False
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

    def __str__(self) -> str:
        """Return code and amount."""
        return f"{self.code} {self.amount}"


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


class LogEntryQuerySet(models.QuerySet["LogEntry"]):
    """Questions about log entries."""

    def introduces(self, key_id: str) -> bool:
        """Say whether some entry introduces the key with this id."""
        entries = self.filter(type="key.introduce").values_list("body", flat=True)
        return any(f'"key_id":"{key_id}"'.encode() in bytes(each) for each in entries)


class LogEntry(models.Model):
    """One signed-log entry in its canonical bytes, written in the business transaction."""

    seq = models.BigAutoField(primary_key=True)
    xid = Xid8Field(db_default=Func(function="pg_current_xact_id"), editable=False)
    id = models.UUIDField(unique=True)
    type = models.CharField(max_length=60)
    at = models.DateTimeField()
    journal_seq = models.BigIntegerField(null=True)
    body = models.BinaryField()

    objects = LogEntryQuerySet.as_manager()

    class Meta:
        verbose_name = "日志条目"
        indexes = [
            models.Index(fields=["xid", "seq"], name="log_entry_order"),
            # Journals are most of the log and are found by their id.
            models.Index(
                fields=["type", "seq"], name="log_entry_type", condition=~Q(type="ledger.journal")
            ),
        ]
        permissions = [("inspect_log", "查看与核验签名日志")]

    def __str__(self) -> str:
        """Return type and id."""
        return f"{self.type} {self.id}"


class LogLeaf(models.Model):
    """The place of an entry in the tree, given by the sealer, and its leaf hash."""

    index = models.BigIntegerField(primary_key=True)
    entry = models.OneToOneField(LogEntry, on_delete=models.PROTECT, db_constraint=False)
    hash = models.BinaryField()

    class Meta:
        verbose_name = "日志叶子"

    def __str__(self) -> str:
        """Return the index."""
        return str(self.index)


class LogTile(models.Model):
    """A full tile of 256 hashes, stored once, with the hash of its subtree."""

    id = models.BigAutoField(primary_key=True)
    level = models.SmallIntegerField()
    number = models.BigIntegerField()
    hashes = models.BinaryField()
    root = models.BinaryField()

    class Meta:
        verbose_name = "日志瓦片"
        constraints = [models.UniqueConstraint(fields=["level", "number"], name="tile_place")]

    def __str__(self) -> str:
        """Return level and number."""
        return f"{self.level}/{self.number}"


class Checkpoint(models.Model):
    """A signed statement of the log's size and root."""

    size = models.BigIntegerField(primary_key=True)
    root = models.BinaryField()
    sealed_at = models.DateTimeField()
    key_id = models.CharField(max_length=8)
    note = models.TextField()

    class Meta:
        verbose_name = "检查点"

    def __str__(self) -> str:
        """Return the size."""
        return str(self.size)


class Work(models.Model):
    """A piece of work asked of a worker: the truth about it, whatever became of the bell.

    ``ledger.work`` alone writes these rows. ``fence`` grows with every claim, so a worker that
    lost its claim can no longer write progress or results.
    """

    class State(models.TextChoices):
        """Where a piece of work stands."""

        QUEUED = "queued", "等待办理"
        RUNNING = "running", "正在办理"
        FAILED = "failed", "出错，将再试"
        DONE = "done", "已完成"
        DEAD = "dead", "未办成"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    kind = models.CharField(max_length=50)
    key = models.CharField(max_length=200)
    payload = models.JSONField(default=dict)
    state = models.CharField(max_length=10, choices=State.choices, default=State.QUEUED)
    attempts = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField(null=True)
    lease_until = models.DateTimeField(null=True)
    fence = models.PositiveIntegerField(default=0)
    worker = models.CharField(max_length=100, default="")
    done = models.PositiveBigIntegerField(default=0)
    total = models.PositiveBigIntegerField(default=0)
    message = models.CharField(max_length=200, default="")
    result = models.JSONField(null=True)
    error = models.TextField(default="")
    requested_by = models.JSONField()
    requested_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = "后台任务"
        constraints = [
            models.UniqueConstraint(fields=["kind", "key"], name="work_key"),
            models.CheckConstraint(
                name="work_state_known",
                condition=Q(state__in=["queued", "running", "failed", "done", "dead"]),
            ),
        ]
        indexes = [
            models.Index(
                fields=["id"],
                name="work_open",
                condition=Q(state__in=["queued", "running", "failed"]),
            )
        ]

    def __str__(self) -> str:
        """Return what is asked for."""
        return f"{self.kind} {self.key}"

    @property
    def is_over(self) -> bool:
        """Say whether nothing more will happen by itself."""
        return self.state in {self.State.DONE, self.State.DEAD}
