"""Every address by every seat and every owner, expected by the matrix: no leak, no wider right.

``test_addresses`` walks the roles of the bureau and strangers; here a colleague without the
administrator's rights asks for everything of their own organisation, and a stranger cannot tell
what is not theirs from what does not exist.
"""

import re
from uuid import UUID, uuid4

import pytest
from django.db import transaction
from django.test import Client

from config.matrix import BUREAU, actions
from ledger import clock
from tests.house.address_world import NOW
from tests.house.addresses import addresses, walkable

COLLEAGUES = {"own clerk": ("seat:enterprise", "SA"), "own engineer": ("seat:provider", "PO")}
STRANGERS = {"seat:enterprise": "other enterprise", "seat:provider": "other provider"}
NOWHERE = 987_654_321
SHIFTING = re.compile(
    r'value="[0-9A-Za-z]{64}"|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|' + str(NOWHERE)
)


@pytest.fixture
def reader(stage, settings, db):
    """Return a function that signs one of the stage's people in."""
    settings.VAR_DIR = stage.things["folder"]
    settings.MEDIA_ROOT = stage.things["folder"] / "attachments"

    def enter(name):
        client = Client(raise_request_exception=False)
        client.force_login(stage.people[name])
        return client

    with clock.set_to(NOW):
        yield enter


def ask(client, method, where):
    with transaction.atomic():
        answer = getattr(client, method)(where)
        body = b"".join(answer.streaming_content) if answer.streaming else answer.content
        transaction.set_rollback(True)
    return answer.status_code, SHIFTING.sub("", body.decode(errors="replace").replace(where, ""))


@pytest.mark.parametrize("name", COLLEAGUES)
def test_a_colleague_acts_on_what_the_matrix_gives_their_seat_and_no_more(stage, reader, name):
    right, column = COLLEAGUES[name]
    known = {each.name: each for each in addresses()}
    client = reader(name)
    wrong = {}
    for action in actions():
        if action.cells[column] != "-" and action.cells[column] != "R":
            continue
        for each in (known[one] for one in action.acts if known[one].right == right):
            status, _ = ask(client, "post", each.fill(stage.things))
            if status not in {403, 404}:
                wrong[each.name] = status
    assert wrong == {}
    reads = [
        known[one].fill(stage.things)
        for action in actions()
        if action.cells[column] != "-"
        for one in action.reads
        if known[one].right == right
    ]
    assert {where: ask(client, "get", where)[0] for where in reads} == dict.fromkeys(reads, 200)


@pytest.mark.parametrize("seat", STRANGERS)
def test_a_stranger_cannot_tell_what_is_not_theirs_from_what_is_not_there(stage, reader, seat):
    nowhere = {
        name: uuid4() if isinstance(value, UUID) else NOWHERE if isinstance(value, int) else value
        for name, value in stage.things.items()
    }
    client = reader(STRANGERS[seat])
    wrong = []
    for each in (one for one in walkable() if one.right == seat and one.gaps):
        for method in ("get", "post"):
            theirs, none = (
                ask(client, method, each.fill(things)) for things in (stage.things, nowhere)
            )
            if theirs != none or theirs[0] not in {403, 404, 405}:
                wrong.append((method, each.route, theirs[0], none[0]))
    assert wrong == []


def test_h21_the_platform_reads_no_application_and_the_auditor_changes_none(stage, reader):
    known = {each.name: each for each in addresses()}
    rows = [each for each in actions() if 3 <= each.number <= 12]
    columns = {column: role for column, role in BUREAU.items() if column in {"AU", "XA"}}
    wrong = []
    for column, role in columns.items():
        client = reader(role)
        for action in rows:
            for one in action.reads + action.acts:
                if "." not in known[one].right:
                    continue
                method = "post" if one in action.acts else "get"
                status, _ = ask(client, method, known[one].fill(stage.things))
                may = one in action.reads and column in action.reading()
                if status == (403 if may else 200):
                    wrong.append((role, one, status))
    assert wrong == []


def test_h14_an_act_is_not_done_by_a_link(stage, reader):
    client = reader("approver")
    known = {each.name: each for each in addresses()}
    acts = [one for each in actions() for one in each.acts if "." in known[one].right]
    pages = {"office_close", "office_budget"}  # a page that asks first, then acts
    told = {
        (one, method): ask(client, method, known[one].fill(stage.things))[0]
        for one in acts
        if one not in pages
        for method in ("get", "head")
    }
    assert {key: each for key, each in told.items() if each not in {403, 405}} == {}
