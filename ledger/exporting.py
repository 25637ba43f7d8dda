"""Write the sealed log into one file that anybody can check offline."""

from collections.abc import Iterator
from pathlib import Path
from typing import IO

import psycopg
from django.conf import settings
from django.db import connection, transaction
from django.db.models import QuerySet

from ledger import models
from ledger.bundles import FIRST_LINE, Manifest, entry_line, heads_line, note_line
from ledger.keys import key_history
from ledger.refusals import Refused
from ledger.sealing import latest_checkpoint
from ledger.suites import SHA256, Suite

_SEALED = """
SELECT l.hash, e.body FROM ledger_logleaf l JOIN ledger_logentry e ON e.seq = l.entry_id
WHERE l.index < %s ORDER BY l.index
"""
_ROWS_AT_ONCE = 2_000


def export_log(path: Path) -> Manifest:
    """Write everything sealed so far as a bundle.

    The file appears under its name only when it is complete.

    Raises:
        Refused: nothing is sealed yet.
    """
    fresh = path.with_name(path.name + ".part")
    with transaction.atomic():
        manifest = _manifest()
        with fresh.open("wb") as file:
            _write(file, manifest)
    fresh.replace(path)
    return manifest


def _manifest() -> Manifest:
    newest = latest_checkpoint()
    if newest is None:
        raise Refused("nothing_sealed", "日志还没有检查点，暂时没有可导出的内容。")
    return Manifest(
        origin=settings.LOG_ORIGIN,
        entries=newest.size,
        checkpoints=_signed(SHA256, newest.size).count(),
        keys=tuple(_keys_that_signed(SHA256, newest.size)),
        root=newest.root_hex,
    )


def _signed(suite: Suite, size: int) -> QuerySet[models.Checkpoint]:
    return models.Checkpoint.objects.of(suite).filter(size__lte=size)


def _keys_that_signed(suite: Suite, size: int) -> list[str]:
    """Return the keys whose lines the checkpoints of a tree up to a size bear, oldest first."""
    signed = _signed(suite, size)
    return [
        each.key.text
        for each in key_history().spans
        if each.suite == suite.name
        and signed.filter(size__gte=each.first, size__lte=each.last or size).exists()
    ]


def export_heads(path: Path, suite: Suite, size: int) -> list[str]:
    """Write the checkpoints of a tree up to a size, and return the keys that signed them.

    Without a checkpoint nothing is written.
    """
    signed = _signed(suite, size)
    count = signed.count()
    if not count:
        return []
    with path.open("wb") as file:
        file.write(heads_line(count, settings.LOG_ORIGIN))
        for note in signed.order_by("size").values_list("note", flat=True).iterator():
            file.write(note_line(note))
    return _keys_that_signed(suite, size)


def _write(file: IO[bytes], manifest: Manifest) -> None:
    file.write(FIRST_LINE)
    file.write(manifest.encoded())
    notes = _signed(SHA256, manifest.entries).order_by("size")
    for note in notes.values_list("note", flat=True).iterator():
        file.write(note_line(note))
    for leaf, body in _entries(manifest.entries):
        file.write(entry_line(leaf, body))


def _entries(size: int) -> Iterator[tuple[bytes, bytes]]:
    with psycopg.ServerCursor(connection.connection, "export_log") as cursor:
        cursor.itersize = _ROWS_AT_ONCE
        cursor.execute(_SEALED, (size,))
        for leaf, body in cursor:
            yield bytes(leaf), bytes(body)
