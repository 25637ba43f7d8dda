"""Door for the bureau: objections to notices and second looks, two people for every answer."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from ledger import clock
from ledger.refusals import Refused
from ledger.rights import actor_of, requires
from vouchers import pages_case, pages_objection
from vouchers.evidence import path_of
from vouchers.forms_case import (
    DecideObjectionForm,
    InvestigateForm,
    ReconsiderForm,
    ReturnForm,
)
from vouchers.models import Application, NoticeObjection
from vouchers.objecting import (
    accept_objection,
    decide_objection,
    investigate_objection,
    return_objection,
)
from vouchers.reconsidering import decide_reconsideration, persons_who_decided
from vouchers.scoping import case_for

REFUSED = 409
INVALID = 422
HANDLE = "vouchers.handle_objection"


@requires(HANDLE)
@require_GET
def objections(request: HttpRequest) -> HttpResponse:
    """List objections and second looks: what waits first, the objector masked."""
    context = pages_objection.lists(clock.now())
    return render(request, "office/objections.html", context)


@requires(HANDLE)
@require_GET
def objection(request: HttpRequest, pk: str) -> HttpResponse:
    """Show an objection with what is due now; the objector is named here and nowhere else."""
    return _page(request, _found(pk))


@requires(HANDLE)
@require_POST
def handle(request: HttpRequest, pk: str) -> HttpResponse:
    """Accept, look into, send back or decide an objection: whichever button was pressed."""
    found = _found(pk)
    deed = DEEDS.get(request.POST.get("deed", ""))
    if deed is None:
        raise Http404
    return deed(request, found)


@requires(HANDLE)
@require_GET
def evidence(request: HttpRequest, pk: str) -> FileResponse:
    """Open the evidence of an objection."""
    found = _found(pk)
    if not found.file_path:
        raise Http404
    response = FileResponse(
        path_of(found.file_path).open("rb"),
        as_attachment=True,
        filename=found.file_name,
        content_type=found.file_type,
    )
    response["X-Content-Type-Options"] = "nosniff"
    response["Cache-Control"] = "private, no-store"
    return response


@requires(HANDLE)
@require_http_methods(["GET", "POST"])
def reconsider(request: HttpRequest, pk: str) -> HttpResponse:
    """Take the second look at a refusal; by somebody who had no part in it."""
    found = case_for(request, pk, clock.now())
    asked = getattr(found, "reconsideration", None)
    if asked is None or found.state != Application.State.RECONSIDER:
        return redirect("office_case", pk=found.pk)
    form, status = ReconsiderForm(request.POST or None), 200
    actor = actor_of(request, "approver")
    if request.method == "POST":
        status = INVALID
        if form.is_valid():
            try:
                decide_reconsideration(asked, **form.cleaned_data, actor=actor, at=clock.now())
            except Refused as refused:
                refused.put_on(form)
                status = REFUSED
            else:
                messages.success(request, "复核决定已作出，并已告知企业。")
                return redirect("office_case", pk=found.pk)
    context = {
        "application": found,
        "asked": asked,
        "form": form,
        "had_a_part": actor.person in persons_who_decided(found),
        "decision": pages_case.decision(found, clock.now()),
    }
    return render(request, "office/reconsider.html", context, status=status)


def _accept(request: HttpRequest, found: NoticeObjection) -> HttpResponse:
    accept_objection(found, actor=actor_of(request, "reviewer"), at=clock.now())
    messages.success(request, "异议已受理，请核查。")
    return redirect("office_objection", pk=found.pk)


def _investigate(request: HttpRequest, found: NoticeObjection) -> HttpResponse:
    form = InvestigateForm(request.POST)
    return _do(request, found, form, "investigate", investigate_objection, "核查情况已提交。")


def _return(request: HttpRequest, found: NoticeObjection) -> HttpResponse:
    form = ReturnForm(request.POST)
    return _do(request, found, form, "send_back", return_objection, "已退回核查。")


def _decide(request: HttpRequest, found: NoticeObjection) -> HttpResponse:
    form = DecideObjectionForm(found.application, request.POST)
    return _do(request, found, form, "decide", decide_objection, "决定已作出，异议人可凭编号查看。")


DEEDS: dict[str, Callable[[HttpRequest, NoticeObjection], HttpResponse]] = {
    "accept": _accept,
    "investigate": _investigate,
    "send_back": _return,
    "decide": _decide,
}


def _do(
    request: HttpRequest, found: NoticeObjection, form: Any, name: str, act: Any, told: str
) -> HttpResponse:
    """Carry out one deed with its form; a refusal shows the page again with what was typed."""
    status = INVALID
    if form.is_valid():
        try:
            act(found, **form.cleaned_data, actor=actor_of(request, "reviewer"), at=clock.now())
        except Refused as refused:
            refused.put_on(form)
            status = REFUSED
        else:
            messages.success(request, told)
            return redirect("office_objection", pk=found.pk)
    return _page(request, found, status=status, form=form, **{name: form})


def _page(
    request: HttpRequest, found: NoticeObjection, *, status: int = 200, **forms: Any
) -> HttpResponse:
    person = actor_of(request, "reviewer").person
    context = {
        "objection": found,
        "application": found.application,
        "investigate": InvestigateForm(),
        "decide": DecideObjectionForm(found.application),
        "send_back": ReturnForm(),
        "same_person": person == found.finder_person,
        "timeline": pages_objection.history(found),
    }
    return render(request, "office/objection.html", context | forms, status=status)


def _found(pk: str) -> NoticeObjection:
    found: NoticeObjection = get_object_or_404(pages_objection.all_objections(), pk=pk)
    return found


urlpatterns = [
    path("objections/", objections, name="office_objections"),
    path("objections/<uuid:pk>/", objection, name="office_objection"),
    path("objections/<uuid:pk>/handle/", handle, name="office_objection_handle"),
    path("objections/<uuid:pk>/evidence/", evidence, name="office_objection_evidence"),
    path("cases/<uuid:pk>/reconsider/", reconsider, name="office_reconsider"),
]
