"""Whether somebody showed just now who they are: the last sign-in or confirmation counts."""

from allauth.account.internal.flows.login import get_authentication_records
from django.conf import settings
from django.http import HttpRequest

from ledger import clock


def confirmed_recently(request: HttpRequest) -> bool:
    """Say whether the person showed who they are within the last minutes."""
    allowed = settings.ENTRY.confirm_again_seconds
    if not allowed:
        return True
    shown = [each["at"] for each in get_authentication_records(request, request.user)]
    return bool(shown) and clock.now().timestamp() - max(shown) < allowed
