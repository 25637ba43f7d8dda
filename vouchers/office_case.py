"""Door for the bureau: decide a case by two people, ask for supplement, record joint replies."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.views.decorators.http import require_http_methods, require_POST

from ledger import clock
from ledger.refusals import Refused
from ledger.rights import actor_of, requires
from vouchers import pages_case, pages_office
from vouchers.forms_case import FirstReviewForm, JointReplyForm, RefuseForm, SecondReviewForm
from vouchers.joint_checking import Answer, record_joint_reply, waiting_for
from vouchers.models import Application
from vouchers.pages_verdict import verdict_lines, verdict_word
from vouchers.reviewing import first_review, refuse_acceptance, second_review
from vouchers.scoping import case_for
from vouchers.seeing import mark_seen, stamp
from vouchers.supplementing import Asked, ask_supplement

REFUSED = 409
INVALID = 422
LONGEST = 1000


@requires("vouchers.review_application", "vouchers.decide_application")
@require_http_methods(["GET", "POST"])
def decide(request: HttpRequest, pk: str) -> HttpResponse:
    """First or second review, whichever the case waits for."""
    found = case_for(request, pk, clock.now())
    if found.state == Application.State.ACCEPTED:
        return _first(request, found)
    if found.state == Application.State.IN_SECOND_REVIEW:
        return _second(request, found)
    return redirect("office_case", pk=found.pk)


@requires("vouchers.review_application", "vouchers.decide_application")
@require_http_methods(["GET", "POST"])
def supplement(request: HttpRequest, pk: str) -> HttpResponse:
    """Choose everything that is missing, each with its reason, and ask for it at once."""
    found = case_for(request, pk, clock.now())
    if found.state not in (Application.State.ACCEPTED, Application.State.IN_SECOND_REVIEW):
        return redirect("office_case", pk=found.pk)
    groups = _typed(request, pages_case.supplement_places(found))
    problem, field, status = "", "", 200
    if request.method == "POST":
        role = "reviewer" if found.state == Application.State.ACCEPTED else "approver"
        try:
            ask_supplement(
                found,
                _asked(groups),
                reason=request.POST.get("reason", "")[:LONGEST],
                internal=request.POST.get("internal", "")[:LONGEST],
                actor=actor_of(request, role),
                at=clock.now(),
            )
        except Refused as refused:
            problem, field, status = refused.message, refused.field, REFUSED
        else:
            messages.success(request, "已一次性告知补正事项，审核计时已暂停。")
            return redirect("office_case", pk=found.pk)
    context = {
        "application": found,
        "groups": groups,
        "problem": problem,
        "field": field,
        "reason": request.POST.get("reason", ""),
        "internal": request.POST.get("internal", ""),
        "review": found.programme.edition.review,
        "round_no": found.supplement_rounds + 1,
    }
    return render(request, "office/supplement.html", context, status=status)


@requires("vouchers.review_application")
@require_http_methods(["GET", "POST"])
def joint_reply(request: HttpRequest, pk: str) -> HttpResponse:
    """Record what a department answered."""
    found = case_for(request, pk, clock.now())
    if found.state != Application.State.JOINT_CHECK:
        return redirect("office_case", pk=found.pk)
    form, status = JointReplyForm(waiting_for(found), request.POST or None), 200
    if request.method == "POST":
        status = INVALID
        if form.is_valid():
            try:
                record_joint_reply(
                    found,
                    Answer(**form.cleaned_data),
                    actor=actor_of(request, "reviewer"),
                    at=clock.now(),
                )
            except Refused as refused:
                refused.put_on(form)
                status = REFUSED
            else:
                messages.success(request, "答复已登记。")
                return redirect("office_case", pk=found.pk)
    context = {"application": found, "form": form, "joint": pages_case.joint_lines(found)}
    return render(request, "office/joint_reply.html", context, status=status)


@requires("vouchers.review_application")
@require_http_methods(["GET", "POST"])
def refuse(request: HttpRequest, pk: str) -> HttpResponse:
    """Confirm that a hard condition is unmet: not taken on."""
    found = case_for(request, pk, clock.now())
    if found.state != Application.State.SUBMITTED:
        return redirect("office_case", pk=found.pk)
    form, status = RefuseForm(request.POST or None), 200
    if request.method == "POST":
        status = INVALID
        if form.is_valid():
            try:
                refuse_acceptance(
                    found,
                    reason=form.cleaned_data["reason"],
                    actor=actor_of(request, "reviewer"),
                    at=clock.now(),
                )
            except Refused as refused:
                refused.put_on(form)
                status = REFUSED
            else:
                messages.success(request, "已确认不予受理，告知书可在办件页下载。")
                return redirect("office_case", pk=found.pk)
    context = {
        "application": found,
        "form": form,
        "lines": verdict_lines(found.verdict or {}, found.programme.edition),
    }
    return render(request, "office/refuse.html", context, status=status)


@requires("vouchers.view_cases")
@require_POST
def seen(request: HttpRequest, pk: str) -> HttpResponse:
    """Mark what is new as seen by this person."""
    found = case_for(request, pk, clock.now())
    mark_seen(found, _person(request), clock.now())
    messages.success(request, "已标为看过，之后的变化会单独列出。")
    return redirect("office_case", pk=found.pk)


def _typed(request: HttpRequest, groups: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Put what was ticked and typed beside each place, so that nothing is lost."""
    ticked = set(request.POST.getlist("items"))
    for place in [place for group in groups for place in group["places"]]:
        code = place["place"]
        place["ticked"] = code in ticked
        place["reason"] = request.POST.get(f"reason:{code}", "")[:LONGEST]
        place["example"] = request.POST.get(f"example:{code}", "")[:LONGEST]
    return groups


def _asked(groups: list[dict[str, Any]]) -> list[Asked]:
    """Return the ticked places as what is asked for."""
    return [
        Asked(place["kind"], place["place"], place["reason"], place["example"])
        for group in groups
        for place in group["places"]
        if place["ticked"]
    ]


def _first(request: HttpRequest, found: Application) -> HttpResponse:
    pages_office.need(request.user, "vouchers.review_application")
    initial = {"approved": pages_office.plain_yuan(found.requested_fen), "seen": stamp(found)}
    form, status = FirstReviewForm(found, request.POST or None, initial=initial), 200
    if request.method == "POST":
        if request.POST.get("decision") == "return":
            return redirect("office_supplement", pk=found.pk)
        status = INVALID
        if form.is_valid():
            told = form.cleaned_data
            try:
                first_review(
                    found,
                    told["decision"],
                    approved_fen=told["approved"] if told["decision"] == "pass" else None,
                    reason=told["reason"],
                    internal=told["internal"],
                    clause=told["clause"],
                    seen=told["seen"],
                    actor=actor_of(request, "reviewer"),
                    at=clock.now(),
                )
            except Refused as refused:
                refused.put_on(form)
                status = REFUSED
            else:
                mark_seen(found, _person(request), clock.now())
                messages.success(request, "初审意见已提交。")
                return redirect("office_case", pk=found.pk)
    return _decide_page(request, found, form, status=status, second=False)


def _second(request: HttpRequest, found: Application) -> HttpResponse:
    form = SecondReviewForm(request.POST or None, initial={"seen": stamp(found)})
    status = 200
    if request.method == "POST":
        pages_office.need(request.user, "vouchers.decide_application")
        status = INVALID
        if form.is_valid():
            told = form.cleaned_data
            try:
                second_review(
                    found,
                    told["decision"],
                    reason=told["reason"],
                    internal=told["internal"],
                    seen=told["seen"],
                    actor=actor_of(request, "approver"),
                    at=clock.now(),
                )
            except Refused as refused:
                refused.put_on(form)
                status = REFUSED
            else:
                mark_seen(found, _person(request), clock.now())
                messages.success(request, "复审意见已提交。")
                return redirect("office_case", pk=found.pk)
    return _decide_page(request, found, form, status=status, second=True)


def _decide_page(
    request: HttpRequest, found: Application, form: Any, *, status: int, second: bool
) -> HttpResponse:
    if status == REFUSED and form.data:  # what was typed stays; the next try is on what is now
        form.data = form.data.copy()
        form.data["seen"] = stamp(found)
    now = clock.now()
    context = {
        "application": found,
        "form": form,
        "second": second,
        "same_person": second and _person(request) == found.first_reviewer_person,
        "may_decide": request.user.has_perm("vouchers.decide_application"),
        "verdict": verdict_lines(found.verdict or {}, found.programme.edition),
        "verdict_word": verdict_word(found.verdict),
        "diff": pages_office.plain_diff(found),
        "first_row": pages_case.first_opinion(found) if second else None,
        "since_submission": pages_case.since_submission(found),
        "new_to_me": pages_case.since_seen(found, _person(request)),
        "sentences": pages_case.clock_sentences(found, now),
        "preview": pages_case.notice_preview(found, now),
        "files": found.attachments.standing(),
    }
    return render(request, "office/decide.html", context, status=status)


def _person(request: HttpRequest) -> str:
    return actor_of(request, "reviewer").person


urlpatterns = [
    path("cases/<uuid:pk>/decide/", decide, name="office_decide"),
    path("cases/<uuid:pk>/supplement/", supplement, name="office_supplement"),
    path("cases/<uuid:pk>/joint/", joint_reply, name="office_joint_reply"),
    path("cases/<uuid:pk>/refuse/", refuse, name="office_refuse"),
    path("cases/<uuid:pk>/seen/", seen, name="office_seen"),
]
