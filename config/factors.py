"""The second factors of an account: which it has, and whether one may go."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from allauth.mfa.models import Authenticator
from django.contrib.auth import get_user_model
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse

from config.realms import needs_second_factor

APP, KEY = Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN
Door = Callable[..., HttpResponse]


def factors_of(user: Any, *kinds: Any) -> QuerySet[Any]:
    """Return the factors of an account, of all kinds or of some; recovery codes are none."""
    found: QuerySet[Any] = Authenticator.objects.filter(user=user, type__in=kinds or (APP, KEY))
    return found.order_by("created_at", "pk")


def may_go(factor: Any) -> bool:
    """Say whether an account may do without this factor: the last one stays if it must have one."""
    others = factors_of(factor.user).exclude(pk=factor.pk)
    return not needs_second_factor(factor.user) or others.exists()


def one_at_a_time(door: Door) -> Door:
    """Let one request of an account after the other take factors off.

    Two at once, each about another factor, would each see the other's still there.
    """

    @wraps(door)
    def alone(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if request.method != "POST" or not request.user.is_authenticated:
            return door(request, *args, **kwargs)
        with transaction.atomic():
            get_user_model().objects.select_for_update(of=("self",)).get(pk=request.user.pk)
            return door(request, *args, **kwargs)

    return alone
