"""Who sits where: every console page starts from the seat of the person who asks."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from ledger.actors import Actor
from ledger.rights import View, stating
from providers.models import ProviderSeat


def seats_of(user: Any) -> list[ProviderSeat]:
    """Return the seats of a person, the oldest first."""
    return list(ProviderSeat.objects.of_user(user).order_by("id"))


def current_seat(request: HttpRequest) -> ProviderSeat | None:
    """Return the seat chosen in this browser session, or the only (first) one."""
    seats = seats_of(request.user)
    chosen = request.session.get("provider_seat")
    return next((each for each in seats if str(each.pk) == chosen), seats[0] if seats else None)


def provider_member(*roles: str) -> Callable[[View], View]:
    """Let in people with a seat at a provider; sets ``request.seat``; 403 for anybody else."""

    def wrap(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            seat = current_seat(request)
            if seat is None or (roles and seat.role not in roles):
                raise PermissionDenied
            request.seat = seat  # type: ignore[attr-defined]
            return view(request, *args, **kwargs)

        return stating("seat:provider", login_required(guarded))

    return wrap


def actor_at(request: HttpRequest) -> Actor:
    """Return the person of the request as an actor under the seat's role."""
    seat: ProviderSeat = request.seat  # type: ignore[attr-defined]
    user: Any = request.user
    return Actor(
        kind="user",
        id=str(user.pk),
        name=user.display_name,
        role=seat.role,
        person=user.person_hash,
    )
