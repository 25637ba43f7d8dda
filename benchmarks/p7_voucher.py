"""Page of a voucher, 95th of 100 requests, beside the same after 10,000 transfers.

The whole request as an enterprise makes it: session, seat, position, statement, holds,
redemptions, template. One in 20 of the transfers lies on the voucher that is looked at.
"""

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
    top_up,
)
from tests.vouchers import story

__all__ = ["GOAL", "RATIO", "SIZES"]

UNIT = "requests"
OTHERS, PROVIDERS = 19, 10


def prepare(size: int) -> tuple[Client, str]:
    """Issue a voucher by the acts, load the books, sign its enterprise in."""
    voucher = story.a_voucher()
    slug = voucher.programme.slug
    others = [f"v{n}" for n in range(OTHERS)]
    open_accounts(slug, others, [f"q{n}" for n in range(PROVIDERS)])
    top_up(voucher.account)
    load(size, slug)
    ready_for_pages()
    client = Client(SERVER_NAME="127.0.0.1")
    client.force_login(voucher.enterprise.seats.get().user)
    return client, f"/portal/vouchers/{voucher.pk}/"


def prepare_floor(_size: int) -> tuple[Client, str]:
    """Load the small books that the others are compared with."""
    return prepare(BASE)


def ours(asked: tuple[Client, str]) -> Measured:
    """Open the page."""
    client, address = asked
    assert "收支明细" in client.get(address).content.decode()
    return slow_of(lambda: client.get(address))


floor = ours
