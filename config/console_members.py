"""Door: who may act for a provider; its administrators ask colleagues in and let them go."""

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.views.decorators.http import require_GET, require_POST

from config import members
from config.inviting import ROLES_OF
from config.people_forms import InviteForm
from config.realms import Realm
from providers.models import ProviderSeat
from providers.seats import actor_at, provider_member

ADMIN = "provider_admin"


def seat_at(request: HttpRequest) -> ProviderSeat:
    """Return the seat the guarded view was entered with."""
    seat: ProviderSeat = request.seat  # type: ignore[attr-defined]
    return seat


@provider_member()
@require_GET
def show(request: HttpRequest) -> HttpResponse:
    """Show the members of one's provider."""
    form = InviteForm(roles=ROLES_OF[Realm.PROVIDER])
    return members.page(request, seat_at(request), form)


@provider_member(ADMIN)
@require_POST
def invite(request: HttpRequest) -> HttpResponse:
    """Ask a colleague in."""
    seat = seat_at(request)
    return members.invite(request, seat, InviteForm, actor_at(request), Realm.PROVIDER)


@provider_member(ADMIN)
@require_POST
def remove(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Take a colleague's seat away."""
    return members.remove(request, seat_at(request), pk, actor_at(request), "console_members")


@provider_member(ADMIN)
@require_POST
def withdraw(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Take an invitation back."""
    return members.withdraw(request, seat_at(request), pk, actor_at(request), "console_members")


urlpatterns = [
    path("", show, name="console_members"),
    path("invite/", invite, name="console_invite"),
    path("<uuid:pk>/remove/", remove, name="console_member_remove"),
    path("invitations/<uuid:pk>/withdraw/", withdraw, name="console_invitation_withdraw"),
]
