"""Strange requests at the edge of the house: what is not an address, and odd headers."""

import pytest

from ledger import clock
from tests.house.address_world import NOW


@pytest.mark.parametrize(
    "path", ["/static/../settings.py", "/.git/config", "/media/", "/api/schema"]
)
def test_nothing_beside_the_addresses_is_served(client, db, path):
    with clock.set_to(NOW):
        assert client.get(path).status_code == 404


@pytest.mark.parametrize(
    "headers",
    [
        {"accept-language": "x" * 10_000},
        {"accept-language": "../../etc;q=zz"},
        {"x-request-id": "bad id\r"},
        {"cookie": "session=" + "0" * 4_000},
    ],
)
def test_strange_headers_do_not_break_the_start_page(client, db, headers):
    assert client.get("/", headers=headers).status_code == 200


def test_strange_questions_do_not_break_a_public_page(client, db):
    for query in (
        "code[]=1&code=2",
        "code=" + "9" * 9_000,
        "code=%00",
        "code=%FF%FE",
        "a=1&" * 900,
    ):
        assert client.get(f"/public/verify/?{query}").status_code in {200, 302, 400, 404}
