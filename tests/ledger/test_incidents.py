"""Safe mode: begun by a finding, felt by what pays, ended by two natural persons."""

import hashlib
from dataclasses import replace

import psycopg
import pytest
from django.db import DatabaseError, transaction

from ledger import chart, incidents, models
from ledger.actors import system_actor
from ledger.book import post, post_set
from ledger.chart import TransferCode
from ledger.entries import decode
from ledger.invariants import Finding
from ledger.refusals import Refused
from tests.ledger.making import (
    ACTOR,
    AT,
    CLERK,
    P,
    a_small_month,
    book,
    grant,
    hold,
    issue,
    journal,
    move,
    post_held,
    redeem,
    seal_all,
    settle,
    void_held,
)
from tests.worker import database_url

pytestmark = pytest.mark.django_db

JOB = system_actor("check-books")
FOUND = [Finding("balance_drift", "7", "1100:p-2026: stored 1 summed 2")]
OTHER = replace(CLERK, id="u-2", name="李四", role="auditor", person="person-2")


def an_incident() -> models.Incident:
    return incidents.open_incident(FOUND, actor=JOB, at=AT)


def asked(reason: str = "重放日志后余额已更正") -> models.IncidentRequest:
    return incidents.ask_to_close(an_incident(), reason=reason, actor=CLERK, at=AT)


def close(request, **changes):
    told = {"digest": request.incident.digest, "actor": OTHER, "at": AT} | changes
    return incidents.close_incident(request, **told)


def last_entry() -> dict:
    return decode(bytes(models.LogEntry.objects.order_by("-seq").first().body))


def test_a_night_without_findings_leaves_its_result_and_nothing_else():
    assert incidents.keep_result([], 40, actor=JOB, at=AT) is None
    assert not incidents.safe_mode()
    said = last_entry()
    empty = hashlib.sha256(b"[]").hexdigest()
    assert (said["type"], said["body"]) == (
        "audit.result",
        {"checked": "40", "findings": "0", "names": [], "digest": empty},
    )
    assert incidents.results() == [incidents.Result(AT, 40, 0, empty, [])]


def test_a_finding_opens_an_incident_and_the_log_hears_of_it():
    incident = incidents.keep_result(FOUND, 40, actor=JOB, at=AT)
    assert incidents.safe_mode()
    assert incident.findings == [FOUND[0].as_dict()]
    said = last_entry()
    assert said["type"] == "incident.open"
    assert said["id"] == str(incident.entry_id)
    assert said["body"] == {
        "incident": str(incident.pk),
        "findings": "1",
        "names": ["balance_drift"],
        "digest": incident.digest,
    }
    assert incidents.results()[0].names == ["balance_drift"]


def test_while_one_incident_is_open_a_second_night_opens_none():
    first = incidents.keep_result(FOUND, 40, actor=JOB, at=AT)
    assert incidents.keep_result(FOUND * 2, 40, actor=JOB, at=AT) == first
    assert incidents.keep_result([], 40, actor=JOB, at=AT) == first
    assert models.Incident.objects.count() == 1
    assert [each.findings for each in incidents.results()] == [0, 2, 1]


def test_in_safe_mode_nothing_is_redeemed_settled_or_paid():
    held, kept = hold(50), hold(20)
    book(grant(1_000), issue(500), held, kept, redeem(30))
    an_incident()
    waits = [post_held(held, 50), redeem(1), settle(30)]
    for each in waits:
        with pytest.raises(Refused) as refused:
            post(each, actor=ACTOR, at=AT)
        assert refused.value.code == "safe_mode"
        assert "安全模式" in refused.value.message
    go_on = [grant(1), issue(1), hold(1), void_held(kept)]
    codes = [each.code for each in post_set([*waits, *go_on], actor=ACTOR, at=AT)]
    assert codes == ["safe_mode"] * 3 + ["posted"] * 4


def test_a_payment_waits_too():
    a_small_month()
    an_incident()
    with pytest.raises(Refused, match="安全模式"):
        post(settle(1), actor=ACTOR, at=AT)
    owed = chart.settlement(P, "s1")
    pay = journal(move(owed, chart.paid(P, "q1"), 1, TransferCode.PAY))
    with pytest.raises(Refused) as refused:
        post(pay, actor=ACTOR, at=AT)
    assert refused.value.code == "safe_mode"


@pytest.mark.django_db(transaction=True)
def test_what_waited_is_booked_under_its_own_id_afterwards():
    """A refusal of safe mode is no answer for ever: the same request succeeds when it is over."""
    book(grant(1_000), issue(500))
    waiting = redeem(30)
    request = asked()
    with pytest.raises(Refused):
        post(waiting, actor=ACTOR, at=AT)
    assert not models.RefusedId.objects.exists()
    close(request)
    assert post(waiting, actor=ACTOR, at=AT).journal_id == waiting.id
    seal_all()


def test_what_was_booked_before_still_answers_that_it_exists():
    done = redeem(30)
    book(grant(1_000), issue(500), done)
    an_incident()
    assert post(done, actor=ACTOR, at=AT).journal_id == done.id


def test_two_persons_end_it_and_both_stand_in_the_log():
    request = asked()
    closing = close(request)
    assert not incidents.safe_mode()
    assert (closing.asked_person, closing.closed_person) == ("person-1", "person-2")
    said = last_entry()
    assert said["type"] == "incident.close"
    assert said["auth"] == {"approvals": [CLERK.for_log(), OTHER.for_log()]}
    assert said["links"] == [str(request.incident.entry_id)]
    assert request.reason not in str(said)
    assert an_incident() != request.incident


REFUSALS = [
    ({"actor": CLERK}, "same_person"),
    ({"actor": replace(CLERK, id="u-9")}, "same_person"),
    ({"actor": JOB}, "same_person"),
    ({"digest": "0" * 64}, "changed"),
]


@pytest.mark.parametrize(("changes", "code"), REFUSALS)
def test_it_is_not_ended_by(changes, code):
    request = asked()
    with pytest.raises(Refused) as refused:
        close(request, **changes)
    assert refused.value.code == code
    assert incidents.safe_mode()


@pytest.mark.parametrize("reason", ["", "  \n", "长" * 1001])
def test_a_request_says_why(reason):
    with pytest.raises(Refused) as refused:
        asked(reason)
    assert (refused.value.code, refused.value.field) == ("reason_needed", "reason")


def test_nobody_asks_for_or_confirms_what_is_over():
    first, second = asked(), asked()
    close(first)
    for late in (
        lambda: close(second),
        lambda: incidents.ask_to_close(first.incident, reason="x", actor=CLERK, at=AT),
    ):
        with pytest.raises(Refused) as refused:
            late()
        assert refused.value.code == "already_closed"


def test_a_program_does_not_ask():
    with pytest.raises(Refused) as refused:
        incidents.ask_to_close(an_incident(), reason="x", actor=JOB, at=AT)
    assert refused.value.code == "same_person"


def closing_row(request, **changes) -> models.IncidentClosing:
    told = {
        "incident": request.incident,
        "request": request,
        "closed_at": AT,
        "closed_by": {},
        "closed_name": "x",
        "closed_person": "person-2",
        "asked_person": request.asked_person,
        "entry_id": request.incident.entry_id,
    }
    return models.IncidentClosing(**(told | changes))


@pytest.mark.parametrize(
    "changes", [{"closed_person": "person-1"}, {"closed_person": ""}, {"asked_person": "somebody"}]
)
def test_the_database_itself_wants_two_persons(changes):
    request = asked()
    with pytest.raises(DatabaseError), transaction.atomic():
        closing_row(request, **changes).save(force_insert=True)
    assert incidents.safe_mode()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("table", ["incident", "incidentrequest", "incidentclosing"])
def test_what_happened_is_never_changed(table):
    close(asked())
    for sql in ("UPDATE ledger_{} SET id = id", "DELETE FROM ledger_{}"):
        with (
            psycopg.connect(database_url()) as other,
            pytest.raises(psycopg.errors.InsufficientPrivilege),
        ):
            other.execute(sql.format(table))
