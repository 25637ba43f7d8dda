"""Door: a provider's own desk for usage: overview, upload with preview, batches, records."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core import signing
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from ledger import clock
from ledger.identifiers import new_id
from ledger.refusals import Refused
from ledger.rights import actor_of, signed_in
from providers import admitting, metering, pages
from providers.bodies import body_path, discarding, kept_body, pieces_of, receive_body
from providers.forms import ProviderForm, RecordSearchForm, UploadForm
from providers.models import Provider, UsageBatch, UsageRecord
from providers.receipts import errors_csv, receipt_of, results_page, told
from providers.seats import actor_at, provider_member

REFUSED = 409
INVALID = 422
FAULTS_SHOWN = 50
ROWS_SHOWN = 100
SALT = "console upload"
ENGINEERS = ("provider_admin", "provider_engineer")
STATES = [choice for choice in UsageRecord.State.choices if choice[0] != UsageRecord.State.REVERSAL]


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
                sent = metering.Upload(body, form.content_type, source="console")
                try:
                    return _preview(request, sent, chosen.name)
                except Refused as refused:
                    form.add_error("file", refused.message)
                    status = REFUSED
    return render(request, "console/upload.html", {"form": form}, status=status)


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
        "ticket": ticket,
    }
    return render(request, "console/upload_preview.html", context)


@require_POST
@provider_member(*ENGINEERS)
def upload_confirm(request: HttpRequest) -> HttpResponse:
    """Let a previewed file count, all of it or its good rows; a double click does it once."""
    provider = _provider(request)
    try:
        ticket = signing.loads(request.POST.get("ticket", ""), salt=SALT, max_age=86400)
    except signing.BadSignature:
        ticket = {}
    kept = ticket and body_path(ticket["sha256"])
    if ticket.get("provider") != str(provider.pk) or not kept.is_file():
        messages.error(request, "预览已过期，请重新选择文件。没有任何数据入账。")
        return redirect("console_upload")
    on_error = request.POST.get("on_error", "reject_batch")
    if on_error not in UsageBatch.OnError.values:
        on_error = UsageBatch.OnError.REJECT_BATCH
    sent = metering.Upload(
        kept_body(ticket["sha256"]), ticket["type"], on_error=on_error, source="console"
    )
    try:
        taken = metering.take_upload(
            provider,
            sent,
            provider_key=None,
            livemode=True,
            actor=actor_at(request),
            at=clock.now(),
            key=UUID(ticket["key"]),
            later=metering.is_large(sent),
        )
    except Refused as refused:
        messages.error(request, refused.message)
        return redirect("console_upload")
    return redirect("console_batch", pk=taken.batch.pk)


@require_GET
@provider_member()
def batches(request: HttpRequest) -> HttpResponse:
    """List the provider's batches."""
    own = _provider(request).batches.newest_first()
    status = request.GET.get("status", "")
    if status in UsageBatch.Status.values:
        own = own.filter(status=status)
    tabs = [("", "全部"), *UsageBatch.Status.choices]
    context = {"page_obj": pages.page_of(request, own), "tabs": tabs, "here": status,
               "colours": pages.BATCH_COLOURS}  # fmt: skip
    return render(request, "console/batches.html", context)


@require_GET
@provider_member()
def batch(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Show a batch: counts by outcome, each leading to its rows."""
    found = _batch(request, pk)
    status = request.GET.get("status", "")
    if status not in dict(pages.OUTCOMES):
        status = ""
    after = request.GET.get("after", "0")
    rows, following = results_page(
        found,
        status=status,
        after_row=int(after) if after.isascii() and after.isdigit() and len(after) < 10 else 0,
        limit=ROWS_SHOWN,
    )
    context = {
        "batch": found,
        "colour": pages.BATCH_COLOURS[found.status],
        "rows": pages.batch_rows(found),
        "counts": pages.counts_of(found),
        "results": pages.result_lines(rows),
        "outcome": status,
        "following": following,
        "faulty": found.left_out.exclude(outcome="duplicate").exists(),
    }
    return render(request, "console/batch.html", context)


@require_GET
@provider_member()
def batch_errors(request: HttpRequest, pk: UUID) -> StreamingHttpResponse:
    """Hand out the rows that were not taken, to be mended and sent back."""
    found = _batch(request, pk)
    response = StreamingHttpResponse(errors_csv(found), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="errors-{found.pk}.csv"'
    return response


@require_GET
@provider_member()
def batch_receipt(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Hand out the signed receipt."""
    found = _batch(request, pk)
    response = JsonResponse(
        receipt_of(found, at=clock.now()), json_dumps_params={"ensure_ascii": False, "indent": 1}
    )
    response["Content-Disposition"] = f'attachment; filename="receipt-{found.pk}.json"'
    return response


@require_GET
@provider_member()
def records(request: HttpRequest) -> HttpResponse:
    """Find records by id, order, state or day."""
    form = RecordSearchForm(request.GET or None, states=STATES)
    asked: dict[str, Any] = form.cleaned_data if form.is_bound and form.is_valid() else {}
    found = pages.find_records(_provider(request), asked)
    context = {"form": form, "page_obj": pages.page_of(request, found)}
    return render(request, "console/records.html", context)


@require_GET
@provider_member()
def record(request: HttpRequest, pk: int) -> HttpResponse:
    """Show one record with its whole story."""
    own = _provider(request).usage.filter(pk=pk, segment=0)
    found = own.select_related("order", "model", "rate", "batch").first()
    if found is None:
        raise Http404
    return render(request, "console/record.html", pages.story_of(found))


def _provider(request: HttpRequest) -> Provider:
    """Return the provider of the seat."""
    provider: Provider = request.seat.provider  # type: ignore[attr-defined]
    return provider


def _batch(request: HttpRequest, pk: UUID) -> UsageBatch:
    """Return one of the provider's own batches, or 404."""
    found: UsageBatch | None = (
        _provider(request).batches.select_related("key", "provider").filter(pk=pk).first()
    )
    if found is None:
        raise Http404
    return found


def _put(form: Any, refused: Refused) -> None:
    """Put a refusal on its field, or on the form."""
    form.add_error(refused.field if refused.field in form.fields else None, refused.message)


urlpatterns = [
    path("", overview, name="console"),
    path("apply/", apply, name="console_apply"),
    path("upload/", upload, name="console_upload"),
    path("upload/confirm/", upload_confirm, name="console_upload_confirm"),
    path("batches/", batches, name="console_batches"),
    path("batches/<uuid:pk>/", batch, name="console_batch"),
    path("batches/<uuid:pk>/errors.csv", batch_errors, name="console_batch_errors"),
    path("batches/<uuid:pk>/receipt.json", batch_receipt, name="console_batch_receipt"),
    path("records/", records, name="console_records"),
    path("records/<int:pk>/", record, name="console_record"),
]
