"""Door for the bureau: queue, cases, decisions in two steps, notices."""

from csp.constants import SELF
from csp.decorators import csp_update
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from ledger import clock
from ledger.actors import Actor
from ledger.refusals import Refused
from ledger.rights import actor_of, requires
from vouchers import pages, pages_beside, pages_case, pages_office
from vouchers.downloads import attachment_response
from vouchers.enrolling import verify_enterprise
from vouchers.forms import VerifyForm
from vouchers.models import Application
from vouchers.reading import note_file, note_reading
from vouchers.reviewing import (
    accept_application,
    approve_application,
    close_notice,
    publish_notice,
)
from vouchers.scoping import case_for

REFUSED = 409
INVALID = 422


@csp_update({"frame-src": [SELF]})
@requires("vouchers.view_cases")
@require_GET
def case(request: HttpRequest, pk: str) -> HttpResponse:
    """Show a case: facts, answers, files, automatic checks, timeline, what may be done now."""
    found = case_for(request, pk, clock.now())
    note_reading(found, "case", actor=actor_of(request, "reviewer"), at=clock.now())
    return _case_page(request, found, VerifyForm())


@requires("vouchers.review_application")
@require_POST
def verify(request: HttpRequest, pk: str) -> HttpResponse:
    """Verify the enterprise of a case against its licence."""
    found = case_for(request, pk, clock.now())
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
    found = case_for(request, pk, clock.now())
    accept_application(found, actor=actor_of(request, "reviewer"), at=clock.now())
    messages.success(request, "已受理，请进行初审。")
    return redirect("office_case", pk=found.pk)


@requires("vouchers.decide_application")
@require_POST
def approve(request: HttpRequest, pk: str) -> HttpResponse:
    """Decide for support after the notice."""
    found = case_for(request, pk, clock.now())
    approve_application(found, actor=actor_of(request, "approver"), at=clock.now())
    found.refresh_from_db()
    waits = found.state == Application.State.NOTICE_DONE
    told = "已记下您的审定意见，金额较大，还须另一人审定。" if waits else "已审定，可以发券。"
    messages.success(request, told)
    return redirect("office_case", pk=found.pk)


@requires("vouchers.view_cases")
@require_GET
def file(request: HttpRequest, pk: str, file_pk: str) -> HttpResponse:
    """Open a file of a case."""
    attachment = get_object_or_404(case_for(request, pk, clock.now()).attachments, pk=file_pk)
    note_file(attachment, actor=actor_of(request, "reviewer"), at=clock.now())
    return attachment_response(request, attachment)


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


def _case_page(
    request: HttpRequest, found: Application, form: VerifyForm, status: int = 200
) -> HttpResponse:
    context = pages_office.case_context(found, clock.now())
    context |= pages_beside.beside(found, request.user, request.GET.get("file", ""))
    context |= pages_case.case_extras(found, _person(request), clock.now())
    context |= {
        "application": found,
        "form": form,
        "actions": pages_office.actions(found, request.user, _person(request)),
        "same_person": _person(request) == found.first_reviewer_person,
    }
    return render(request, "office/case.html", context, status=status)


def _person(request: HttpRequest) -> str:
    actor: Actor = actor_of(request, "reviewer")
    return actor.person


urlpatterns = [
    path("cases/<uuid:pk>/", case, name="office_case"),
    path("cases/<uuid:pk>/verify/", verify, name="office_verify"),
    path("cases/<uuid:pk>/accept/", accept, name="office_accept"),
    path("cases/<uuid:pk>/approve/", approve, name="office_case_approve"),
    path("cases/<uuid:pk>/files/<uuid:file_pk>/", file, name="office_file"),
    path("notices/", notices, name="office_notices"),
    path("notices/<uuid:pk>/close/", notice_close, name="office_notice_close"),
]
