"""Door: the upload interface for providers' machines, version 1.

Fixed names: metering specification, section 2. Every view starts from the provider key; what
belongs to another provider does not exist here.
"""

from typing import Any
from uuid import UUID

from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.urls import path, re_path
from drf_spectacular.views import SpectacularJSONAPIView, SpectacularSwaggerSplitView

from ledger import clock
from ledger.refusals import Refused
from ledger.rights import public, stating
from providers import declaring, described, metering
from providers.api_answers import (
    RETRY_SECONDS,
    answer,
    batch_body,
    batch_response,
    language_of,
    problem,
)
from providers.api_requests import (
    MeteringView,
    batch_of,
    choice,
    day_in,
    idempotency_key_of,
    manifest_parts,
    receive_object,
    receiving,
    use_nonce,
    whole_number,
)
from providers.explaining import EXPLANATIONS, grouped
from providers.models import UsageBatch
from providers.problems import CATALOGUE
from providers.receipts import MOST_RESULTS, errors_csv, receipt_of, results_page, told
from providers.signatures import COMPONENTS, MOST_SKEW, TAG
from providers.wire import (
    CONTENT_TYPES,
    HIGHEST_RATIO,
    LARGEST_BODY,
    LONGEST_LINE,
    MOST_EVENTS,
    MOST_ROWS,
)

OUTCOMES = ("", "accepted", "duplicate", "conflict", "rejected", "held", "open", "zero")
_CREATED = 201


class BatchesView(MeteringView):
    """Take in a batch."""

    @described.upload_batch
    def post(self, request: Any) -> HttpResponse:
        """Upload a batch of usage records; sending the same again is harmless."""
        http: HttpRequest = request._request
        key = idempotency_key_of(http)
        with receiving(http) as (caller, upload):
            later = metering.is_large(upload)
            with transaction.atomic():
                use_nonce(caller)
                taken = metering.take_upload(
                    caller.provider,
                    upload,
                    provider_key=caller.key,
                    livemode=caller.key.livemode,
                    actor=caller.actor,
                    at=clock.now(),
                    key=key,
                    later=later,
                )
        return batch_response(http, taken.batch, replayed=taken.replayed)


class ValidateView(MeteringView):
    """Say what a batch would come to."""

    @described.validate_batch
    def post(self, request: Any) -> HttpResponse:
        """Check a batch row by row and store nothing of it."""
        http: HttpRequest = request._request
        idempotency_key_of(http)
        with receiving(http) as (caller, upload):
            with transaction.atomic():
                use_nonce(caller)
            verdict = metering.validate_upload(
                caller.provider,
                upload,
                provider_key=caller.key,
                livemode=caller.key.livemode,
                actor=caller.actor,
                at=clock.now(),
            )
        language = language_of(http)
        faults = [told(fault["row"], fault, language) for fault in verdict.faults]
        body = batch_body(verdict.batch)
        body |= {"dry_run": True, "error_rows": verdict.fault_rows, "errors": faults}
        return answer(body)


class BatchView(MeteringView):
    """One batch."""

    @described.get_batch
    def get(self, request: Any, batch_id: UUID) -> HttpResponse:
        """Tell how far a batch is and what became of its rows."""
        batch = batch_of(request._request, batch_id)
        headers = {"Retry-After": RETRY_SECONDS} if batch.status == "processing" else {}
        return answer(batch_body(batch), headers=headers)


class ResultsView(MeteringView):
    """The rows of a batch."""

    @described.get_results
    def get(self, request: Any, batch_id: UUID) -> HttpResponse:
        """List rows by outcome, page by page, in row order."""
        http = request._request
        batch = batch_of(http, batch_id)
        status = choice(http, "status", OUTCOMES)
        limit = whole_number(http, "limit", 100, MOST_RESULTS) or 100
        after = whole_number(http, "cursor", 0, 10**9)
        rows, following = results_page(batch, status=status, after_row=after, limit=limit)
        return answer(
            {"results": rows, "next_cursor": None if following is None else str(following)}
        )


class ReceiptView(MeteringView):
    """The signed receipt of a batch."""

    @described.get_receipt
    def get(self, request: Any, batch_id: UUID) -> HttpResponse:
        """Return the receipt as plain data and as a signed note."""
        batch = batch_of(request._request, batch_id)
        if batch.status == UsageBatch.Status.PROCESSING:
            raise Refused("processing", CATALOGUE["processing"].zh)
        return answer(receipt_of(batch, at=clock.now()))


class ErrorsView(MeteringView):
    """The rows that were not taken."""

    @described.get_errors_csv
    def get(self, request: Any, batch_id: UUID) -> StreamingHttpResponse:
        """Return the rows that were not taken, to mend and send back as they are."""
        batch = batch_of(request._request, batch_id)
        response = StreamingHttpResponse(errors_csv(batch), content_type="text/csv; charset=utf-8")
        response["Content-Disposition"] = f'attachment; filename="errors-{batch.pk}.csv"'
        return response


class ZeroDeclarationsView(MeteringView):
    """Zero declarations."""

    @described.declare_zero
    def post(self, request: Any) -> HttpResponse:
        """Declare that nothing was used on a day."""
        http: HttpRequest = request._request
        caller, body = receive_object(http, {"day"})
        with transaction.atomic():
            use_nonce(caller)
            declared = declaring.declare_zero(
                caller.provider,
                day_in(body),
                livemode=caller.key.livemode,
                actor=caller.actor,
                at=clock.now(),
            )
        return answer(
            {
                "day": declared.day.isoformat(),
                "declared_at": declared.declared_at.isoformat(),
                "livemode": declared.livemode,
            },
            _CREATED,
        )


class ManifestsView(MeteringView):
    """Daily manifests."""

    @described.send_manifest
    def post(self, request: Any) -> HttpResponse:
        """Send the day's manifest and learn whether anything is missing."""
        http: HttpRequest = request._request
        caller, body = receive_object(http, {"day", "record_count", "sums", "ids_digest"})
        count, sums, digest = manifest_parts(body)
        with transaction.atomic():
            use_nonce(caller)
            compared = declaring.take_manifest(
                caller.provider,
                day_in(body),
                record_count=count,
                sums=sums,
                ids_digest=digest,
                livemode=caller.key.livemode,
                actor=caller.actor,
                at=clock.now(),
            )
        return answer(
            {
                "day": compared.manifest.day.isoformat(),
                "version": compared.manifest.version,
                "matches": compared.matches,
                "held_here": {
                    "record_count": compared.record_count,
                    "sums": compared.sums,
                    "ids_digest": compared.ids_digest,
                },
            },
            _CREATED,
        )


class LimitsView(MeteringView):
    """The limits in force."""

    @described.get_limits
    def get(self, request: Any) -> HttpResponse:
        """Return every limit that an upload has to keep."""
        del request
        return answer(
            {
                "sync_rows": metering.SYNC_ROWS,
                "sync_bytes": metering.SYNC_BYTES,
                "most_rows": MOST_ROWS,
                "most_events": MOST_EVENTS,
                "most_bytes": LARGEST_BODY,
                "longest_line_bytes": LONGEST_LINE,
                "highest_compression_ratio": HIGHEST_RATIO,
                "most_errors_listed": metering.MOST_FAULTS_SHOWN,
                "most_results_per_page": MOST_RESULTS,
                "content_types": list(CONTENT_TYPES),
                "signature": {
                    "components": list(COMPONENTS),
                    "parameters": ["created", "nonce", "keyid", "tag"],
                    "tag": TAG,
                    "algorithm": "ed25519",
                    "most_skew_seconds": int(MOST_SKEW.total_seconds()),
                },
                "latest_ahead_seconds": 300,
            }
        )


class ProblemsView(MeteringView):
    """The error catalogue."""

    @described.list_problems
    def get(self, request: Any) -> HttpResponse:
        """List every problem code with its status, title and hint."""
        http = request._request
        if _wants_page(http):
            return render(http, "console/problems.html", {"groups": grouped()})
        return answer({"problems": [each.as_plain() for each in EXPLANATIONS.values()]})


class ProblemView(MeteringView):
    """One entry of the error catalogue: where every problem's ``type`` leads."""

    @described.get_problem
    def get(self, request: Any, code: str) -> HttpResponse:
        """Explain one problem code."""
        http = request._request
        if code not in EXPLANATIONS:
            raise Http404
        if _wants_page(http):
            return render(http, "console/problem.html", {"told": EXPLANATIONS[code]})
        return answer(EXPLANATIONS[code].as_plain())


class NothingView(MeteringView):
    """Any other address under the interface."""

    schema = None

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Say so as a problem."""
        del args, kwargs
        return problem(request, "not_found")


def _wants_page(request: HttpRequest) -> bool:
    return "text/html" in request.headers.get("Accept", "")


_KEYED = "provider key"
_BATCH = "metering/batches/<uuid:batch_id>"
urlpatterns = [
    path("metering/batches", stating(_KEYED, BatchesView.as_view()), name="api_batches"),
    path(_BATCH, stating(_KEYED, BatchView.as_view()), name="api_batch"),
    path(f"{_BATCH}/results", stating(_KEYED, ResultsView.as_view()), name="api_results"),
    path(f"{_BATCH}/receipt", stating(_KEYED, ReceiptView.as_view()), name="api_receipt"),
    path(f"{_BATCH}/errors.csv", stating(_KEYED, ErrorsView.as_view()), name="api_errors"),
    path("metering/validate", stating(_KEYED, ValidateView.as_view()), name="api_validate"),
    path(
        "metering/zero-declarations",
        stating(_KEYED, ZeroDeclarationsView.as_view()),
        name="api_zero",
    ),
    path("metering/manifests", stating(_KEYED, ManifestsView.as_view()), name="api_manifests"),
    path("metering/limits", public(LimitsView.as_view()), name="api_limits"),
    path("problems", public(ProblemsView.as_view()), name="api_problems"),
    path("problems/<slug:code>", public(ProblemView.as_view()), name="api_problem"),
    path(
        "openapi.json",
        public(SpectacularJSONAPIView.as_view()),
        name="api_schema",
    ),
    path(
        "docs/",
        public(
            SpectacularSwaggerSplitView.as_view(
                url_name="api_schema", template_name="console/api_docs.html"
            )
        ),
        name="api_docs",
    ),
    re_path(r"^(?s:.*)$", public(NothingView.as_view()), name="api_nothing"),
]
