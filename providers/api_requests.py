"""What every request to the interface goes through: who it is, whether it is whole, how it ends.

Every answer but a file is JSON; every refusal is a problem (RFC 9457) whose ``type`` leads to the
catalogue. The language follows Accept-Language.
"""

import hashlib
import hmac
import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import msgspec
from django.conf import settings
from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.http import Http404, HttpRequest, HttpResponse, UnreadablePostError
from rest_framework.exceptions import MethodNotAllowed
from rest_framework.views import APIView

from ledger import clock
from ledger.actors import Actor
from ledger.refusals import Refused
from providers import metering
from providers.api_answers import language_of, problem
from providers.api_limits import check_use, tell_standing
from providers.bodies import Body, discarding, pieces_of, receive_body
from providers.key_forms import pinned
from providers.models import Provider, ProviderKey, UsageBatch, UsageRecord
from providers.problems import CATALOGUE
from providers.receipts import told
from providers.signatures import Hashes, SignatureRefused, Signed, SignedRequest, check_signature
from providers.uploads import claim_nonce, fault_in
from providers.wire import CONTENT_TYPES, LARGEST_BODY, MOST_ROWS

logger = logging.getLogger("providers.api")
_KEY = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_BEARER = re.compile(r"Bearer ([A-Za-z0-9_.\-]{20,200})")
_CHARSET = re.compile(r'charset="?utf-8"?', re.IGNORECASE)
_DIGEST = re.compile(r"[0-9a-f]{64}")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
EARLIEST_DAY = date(2000, 1, 1)  # nobody metered accelerators before
_ENCODINGS = frozenset({"", "identity", "gzip"})


@dataclass(frozen=True)
class Caller:
    """The provider key that speaks, and what its signature says (if it signed)."""

    key: ProviderKey
    signed: Signed | None = None

    @property
    def provider(self) -> Provider:
        """Return whom the key belongs to; never taken from the body."""
        return self.key.provider

    @property
    def actor(self) -> Actor:
        """Return the key as an actor."""
        return Actor(
            kind="provider_key",
            id=self.key.key_id,
            name=f"{self.provider.name}（{self.key.title or self.key.key_id}）",
            role="provider",
        )


class MeteringView(APIView):
    """A view of the interface: JSON in whatever Accept says, problems for every fault."""

    authentication_classes: list[Any] = []
    permission_classes: list[Any] = []

    def perform_authentication(self, request: Any) -> None:
        """Leave the session's person alone: machines are known by their key, in each view."""

    def perform_content_negotiation(self, request: Any, force: bool = False) -> Any:
        """Always answer JSON; what a client says it accepts cannot make us fail."""
        del request, force
        return self.get_renderers()[0], "application/json"

    def finalize_response(self, request: Any, response: Any, *args: Any, **kwargs: Any) -> Any:
        """Tell every caller how it stands against its limits."""
        tell_standing(self.request._request, response)
        return super().finalize_response(request, response, *args, **kwargs)

    def handle_exception(self, exc: Exception) -> HttpResponse:  # type: ignore[override]
        """Turn every fault into a problem; what is ours is logged and told without detail."""
        request: HttpRequest = self.request._request
        if isinstance(exc, Refused):
            code = exc.code if exc.code in CATALOGUE else "conflict"
            fault, errors = fault_in(exc), [exc.details] if exc.details else []
            if fault:
                errors = [exc.details | told(fault["row"], fault, language_of(request))]
            return problem(request, code, detail=exc.message, errors=errors)
        if isinstance(exc, SignatureRefused):
            logger.warning("signature refused: %s (%s)", exc.code, exc)
            return problem(request, exc.code)
        known = _code_of(exc)
        if known:
            answer = problem(request, known)
            if isinstance(exc, MethodNotAllowed):
                answer["Allow"] = ", ".join(self.allowed_methods)
            return answer
        logger.exception("the interface failed")
        return problem(request, "internal_error")


def _code_of(fault: Exception) -> str:
    """Name faults of the framework in the words of the catalogue."""
    kinds: tuple[tuple[type[Exception], str], ...] = (
        (Http404, "not_found"),
        (MethodNotAllowed, "method_not_allowed"),
        (RequestDataTooBig, "too_large"),
        (UnreadablePostError, "length_mismatch"),
        (SuspiciousOperation, "invalid_parameter"),
    )
    return next((code for kind, code in kinds if isinstance(fault, kind)), "")


def identify(request: HttpRequest) -> ProviderKey:
    """Return the key that the bearer token names.

    Raises:
        Refused: no token, unknown, revoked, or not valid now.
    """
    given = request.headers.get("Authorization", "")
    match = _BEARER.fullmatch(given)
    if not match:
        raise _refused("authentication_missing" if not given else "key_unknown")
    token = match[1]
    key_id = token.partition(".")[0]
    key = ProviderKey.objects.select_related("provider").filter(key_id=key_id).first()
    digest = hashlib.sha256(token.encode()).hexdigest()
    if key is None or not hmac.compare_digest(key.token_digest, digest):
        raise _refused("key_unknown")
    if key.state == ProviderKey.State.REVOKED:
        raise _refused("key_revoked")
    if not key.is_valid_at(clock.now()):
        raise _refused("key_not_valid")
    check_use(request, key)
    return key


def declared_length(request: HttpRequest) -> int:
    """Return how long the body says it is; without saying so, or too long, it is refused."""
    declared = request.headers.get("Content-Length", "")
    if not declared and "Transfer-Encoding" in request.headers:
        raise _refused("length_required")
    declared = declared or "0"
    if not (declared.isascii() and declared.isdigit() and len(declared) < 19):
        raise _refused("length_mismatch")
    if int(declared) > LARGEST_BODY:
        raise _refused("too_large")
    return int(declared)


def read_body(request: HttpRequest) -> bytes:
    """Return a small body whole; one that is shorter than declared or too large is refused."""
    declared = declared_length(request)
    body: bytes = request.body
    if len(body) != declared:
        raise _refused("length_mismatch")
    return body


def stream_body(request: HttpRequest) -> Body:
    """Write the body to a file while it comes in; one cut short leaves nothing behind."""
    declared = declared_length(request)
    algorithms = {"sha-512"} if "sha-512" in request.headers.get("Content-Digest", "") else set()
    body = receive_body(pieces_of(request), algorithms)
    if body.size != declared:
        body.discard()
        raise _refused("length_mismatch")
    return body


def content_type_of(request: HttpRequest, allowed: tuple[str, ...] = CONTENT_TYPES) -> str:
    """Return the plain content type; any charset but UTF-8 and any other type is refused."""
    kind, _, parameters = request.headers.get("Content-Type", "").partition(";")
    kind = kind.strip().lower()
    said = [each.strip() for each in parameters.split(";") if each.strip()]
    strange = [
        each
        for each in said
        if not _CHARSET.fullmatch(each) and each.lower() not in ("header=present",)
    ]
    if kind not in allowed or strange:
        raise _refused("unsupported_media_type")
    if request.headers.get("Content-Encoding", "").strip().lower() not in _ENCODINGS:
        raise _refused("unsupported_encoding")
    return kind


def idempotency_key_of(request: HttpRequest) -> UUID:
    """Return the Idempotency-Key: a UUID in its one canonical spelling."""
    given = request.headers.get("Idempotency-Key", "")
    if not given:
        raise _refused("idempotency_key_missing")
    if not _KEY.fullmatch(given):
        raise _refused("idempotency_key_format")
    return UUID(given)


def authenticate(request: HttpRequest, body: bytes | Hashes) -> Caller:
    """Check key and signature of a POST; a test key may go unsigned.

    Freshness is judged by real time, whatever moment the house is told to be at.

    Raises:
        Refused, SignatureRefused: who sent this is not shown.
    """
    key = identify(request)
    unsigned = "Signature" not in request.headers and "Signature-Input" not in request.headers
    if unsigned and not key.livemode:
        return Caller(key)
    if not key.public_key:
        raise SignatureRefused("signature_invalid", "no public key on file")
    signed = check_signature(
        SignedRequest(
            method=request.method or "",
            url=settings.PUBLIC_ORIGIN + request.get_full_path(),
            headers=dict(request.headers.items()),
        ),
        body,
        key=pinned(key.key_id, key.algorithm, key.public_key),
        now=datetime.now(UTC),
    )
    return Caller(key, signed)


def control_total(request: HttpRequest, header: str) -> int | None:
    """Return a control total, if one is declared."""
    given = request.headers.get(header)
    if given is None:
        return None
    if not (given.isascii() and given.isdigit() and len(given) <= 18):
        raise _refused("control_total_format")
    return int(given)


def only_asked(request: HttpRequest, *names: str) -> None:
    """Refuse a query parameter that nobody knows, or one that comes twice: it may be a typo."""
    for name, given in request.GET.lists():
        if name not in names or len(given) > 1:
            raise Refused(
                "invalid_parameter",
                f"参数 {name[:50]} 不可用或给了多次。可用的参数：{'、'.join(names)}，各一次。",
                details={"parameter": name[:50], "value": given[-1][:100]},
            )


def choice(request: HttpRequest, name: str, allowed: tuple[str, ...]) -> str:
    """Return a query parameter that must be one of some words; the first is the default."""
    given = request.GET.getlist(name)
    if not given:
        return allowed[0]
    if len(given) != 1 or given[0] not in allowed:
        raise Refused(
            "invalid_parameter",
            f"参数 {name} 只能是 {'、'.join(word or '（空）' for word in allowed)}。",
            details={"parameter": name, "value": given[-1][:100]},
        )
    return given[0]


def whole_number(request: HttpRequest, name: str, default: int, most: int) -> int:
    """Return a query parameter that must be a number from 0 to ``most``."""
    asked = request.GET.getlist(name)
    if not asked:
        return default
    given = asked[0] if len(asked) == 1 else "、".join(asked)
    if not (given.isascii() and given.isdigit()) or len(given) > 12 or int(given) > most:
        raise Refused(
            "invalid_parameter",
            f"参数 {name} 应为 0 至 {most} 的整数。",
            details={"parameter": name, "value": given[:100]},
        )
    return int(given)


def _refused(code: str) -> Refused:
    return Refused(code, CATALOGUE[code].zh)


@contextmanager
def receiving(request: HttpRequest) -> Iterator[tuple[Caller, metering.Upload]]:
    """Take in and authenticate an upload; its bytes go at the end unless a batch keeps them."""
    identify(request)
    content_type = content_type_of(request)
    on_error = choice(request, "on_error", ("reject_batch", "accept_valid"))
    with discarding(stream_body(request)) as body:
        upload = metering.Upload(
            body,
            content_type,
            on_error=on_error,
            content_encoding=_encoding(request),
            hold_reason=_hold_of(request),
            expected_rows=control_total(request, "Batch-Row-Count"),
            expected_device_milli_seconds=control_total(request, "Batch-Device-Milli-Seconds"),
            sequence=control_total(request, "Batch-Sequence"),
            signature_input=request.headers.get("Signature-Input", ""),
            signature=request.headers.get("Signature", ""),
        )
        caller = authenticate(request, body.hashes)
        if caller.signed is not None:
            upload = replace(upload, signed_components=dict(caller.signed.components))
        yield caller, upload


def _encoding(request: HttpRequest) -> str:
    return request.headers.get("Content-Encoding", "").strip().lower()


def _hold_of(request: HttpRequest) -> str:
    """Return why the sender itself wants its rows to wait: a suspected repeat, or nothing."""
    given = request.headers.get("Batch-Hold", "")
    if given not in ("", UsageRecord.HoldReason.SUSPECT_REPEAT):
        raise Refused(
            "invalid_parameter",
            "Batch-Hold 只能是 suspect_repeat。",
            details={"parameter": "Batch-Hold", "value": given[:100]},
        )
    return given


def receive_object(request: HttpRequest, allowed: set[str]) -> tuple[Caller, dict[str, Any]]:
    """Read and authenticate a small JSON object."""
    identify(request)
    idempotency_key_of(request)
    content_type_of(request, ("application/json",))
    body = read_body(request)
    caller = authenticate(request, body)
    try:
        said = msgspec.json.decode(body, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refused("malformed_json", CATALOGUE["malformed_json"].zh) from error
    strange = sorted(set(said) - allowed)
    if strange:
        raise Refused(
            "invalid_parameter",
            f"未知字段 {strange[0][:50]!r}。",
            details={"parameter": strange[0][:50]},
        )
    return caller, said


def day_in(body: dict[str, Any]) -> date:
    """Return the day that a body names."""
    given = body.get("day")
    if isinstance(given, str) and _DAY.fullmatch(given):
        with suppress(ValueError):
            day = date.fromisoformat(given)
            if day >= EARLIEST_DAY:
                return day
    raise Refused(
        "invalid_parameter",
        "day 应写成 2026-11-20 这样的日期，不早于 2000 年。",
        details={"parameter": "day", "value": str(given)[:50]},
    )


def manifest_parts(body: dict[str, Any]) -> tuple[int, dict[str, str], str]:
    """Return count, sums and digest of a manifest, strictly typed."""
    count, sums, digest = body.get("record_count"), body.get("sums", {}), body.get("ids_digest")
    sound = (
        type(count) is int
        and 0 <= count <= MOST_ROWS * 100
        and isinstance(digest, str)
        and _DIGEST.fullmatch(digest)
        and isinstance(sums, dict)
        and all(type(use) is str and use.isascii() and use.isdigit() for use in sums.values())
    )
    if not sound:
        raise Refused(
            "invalid_parameter",
            "清单应含整数 record_count、以文本整数写的 sums 和 64 位十六进制 ids_digest。",
        )
    return int(str(count)), sums, str(digest)


def use_nonce(caller: Caller) -> None:
    """Use up the nonce of a signed request, in the transaction of what it does."""
    if caller.signed is not None:
        claim_nonce(caller.key, caller.signed.nonce, now=datetime.now(UTC))


def batch_of(request: HttpRequest, batch_id: UUID) -> UsageBatch:
    """Return a batch of the caller's own, else nothing is there."""
    key = identify(request)
    batch = key.provider.batches.filter(pk=batch_id, livemode=key.livemode).first()
    if batch is None:
        raise Http404
    return batch
