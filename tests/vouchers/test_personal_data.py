"""What an applicant tells of people and of itself stays out of the public log."""

import pytest

from ledger.entries import decode
from ledger.models import LogEntry
from ledger.schemas import SchemaBook, house_schemas
from tests.vouchers.story import a_draft, an_enterprise, approve, propose, submit
from vouchers import barring, enrolling
from vouchers.models import EnterpriseSeat

pytestmark = pytest.mark.django_db
CANARIES = {
    "contact_name": "金丝雀",
    "contact_phone": "13900001234",
    "contact_mail": "canary@example.test",
}
FIRM = "上海金丝雀智能科技有限公司"


def test_no_name_number_or_address_of_an_applicant_enters_the_log():
    firm = an_enterprise(name=FIRM)
    application = approve(propose(submit(a_draft(firm, contact=CANARIES))))
    suspended = barring.suspend_enterprise(
        firm, reason="金丝雀 13900001234 举报", actor=_seated(firm), at=application.approved_at
    )
    assert suspended.name == FIRM
    book = SchemaBook(house_schemas())
    raw = [bytes(each) for each in LogEntry.objects.order_by("seq").values_list("body", flat=True)]
    assert len(raw) > 15
    for index, each in enumerate(raw):
        told = [word for word in (*CANARIES.values(), "金丝雀", FIRM) if word in each.decode()]
        assert told == [], each.decode()
        entry = decode(each)
        book.take(index, entry["type"], entry["body"])
    assert book.first_fault(published_only=False) is None
    assert book.unchecked == {}


def _seated(firm):
    seat = EnterpriseSeat.objects.filter(enterprise=firm).first()
    return enrolling.Actor(
        kind="user", id=str(seat.user.pk), name="金丝雀", role="reviewer", person="person-x"
    )
