"""Who sits where: every portal page starts from the seat of the person who asks."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect

from ledger.actors import Actor
from ledger.refusals import Refused
from ledger.rights import View, stating
from vouchers.models import EnterpriseSeat


def seats_of(user: Any) -> list[EnterpriseSeat]:
    """Return the seats of a person, the oldest first."""
    return list(EnterpriseSeat.objects.of_user(user).order_by("id"))


def current_seat(request: HttpRequest) -> EnterpriseSeat | None:
    """Return the seat chosen in this browser session, or the only (first) one."""
    seats = seats_of(request.user)
    chosen = request.session.get("enterprise_seat")
    return next((each for each in seats if str(each.pk) == chosen), seats[0] if seats else None)


def enterprise_member(*roles: str) -> Callable[[View], View]:
    """Let in people with a seat in an enterprise; sets ``request.seat``.

    Without a seat they are led to enrolment; with a seat of another role they get 403.
    """

    def wrap(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            seat = current_seat(request)
            if seat is None:
                return redirect("enroll")
            if roles and seat.role not in roles:
                raise PermissionDenied
            request.seat = seat  # type: ignore[attr-defined]
            return view(request, *args, **kwargs)

        entrance: View = login_required(guarded)
        return stating("seat:enterprise", entrance)

    return wrap


def seat_of(request: HttpRequest) -> EnterpriseSeat:
    """Return the seat the guarded view was entered with."""
    seat: EnterpriseSeat = request.seat  # type: ignore[attr-defined]
    return seat


def actor_at(request: HttpRequest) -> Actor:
    """Return the person of the request as an actor under the seat's role."""
    user: Any = request.user
    return Actor(
        kind="user",
        id=str(user.pk),
        name=user.display_name,
        role=seat_of(request).role,
        person=user.person_hash,
    )


def refuse_unless_submits(request: HttpRequest) -> None:
    """Refuse to hand in or withdraw for somebody whom the administrator did not let.

    Raises:
        Refused: a clerk without that permission.
    """
    if not seat_of(request).submits:
        raise Refused(
            "may_not_submit",
            "您可以填写申请，但提交和撤回须由企业管理员办理，或请管理员在“成员”页重新邀请您并勾选“可以提交”。",
        )
