"""Every address of the house: who may open it, and that nobody meets what is not theirs.

Goal: no page without a stated right, no stranger's object shown, no request that breaks.
Method: the table of addresses is read from the resolver, real things are put into it
(``address_world``), and every kind of reader asks for all of it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, get_resolver, reverse

from config.roles import ROLES
from ledger import clock
from ledger.models import LogEntry
from tests.house.address_world import NOW, Stage, set_stage

#: Beginning of an address -> what stands in its gaps: a thing of the stage, or "=text" as it is.
GAPS: tuple[tuple[str, dict[str, str]], ...] = (
    ("/portal/apply/<uuid:pk>/files/", {"pk": "draft", "file_pk": "draft_file"}),
    ("/portal/apply/", {"pk": "draft", "code": "=enterprise"}),
    ("/portal/applications/", {"pk": "application"}),
    ("/portal/vouchers/", {"pk": "voucher"}),
    ("/portal/orders/new/", {"pk": "offering", "voucher_pk": "voucher"}),
    ("/portal/orders/", {"pk": "order", "offering_pk": "offering"}),
    ("/portal/statements/", {"pk": "open_statement"}),
    ("/office/vouchers/cases/", {"pk": "application", "file_pk": "file"}),
    ("/office/vouchers/notices/", {"pk": "notice"}),
    ("/office/vouchers/programmes/", {"pk": "programme", "request_pk": "grant_request"}),
    ("/office/figures/", {"slug": "=putuo-demo-2026", "detail": "=face"}),
    ("/office/reports/", {"pk": "report"}),
    ("/office/settlement/statements/", {"pk": "statement"}),
    ("/office/settlement/objections/", {"pk": "objection"}),
    ("/office/settlement/lists/", {"pk": "payment_batch"}),
    ("/office/settlement/payments/", {"pk": "payment_line"}),
    ("/office/settlement/", {"month": "=2026-11"}),
    ("/office/providers/rates/", {"pk": "rate"}),
    ("/office/providers/keys/", {"pk": "key"}),
    ("/office/providers/capacities/", {"pk": "capacity"}),
    ("/office/providers/batches/", {"pk": "batch"}),
    ("/office/providers/", {"pk": "provider"}),
    ("/console/statements/reports/", {"pk": "report"}),
    ("/console/statements/", {"pk": "open_statement"}),
    ("/console/batches/", {"pk": "batch"}),
    ("/console/orders/", {"pk": "order"}),
    ("/console/keys/", {"pk": "key"}),
    ("/console/offerings/", {"pk": "offering"}),
    ("/console/capacity/", {"pk": "capacity"}),
    ("/public/notices/", {"pk": "notice"}),
    ("/public/verify/", {"code": "=0000-0000-0000-0000"}),
    ("/public/log/", {"index": "=0", "level": "=0", "rest": "=000.p/1"}),
    ("/api/v1/metering/", {"batch_id": "batch"}),
    ("/api/v1/problems/", {"code": "=key_unknown"}),
)
OWN = {"seat:enterprise": "own enterprise", "seat:provider": "own provider"}
OTHER = {"seat:enterprise": "other enterprise", "seat:provider": "other provider"}
SIGN_IN = "/login/"
NO_KEY = {400, 401, 405}  # a body that cannot be read is told before the key is asked for


@dataclass(frozen=True)
class Address:
    """One line of the table: the pattern, its name, the right it states."""

    route: str
    name: str
    right: str
    gaps: tuple[str, ...]

    def fill(self, things: dict[str, Any]) -> str:
        """Return the address with real things in its gaps."""
        values = next((v for start, v in GAPS if self.route.startswith(start)), {})
        given = {
            gap: values[gap][1:] if values[gap].startswith("=") else things[values[gap]]
            for gap in self.gaps
        }
        return reverse(self.name, kwargs=given)


def _patterns(found: Any, before: str = "/") -> Iterator[tuple[str, URLPattern]]:
    for each in found:
        route = before + str(each.pattern)
        if isinstance(each, URLPattern):
            yield route, each
        else:
            yield from _patterns(each.url_patterns, route)


@cache
def addresses() -> tuple[Address, ...]:
    """Return every address that has a name."""
    return tuple(
        Address(
            route=route,
            name=each.name or "",
            right=getattr(each.callback, "right", ""),
            gaps=tuple(each.pattern.converters),
        )
        for route, each in _patterns(get_resolver().url_patterns)
    )


def walkable() -> list[Address]:
    """Return the addresses a reader walks: not the way out, not the net under the API."""
    return [each for each in addresses() if each.name not in {"logout", "api_nothing"}]


def allowed(address: Address, role: str) -> bool:
    """Say whether a role of the bureau holds one of the rights an address asks for."""
    return bool(set(address.right.split(" | ")) & set(ROLES[role]))


@pytest.fixture(scope="module")
def stage(django_db_setup, django_db_blocker, tmp_path_factory) -> Iterator[Stage]:
    """Set the stage once for all readers; nothing of it stays."""
    with pytest.MonkeyPatch.context() as patch, django_db_blocker.unblock():
        from django.conf import settings  # noqa: PLC0415 - one folder for the whole module

        folder = tmp_path_factory.mktemp("stage")
        patch.setattr(settings, "VAR_DIR", folder)
        patch.setattr(settings, "MEDIA_ROOT", folder / "attachments")
        with transaction.atomic(), clock.set_to(NOW):
            made = set_stage()
            made.things["folder"] = folder
            yield made
            transaction.set_rollback(True)


@pytest.fixture
def walk(stage, settings, db):
    """Return a function that asks for every address as one reader and collects what is wrong."""
    settings.VAR_DIR = stage.things["folder"]
    settings.MEDIA_ROOT = stage.things["folder"] / "attachments"

    def walk_as(reader: str, judge: Any, method: str = "get") -> dict[str, int]:
        client = Client(raise_request_exception=False)
        if reader:
            client.force_login(stage.people[reader])
        wrong = {}
        for address in walkable():
            with transaction.atomic():
                answer = getattr(client, method)(address.fill(stage.things))
                if not judge(address, answer):
                    wrong[f"{method} {address.route} ({address.right})"] = answer.status_code
                transaction.set_rollback(True)
        return wrong

    with clock.set_to(NOW):
        yield walk_as


def to_sign_in(answer: Any) -> bool:
    return answer.status_code == 302 and answer.url.startswith(SIGN_IN)


def test_every_address_states_its_right():
    assert [each.route for each in addresses() if not each.right] == []


def test_every_address_has_a_name_and_its_gaps_can_be_filled():
    known = {each.name for each in addresses()}
    assert "" not in known
    unfilled = [
        each.route
        for each in walkable()
        if set(each.gaps) - set(next((v for s, v in GAPS if each.route.startswith(s)), {}))
    ]
    assert unfilled == [], "say in GAPS which thing stands there"


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


@pytest.mark.parametrize("reader", ["own enterprise", "own provider", *ROLES])
@pytest.mark.parametrize("method", ["put", "delete", "patch"])
def test_no_address_knows_other_methods_than_reading_and_sending(walk, reader, method):
    def judge(address: Address, answer: Any) -> bool:
        return answer.status_code in {302, 401, 403, 404, 405}

    assert walk(reader, judge, method) == {}
