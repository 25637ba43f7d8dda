"""Door: who may act for an enterprise; its administrators ask colleagues in and let them go."""

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.views.decorators.http import require_GET, require_POST

from config import members
from config.inviting import ROLES_OF
from config.people_forms import InviteColleagueForm
from config.realms import Realm
from vouchers.seats import actor_at, enterprise_member, seat_of

ADMIN = "enterprise_admin"


@enterprise_member()
@require_GET
def show(request: HttpRequest) -> HttpResponse:
    """Show the members of one's enterprise."""
    form = InviteColleagueForm(roles=ROLES_OF[Realm.ENTERPRISE])
    return members.page(request, seat_of(request), form)


@enterprise_member(ADMIN)
@require_POST
def invite(request: HttpRequest) -> HttpResponse:
    """Ask a colleague in."""
    seat = seat_of(request)
    return members.invite(request, seat, InviteColleagueForm, actor_at(request), Realm.ENTERPRISE)


@enterprise_member(ADMIN)
@require_POST
def remove(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Take a colleague's seat away."""
    return members.remove(request, seat_of(request), pk, actor_at(request), "portal_members")


@enterprise_member(ADMIN)
@require_POST
def withdraw(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Take an invitation back."""
    return members.withdraw(request, seat_of(request), pk, actor_at(request), "portal_members")


urlpatterns = [
    path("", show, name="portal_members"),
    path("invite/", invite, name="portal_invite"),
    path("<uuid:pk>/remove/", remove, name="portal_member_remove"),
    path("invitations/<uuid:pk>/withdraw/", withdraw, name="portal_invitation_withdraw"),
]
