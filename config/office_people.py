"""Door: accounts and roles of the bureau; two persons for a role, one for an end."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.views.decorators.http import require_GET, require_POST

from config import granting, people
from config.inviting import (
    ROLES_OF,
    Asked,
    Sent,
    invitations_of,
    invite_person,
    link_of,
    withdraw_invitation,
)
from config.people_forms import InviteForm, ProposeForm, ReasonForm
from config.posting import send_link
from config.realms import Realm
from ledger import clock
from ledger.actors import Actor
from ledger.refusals import Refused
from ledger.rights import actor_of, requires

VIEW, SIGN, CHANGE = "config.view_user", "config.confirm_role", "config.change_user"
INVALID = 422


def _actor(request: HttpRequest) -> Actor:
    """Return the reader as platform or approver: one of each signs a grant."""
    return actor_of(request, "platform" if request.user.has_perm(CHANGE) else "approver")


def _page(
    request: HttpRequest, form: InviteForm, *, sent: Sent | None = None, status: int = 200
) -> HttpResponse:
    actor = _actor(request)
    context = {
        "accounts": people.accounts(),
        "waiting": people.waiting_grants(actor.person, actor.role),
        "invitations": invitations_of(None, clock.now()),
        "form": form,
        "propose": ProposeForm(auto_id="role-%s"),
        "reason": ReasonForm(auto_id="why-%s"),
        "signs": request.user.has_perm(SIGN),
        "changes": request.user.has_perm(CHANGE),
        "link": link_of(sent, request.build_absolute_uri),
        "sent": sent.invitation if sent else None,
    }
    return render(request, "office/people.html", context, status=status)


@requires(VIEW, SIGN)
@require_GET
def show(request: HttpRequest) -> HttpResponse:
    """Show the accounts, their roles, and what waits for a second person."""
    return _page(request, InviteForm(roles=ROLES_OF[Realm.BUREAU]))


@requires(SIGN)
@require_POST
def invite(request: HttpRequest) -> HttpResponse:
    """Ask somebody in to the bureau; the role still has to be confirmed."""
    form = InviteForm(request.POST, roles=ROLES_OF[Realm.BUREAU])
    if not form.is_valid():
        return _page(request, form, status=INVALID)
    told = form.cleaned_data
    asked = Asked(told["name"], told["email"], told["role"])
    user: Any = request.user
    sent = invite_person(None, asked, inviter=user, actor=_actor(request), at=clock.now())
    send_link(sent, link_of(sent, request.build_absolute_uri))
    return _page(request, InviteForm(roles=ROLES_OF[Realm.BUREAU]), sent=sent)


@requires(SIGN)
@require_POST
def withdraw(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Take an invitation of the bureau back."""
    now = clock.now()
    found = next((each for each in invitations_of(None, now) if each.pk == pk), None)
    if found is None:
        raise Http404
    return _done(request, lambda: withdraw_invitation(found, actor=_actor(request), at=now))


@requires(SIGN)
@require_POST
def propose(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Propose a role for an account."""
    user, told = _account(pk), request.POST
    return _done(
        request,
        lambda: granting.propose_role(
            user,
            told.get("role", ""),
            reason=told.get("reason", "")[:200],
            actor=_actor(request),
            at=clock.now(),
        ),
    )


@requires(SIGN)
@require_POST
def confirm(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Confirm a proposed role as the second person."""
    found = _grant(pk)
    actor = _actor(request)
    return _done(request, lambda: granting.confirm_role(found, actor=actor, at=clock.now()))


@requires(SIGN)
@require_POST
def end(request: HttpRequest, pk: UUID) -> HttpResponse:
    """End a role, or decline a proposed one."""
    found, reason = _grant(pk), request.POST.get("reason", "")[:200]
    actor = _actor(request)
    return _done(
        request, lambda: granting.end_role(found, reason=reason, actor=actor, at=clock.now())
    )


@requires(CHANGE)
@require_POST
def switch(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Disable an account, or take it into use again."""
    user, reason = _account(pk), request.POST.get("reason", "")[:200]
    act = granting.disable_account if user.is_active else granting.enable_account
    actor = _actor(request)
    return _done(request, lambda: act(user, reason=reason, actor=actor, at=clock.now()))


def _account(pk: UUID) -> Any:
    user = people.account(pk)
    if user is None:
        raise Http404
    return user


def _grant(pk: UUID) -> Any:
    found = people.grant(pk)
    if found is None:
        raise Http404
    return found


def _done(request: HttpRequest, act: Callable[[], Any]) -> HttpResponse:
    try:
        act()
        messages.success(request, "已办理，并写入签名日志。")
    except Refused as refused:
        messages.error(request, refused.message)
    return redirect("office_people")


urlpatterns = [
    path("", show, name="office_people"),
    path("invite/", invite, name="office_invite"),
    path("invitations/<uuid:pk>/withdraw/", withdraw, name="office_invitation_withdraw"),
    path("accounts/<uuid:pk>/propose/", propose, name="office_role_propose"),
    path("accounts/<uuid:pk>/switch/", switch, name="office_account_switch"),
    path("grants/<uuid:pk>/confirm/", confirm, name="office_role_confirm"),
    path("grants/<uuid:pk>/end/", end, name="office_role_end"),
]
