"""Under which names somebody is told things: their enterprise, their provider, their rights."""

from typing import Any

from django.http import HttpRequest

from config.roles import ROLES
from providers.seats import current_seat as provider_seat
from vouchers.notices import Scope
from vouchers.seats import current_seat as enterprise_seat

RIGHTS = sorted({right for rights in ROLES.values() for right in rights})


def scopes_at(request: HttpRequest, area: str) -> list[Scope]:
    """Return the recipients whose messages the reader sees in one area of the house."""
    user: Any = request.user
    found: list[Scope] = [("person", str(user.pk))]
    if area == "portal" and (firm := enterprise_seat(request)) is not None:
        found.append(("enterprise", str(firm.enterprise_id)))
    elif area == "console" and (seat := provider_seat(request)) is not None:
        found.append(("provider", str(seat.provider_id)))
    elif area == "office":
        found += [("right", each) for each in RIGHTS if user.has_perm(each)]
    return found
