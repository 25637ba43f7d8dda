"""Files about statements: looked into, kept, scanned, given out; the same care as for evidence."""

from datetime import datetime
from uuid import UUID

from django.db import transaction

from billing.models import Statement, StatementFile
from ledger import audit
from ledger.actors import Actor
from ledger.refusals import Refused
from vouchers.evidence import Upload, keep_upload
from vouchers.scanning import finding_about

MOST_FILES = 5  # at once
MOST_OF_STATEMENT = 60
Kind = StatementFile.Kind


@transaction.atomic
def keep_files(
    statement: Statement,
    kind: str,
    about_id: UUID,
    uploads: list[Upload],
    *,
    actor: Actor,
    at: datetime,
) -> list[StatementFile]:
    """Look into files and keep them in quarantine until a scanner has seen them.

    Args:
        kind: of ``StatementFile.Kind``.
        about_id: the objection, proof or claim they belong to.

    Writes: files under random names, one row each, one log entry each with the digest.

    Raises:
        Refused: too many, of another type, locked, active, broken (``vouchers.evidence``).
    """
    if len(uploads) > MOST_FILES:
        raise Refused("too_many_files", f"一次最多上传 {MOST_FILES} 个文件。", field="file")
    if statement.files.count() + len(uploads) > MOST_OF_STATEMENT:
        raise Refused(
            "too_many_files",
            f"这份对账单最多可附 {MOST_OF_STATEMENT} 个文件，请合并后上传。",
            field="file",
        )
    return [_keep(statement, kind, about_id, each, actor, at) for each in uploads]


def _keep(
    statement: Statement, kind: str, about_id: UUID, upload: Upload, actor: Actor, at: datetime
) -> StatementFile:
    kept = StatementFile.objects.create(
        statement=statement,
        kind=kind,
        about_id=about_id,
        attached_at=at,
        attached_by=actor.name,
        **keep_upload(upload, at),
    )
    body = {
        "statement": statement.pk,
        "file": kept.pk,
        "kind": str(kind),
        "about": about_id,
        "sha256": kept.sha256,
    }
    audit.record("statement.attach", body, actor=actor, at=at)
    return kept


def scan_papers(*, actor: Actor, at: datetime) -> int:
    """Have every file in quarantine looked through; return how many came out."""
    waiting = StatementFile.objects.filter(scan="quarantined").order_by("attached_at")[:50]
    return sum(_scan(each, actor, at) for each in waiting)


def _scan(file: StatementFile, actor: Actor, at: datetime) -> bool:
    found = finding_about(file.stored_path)
    if found:
        _settle(file, *found, actor, at)
    return bool(found)


@transaction.atomic
def _settle(file: StatementFile, outcome: str, scanner: str, actor: Actor, at: datetime) -> None:
    file = StatementFile.objects.select_for_update(of=("self",)).get(pk=file.pk)
    if file.scan != StatementFile.Scan.QUARANTINED:
        return
    file.scan, file.scanner, file.scanned_at = outcome, scanner, at
    file.save()
    body = {
        "statement": file.statement_id,
        "file": file.pk,
        "outcome": outcome,
        "scanner": scanner,
    }
    audit.record("statement.scan", body, actor=actor, at=at)


def files_about(pks: list[UUID]) -> dict[UUID, list[StatementFile]]:
    """Return files by the thing they belong to."""
    found: dict[UUID, list[StatementFile]] = {}
    for each in StatementFile.objects.filter(about_id__in=pks):
        found.setdefault(each.about_id, []).append(each)
    return found


def readable(statement: Statement, pk: UUID, side: str) -> StatementFile | None:
    """Return a file of a statement that one side, or the bureau (``""``), may read."""
    found = statement.files.filter(pk=pk)
    if side == "provider":
        found = found.filter(kind=Kind.OBJECTION)
    elif side:
        found = found.filter(kind__in=[Kind.OBJECTION, Kind.CLAIM])
    file: StatementFile | None = found.first()
    return file
