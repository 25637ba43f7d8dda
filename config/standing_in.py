"""Rights that an officer exercises for another: Django asks this backend after the roles."""

from typing import Any

from django.contrib.auth.backends import BaseBackend

from config.models import Delegation
from ledger import clock


def delegated_to(user: Any) -> dict[str, str]:
    """Return right -> name of who gave it, for what counts now; asked once per request.

    What the giver no longer holds by role gives nothing.
    """
    known: dict[str, str] | None = getattr(user, "standing_for", None)
    if known is None:
        rows = Delegation.objects.lasting(clock.now()).filter(taker=user).select_related("giver")
        own = user.get_group_permissions()
        known = {
            each.right: each.giver.display_name
            for each in rows
            if each.right not in own and _holds(each)
        }
        user.standing_for = known  # pages say for whom somebody acts (ledger.rights)
    return known


def _holds(delegation: Delegation) -> bool:
    app, codename = delegation.right.split(".")
    return delegation.giver.groups.filter(
        permissions__codename=codename, permissions__content_type__app_label=app
    ).exists()


class StandingIn(BaseBackend):
    """Say yes to a right that somebody absent delegated."""

    def has_perm(self, user_obj: Any, perm: str, obj: Any = None) -> bool:
        """Say whether the right is delegated to an active officer now."""
        if not user_obj.is_active or not user_obj.is_authenticated or obj is not None:
            return False
        return perm in delegated_to(user_obj)
