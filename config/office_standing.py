"""Door: an officer lets a colleague stand in, and declares ties to enterprises."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from config import people
from config.binding import answer_appeal, waiting_appeals
from config.delegating import delegate_right, end_delegation
from config.people_forms import ConflictForm, DelegateForm
from config.roles import ROLES
from ledger import clock
from ledger.refusals import Refused
from ledger.rights import actor_of, requires
from vouchers.abstaining import declare_conflict, end_conflict

INVALID, REFUSED = 422, 409
_ALONE = {*ROLES["platform"], *ROLES["auditor"]}
#: Whoever holds a role with business: everybody of the bureau but platform and audit.
OFFICERS = tuple(
    sorted(
        {right for role in ("reviewer", "approver", "finance") for right in ROLES[role]} - _ALONE
    )
)
DECIDE, REVIEW = "vouchers.decide_application", "vouchers.review_application"


@requires(*OFFICERS)
@require_http_methods(["GET", "POST"])
def delegations(request: HttpRequest) -> HttpResponse:
    """Show what was given and taken; give a right to a colleague for a time."""
    now = clock.now()
    user: Any = request.user
    told = people.standing_in(user, now)
    choices = {"rights": told["rights"], "colleagues": told["colleagues"]}
    form = DelegateForm(request.POST or None, **choices)
    status = 200
    if request.method == "POST":
        status = INVALID
        if form.is_valid():
            status = REFUSED
            try:
                _delegate(request, form)
                messages.success(request, "已委托；到期自动结束，双方随时可以提前终止。")
                return redirect("office_delegations")
            except Refused as refused:
                refused.put_on(form, until="last_day")
    return render(request, "office/delegations.html", told | {"form": form}, status=status)


def _delegate(request: HttpRequest, form: DelegateForm) -> None:
    told, user, now = form.cleaned_data, request.user, clock.now()
    taker = people.account(UUID(told["taker"]))
    if taker is None:
        raise Http404
    delegate_right(
        user,  # type: ignore[arg-type]
        taker,
        told["right"],
        begins_at=now,
        until=form.until(),
        reason=told["reason"],
        actor=actor_of(request, "officer"),
        at=now,
    )


@requires(*OFFICERS)
@require_POST
def delegation_end(request: HttpRequest, pk: UUID) -> HttpResponse:
    """End a delegation one gave or took."""
    found = people.delegation(request.user, pk)
    if found is None:
        raise Http404
    actor = actor_of(request, "officer")

    def act() -> None:
        end_delegation(found, actor=actor, at=clock.now())

    return _told(request, act, "委托已终止。", "office_delegations")


@requires(*OFFICERS)
@require_http_methods(["GET", "POST"])
def conflicts(request: HttpRequest) -> HttpResponse:
    """Show the declared ties; declare one's own."""
    form = ConflictForm(request.POST or None)
    actor = actor_of(request, "officer")
    status = 200
    if request.method == "POST":
        status = INVALID
        if form.is_valid():
            status = REFUSED
            try:
                _declare(request, form.cleaned_data)
                messages.success(request, "已声明。从现在起，您不能办理该企业的任何事项。")
                return redirect("office_conflicts")
            except Refused as refused:
                refused.put_on(form)
    context = {
        "form": form,
        "declared": people.declared(actor.person),
        "may_end": request.user.has_perm(DECIDE),
    }
    return render(request, "office/conflicts.html", context, status=status)


def _declare(request: HttpRequest, told: dict[str, Any]) -> None:
    enterprise = people.enterprise_named(told["enterprise"])
    if enterprise is None:
        raise Refused(
            "no_such_enterprise", "没有找到这家企业，请核对全称或代码。", field="enterprise"
        )
    declare_conflict(
        enterprise,
        request.user,
        relation=told["relation"],
        actor=actor_of(request, "officer"),
        at=clock.now(),
    )


@requires(DECIDE)
@require_POST
def conflict_end(request: HttpRequest, pk: UUID) -> HttpResponse:
    """End somebody else's declaration once the tie is gone."""
    found = people.declaration(pk)
    if found is None:
        raise Http404
    reason, actor = request.POST.get("reason", "")[:200], actor_of(request, "approver")

    def act() -> None:
        end_conflict(found, reason=reason, actor=actor, at=clock.now())

    return _told(request, act, "声明已解除。", "office_conflicts")


@requires(REVIEW)
@require_GET
def appeals(request: HttpRequest) -> HttpResponse:
    """Show the appeals of people whose enterprise others registered first."""
    return render(request, "office/appeals.html", {"appeals": waiting_appeals()})


@requires(REVIEW)
@require_POST
def appeal_answer(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Answer an appeal."""
    found = next((each for each in waiting_appeals() if each.pk == pk), None)
    if found is None:
        raise Http404
    told, actor = request.POST, actor_of(request, "reviewer")

    def act() -> None:
        answer = told.get("answer", "")[:500]
        answer_appeal(
            found, upheld=told.get("upheld") == "1", answer=answer, actor=actor, at=clock.now()
        )

    return _told(request, act, "已答复。", "office_appeals")


def _told(request: HttpRequest, act: Callable[[], Any], done: str, back: str) -> HttpResponse:
    try:
        act()
        messages.success(request, done)
    except Refused as refused:
        messages.error(request, refused.message)
    return redirect(back)


urlpatterns = [
    path("appeals/", appeals, name="office_appeals"),
    path("appeals/<uuid:pk>/", appeal_answer, name="office_appeal_answer"),
    path("delegations/", delegations, name="office_delegations"),
    path("delegations/<uuid:pk>/end/", delegation_end, name="office_delegation_end"),
    path("conflicts/", conflicts, name="office_conflicts"),
    path("conflicts/<uuid:pk>/end/", conflict_end, name="office_conflict_end"),
]
