"""How the interface answers: JSON, problems in two languages, a batch under its fixed names."""

import json
from datetime import UTC
from typing import Any

from django.http import HttpRequest, HttpResponse

from providers import metering
from providers.models import UsageBatch
from providers.problems import CATALOGUE
from providers.receipts import told

PROBLEM_TYPE = "application/problem+json"
RETRY_SECONDS = "2"
_CREATED, _PARTIAL, _LATER, _UNAUTHENTICATED = 201, 207, 202, 401


def language_of(request: HttpRequest) -> str:
    """Return ``en`` when English is asked for first, else ``zh``."""
    return "en" if request.headers.get("Accept-Language", "").lower().startswith("en") else "zh"


def answer(body: Any, status: int = 200, headers: dict[str, str] | None = None) -> HttpResponse:
    """Return a JSON answer."""
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return HttpResponse(text, status=status, content_type="application/json", headers=headers)


def problem(
    request: HttpRequest, code: str, *, detail: str = "", status: int = 0, **more: Any
) -> HttpResponse:
    """Return a problem of the catalogue, in the caller's language."""
    entry, language = CATALOGUE[code], language_of(request)
    number = getattr(request, "request_id", "")
    body = {
        "type": f"/api/v1/problems/{code}",
        "title": entry.title(language),
        "status": status or entry.status,
        "code": code,
        "detail": (detail if language == "zh" else "") or entry.title(language),
        "hint": entry.hint(language),
        "instance": request.path,
        "request_id": number,
        **more,
    }
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    response = HttpResponse(text, status=body["status"], content_type=PROBLEM_TYPE)
    if body["status"] == 401:
        response["WWW-Authenticate"] = 'Bearer realm="metering"'
    return response


def batch_body(batch: UsageBatch) -> dict[str, Any]:
    """Return a batch under the fixed names."""
    here = f"/api/v1/metering/batches/{batch.pk}"
    progress = metering.progress_of(batch)
    return {
        "batch_id": str(batch.pk),
        "status": batch.status,
        "livemode": batch.livemode,
        "counts": batch.counts,
        "device_milli_seconds": str(batch.device_milli_seconds),
        "pflops_hours": f"{batch.pflops_hours:.6f}",
        "rated": batch.rated or {"gross_fen": "0", "orders": []},
        "received_at": batch.received_at.astimezone(UTC).isoformat(),
        "body_sha256": batch.body_sha256,
        "refused_code": batch.refused_code,
        "receipt_url": f"{here}/receipt",
        "results_url": f"{here}/results",
        "errors_url": f"{here}/errors.csv",
    } | ({"progress": progress} if progress else {})


def batch_response(request: HttpRequest, batch: UsageBatch, *, replayed: bool) -> HttpResponse:
    """Answer an upload: taken, taken in part, to be done, or refused with every error."""
    if batch.status == UsageBatch.Status.REJECTED:
        response = _refusal_response(request, batch)
    else:
        body = batch_body(batch)
        status = {"processing": _LATER, "partial": _PARTIAL}.get(batch.status, _CREATED)
        if batch.status == UsageBatch.Status.PARTIAL:
            body |= listed_faults(request, batch)
        response = answer(body, status, {"Location": f"/api/v1/metering/batches/{batch.pk}"})
        if batch.status == UsageBatch.Status.PROCESSING:
            response["Retry-After"] = RETRY_SECONDS
    if replayed:
        response["Idempotency-Replayed"] = "true"
    return response


def listed_faults(request: HttpRequest, batch: UsageBatch) -> dict[str, Any]:
    """Return the first faults in words, and how many rows have some."""
    language = language_of(request)
    rows = batch.left_out.exclude(outcome="duplicate").order_by("row_no", "id")
    faults = [
        told(row.row_no, fault, language)
        for row in rows[: metering.MOST_FAULTS_SHOWN]
        for fault in row.faults
    ]
    return {"error_rows": rows.count(), "errors": faults[: metering.MOST_FAULTS_SHOWN]}


def _refusal_response(request: HttpRequest, batch: UsageBatch) -> HttpResponse:
    code = batch.refused_code or "batch_refused"
    return problem(
        request,
        code if code in CATALOGUE else "batch_refused",
        batch_id=str(batch.pk),
        counts=batch.counts,
        errors_url=f"/api/v1/metering/batches/{batch.pk}/errors.csv",
        **listed_faults(request, batch),
    )
