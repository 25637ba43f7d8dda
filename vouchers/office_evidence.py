"""Door for the bureau: files beside the case, covered data, notes, and who looked at what."""

from typing import Any

from csp.constants import NONE, SELF
from csp.decorators import csp
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import FileResponse, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_GET, require_POST

from ledger import clock
from ledger.rights import actor_of, requires
from vouchers import pages_beside
from vouchers.downloads import attachment_response
from vouchers.evidence import path_of
from vouchers.reading import add_note, note_file, reveal_answer
from vouchers.scoping import case_for

PAGE = 50
#: A file inside the page of its case: nothing in it runs, and no other page may hold it.
WITHIN = {
    "default-src": [NONE],
    "script-src": [SELF],
    "style-src": [SELF],
    "img-src": [SELF],
    "object-src": [SELF],
    "form-action": [SELF],
    "frame-ancestors": [SELF],
    "base-uri": [NONE],
}


@xframe_options_sameorigin
@csp(WITHIN)
@requires("vouchers.view_cases")
@require_GET
def file_inline(request: HttpRequest, pk: str, file_pk: str) -> HttpResponse | FileResponse:
    """Show a file of a case within its page; looking is written down."""
    found = case_for(request, pk, clock.now())
    get_object_or_404(found.attachments, pk=file_pk)
    attachment = pages_beside.inline_file(found, file_pk)
    if attachment.scan != attachment.Scan.CLEAN:
        return attachment_response(request, attachment)  # says why it stays where it is
    note_file(attachment, actor=actor_of(request, "reviewer"), at=clock.now())
    response = FileResponse(
        path_of(attachment.stored_path).open("rb"),
        filename=attachment.file_name,
        content_type=attachment.content_type,
    )
    response["X-Content-Type-Options"] = "nosniff"
    response["Cache-Control"] = "private, no-store"
    return response


@requires("vouchers.view_cases")
@require_POST
def reveal(request: HttpRequest, pk: str) -> HttpResponse:
    """Show one covered answer, once, for a reason."""
    found = case_for(request, pk, clock.now())
    question, value = reveal_answer(
        found,
        request.POST.get("name", ""),
        reason=request.POST.get("reason", ""),
        actor=actor_of(request, "reviewer"),
        at=clock.now(),
    )
    context = {"application": found, "question": question, "value": value}
    return render(request, "office/reveal.html", context)


@requires("vouchers.review_application", "vouchers.decide_application")
@require_POST
def note(request: HttpRequest, pk: str) -> HttpResponse:
    """Keep a note inside the bureau."""
    found = case_for(request, pk, clock.now())
    text = request.POST.get("text", "")
    add_note(found, text, actor=actor_of(request, "reviewer"), at=clock.now())
    messages.success(request, "备注已保存，企业看不到。")
    return redirect("office_case", pk=found.pk)


@requires("vouchers.view_readings")
@require_GET
def readings(request: HttpRequest) -> HttpResponse:
    """List who looked at what."""
    asked = request.GET.get("q", "").strip()[:60]
    page = Paginator(pages_beside.readings(asked), PAGE).get_page(request.GET.get("page"))
    context: dict[str, Any] = {"page_obj": page, "q": asked}
    return render(request, "office/readings.html", context)


_CASE = "cases/<uuid:pk>/"
urlpatterns = [
    path(_CASE + "files/<uuid:file_pk>/view/", file_inline, name="office_file_inline"),
    path(_CASE + "reveal/", reveal, name="office_reveal"),
    path(_CASE + "notes/", note, name="office_note"),
    path("readings/", readings, name="office_readings"),
]
