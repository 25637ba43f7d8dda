"""Time stamping: have an authority stamp the newest checkpoint, and keep its token.

The token is checked before it is kept: the right bytes, the number of our request, a trusted
authority, and a time that is near ours. A dead, slow or wrong authority leaves no row and is
asked again in the next round.
"""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from django.conf import settings

from ledger import models
from ledger.asking import Question, ask_all
from ledger.refusals import Broken
from ledger.sealing import Checkpoint, latest_checkpoint
from ledger.tokens import (
    MAX_TOKEN_BYTES,
    NationalToken,
    Request,
    Stamp,
    Token,
    TokenError,
    digest_of,
    read_roots,
    request_for,
    verify_token,
)

#: The clock of the authority and ours may differ by so much.
APART = timedelta(minutes=10)
_OK = 200

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Stamped:
    """One time stamp, as pages and exports show it.

    Attributes:
        national: signed with SM2; kept as a file and checked with a module of its own, so its
            time is ours and not the authority's.
    """

    size: int
    at: datetime
    tsa: str
    serial: str
    digest: bytes
    token: bytes
    national: bool


def trusted_roots() -> list[x509.Certificate]:
    """Return the certificates of ``LOG_TSA_ROOTS``.

    Raises:
        Broken: the file cannot be read.
    """
    try:
        return read_roots(Path(settings.LOG_TSA_ROOTS).read_bytes())
    except (OSError, TokenError) as error:
        raise Broken(f"LOG_TSA_ROOTS cannot be read: {error}") from error


def stamp_newest(at: datetime) -> Stamped | None:
    """Have the newest checkpoint stamped, once; None when there is nothing to do or no answer.

    Writes: one row with the authority's whole answer.

    Raises:
        Broken: the certificates to trust cannot be read.
    """
    newest = latest_checkpoint()
    if not settings.LOG_TSA_URL or newest is None:
        return None
    if models.TimeStamp.objects.filter(size=newest.size).exists():
        return None
    roots = trusted_roots()
    note = newest.note.encode()
    request = request_for(note)
    question = Question(settings.LOG_TSA_URL, request.body, "application/timestamp-query")
    (reply,) = ask_all([question], most=MAX_TOKEN_BYTES)
    if reply.status != _OK:
        logger.error("no time stamp: %s", reply.fault or f"HTTP {reply.status}")
        return None
    try:
        token = _checked(reply.body, note, request, roots)
    except TokenError as error:
        logger.error("no time stamp: %s", error)  # noqa: TRY400 - what it says is enough
        return None
    if token is not None and abs(token.at - at) > APART:
        logger.critical("the authority says %s, our clock says %s: not kept", token.at, at)
        return None
    return _keep(newest, reply.body, token, at)


def _checked(
    raw: bytes, note: bytes, request: Request, roots: list[x509.Certificate]
) -> Token | None:
    try:
        return verify_token(raw, note, roots, nonce=request.nonce)
    except NationalToken:
        return None


def _keep(newest: Checkpoint, raw: bytes, token: Token | None, at: datetime) -> Stamped:
    digest = digest_of(newest.note.encode())
    row, _ = models.TimeStamp.objects.get_or_create(
        size=newest.size,
        tsa=token.authority if token else settings.LOG_TSA_URL[:300],
        serial=token.serial if token else digest_of(raw).hex(),
        defaults={
            "digest": digest,
            "token": raw,
            "at": token.at if token else at,
            "national": token is None,
        },
    )
    return _stated(row)


def _stated(row: models.TimeStamp) -> Stamped:
    return Stamped(
        size=row.size,
        at=row.at,
        tsa=row.tsa,
        serial=row.serial,
        digest=bytes(row.digest),
        token=bytes(row.token),
        national=row.national,
    )


def stamped(size: int) -> list[Stamped]:
    """Return the time stamps over the checkpoint of a size, earliest first."""
    found = models.TimeStamp.objects.filter(size=size).order_by("at", "id")
    return [_stated(each) for each in found]


def stamps() -> list[Stamp]:
    """Return every size with the time an authority saw it; SM2 tokens are left out."""
    found = models.TimeStamp.objects.filter(national=False).order_by("size", "at")
    return [Stamp(each.size, each.at) for each in found.only("size", "at")]
