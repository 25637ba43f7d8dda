"""Door for the bureau: queue, cases, decisions in two steps, notices, issuing."""

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import FileResponse, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from ledger import clock
from ledger.actors import Actor
from ledger.refusals import Refused
from ledger.rights import actor_of, requires
from vouchers import pages, pages_office
from vouchers.enrolling import verify_enterprise
from vouchers.evidence import path_of
from vouchers.forms import FirstReviewForm, SecondReviewForm, VerifyForm
from vouchers.issuing import issue_voucher
from vouchers.models import Application
from vouchers.pages_verdict import verdict_lines, verdict_word
from vouchers.reviewing import (
    accept_application,
    approve_application,
    close_notice,
    first_review,
    publish_notice,
    second_review,
)

REFUSED = 409
INVALID = 422
PAGE = 30


@requires("vouchers.view_cases")
@require_GET
def queue(request: HttpRequest) -> HttpResponse:
    """List the cases by tab and filter; the address keeps the choice."""
    tab = request.GET.get("tab", "open")
    asked = request.GET.get("q", "").strip()[:100]
    cases = pages_office.cases(tab, asked)
    page = Paginator(cases, PAGE).get_page(request.GET.get("page"))
    context = {
        "page_obj": page,
        "lines": pages_office.case_lines(page, clock.now()),
        "tabs": pages_office.tabs(tab),
        "tab": tab,
        "q": asked,
    }
    return render(request, "office/queue.html", context)


@requires("vouchers.view_cases")
@require_GET
def case(request: HttpRequest, pk: str) -> HttpResponse:
    """Show a case: facts, answers, files, automatic checks, timeline, what may be done now."""
    found = _case(pk)
    return _case_page(request, found, VerifyForm())


@requires("vouchers.review_application")
@require_POST
def verify(request: HttpRequest, pk: str) -> HttpResponse:
    """Verify the enterprise of a case against its licence."""
    found = _case(pk)
    form = VerifyForm(request.POST)
    if not form.is_valid():
        return _case_page(request, found, form, status=INVALID)
    verify_enterprise(
        found.enterprise,
        evidence=form.cleaned_data["evidence"],
        actor=actor_of(request, "reviewer"),
        at=clock.now(),
    )
    messages.success(request, "企业已核验。")
    return redirect("office_case", pk=found.pk)


@requires("vouchers.review_application")
@require_POST
def accept(request: HttpRequest, pk: str) -> HttpResponse:
    """Take an application on."""
    found = _case(pk)
    accept_application(found, actor=actor_of(request, "reviewer"), at=clock.now())
    messages.success(request, "已受理，请进行初审。")
    return redirect("office_case", pk=found.pk)


@requires("vouchers.review_application", "vouchers.decide_application")
@require_http_methods(["GET", "POST"])
def decide(request: HttpRequest, pk: str) -> HttpResponse:
    """First or second review, whichever the case waits for."""
    found = _case(pk)
    if found.state == Application.State.ACCEPTED:
        return _first(request, found)
    if found.state == Application.State.IN_SECOND_REVIEW:
        return _second(request, found)
    return redirect("office_case", pk=found.pk)


@requires("vouchers.decide_application")
@require_POST
def approve(request: HttpRequest, pk: str) -> HttpResponse:
    """Decide for support after the notice."""
    found = _case(pk)
    approve_application(found, actor=actor_of(request, "approver"), at=clock.now())
    messages.success(request, "已审定，可以发券。")
    return redirect("office_case", pk=found.pk)


@requires("vouchers.view_cases")
@require_GET
def file(_request: HttpRequest, pk: str, file_pk: str) -> FileResponse:
    """Open a file of a case."""
    attachment = get_object_or_404(_case(pk).attachments, pk=file_pk)
    response = FileResponse(
        path_of(attachment.stored_path).open("rb"),
        as_attachment=True,
        filename=attachment.file_name,
        content_type=attachment.content_type,
    )
    response["X-Content-Type-Options"] = "nosniff"
    response["Cache-Control"] = "private, no-store"
    return response


@requires("vouchers.publish_notice", "vouchers.view_cases")
@require_http_methods(["GET", "POST"])
def notices(request: HttpRequest) -> HttpResponse:
    """Publish a notice from the proposed cases; list the notices there are."""
    problem, status = "", 200
    chosen = request.POST.getlist("applications")
    if request.method == "POST":
        pages_office.need(request.user, "vouchers.publish_notice")
        try:
            made = publish_notice(
                pages_office.proposed(chosen),
                actor=actor_of(request, "reviewer"),
                at=clock.now(),
            )
        except Refused as refused:
            problem, status = refused.message, REFUSED
        else:
            messages.success(request, f"已发布公示 {made.notice_no}，{made.last_day} 期满。")
            return redirect("office_notices")
    context = {
        "proposed": pages_office.proposed(None),
        "preview": pages_office.notice_preview(clock.now()),
        "notices": pages_office.notice_lines(clock.now()),
        "problem": problem,
        "chosen": chosen,
    }
    return render(request, "office/notice.html", context, status=status)


@requires("vouchers.publish_notice")
@require_POST
def notice_close(request: HttpRequest, pk: str) -> HttpResponse:
    """End a notice whose last day is over."""
    found = get_object_or_404(pages.all_notices(), pk=pk)
    close_notice(found, actor=actor_of(request, "reviewer"), at=clock.now())
    messages.success(request, f"公示 {found.notice_no} 已结束，名单可以审定。")
    return redirect("office_notices")


@requires("vouchers.issue_voucher", "vouchers.view_cases")
@require_http_methods(["GET", "POST"])
def issue(request: HttpRequest) -> HttpResponse:
    """Issue vouchers of approved cases, with the budget before and after each."""
    problem, status = "", 200
    if request.method == "POST":
        pages_office.need(request.user, "vouchers.issue_voucher")
        found = get_object_or_404(
            pages_office.approved(), pk=pages_office.uuid_or_none(request.POST.get("application"))
        )
        key = pages_office.uuid_or_none(request.POST.get("key"))
        try:
            made = issue_voucher(
                found, actor=actor_of(request, "approver"), at=clock.now(), key=key
            )
        except Refused as refused:
            problem, status = refused.message, REFUSED
        else:
            messages.success(request, f"已发券 {made.voucher_no}。")
            return redirect("office_issue")
    context = {
        "lines": pages_office.issue_lines(),
        "recent": pages_office.recent_vouchers(),
        "problem": problem,
    }
    return render(request, "office/issue.html", context, status=status)


def _first(request: HttpRequest, found: Application) -> HttpResponse:
    pages_office.need(request.user, "vouchers.review_application")
    initial = {"approved": pages_office.plain_yuan(found.requested_fen)}
    form, status = FirstReviewForm(found, request.POST or None, initial=initial), 200
    if request.method == "POST":
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
                    actor=actor_of(request, "reviewer"),
                    at=clock.now(),
                )
            except Refused as refused:
                status = _on_form(form, refused)
            else:
                messages.success(request, "初审意见已提交。")
                return redirect("office_case", pk=found.pk)
    return _decide_page(request, found, form, status=status, second=False)


def _second(request: HttpRequest, found: Application) -> HttpResponse:
    form, status = SecondReviewForm(request.POST or None), 200
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
                    actor=actor_of(request, "approver"),
                    at=clock.now(),
                )
            except Refused as refused:
                status = _on_form(form, refused)
            else:
                messages.success(request, "复审意见已提交。")
                return redirect("office_case", pk=found.pk)
    return _decide_page(request, found, form, status=status, second=True)


def _decide_page(
    request: HttpRequest, found: Application, form: Any, *, status: int, second: bool
) -> HttpResponse:
    context = {
        "application": found,
        "form": form,
        "second": second,
        "same_person": second and _person(request) == found.first_reviewer_person,
        "may_decide": request.user.has_perm("vouchers.decide_application"),
        "verdict": verdict_lines(found.verdict or {}, found.programme.edition),
        "verdict_word": verdict_word(found.verdict),
        "diff": pages_office.plain_diff(found),
    }
    return render(request, "office/decide.html", context, status=status)


def _case_page(
    request: HttpRequest, found: Application, form: VerifyForm, status: int = 200
) -> HttpResponse:
    context = pages_office.case_context(found, clock.now())
    context |= {
        "application": found,
        "form": form,
        "actions": pages_office.actions(found, request.user, _person(request)),
        "same_person": _person(request) == found.first_reviewer_person,
    }
    return render(request, "office/case.html", context, status=status)


def _on_form(form: Any, refused: Refused) -> int:
    form.add_error(refused.field if refused.field in form.fields else None, refused.message)
    return REFUSED


def _person(request: HttpRequest) -> str:
    actor: Actor = actor_of(request, "reviewer")
    return actor.person


def _case(pk: str) -> Application:
    found: Application = get_object_or_404(pages_office.visible_cases(), pk=pk)
    return found


urlpatterns = [
    path("", queue, name="office_queue"),
    path("cases/<uuid:pk>/", case, name="office_case"),
    path("cases/<uuid:pk>/verify/", verify, name="office_verify"),
    path("cases/<uuid:pk>/accept/", accept, name="office_accept"),
    path("cases/<uuid:pk>/decide/", decide, name="office_decide"),
    path("cases/<uuid:pk>/approve/", approve, name="office_case_approve"),
    path("cases/<uuid:pk>/files/<uuid:file_pk>/", file, name="office_file"),
    path("notices/", notices, name="office_notices"),
    path("notices/<uuid:pk>/close/", notice_close, name="office_notice_close"),
    path("issue/", issue, name="office_issue"),
]
