"""A correction of a paid month is told on a note of its own, with its number and its lines."""

import pytest
from django.urls import reverse

from billing import settling
from billing.models import SettlementNote
from tests.billing.test_adjustments import NOVEMBER, NOVEMBER_AT, told
from tests.billing.test_doors import signed_in, text_of
from tests.billing.world import fresh


@pytest.mark.django_db
def test_a_correction_of_a_paid_month_makes_one_credit_note() -> None:
    """10 hours of 8 cards at 5.50 taken back: 440.00 gross, of which 40 % public."""
    world, reports = told()
    old = reports.use(100)
    october = world.approve(world.close())
    world.pay(october)
    reports.use(60, month=11)
    reports.correct(old, 90)
    november = world.approve(world.close(NOVEMBER, at=NOVEMBER_AT), at=NOVEMBER_AT)
    note = SettlementNote.objects.get()
    assert note.note_no == "PTSL-HC-2026-000001"
    assert (note.direction, note.gross_fen, note.public_fen, note.self_fen) == (
        "credit", 44_000, 17_600, 26_400,
    )  # fmt: skip
    assert (note.statement, note.corrects) == (november.statements.get(), october.statements.get())
    assert [each["public_fen"] for each in note.lines] == ["-17600"]
    assert settling.issue_notes(fresh(november), actor=world.approver, at=NOVEMBER_AT) == []
    seat = signed_in(world.seat("读单人", provider=note.statement.provider))
    for statement in (note.statement, note.corrects):
        page = reverse("console_statement", args=[statement.pk])
        assert note.note_no in text_of(seat.get(page))
