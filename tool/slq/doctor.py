"""Look after what makes uploads fail: files, address, TLS, clock, token, signature.

Nothing is stored anywhere.
"""

import uuid
from dataclasses import dataclass
from pathlib import Path

import httpx

from slq.client import Answer, MeteringClient
from slq.outcomes import Exit, Stopped
from slq.sending import NO_ENTRY, clock_offset, sentence
from slq.settings import LIVE, Account, config_path, connect
from slq.signatures import MOST_SKEW
from slq.words import Speech

_OTHERS = 0o077
_OK, _SERVER_FAULT = 200, 500
_PROBE = (
    b"record_id,order_no,device_model,device_count,started_at,ended_at\n"
    b"doctor,TEST-OK,nvidia-a100,0,2026-01-01T00:00:00+08:00,2026-01-01T00:00:00+08:00\n"
)


@dataclass(frozen=True)
class Finding:
    """One thing looked at."""

    what: str
    fine: bool
    detail: str
    code: Exit = Exit.OK


def examine(account: Account, speech: Speech) -> list[Finding]:
    """Return what was found, in the order in which it should be mended."""
    found = [*_files(account, speech)]
    try:
        client = connect(account, speech)
    except Stopped as stopped:
        return [*found, Finding(speech("key"), False, str(stopped), stopped.code)]
    with client:
        try:
            return found + _service(client, speech)
        except (httpx.TransportError, ValueError) as error:
            return [*found, _unreached(account, error, speech)]


def _unreached(account: Account, error: Exception, speech: Speech) -> Finding:
    """Say whether nobody answers, or somebody whose certificate does not hold."""
    if "CERTIFICATE" in str(error).upper() or "SSL" in str(error).upper():
        return Finding(speech("tls"), False, speech("tls_bad", why=error), Exit.AUTH)
    detail = f"{account.endpoint}: {type(error).__name__} {error}"
    return Finding(speech("endpoint"), False, detail, Exit.LATER)


def _files(account: Account, speech: Speech) -> list[Finding]:
    found = [_private(config_path(), speech("config"), speech)]
    if account.key_file:
        found.append(_private(Path(account.key_file), speech("key"), speech))
    else:
        needed = account.mode == LIVE
        word = "live_needs_key" if needed else "key_none"
        code = Exit.USAGE if needed else Exit.OK
        found.append(Finding(speech("key"), not needed, speech(word), code))
    count = len(account.vkeys.split())
    detail = speech("vkeys_pinned", count=count) if count else speech("no_vkey")
    return [*found, Finding(speech("receipt_key"), bool(count), detail)]


def _private(path: Path, what: str, speech: Speech) -> Finding:
    if path.exists() and path.stat().st_mode & _OTHERS:
        return Finding(what, False, speech("config_open", path=path), Exit.USAGE)
    return Finding(what, True, str(path))


def _service(client: MeteringClient, speech: Speech) -> list[Finding]:
    limits = client.get("/api/v1/metering/limits")
    if limits.status != _OK:
        code = Exit.LATER if limits.status >= _SERVER_FAULT else Exit.USAGE
        return [Finding(speech("endpoint"), False, sentence(limits), code)]
    token = client.status(str(uuid.UUID(int=0)))
    checks: list[Finding] = [
        Finding(speech("endpoint"), True, client.public_origin),
        Finding(speech("tls"), True, _tls(client.public_origin, speech)),
        _clock(limits, speech),
        _entry(speech("token"), token, speech),
    ]
    if checks[-1].fine:
        probe = client.upload(_PROBE, "text/csv", idempotency_key=str(uuid.uuid4()), dry_run=True)
        checks.append(_entry(speech("signature"), probe, speech))
    names = {"rows": "sync_rows", "bytes": "sync_bytes", "most_rows": "most_rows"}
    told = {name: limits.body.get(key, "?") for name, key in names.items()}
    return [*checks, Finding(speech("limits"), True, speech("limits_are", **told))]


def _tls(origin: str, speech: Speech) -> str:
    return speech("fine" if origin.startswith("https://") else "tls_plain")


def _clock(answer: Answer, speech: Speech) -> Finding:
    offset = clock_offset(answer)
    if offset is None:
        return Finding(speech("clock"), True, speech("clock_unknown"))
    most = int(MOST_SKEW.total_seconds())
    detail = speech("clock_offset", seconds=offset, most=most)
    fine = abs(offset) <= most
    return Finding(speech("clock"), fine, detail, Exit.OK if fine else Exit.AUTH)


def _entry(what: str, answer: Answer, speech: Speech) -> Finding:
    if answer.status in NO_ENTRY:
        return Finding(what, False, sentence(answer), Exit.AUTH)
    if answer.status >= _SERVER_FAULT:
        return Finding(what, False, sentence(answer), Exit.LATER)
    return Finding(what, True, speech("fine"))
