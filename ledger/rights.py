"""How a door says who may come in: every view is ``public`` or states its right.

A test walks all URLs and fails on a view that says neither.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from ledger.actors import Actor

View = Callable[..., HttpResponseBase]


def public(view: View) -> View:
    """Mark a view as open to anybody."""
    view.right = "public"  # type: ignore[attr-defined]
    return view


def stating(right: str, view: View) -> View:
    """Mark a view with the right it checks by itself (seats, API keys)."""
    view.right = right  # type: ignore[attr-defined]
    return view


def requires(*permissions: str) -> Callable[[View], View]:
    """Let in signed-in people who hold at least one of ``permissions`` ("room.codename")."""

    def wrap(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            held = next((each for each in permissions if request.user.has_perm(each)), "")
            if not held:
                raise PermissionDenied
            standing_for: dict[str, str] = getattr(request.user, "standing_for", {})
            request.standing_for = standing_for.get(held, "")  # type: ignore[attr-defined]
            return view(request, *args, **kwargs)

        return stating(" | ".join(permissions), login_required(guarded))

    return wrap


def signed_in(view: View) -> View:
    """Let in anybody with an account; for pages about oneself."""
    return stating("signed in", login_required(view))


def actor_of(request: HttpRequest, role: str) -> Actor:
    """Return the signed-in person as an actor under ``role``; pages say for whom they stand in."""
    user: Any = request.user
    absent = getattr(request, "standing_for", "")
    return Actor(
        kind="user",
        id=str(user.pk),
        name=f"{user.display_name}（代{absent}）" if absent else user.display_name,
        role=role,
        person=user.person_hash,
    )
