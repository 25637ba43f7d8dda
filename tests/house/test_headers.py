"""What every answer says to the browser: nothing foreign runs, nothing private is kept."""

from typing import Any

import pytest

from ledger import clock
from tests.house.address_world import NOW
from tests.house.addresses import Address

READERS = ["", "own enterprise", "own provider", "approver"]
POLICY = {
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "form-action 'self'",
    "frame-ancestors 'none'",
    "base-uri 'none'",
}
#: Of a file that is saved, never shown: stricter than of a page, nothing in it runs at all.
SAVED_POLICY = {
    "sandbox",
    "default-src 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "base-uri 'none'",
}
#: Served without the strict policy: the page that draws the interface description of the API.
OWN_POLICY = {"api_docs"}
#: A file that is shown within the page of its case, and within no other site's.
WITHIN_A_PAGE = {"office_file_inline"}


def nothing_foreign_runs(address: Address, answer: Any) -> bool:
    policy = {each.strip() for each in answer.get("Content-Security-Policy", "").split(";")}
    if "sandbox" in policy:
        saved = answer.get("Content-Disposition", "").startswith("attachment")
        return saved and policy == SAVED_POLICY
    if address.name in WITHIN_A_PAGE:
        policy = {
            each.replace("frame-ancestors 'self'", "frame-ancestors 'none'") for each in policy
        }
    return policy >= POLICY or address.name in OWN_POLICY


def protected(address: Address, answer: Any) -> bool:
    framed = {"SAMEORIGIN", "DENY"} if address.name in WITHIN_A_PAGE else {"DENY"}
    return (
        answer["X-Content-Type-Options"] == "nosniff"
        and answer["X-Frame-Options"] in framed
        and answer["Referrer-Policy"] == "same-origin"
        and "X-Request-ID" in answer
    )


def not_kept(address: Address, answer: Any) -> bool:
    """Say whether a shared computer forgets what somebody signed in was shown."""
    kept = answer.get("Cache-Control", "")
    return address.right == "public" or "no-store" in kept or "private" in kept


@pytest.mark.parametrize("reader", READERS)
def test_every_answer_carries_the_protections(walk, reader):
    def judge(address: Address, answer: Any) -> bool:
        return (
            nothing_foreign_runs(address, answer)
            and protected(address, answer)
            and (not reader or not_kept(address, answer))
        )

    assert walk(reader, judge) == {}


@pytest.mark.parametrize("reader", ["own enterprise", "own provider", "approver"])
def test_no_form_is_taken_from_another_site(walk, reader):
    def judge(address: Address, answer: Any) -> bool:
        return address.route.startswith("/api/") or answer.status_code in {302, 403, 404, 405}

    assert walk(reader, judge, "post", enforce_csrf_checks=True) == {}


@pytest.mark.parametrize(
    "path", ["/static/../settings.py", "/.git/config", "/media/", "/api/schema"]
)
def test_nothing_beside_the_addresses_is_served(walk, client, path):
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
