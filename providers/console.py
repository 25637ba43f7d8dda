"""Door: a provider's own desk for usage: overview, upload with preview, batches, records."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from ledger import clock
from ledger.identifiers import new_id
from ledger.refusals import Refused
from ledger.rights import actor_of, signed_in
from providers import admitting, metering, pages, pages_console
from providers.bodies import body_path, discarding, kept_body, pieces_of, receive_body
from providers.forms import ProviderForm, UploadForm
from providers.models import Provider, UsageBatch
from providers.receipts import errors_csv, told
from providers.seats import actor_at, provider_member

REFUSED = 409
INVALID = 422
FAULTS_SHOWN = 50
SALT = "console upload"
TICKET_SECONDS = 86_400
ENGINEERS = ("provider_admin", "provider_engineer")


@require_GET
@provider_member()
def overview(request: HttpRequest) -> HttpResponse:
    """Show this month's use, what waits, and thirty days of reports."""
    provider = _provider(request)
    context = pages.overview(provider, clock.now()) | {"provider": provider}
    return render(request, "console/overview.html", context)


@signed_in
@require_http_methods(["GET", "POST"])
def apply(request: HttpRequest) -> HttpResponse:
    """Ask for admission as a provider."""
    form, status = ProviderForm(request.POST or None), 200
    if request.method == "POST":
        status = INVALID
        if form.is_valid():
            try:
                admitting.apply_provider(
                    **form.cleaned_data,
                    user=request.user,
                    actor=actor_of(request, "provider_admin"),
                    at=clock.now(),
                )
            except Refused as refused:
                _put(form, refused)
                status = REFUSED
            else:
                messages.success(request, "入库申请已提交，等待区数据局审核。")
                return redirect("console")
    return render(request, "console/apply.html", {"form": form}, status=status)


@require_http_methods(["GET", "POST"])
@provider_member(*ENGINEERS)
def upload(request: HttpRequest) -> HttpResponse:
    """Take a file and show what it would come to; nothing counts yet."""
    form, status = UploadForm(request.POST or None, request.FILES or None), 200
    if request.method == "POST":
        status = INVALID
        if form.is_valid():
            chosen = form.cleaned_data["file"]
            with discarding(receive_body(pieces_of(chosen))) as body:
                sent = metering.Upload(
                    body,
                    form.content_type,
                    content_encoding=form.content_encoding,
                    source="console",
                )
                try:
                    return _preview(request, sent, chosen.name)
                except Refused as refused:
                    form.add_error("file", refused.message)
                    status = REFUSED
    context = {"form": form, "fields": pages_console.RECORD_FIELDS}
    return render(request, "console/upload.html", context, status=status)


def _preview(request: HttpRequest, sent: metering.Upload, name: str) -> HttpResponse:
    """Judge a file without storing anything of it, and offer the two ways to go on."""
    provider = _provider(request)
    verdict = metering.validate_upload(
        provider, sent, provider_key=None, livemode=True, actor=actor_at(request), at=clock.now()
    )
    sent.raw.keep()
    ticket = signing.dumps(
        {
            "provider": str(provider.pk),
            "sha256": sent.body_sha256,
            "type": sent.content_type,
            "encoding": sent.content_encoding,
            "key": str(new_id()),
        },
        salt=SALT,
    )
    batch = verdict.batch
    context = {
        "name": name,
        "batch": batch,
        "counts": pages.counts_of(batch),
        "faults": [told(each["row"], each) for each in verdict.faults[:FAULTS_SHOWN]],
        "fault_rows": verdict.fault_rows,
        "good": batch.rows - batch.counts["rejected"] - batch.counts["conflict"],
        "orders": pages_console.order_preview(provider, batch),
        "ticket": ticket,
    }
    return render(request, "console/upload_preview.html", context)


@require_POST
@provider_member(*ENGINEERS)
def upload_errors(request: HttpRequest) -> HttpResponse:
    """Hand out the bad rows of a previewed file, to be mended and chosen again."""
    sent = _kept(request)
    if sent is None:
        return redirect("console_upload")
    lines: list[str] = []
    metering.validate_upload(
        _provider(request), sent, provider_key=None, livemode=True, actor=actor_at(request),
        at=clock.now(), look=lambda batch: lines.extend(errors_csv(batch)),
    )  # fmt: skip
    response = HttpResponse("".join(lines), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="errors.csv"'
    return response


@require_POST
@provider_member(*ENGINEERS)
def upload_confirm(request: HttpRequest) -> HttpResponse:
    """Let a previewed file count, all of it or its good rows; a double click does it once."""
    sent = _kept(request)
    if sent is None:
        return redirect("console_upload")
    try:
        taken = metering.take_upload(
            _provider(request),
            sent,
            provider_key=None,
            livemode=True,
            actor=actor_at(request),
            at=clock.now(),
            key=UUID(_ticket(request)["key"]),
            later=metering.is_large(sent),
        )
    except Refused as refused:
        messages.error(request, refused.message)
        return redirect("console_upload")
    return redirect("console_batch", pk=taken.batch.pk)


def _ticket(request: HttpRequest) -> dict[str, str]:
    """Return what a preview remembered; nothing when it is forged or more than a day old."""
    try:
        found: dict[str, str] = signing.loads(
            request.POST.get("ticket", ""), salt=SALT, max_age=TICKET_SECONDS
        )
    except signing.BadSignature:
        return {}
    return found if found.get("provider") == str(_provider(request).pk) else {}


def _kept(request: HttpRequest) -> metering.Upload | None:
    """Return the previewed file as an upload again; None, told, when it is not there any more."""
    ticket = _ticket(request)
    if not ticket or not body_path(ticket["sha256"]).is_file():
        messages.error(request, "预览已过期，请重新选择文件。没有任何数据入账。")
        return None
    on_error = request.POST.get("on_error", "reject_batch")
    if on_error not in UsageBatch.OnError.values:
        on_error = UsageBatch.OnError.REJECT_BATCH
    return metering.Upload(
        kept_body(ticket["sha256"]),
        ticket["type"],
        content_encoding=ticket.get("encoding", ""),
        on_error=on_error,
        source="console",
    )


@require_GET
@provider_member()
def upload_template(request: HttpRequest) -> HttpResponse:
    """Hand out a table to fill in, with two lines that show how."""
    response = HttpResponse(
        pages_console.template_csv(_provider(request), clock.now()),
        content_type="text/csv; charset=utf-8",
    )
    response["Content-Disposition"] = 'attachment; filename="usage-template.csv"'
    return response


def _provider(request: HttpRequest) -> Provider:
    """Return the provider of the seat."""
    provider: Provider = request.seat.provider  # type: ignore[attr-defined]
    return provider


def _put(form: Any, refused: Refused) -> None:
    """Put a refusal on its field, or on the form."""
    refused.put_on(form)


urlpatterns = [
    path("", overview, name="console"),
    path("apply/", apply, name="console_apply"),
    path("upload/", upload, name="console_upload"),
    path("upload/confirm/", upload_confirm, name="console_upload_confirm"),
    path("upload/errors.csv", upload_errors, name="console_upload_errors"),
    path("upload/template.csv", upload_template, name="console_upload_template"),
]
