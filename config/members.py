"""What the member pages of enterprises and providers have in common."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from config import people
from config.inviting import (
    ROLES_OF,
    Asked,
    Sent,
    end_seat,
    invitations_of,
    invite_person,
    link_of,
    organisation_of,
    withdraw_invitation,
)
from config.posting import send_link
from ledger import clock
from ledger.actors import Actor
from ledger.refusals import Refused

INVALID = 422
REFUSED = 409


def page(
    request: HttpRequest, seat: Any, form: Any, *, sent: Sent | None = None, status: int = 200
) -> HttpResponse:
    """Show the members, who was asked in, and the form; a new link once."""
    area = request.path.strip("/").split("/")[0]
    context = people.members(seat, clock.now()) | {
        "form": form,
        "area_code": area,
        "link": link_of(sent, request.build_absolute_uri),
        "sent": sent.invitation if sent else None,
    }
    return render(request, "account/members.html", context, status=status)


def invite(
    request: HttpRequest, seat: Any, form_of: Callable[..., Any], actor: Actor, realm: str
) -> HttpResponse:
    """Ask somebody in and show the link once."""
    form = form_of(request.POST, roles=ROLES_OF[realm])
    if not form.is_valid():
        return page(request, seat, form, status=INVALID)
    told = form.cleaned_data
    asked = Asked(told["name"], told["email"], told["role"], told.get("may_submit", False))
    user: Any = request.user
    sent = invite_person(organisation_of(seat), asked, inviter=user, actor=actor, at=clock.now())
    send_link(sent, link_of(sent, request.build_absolute_uri))
    return page(request, seat, form_of(roles=ROLES_OF[realm]), sent=sent)


def remove(request: HttpRequest, seat: Any, pk: UUID, actor: Actor, back: str) -> HttpResponse:
    """Take a colleague's seat away."""
    theirs = people.member(seat, pk)
    if theirs is None:
        raise Http404
    return _told(request, lambda: end_seat(theirs, actor=actor, at=clock.now()), "已移除。", back)


def withdraw(request: HttpRequest, seat: Any, pk: UUID, actor: Actor, back: str) -> HttpResponse:
    """Take an invitation back."""
    now = clock.now()
    rows = invitations_of(organisation_of(seat).pk, now)
    found = next((each for each in rows if each.pk == pk), None)
    if found is None:
        raise Http404
    return _told(request, lambda: withdraw_invitation(found, actor=actor, at=now), "已撤回。", back)


def _told(request: HttpRequest, act: Callable[[], Any], done: str, back: str) -> HttpResponse:
    try:
        act()
        messages.success(request, done)
    except Refused as refused:
        messages.error(request, refused.message)
    return redirect(back)
