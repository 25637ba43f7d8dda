"""Door for the bureau: enterprises and their standing, inquiries, decisions on criteria."""

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from ledger import clock
from ledger.periods import day_of
from ledger.refusals import Refused
from ledger.rights import actor_of, requires
from vouchers import barring, pages_firms, pages_office
from vouchers.forms_firms import (
    CriterionForm,
    InquiryForm,
    ProposeForm,
    RenameForm,
    StandingForm,
)
from vouchers.inquiring import decide_inquiry
from vouchers.judging import decide_criterion
from vouchers.models import Enterprise
from vouchers.proposing import decide_standing, propose_standing
from vouchers.succeeding import rename_enterprise

REFUSED = 409
INVALID = 422
PAGE = 30
ACTS: dict[str, Any] = {
    "watch": barring.watch_enterprise,
    "clear_watch": barring.clear_watch,
    "suspend": barring.suspend_enterprise,
    "reinstate": barring.reinstate_enterprise,
    "move_in": barring.move_in_enterprise,
    "end_bar": barring.end_bar,
}


@requires("vouchers.view_cases")
@require_GET
def firms(request: HttpRequest) -> HttpResponse:
    """List the enterprises by state; search by name or code."""
    state, asked = request.GET.get("state", ""), request.GET.get("q", "").strip()[:100]
    page = Paginator(pages_firms.firms(state, asked), PAGE).get_page(request.GET.get("page"))
    context = {
        "page_obj": page,
        "states": pages_firms.states(state),
        "state": state,
        "q": asked,
        "waiting": pages_firms.requests_waiting(),
    }
    return render(request, "office/firms.html", context)


@requires("vouchers.view_cases")
@require_GET
def firm(request: HttpRequest, pk: str) -> HttpResponse:
    """Show an enterprise: standing, facts with their history, registers, group, caps."""
    return _firm_page(request, _firm(pk))


@requires("vouchers.keep_registers")
@require_POST
def firm_standing(request: HttpRequest, pk: str) -> HttpResponse:
    """Change a standing one person may change at once."""
    found = _firm(pk)
    form = StandingForm(found.state, request.POST)
    return _done(request, found, form, "standing", lambda told: _turn(request, found, told))


@requires("vouchers.keep_registers")
@require_POST
def firm_propose(request: HttpRequest, pk: str) -> HttpResponse:
    """Prepare a change of standing for a second person."""
    found = _firm(pk)

    def act(told: dict[str, Any]) -> str:
        propose_standing(
            found,
            told["event"],
            reason=told["reason"],
            until=told["until"],
            successor=pages_firms.firm_of_code(told["successor"]),
            actor=actor_of(request, "reviewer"),
            at=clock.now(),
        )
        return "已提请，须由另一人审批后生效。"

    return _done(request, found, ProposeForm(request.POST), "propose", act)


@requires("vouchers.keep_registers")
@require_POST
def firm_rename(request: HttpRequest, pk: str) -> HttpResponse:
    """Give an enterprise its new name."""
    found = _firm(pk)

    def act(told: dict[str, Any]) -> str:
        rename_enterprise(found, **told, actor=actor_of(request, "reviewer"), at=clock.now())
        return "已更名，信用代码、办件和算力券不变。"

    return _done(request, found, RenameForm(request.POST), "rename", act)


@requires("vouchers.keep_registers")
@require_POST
def request_decide(request: HttpRequest, pk: str) -> HttpResponse:
    """Decide a prepared change as the second person."""
    found = get_object_or_404(pages_firms.all_requests(), pk=pk)
    agreed = request.POST.get("agreed") == "yes"
    decide_standing(found, agreed=agreed, actor=actor_of(request, "approver"), at=clock.now())
    messages.success(request, "已审批，变更生效。" if agreed else "已退回，没有变更。")
    return redirect("office_firm", pk=found.enterprise_id)


@requires("vouchers.view_cases")
@require_GET
def inquiries(request: HttpRequest) -> HttpResponse:
    """List what has to be looked into, what waits first."""
    page = Paginator(pages_firms.inquiries(), PAGE).get_page(request.GET.get("page"))
    return render(request, "office/inquiries.html", {"page_obj": page})


@requires("vouchers.keep_registers", "vouchers.view_cases")
@require_http_methods(["GET", "POST"])
def inquiry(request: HttpRequest, pk: str) -> HttpResponse:
    """Show an inquiry and decide it."""
    found = get_object_or_404(pages_firms.inquiries(), pk=pk)
    form, status = InquiryForm(request.POST or None), 200
    if request.method == "POST":
        pages_office.need(request.user, "vouchers.keep_registers")
        status = INVALID
        if form.is_valid():
            try:
                decide_inquiry(
                    found,
                    upheld=form.cleaned_data["upheld"] == "yes",
                    reason=form.cleaned_data["reason"],
                    actor=actor_of(request, "reviewer"),
                    at=clock.now(),
                )
            except Refused as refused:
                refused.put_on(form)
                status = REFUSED
            else:
                messages.success(request, "已办结。")
                return redirect("office_inquiries")
    context = {"inquiry": found, "form": form}
    return render(request, "office/inquiry.html", context, status=status)


@requires("vouchers.review_application", "vouchers.view_cases")
@require_http_methods(["GET", "POST"])
def criteria(request: HttpRequest, pk: str) -> HttpResponse:
    """Settle the findings of a case that ask for a person, one by one."""
    found = get_object_or_404(pages_office.visible_cases(), pk=pk)
    form, status = CriterionForm(request.POST or None), 200
    if request.method == "POST":
        pages_office.need(request.user, "vouchers.review_application")
        status = INVALID
        if form.is_valid():
            told = form.cleaned_data
            try:
                decide_criterion(
                    found,
                    told["code"],
                    met=told["met"] == "yes",
                    reason=told["reason"],
                    evidence=told["evidence"],
                    actor=actor_of(request, "reviewer"),
                    at=clock.now(),
                )
            except Refused as refused:
                refused.put_on(form)
                status = REFUSED
            else:
                messages.success(request, "已记入认定。")
                return redirect("office_criteria", pk=found.pk)
    lines = pages_firms.criterion_lines(found)
    asked = request.POST.get("code", "")
    for each in lines:
        own = each["code"] == asked
        each["form"] = (
            form
            if own
            else CriterionForm(initial={"code": each["code"]}, auto_id=f"id_{each['code']}_%s")
        )
    context = {"application": found, "lines": lines, "form": form}
    return render(request, "office/criteria.html", context, status=status)


def _turn(request: HttpRequest, found: Enterprise, told: dict[str, Any]) -> str:
    now = clock.now()
    who = {"reason": told["reason"], "actor": actor_of(request, "reviewer"), "at": now}
    if told["event"] == "move_out":
        barring.move_out_enterprise(found, told["left_on"] or day_of(now), **who)
    else:
        ACTS[told["event"]](found, **who)
    return "已办理，企业现状见下。"


def _done(request: HttpRequest, found: Enterprise, form: Any, name: str, act: Any) -> HttpResponse:
    """Carry out what a form of the enterprise's page asks for, or show the page with its faults."""
    if not form.is_valid():
        return _firm_page(request, found, status=INVALID, **{name: form})
    try:
        told = act(form.cleaned_data)
    except Refused as refused:
        refused.put_on(form)
        return _firm_page(request, found, status=REFUSED, **{name: form})
    messages.success(request, told)
    return redirect("office_firm", pk=found.pk)


def _firm_page(
    request: HttpRequest, found: Enterprise, status: int = 200, **forms: Any
) -> HttpResponse:
    person = actor_of(request, "reviewer").person
    context = {
        "enterprise": found,
        "standing": StandingForm(found.state, auto_id="id_standing_%s"),
        "propose": ProposeForm(auto_id="id_propose_%s"),
        "rename": RenameForm(auto_id="id_rename_%s"),
        "form": next(iter(forms.values()), None),
        **pages_firms.firm_context(found, clock.now(), person),
    }
    return render(request, "office/firm.html", context | forms, status=status)


def _firm(pk: str) -> Enterprise:
    found: Enterprise = get_object_or_404(pages_firms.firms("", ""), pk=pk)
    return found


urlpatterns = [
    path("enterprises/", firms, name="office_firms"),
    path("enterprises/<uuid:pk>/", firm, name="office_firm"),
    path("enterprises/<uuid:pk>/standing/", firm_standing, name="office_firm_standing"),
    path("enterprises/<uuid:pk>/propose/", firm_propose, name="office_firm_propose"),
    path("enterprises/<uuid:pk>/rename/", firm_rename, name="office_firm_rename"),
    path("standing/<uuid:pk>/decide/", request_decide, name="office_standing_decide"),
    path("inquiries/", inquiries, name="office_inquiries"),
    path("inquiries/<uuid:pk>/", inquiry, name="office_inquiry"),
    path("cases/<uuid:pk>/criteria/", criteria, name="office_criteria"),
]
