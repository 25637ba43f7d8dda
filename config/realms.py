"""On which side of the table somebody sits: bureau, provider, enterprise or nobody yet."""

from enum import StrEnum
from typing import Any

from django.conf import settings
from django.http import HttpRequest


class Realm(StrEnum):
    """The sides of the table; a natural person sits on one at a time (a database trigger)."""

    BUREAU = "bureau"
    PROVIDER = "provider"
    ENTERPRISE = "enterprise"
    NONE = "none"


SESSION_KEY = "realm"


def realm_of(user: Any) -> Realm:
    """Return the side an account sits on now."""
    if user.groups.exists():
        return Realm.BUREAU
    if user.provider_seats.filter(active=True).exists():
        return Realm.PROVIDER
    if user.enterprise_seats.filter(active=True).exists():
        return Realm.ENTERPRISE
    return Realm.NONE


def realm_here(request: HttpRequest) -> Realm:
    """Return the side of whoever asks, remembered in the session once there is one.

    A change of role or seat ends the sessions of the account, so nothing stale is kept.
    """
    known = request.session.get(SESSION_KEY)
    if known is None:
        found = realm_of(request.user)
        if found is not Realm.NONE:
            request.session[SESSION_KEY] = str(found)
        return found
    return Realm(known)


def needs_second_factor(user: Any) -> bool:
    """Say whether an account may do nothing without a second factor."""
    return settings.ENTRY.second_factor and realm_of(user) in (Realm.BUREAU, Realm.PROVIDER)
