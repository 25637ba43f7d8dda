"""Every address of the house: who may open it, and that nobody meets what is not theirs.

Goal: no page without a stated right, no stranger's object shown, no request that breaks.
Method: the table of addresses is read from the resolver, real things are put into it
(``address_world``), and every kind of reader asks for all of it.
"""

from typing import Any

import pytest

from config.roles import ROLES
from ledger.models import LogEntry
from tests.house.addresses import GAPS, Address, addresses, walkable
from tests.house.protections import not_kept, nothing_foreign_runs, protected

OWN = {"seat:enterprise": "own enterprise", "seat:provider": "own provider"}
OTHER = {"seat:enterprise": "other enterprise", "seat:provider": "other provider"}
SIGN_IN = "/login/"
#: The beginning of an address says who it is for; more open than this is only what is named.
AUDIENCE = {"/portal/": "seat:enterprise", "/console/": "seat:provider", "/public/": "public"}
MORE_OPEN = {
    "check": "public",  # the self-check keeps nothing
    "check_all": "public",
    "enroll": "signed in",  # who has no seat yet gets one here
    "binding": "signed in",  # whose enterprise others registered first has no seat yet
    "console_apply": "signed in",  # a provider that is not admitted yet asks to be
    "api_limits": "public",
    "api_problems": "public",
    "api_problem": "public",
    "api_schema": "public",
    "api_docs": "public",
    "api_nothing": "public",
}
NO_KEY = {400, 401, 405}  # a body that cannot be read is told before the key is asked for


def allowed(address: Address, role: str) -> bool:
    """Say whether a role of the bureau holds one of the rights an address asks for."""
    return bool(set(address.right.split(" | ")) & set(ROLES[role]))


def to_sign_in(answer: Any) -> bool:
    return answer.status_code == 302 and answer.url.startswith(SIGN_IN)


def test_every_address_states_its_right():
    assert [each.route for each in addresses() if not each.right] == []


def expected_right(address: Address) -> str:
    """Return the right an address must state by where it stands ("." for one of the bureau's)."""
    if address.name in MORE_OPEN:
        return MORE_OPEN[address.name]
    if address.route.startswith("/office/"):
        return "."
    if address.route.startswith("/api/"):
        return "provider key"
    return next((r for start, r in AUDIENCE.items() if address.route.startswith(start)), "")


def test_no_address_is_open_to_more_people_than_its_beginning_says():
    odd = [
        f"{each.route}: {each.right}"
        for each in addresses()
        for wanted in [expected_right(each)]
        if wanted and not (each.right == wanted or (wanted == "." and "." in each.right))
    ]
    assert odd == []


def test_every_address_has_a_name_and_its_gaps_can_be_filled():
    known = {each.name for each in addresses()}
    assert "" not in known
    unfilled = [
        each.route
        for each in walkable()
        if set(each.gaps) - set(next((v for s, v in GAPS if each.route.startswith(s)), {}))
    ]
    assert unfilled == [], "say in GAPS which thing stands there"


def test_nothing_stands_ready_for_an_address_that_is_gone():
    used = {
        (start, gap)
        for each in walkable()
        for start in [next((s for s, _ in GAPS if each.route.startswith(s)), "")]
        for gap in each.gaps
    }
    assert [(start, gap) for start, gaps in GAPS for gap in gaps if (start, gap) not in used] == []


def test_every_right_that_is_asked_for_is_held_by_a_role():
    held = {right for rights in ROLES.values() for right in rights}
    asked = {
        right
        for each in addresses()
        for right in each.right.split(" | ")
        if right not in {"public", "signed in", "provider key", *OWN}
    }
    assert asked <= held


def test_somebody_without_a_name_sees_public_pages_and_the_way_in(walk):
    def judge(address: Address, answer: Any) -> bool:
        if address.right == "public":
            return answer.status_code < 500 and answer.status_code not in {401, 403}
        if address.right == "provider key":
            return answer.status_code in NO_KEY
        return to_sign_in(answer) or answer.status_code == 405

    assert walk("", judge) == {}
    assert walk("", judge, "post") == {}


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("method", ["get", "post"])
def test_a_role_of_the_bureau_sees_what_its_rights_say_and_nothing_else(walk, role, method):
    def judge(address: Address, answer: Any) -> bool:
        status = answer.status_code
        if "." in address.right and not allowed(address, role):
            return status in {403, 405}
        if address.right.startswith("seat:"):
            return status in {302, 403, 404, 405}
        if address.right == "provider key":
            return status in NO_KEY
        return status < 500 and (status != 403 or method == "post")

    assert walk(role, judge, method) == {}


@pytest.mark.parametrize("seat", OTHER)
@pytest.mark.parametrize("method", ["get", "post"])
def test_a_stranger_meets_no_object_that_is_not_theirs(walk, seat, method):
    def judge(address: Address, answer: Any) -> bool:
        status = answer.status_code
        if address.right == seat:
            return status in {404, 405} if address.gaps else status < 500
        if "." in address.right or address.right.startswith("seat:"):
            return status in {302, 403, 405}
        return status < 500

    before = LogEntry.objects.count()
    assert walk(OTHER[seat], judge, method) == {}
    assert LogEntry.objects.count() == before


@pytest.mark.parametrize("seat", OWN)
def test_the_things_in_the_gaps_are_real_their_owner_opens_them(walk, seat):
    def judge(address: Address, answer: Any) -> bool:
        mine = address.right == seat
        return answer.status_code in {200, 302, 405} if mine else answer.status_code < 500

    assert walk(OWN[seat], judge) == {}


def test_somebody_without_a_seat_is_led_to_enrolment_or_refused(walk):
    def judge(address: Address, answer: Any) -> bool:
        if "." in address.right or address.right.startswith("seat:"):
            return answer.status_code in {302, 403, 405}
        return answer.status_code < 500

    assert walk("nobody", judge) == {}


@pytest.mark.parametrize("reader", [*OWN.values(), "approver"])
@pytest.mark.parametrize("method", ["put", "delete"])
def test_no_address_knows_other_methods_than_reading_and_sending(walk, reader, method):
    def judge(address: Address, answer: Any) -> bool:
        return answer.status_code in {302, 401, 403, 404, 405}

    assert walk(reader, judge, method) == {}


@pytest.mark.parametrize("reader", ["", *OWN.values(), "approver"])
def test_every_answer_carries_the_protections(walk, reader):
    def judge(address: Address, answer: Any) -> bool:
        return (
            nothing_foreign_runs(address, answer)
            and protected(address, answer)
            and (not reader or not_kept(address, answer))
        )

    assert walk(reader, judge) == {}


@pytest.mark.parametrize("reader", [*OWN.values(), "approver"])
def test_no_form_is_taken_from_another_site(walk, reader):
    def judge(address: Address, answer: Any) -> bool:
        return address.route.startswith("/api/") or answer.status_code in {302, 403, 404, 405}

    assert walk(reader, judge, "post", enforce_csrf_checks=True) == {}
