"""Who looked is remembered; what is covered is shown for a reason, and notes stay inside."""

import pytest
from django.db import connection, transaction
from django.db.utils import DatabaseError

from tests.roles import SUPERUSER, as_role
from tests.vouchers.story import AT, CLERK, a_draft, entries, refused, submit
from vouchers import reading
from vouchers.models import CaseNote, ReadEvent

pytestmark = pytest.mark.django_db


def test_a_covered_answer_is_shown_to_whoever_says_why_and_both_are_kept():
    case = submit(a_draft())
    question, value = reading.reveal_answer(
        case, "contact_phone", reason="电话核实", actor=CLERK, at=AT
    )
    assert (question.label, value) == ("联系电话", "13812345678")
    kept = ReadEvent.objects.get()
    assert (kept.kind, kept.detail, kept.reason) == ("reveal", "联系电话", "电话核实")
    assert entries("application.reveal") == 1
    with refused("reason_missing"):
        reading.reveal_answer(case, "contact_phone", reason=" ", actor=CLERK, at=AT)
    for name in ("project_name", "nonsense"):
        with refused("nothing_covered"):
            reading.reveal_answer(case, name, reason="电话核实", actor=CLERK, at=AT)


def test_notes_are_kept_and_odd_ones_refused():
    case = submit(a_draft())
    note = reading.add_note(case, "  已电话核实。 ", actor=CLERK, at=AT)
    assert note.text == "已电话核实。"
    for text, code in (("", "note_empty"), ("长" * 2001, "note_too_long")):
        with refused(code):
            reading.add_note(case, text, actor=CLERK, at=AT)
    assert [each.text for each in CaseNote.objects.of_case(case)] == ["已电话核实。"]


@pytest.mark.superuser
def test_readings_and_notes_are_never_changed_and_nothing_is_revealed_without_a_reason():
    case = submit(a_draft())
    reading.note_reading(case, "case", actor=CLERK, at=AT)
    reading.add_note(case, "x", actor=CLERK, at=AT)
    told = "INSERT INTO vouchers_readevent SELECT gen_random_uuid(), 'reveal', at, reader_id"
    with as_role(SUPERUSER):
        for statement in (
            "DELETE FROM vouchers_readevent",
            "UPDATE vouchers_readevent SET reader_name = ''",
            "DELETE FROM vouchers_casenote",
            "UPDATE vouchers_casenote SET text = ''",
            f"{told}, reader_name, reader_person, detail, '', application_id"
            " FROM vouchers_readevent",
        ):
            with pytest.raises(DatabaseError), transaction.atomic():
                connection.cursor().execute(statement)
