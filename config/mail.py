"""Settings of what comes in and goes out: the mail server, the scanner for files, papers."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import environ

from config.environment import EnvironmentReader
from ledger.papers import Papers

SCHEMES = ("smtp", "smtp+tls", "smtps", "smtp+ssl")
FILES = "files"  # for the demonstration: mails are files below VAR_DIR/mail
TIMEOUT_SECONDS = 20


@dataclass(frozen=True)
class Mail:
    """Whether mail is sent at all; without it people are told in their inbox alone."""

    on: bool
    files: Path | None  # where mails lie instead of being sent
    sender: str
    site: str


def read_mail(
    env: EnvironmentReader, var_dir: Path, origin: str, *, demo: bool
) -> tuple[Mail, dict[str, Any]]:
    """Return what the house knows of mail, and Django's settings for it."""
    url = env.text("EMAIL_URL", FILES if demo else "")
    host = urlsplit(origin).hostname or "localhost"
    sender = env.text("EMAIL_FROM", f"noreply@{host}")
    broken = any(not each.isprintable() for each in sender) or "@" not in sender
    env.refuse(broken, f"EMAIL_FROM is {sender!r}: write an address or 名称 <address>")
    found: dict[str, Any] = {
        "DEFAULT_FROM_EMAIL": sender,
        "SERVER_EMAIL": sender,
        "EMAIL_TIMEOUT": TIMEOUT_SECONDS,
    }
    folder = var_dir / "mail" if url == FILES else None
    if folder is not None:
        found["EMAIL_BACKEND"] = "django.core.mail.backends.filebased.EmailBackend"
        found["EMAIL_FILE_PATH"] = str(folder)
    elif url:
        wrong = urlsplit(url).scheme not in SCHEMES or not urlsplit(url).hostname
        env.refuse(wrong, "EMAIL_URL must be smtp://, smtp+tls:// or smtps://USER:PASSWORD@HOST")
        if not wrong:
            plain = url.replace("smtps://", "smtp+ssl://", 1)
            found |= dict(environ.Env.email_url_config(plain))
    return Mail(on=bool(url), files=folder, sender=sender, site=origin.rstrip("/")), found


def read_scanner(env: EnvironmentReader) -> str:
    """Return who looks through files for viruses; ``none`` says that nobody does."""
    scanner = env.text("FILE_SCANNER", "none")
    how, _, where = scanner.partition(":")
    fine = scanner == "none" or (how in {"clamd", "command"} and bool(where))
    env.refuse(not fine, f"FILE_SCANNER is {scanner!r}: none, clamd:SOCKET or command:PROGRAM")
    return scanner


def read_papers(env: EnvironmentReader) -> Papers:
    """Return how printed documents are headed, numbered and signed."""
    signer = env.text("PDF_SIGNER", "file:")
    scheme = signer.partition(":")[0]
    env.refuse(
        signer != "none" and scheme not in {"file", "pkcs11"},
        f"PDF_SIGNER is {signer!r}: none, file:, file:/FOLDER or pkcs11:...",
    )
    return Papers(
        issuer=env.text("PAPER_ISSUER", Papers.issuer),
        mark=env.text("PAPER_MARK", Papers.mark),
        district=env.text("PAPER_DISTRICT", Papers.district),
        copies_to=env.text("PAPER_COPIES_TO", Papers.copies_to),
        official_numbers=env.flag("PAPER_OFFICIAL_NUMBERS", default=False),
        signer=signer,
        lines_at_once=env.number("EXPORT_LINES_AT_ONCE", default=Papers.lines_at_once),
    )
