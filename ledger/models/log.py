"""The signed log: entries, their leaves, the tiles of the tree, and its checkpoints."""

from typing import Any, Self

from django.db import models
from django.db.models import Func, Q

from ledger.suites import SHA256, Suite


class Xid8Field(models.BigIntegerField):  # type: ignore[type-arg]
    """The transaction id of PostgreSQL, 64 bits, that never wraps."""

    def db_type(self, connection: Any) -> str:  # noqa: ARG002 - Django's signature
        """Return the column type."""
        return "xid8"


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
        permissions = [
            ("inspect_log", "查看与核验签名日志"),
            ("change_log_key", "更换日志签名密钥"),
        ]

    def __str__(self) -> str:
        """Return type and id."""
        return f"{self.type} {self.id}"


class LogLeaf(models.Model):
    """The place of an entry in both trees, given by the sealer, and its leaf hashes.

    ``sm3`` is empty where a leaf was sealed before the log had a second tree; it is hashed from
    the entry again wherever it is needed, for no row is ever filled in later.
    """

    index = models.BigIntegerField(primary_key=True)
    entry = models.OneToOneField(LogEntry, on_delete=models.PROTECT, db_constraint=False)
    hash = models.BinaryField()
    sm3 = models.BinaryField(null=True)

    class Meta:
        verbose_name = "日志叶子"

    def __str__(self) -> str:
        """Return the index."""
        return str(self.index)


class LogTile(models.Model):
    """A full tile of 256 hashes of one tree, stored once, with the hash of its subtree."""

    id = models.BigAutoField(primary_key=True)
    suite = models.CharField(max_length=10, default=SHA256.name, db_default=SHA256.name)
    level = models.SmallIntegerField()
    number = models.BigIntegerField()
    hashes = models.BinaryField()
    root = models.BinaryField()

    class Meta:
        verbose_name = "日志瓦片"
        constraints = [
            models.UniqueConstraint(fields=["suite", "level", "number"], name="tile_of_suite")
        ]

    def __str__(self) -> str:
        """Return suite, level and number."""
        return f"{self.suite} {self.level}/{self.number}"


class CheckpointQuerySet(models.QuerySet["Checkpoint"]):
    """Questions about checkpoints."""

    def of(self, suite: Suite) -> Self:
        """Return the checkpoints of one of the two trees."""
        return self.filter(suite=suite.name)


class Checkpoint(models.Model):
    """A signed statement of the size and root of one of the log's two trees."""

    id = models.BigAutoField(primary_key=True)
    suite = models.CharField(max_length=10, default=SHA256.name, db_default=SHA256.name)
    size = models.BigIntegerField()
    root = models.BinaryField()
    sealed_at = models.DateTimeField()
    key_id = models.CharField(max_length=8)
    note = models.TextField()

    objects = CheckpointQuerySet.as_manager()

    class Meta:
        verbose_name = "检查点"
        constraints = [
            models.UniqueConstraint(fields=["suite", "size"], name="checkpoint_of_suite")
        ]

    def __str__(self) -> str:
        """Return suite and size."""
        return f"{self.suite} {self.size}"


class Promise(models.Model):
    """What the log promised about an entry before it was sealed: signed, and kept for ever."""

    # No foreign key: should the entry vanish, its promise is what tells.
    entry_id = models.UUIDField(primary_key=True)
    leaf_hash = models.BinaryField()
    promised_at = models.DateTimeField()
    due_at = models.DateTimeField()
    note = models.TextField()

    class Meta:
        verbose_name = "写入承诺"
        indexes = [models.Index(fields=["due_at"], name="promise_due")]

    def __str__(self) -> str:
        """Return the entry and until when it must be in."""
        return f"{self.entry_id} until {self.due_at}"


class EntryReference(models.Model):
    """A word under which a sealed entry is found; drawn from the entries, never a source.

    Rows are added behind the sealer (``ledger.references``), so posting and sealing pay nothing
    for search.
    """

    pk = models.CompositePrimaryKey("reference", "index")
    reference = models.CharField(max_length=140)
    index = models.BigIntegerField()

    class Meta:
        verbose_name = "条目索引"
        indexes = [models.Index(fields=["index"], name="entry_reference_index")]

    def __str__(self) -> str:
        """Return the word and the place."""
        return f"{self.reference} -> {self.index}"
