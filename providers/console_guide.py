"""Door: the documentation page of a provider, with a key to try and a form that really sends."""

import io
import json
import uuid
from dataclasses import dataclass
from typing import Any

from django.core.handlers.wsgi import WSGIRequest
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path, resolve, reverse
from django.views.decorators.http import require_GET, require_POST

from ledger import clock
from ledger.refusals import Refused
from providers import admitting
from providers.pages_guide import guide_of
from providers.seats import actor_at, provider_member
from providers.wire import CSV, JSON, NDJSON

ENGINEERS = ("provider_admin", "provider_engineer")
SAMPLE_TYPES = (CSV, NDJSON, JSON)
LONGEST_SAMPLE = 20_000
_SHOWN_HEADERS = ("Content-Type", "Location", "Idempotency-Replayed", "Retry-After", "RateLimit")


@dataclass(frozen=True)
class Exchange:
    """One request that was really sent to the interface, and its answer."""

    request: str
    status: int
    response: str
    body: dict[str, Any]


@require_GET
@provider_member()
def guide(request: HttpRequest) -> HttpResponse:
    """Show everything a provider's engineer needs, with the provider's own names filled in."""
    return render(request, "console/guide.html", _context(request))


@require_POST
@provider_member(*ENGINEERS)
def guide_key(request: HttpRequest) -> HttpResponse:
    """Make a test key at once and fill its token into every example."""
    if request.POST.get("make") != "test":
        return redirect("console_guide")
    made = admitting.propose_key(
        request.seat.provider,  # type: ignore[attr-defined]
        "test",
        title="文档页试用",
        actor=actor_at(request),
        at=clock.now(),
    )
    return render(request, "console/guide.html", _context(request, token=made.token))


@require_POST
@provider_member(*ENGINEERS)
def guide_send(request: HttpRequest) -> HttpResponse:
    """Send the sample to the interface under a test key; show request, answer and receipt."""
    token = request.POST.get("token", "").strip()
    sample = request.POST.get("sample", "")[:LONGEST_SAMPLE].replace("\r\n", "\n")
    kind = request.POST.get("kind", CSV)
    if not token.startswith("pk_test_"):
        raise Refused(
            "not_a_test_key", "这里只能用测试令牌（pk_test_ 开头）。请先生成一把测试密钥。"
        )
    headers = {
        "Authorization": f"Bearer {token}",
        "Content-Type": kind if kind in SAMPLE_TYPES else CSV,
        "Idempotency-Key": request.POST.get("key") or str(uuid.uuid4()),
    }
    sent = _exchange(request, "POST", "/api/v1/metering/batches", headers, sample.encode())
    receipt = None
    if sent.body.get("receipt_url"):
        receipt = _exchange(
            request, "GET", sent.body["receipt_url"], {"Authorization": headers["Authorization"]}
        )
    context = _context(request, token=token) | {
        "sample": sample,
        "kind": headers["Content-Type"],
        "exchange": sent,
        "receipt": receipt,
    }
    return render(request, "console/guide.html", context)


def _context(request: HttpRequest, *, token: str = "") -> dict[str, Any]:
    seat = request.seat  # type: ignore[attr-defined]
    return guide_of(seat.provider, at=clock.now(), token=token) | {
        "may_try": seat.role in ENGINEERS,
        "kinds": SAMPLE_TYPES,
        "kind": CSV,
        "key": str(uuid.uuid4()),
        "key_url": reverse("console_guide_key"),
        "send_url": reverse("console_guide_send"),
    }


def _exchange(
    outer: HttpRequest, method: str, address: str, headers: dict[str, str], body: bytes = b""
) -> Exchange:
    """Hand a request to the interface exactly as if it had come over the wire."""
    environ = {
        "REQUEST_METHOD": method,
        "PATH_INFO": address,
        "SERVER_NAME": outer.get_host().partition(":")[0],
        "SERVER_PORT": outer.get_port(),
        "REMOTE_ADDR": outer.META.get("REMOTE_ADDR", ""),
        "wsgi.url_scheme": outer.scheme,
        "wsgi.input": io.BytesIO(body),
        "CONTENT_LENGTH": str(len(body)),
    }
    for name, value in headers.items():
        place = name.upper().replace("-", "_")
        environ[place if place == "CONTENT_TYPE" else f"HTTP_{place}"] = value
    inner = WSGIRequest(environ)
    inner.request_id = getattr(outer, "request_id", "")  # type: ignore[attr-defined]
    found = resolve(address)
    answer = found.func(inner, *found.args, **found.kwargs)
    lines = [f"{method} {address}", *(f"{name}: {value}" for name, value in headers.items())]
    told = [f"HTTP {answer.status_code} {answer.reason_phrase}"]
    told += [f"{name}: {answer[name]}" for name in _SHOWN_HEADERS if answer.has_header(name)]
    said = json.loads(answer.content)
    return Exchange(
        request="\n".join([*lines, "", body.decode()]).rstrip("\n"),
        status=answer.status_code,
        response="\n".join([*told, "", json.dumps(said, ensure_ascii=False, indent=1)]),
        body=said,
    )


urlpatterns = [
    path("guide/", guide, name="console_guide"),
    path("guide/key/", guide_key, name="console_guide_key"),
    path("guide/send/", guide_send, name="console_guide_send"),
]
