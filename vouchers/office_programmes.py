"""Door for the bureau: editions of a programme, from the draft to the archive."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from ledger import clock
from ledger.actors import Actor
from ledger.refusals import Refused
from ledger.rights import actor_of, requires
from vouchers import consulting, pages_office, pages_programme, programming
from vouchers.forms_programme import EditionForm, step_form
from vouchers.models import Programme

REFUSED = 409
INVALID = 422
PUBLISHERS = ("opinion", "answer", "publish", "evaluate", "archive")


@requires("vouchers.open_programme", "vouchers.view_cases")
@require_http_methods(["GET", "POST"])
def programmes(request: HttpRequest) -> HttpResponse:
    """List the editions; take in an edition file as a draft."""
    form = EditionForm()
    status = 200
    if request.method == "POST":
        pages_office.need(request.user, "vouchers.open_programme")
        form = EditionForm(request.POST, request.FILES)
        status = INVALID
        if form.is_valid():
            try:
                made = programming.load_edition(
                    form.text(), actor=actor_of(request, "reviewer"), at=clock.now()
                )
            except UnicodeDecodeError:
                form.add_error("file", "文件不是 UTF-8 编码的文本，请另存为 UTF-8 后再上传。")
            except Refused as refused:
                form.add_error("file", refused.message)
                status = REFUSED
            else:
                return redirect("office_programme", pk=made.pk)
    context = {"form": form, "programmes": pages_office.all_programmes()}
    return render(request, "office/programme_list.html", context, status=status)


@requires("vouchers.open_programme", "vouchers.view_cases")
@require_GET
def programme(request: HttpRequest, pk: str) -> HttpResponse:
    """Show an edition: where it stands, what may be done, all its rules and clauses."""
    found = get_object_or_404(pages_office.all_programmes(), pk=pk)
    return _page(request, found, None, "")


@requires("vouchers.open_programme")
@require_POST
def programme_step(request: HttpRequest, pk: str, step: str) -> HttpResponse:
    """Take the edition one step on."""
    if step not in ACTS:
        raise Http404
    found = get_object_or_404(pages_office.all_programmes(), pk=pk)
    form = step_form(step, request.POST)
    if not form.is_valid():
        return _page(request, found, form, step, status=INVALID)
    role = "approver" if step in PUBLISHERS else "reviewer"
    try:
        ACTS[step](found, **form.cleaned_data, actor=actor_of(request, role), at=clock.now())
    except Refused as refused:
        refused.put_on(form)
        return _page(request, found, form, step, status=REFUSED)
    messages.success(request, pages_programme.DONE[step])
    return redirect("office_programme", pk=found.pk)


@requires("vouchers.open_programme", "vouchers.view_cases")
@require_GET
def comments(request: HttpRequest, pk: str) -> HttpResponse:
    """Read the comments of all consultations of an edition."""
    found = get_object_or_404(pages_office.all_programmes(), pk=pk)
    consultations = found.consultations.prefetch_related("comments").order_by("-opens_at")
    context = {"programme": found, "consultations": consultations}
    return render(request, "office/programme_comments.html", context)


def _page(
    request: HttpRequest, found: Programme, form: Any, step: str, *, status: int = 200
) -> HttpResponse:
    now = clock.now()
    found.refresh_from_db()
    person = actor_of(request, "reviewer").person
    steps = pages_programme.offered(found, now, person)
    for each in steps:
        each["form"] = form if form and each["step"] == step else step_form(each["step"])
    context = pages_programme.programme_context(found, now) | {"steps": steps, "form": form}
    return render(request, "office/programme.html", context, status=status)


def _answer(found: Programme, *, summary: str, actor: Actor, at: datetime) -> None:
    last = pages_programme.last_consultation(found)
    if last is None:
        raise Refused("consultation_missing", "还没有公开征求意见。")
    consulting.answer_consultation(last, summary=summary, actor=actor, at=at)


ACTS: dict[str, Callable[..., object]] = {
    "propose": consulting.propose_edition,
    "opinion": consulting.record_opinion,
    "consult": consulting.open_consultation,
    "return": consulting.return_edition,
    "answer": _answer,
    "publish": programming.publish_edition,
    "pause": programming.pause_programme,
    "resume": programming.resume_programme,
    "close": programming.close_programme,
    "settle": programming.settle_programme,
    "evaluate": programming.evaluate_programme,
    "archive": programming.archive_programme,
}


urlpatterns = [
    path("programmes/", programmes, name="office_programmes"),
    path("programmes/<uuid:pk>/", programme, name="office_programme"),
    path("programmes/<uuid:pk>/comments/", comments, name="office_programme_comments"),
    path("programmes/<uuid:pk>/steps/<slug:step>/", programme_step, name="office_programme_step"),
]
