"""Door: what a provider sent and what became of it: batches, records, the story of each row."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.views.decorators.http import require_GET

from ledger import clock
from providers import pages, pages_console, stories
from providers.forms import BatchSearchForm, RecordSearchForm
from providers.models import Provider, UsageBatch, UsageRecord
from providers.problems import CATALOGUE
from providers.receipts import errors_csv, receipt_of, results_page
from providers.rechecking import check_again
from providers.seats import provider_member

ROWS_SHOWN = 100
STATES = [choice for choice in UsageRecord.State.choices if choice[0] != UsageRecord.State.REVERSAL]


@require_GET
@provider_member()
def batches(request: HttpRequest) -> HttpResponse:
    """List the provider's batches, filtered by result, source, key or day."""
    provider = _provider(request)
    form = BatchSearchForm(request.GET or None, keys=list(provider.keys.order_by("-proposed_at")))
    asked: dict[str, Any] = form.cleaned_data if form.is_bound and form.is_valid() else {}
    context = {
        "form": form,
        "page_obj": pages.page_of(request, pages_console.find_batches(provider, asked)),
        "searched": any(asked.values()),
        "some": provider.batches.exists(),
    }
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
        "results": pages.result_lines(found, rows),
        "outcome": status,
        "outcome_word": dict(pages.OUTCOMES).get(status, ""),
        "following": following,
        "faulty": found.left_out.exclude(outcome="duplicate").exists(),
        "evidence": stories.evidence_of(found),
        "progress": pages_console.progress_of(found),
        "refused": CATALOGUE.get(found.refused_code),
    }
    return render(request, "console/batch.html", context)


@require_GET
@provider_member()
def batch_progress(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Show how far a large batch is, as a piece that asks for itself; at the end, the page."""
    found = _batch(request, pk)
    if not getattr(request, "htmx", False):
        return redirect("console_batch", pk=found.pk)
    if found.status != UsageBatch.Status.PROCESSING:
        return HttpResponse(headers={"HX-Refresh": "true"})
    context = {"progress": pages_console.progress_of(found), "batch": found}
    return render(request, "console/batch_progress.html", context)


@require_GET
@provider_member()
def batch_check(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Check a batch again from what was kept of it."""
    found = _batch(request, pk)
    context = {
        "batch": found,
        "checks": check_again(found, at=clock.now()),
        "evidence": stories.evidence_of(found),
    }
    return render(request, "console/batch_check.html", context)


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
    if found.status == UsageBatch.Status.PROCESSING:
        messages.info(request, "批次还在处理，处理完才有回执。")
        return redirect("console_batch", pk=found.pk)
    response = JsonResponse(
        receipt_of(found, at=clock.now()), json_dumps_params={"ensure_ascii": False, "indent": 1}
    )
    response["Content-Disposition"] = f'attachment; filename="receipt-{found.pk}.json"'
    return response


@require_GET
@provider_member()
def records(request: HttpRequest) -> HttpResponse:
    """Find records by id, order, model, state, what they wait for, or day."""
    provider = _provider(request)
    form = RecordSearchForm(request.GET or None, states=STATES)
    asked: dict[str, Any] = form.cleaned_data if form.is_bound and form.is_valid() else {}
    found = pages_console.find_records(provider, asked)
    context = {
        "form": form,
        "page_obj": pages.page_of(request, found),
        "searched": any(asked.values()),
        "left_out": pages_console.left_out_with(provider, asked.get("record_id") or ""),
    }
    return render(request, "console/records.html", context)


@require_GET
@provider_member()
def record(request: HttpRequest, pk: int) -> HttpResponse:
    """Show one record with its whole story."""
    own = _provider(request).usage.filter(pk=pk, segment=0)
    found = own.select_related("order__price", "model", "rate", "batch__key").first()
    if found is None:
        raise Http404
    return render(request, "console/record.html", stories.story_of(found))


@require_GET
@provider_member()
def left_out(request: HttpRequest, pk: int) -> HttpResponse:
    """Show the story of a row that was not stored: duplicate, conflict or rejected."""
    found = pages_console.left_out_row(_provider(request), pk)
    if found is None:
        raise Http404
    return render(request, "console/left_out.html", stories.story_of_left_out(found))


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


urlpatterns = [
    path("batches/", batches, name="console_batches"),
    path("batches/<uuid:pk>/", batch, name="console_batch"),
    path("batches/<uuid:pk>/progress/", batch_progress, name="console_batch_progress"),
    path("batches/<uuid:pk>/check/", batch_check, name="console_batch_check"),
    path("batches/<uuid:pk>/errors.csv", batch_errors, name="console_batch_errors"),
    path("batches/<uuid:pk>/receipt.json", batch_receipt, name="console_batch_receipt"),
    path("records/", records, name="console_records"),
    path("records/<int:pk>/", record, name="console_record"),
    path("rows/<int:pk>/", left_out, name="console_row"),
]
