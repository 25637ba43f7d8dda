"""Page of a provider, 95th of 100 requests, beside the same after 10,000 transfers.

The whole request as the bureau makes it: session, right, what the provider earned by vouchers and
was paid (two accounts without balance rows), filings, batches, history, template. One in ten of
the transfers goes to the provider that is looked at.
"""

from django.contrib.auth.models import Group
from django.core.management import call_command
from django.test import Client

from benchmarks.p7_balances import (
    BASE,
    GOAL,
    RATIO,
    SIZES,
    Measured,
    load,
    open_accounts,
    ready_for_pages,
    slow_of,
)
from tests.providers import world
from tests.vouchers import story

__all__ = ["GOAL", "RATIO", "SIZES"]

UNIT = "requests"
VOUCHERS, OTHERS = 200, 9


def prepare(size: int) -> tuple[Client, str]:
    """Admit a provider by the acts, load the books, sign an auditor in."""
    call_command("sync_roles", verbosity=0)
    programme = story.a_programme()
    provider = world.a_provider()
    providers = [str(provider.pk), *(f"q{n}" for n in range(OTHERS))]
    open_accounts(programme.slug, [f"v{n}" for n in range(VOUCHERS)], providers)
    load(size, programme.slug)
    auditor = story.user_of("auditor")
    auditor.groups.add(Group.objects.get(name="auditor"))  # type: ignore[attr-defined]
    ready_for_pages()
    client = Client(SERVER_NAME="127.0.0.1")
    client.force_login(auditor)  # type: ignore[arg-type]
    return client, f"/office/providers/{provider.pk}/"


def prepare_floor(_size: int) -> tuple[Client, str]:
    """Load the small books that the others are compared with."""
    return prepare(BASE)


def ours(asked: tuple[Client, str]) -> Measured:
    """Open the page."""
    client, address = asked
    assert "已核销待结算" in client.get(address).content.decode()
    return slow_of(lambda: client.get(address))


floor = ours
