"""How the door tests walk: clients signed in as somebody, at a moment of the story."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from django.contrib.auth.models import Permission
from django.test import Client

from ledger import clock
from tests.roles import SUPERUSER, as_role
from tests.vouchers.story import AT, user_of

REVIEWER = ("view_cases", "review_application", "publish_notice", "open_programme")
APPROVER = (
    "view_cases",
    "decide_application",
    "publish_notice",
    "issue_voucher",
    "open_programme",
    "grant_budget",
)
FINANCE = ("grant_budget",)
AUDITOR = ("view_cases",)


def bureau(name: str, rights: tuple[str, ...]) -> Client:
    """Return a browser of a bureau person with these rights of the room."""
    user = user_of(name)
    with as_role(SUPERUSER):  # the application itself gives nobody a new right
        user.user_permissions.set(
            Permission.objects.filter(content_type__app_label="vouchers", codename__in=rights)
        )
    return signed_in(user)


def signed_in(user: object) -> Client:
    """Return a browser signed in as a user."""
    client = Client()
    client.force_login(user)
    return client


def of_enterprise(enterprise: object) -> Client:
    """Return a browser of the enterprise's administrator."""
    return signed_in(enterprise.seats.order_by("id").first().user)


@contextmanager
def at(moment: datetime = AT) -> Iterator[None]:
    """Hold the clock of the doors."""
    with clock.set_to(moment):
        yield


def text_of(response: object) -> str:
    """Return a page as text."""
    return response.content.decode()
