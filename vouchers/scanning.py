"""Have files looked through for viruses: in quarantine until a scanner says clean.

The scanner is a setting (``FILE_SCANNER``): a clamd socket, a command, or ``none``, which says
plainly that nothing was looked for. A scanner that is down, slow or unclear leaves the file where
it is: in quarantine.
"""

import shlex
import socket
import subprocess
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.db import transaction

from ledger import audit
from ledger.actors import Actor
from vouchers import notices
from vouchers.evidence import path_of
from vouchers.models import Attachment

NONE = "none"
PATIENCE_SECONDS = 60
TOLD_OF_INFECTED = "vouchers.view_cases"
_CHUNK = 1 << 16
_INFECTED = 1  # what clamscan and clamdscan end with


@dataclass(frozen=True)
class Finding:
    """What a scanner said: ``clean``, ``infected`` or, for anything else, ``quarantined``."""

    outcome: str
    words: str = ""


def look_through(path: Path, scanner: str) -> Finding:
    """Ask the scanner about one file."""
    how, _, where = scanner.partition(":")
    try:
        if how == "clamd":
            return _ask_clamd(path, where)
        if how == "command":
            return _ask_command(path, where)
    except (OSError, subprocess.SubprocessError) as fault:
        return Finding(Attachment.Scan.QUARANTINED, type(fault).__name__)
    return Finding(Attachment.Scan.QUARANTINED, "no scanner")


def finding_about(stored_path: str) -> tuple[str, str] | None:
    """Return (outcome, scanner) of a kept file, or nothing while the scanner does not say."""
    finding = look_through(path_of(stored_path), settings.FILE_SCANNER)
    if finding.outcome == Attachment.Scan.QUARANTINED:
        return None
    return str(finding.outcome), settings.FILE_SCANNER.partition(":")[0]


@transaction.atomic
def scan_attachment(attachment: Attachment, *, actor: Actor, at: datetime) -> Attachment:
    """Have one quarantined file looked through; one that is infected is out of the application.

    Writes: the outcome, log entry; messages for the enterprise and the bureau when infected.
    """
    found = Attachment.objects.select_for_update(of=("self",)).select_related(
        "application__enterprise"
    )
    attachment = found.get(pk=attachment.pk)
    if attachment.scan != Attachment.Scan.QUARANTINED:
        return attachment
    finding = finding_about(attachment.stored_path)
    if finding is None:
        return attachment
    (attachment.scan, attachment.scanner), attachment.scanned_at = finding, at
    if attachment.scan == Attachment.Scan.INFECTED:
        attachment.removed_at = attachment.removed_at or at
        _tell_of_infected(attachment, at)
    attachment.save()
    body = {
        "application": attachment.application_id,
        "attachment": attachment.pk,
        "outcome": str(attachment.scan),
        "scanner": attachment.scanner,
    }
    audit.record("application.scan", body, actor=actor, at=at)
    return attachment


def scan_waiting(*, actor: Actor, at: datetime, most: int = 100) -> int:
    """Have every quarantined file looked through; return how many came out. For the worker."""
    waiting = Attachment.objects.filter(scan=Attachment.Scan.QUARANTINED).order_by("attached_at")
    out = 0
    for each in waiting[:most]:
        scanned = scan_attachment(each, actor=actor, at=at)
        if scanned.scan == Attachment.Scan.QUARANTINED:
            break  # the scanner is down: the next would only wait as long
        out += 1
    return out


def held_count(before: datetime) -> int:
    """Return how many files that came before a moment are still in quarantine."""
    held = Attachment.objects.filter(scan=Attachment.Scan.QUARANTINED, attached_at__lt=before)
    return held.count()


def _ask_clamd(path: Path, where: str) -> Finding:
    """Send the bytes to clamd (INSTREAM) and read its one answer."""
    host, _, port = where.rpartition(":")
    kind = socket.AF_INET if host else socket.AF_UNIX
    with socket.socket(kind, socket.SOCK_STREAM) as talk:
        talk.settimeout(PATIENCE_SECONDS)
        talk.connect((host, int(port)) if host else where)
        talk.sendall(b"zINSTREAM\0")
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                talk.sendall(len(chunk).to_bytes(4) + chunk)
        talk.sendall(bytes(4))
        answer = b""
        while not answer.endswith(b"\0") and (more := talk.recv(4096)):
            answer += more
    words = answer.rstrip(b"\0").decode(errors="replace")
    if words == "stream: OK":
        return Finding(Attachment.Scan.CLEAN)
    infected = words.startswith("stream: ") and words.endswith(" FOUND")
    return Finding(Attachment.Scan.INFECTED if infected else Attachment.Scan.QUARANTINED, words)


def _ask_command(path: Path, command: str) -> Finding:
    """Run a command with the file's path behind it: 0 is clean, 1 is infected, as clamscan does."""
    done = subprocess.run(  # noqa: S603 - the operator's own command
        [*shlex.split(command), str(path)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    outcomes = {0: Attachment.Scan.CLEAN, _INFECTED: Attachment.Scan.INFECTED}
    return Finding(outcomes.get(done.returncode, Attachment.Scan.QUARANTINED))


def _tell_of_infected(attachment: Attachment, at: datetime) -> None:
    application = attachment.application
    facts = {
        "application_no": application.application_no or "草稿",
        "file_name": attachment.file_name,
        "enterprise": application.enterprise.name,
    }
    notices.tell_enterprise(application.enterprise, "file_refused", facts, about=application, at=at)
    notices.tell_staff(TOLD_OF_INFECTED, "file_infected", facts, about=application, at=at)
