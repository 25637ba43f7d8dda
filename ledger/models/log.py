"""The signed log: entries, their leaves, the tiles of the tree, and its checkpoints."""

from typing import Any

from django.db import models
from django.db.models import Func, Q


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
