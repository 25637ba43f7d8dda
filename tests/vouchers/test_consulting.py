"""From a draft to its publication: two opinions, a consultation, comments, an answer."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import DatabaseError, transaction

from ledger.models import LogEntry
from tests.vouchers.story import (
    AT,
    CHIEF,
    CLERK,
    FILE,
    entries,
    passed,
    published,
    refused,
)
from vouchers import consulting, programming
from vouchers.models import Consultation, ConsultationComment, EditionOpinion, Programme
from vouchers.public_programmes import ANYBODY

pytestmark = pytest.mark.django_db
COMMENT = {
    "name": "金丝雀",
    "organisation": "某公司",
    "contact": "13900001234",
    "text": "建议提高支持比例。",
}


def a_draft():
    return programming.load_edition(FILE.read_text(), actor=CLERK, at=AT)


def a_consultation(days=7):
    return consulting.open_consultation(
        passed(a_draft(), AT), days=days, notice="征求意见", actor=CLERK, at=AT
    )


def comment(consultation, at=AT, sender="a", **changes):
    return consulting.comment_on_edition(
        consultation, typed=COMMENT | changes, sender=sender, actor=ANYBODY, at=at
    )


def opinion(programme, kind="legality", outcome="pass", actor=CHIEF, text="同意", no="8号"):
    return consulting.record_opinion(
        programme, kind, outcome, text=text, document_no=no, actor=actor, at=AT
    )


def test_rules_stand_still_once_they_are_under_review():
    draft = consulting.propose_edition(a_draft(), actor=CLERK, at=AT)
    with refused("edition_locked", "退回修改"):
        programming.load_edition(
            FILE.read_text().replace("base_bp = 3000", "base_bp = 2000"), actor=CLERK, at=AT
        )
    with pytest.raises(DatabaseError, match="is locked"), transaction.atomic():
        Programme.objects.filter(pk=draft.pk).update(digest="0" * 64)
    back = consulting.return_edition(draft, reason="比例过高", actor=CHIEF, at=AT)
    assert (back.state, back.proposed_person) == ("draft", "")
    changed = FILE.read_text().replace("base_bp = 3000", "base_bp = 2000")
    assert programming.load_edition(changed, actor=CLERK, at=AT).pk == draft.pk


def test_both_reviews_must_pass_the_very_text_and_not_by_the_proposer():
    draft = a_draft()
    with refused("wrong_state", "草拟"):
        opinion(draft)
    consulting.propose_edition(draft, actor=CLERK, at=AT)
    told = {"days": 7, "notice": "征求意见", "actor": CLERK, "at": AT}
    with refused("opinion_missing", "合法性审查"):
        consulting.open_consultation(draft, **told)
    for faulty, code in (
        ({"actor": CLERK}, "same_person"),
        ({"kind": "taste"}, "opinion_invalid"),
        ({"outcome": "maybe"}, "opinion_invalid"),
        ({"text": " "}, "text_missing"),
        ({"no": ""}, "document_no_missing"),
    ):
        with refused(code):
            opinion(draft, **faulty)
    opinion(draft)
    opinion(draft, "competition", "changes")
    with refused("opinion_missing", "公平竞争审查"):
        consulting.open_consultation(draft, **told)
    opinion(draft, "competition")
    assert consulting.open_consultation(draft, **told).digest == draft.digest
    assert entries("programme.opinion") == 3


def test_an_opinion_on_an_older_text_does_not_count():
    draft = passed(a_draft(), AT)
    consulting.return_edition(draft, reason="修改", actor=CHIEF, at=AT)
    changed = FILE.read_text().replace("base_bp = 3000", "base_bp = 2000")
    again = programming.load_edition(changed, actor=CLERK, at=AT)
    consulting.propose_edition(again, actor=CLERK, at=AT)
    with refused("opinion_missing"):
        consulting.open_consultation(again, days=7, notice="x", actor=CLERK, at=AT)
    with pytest.raises(DatabaseError, match="passed by both"), transaction.atomic():
        Programme.objects.filter(pk=again.pk).update(state="consulting")


PERIODS = [
    (datetime(2026, 2, 9, 2, tzinfo=UTC), 7, date(2026, 2, 24)),  # ends in the spring festival
    (datetime(2026, 9, 1, 2, tzinfo=UTC), 7, date(2026, 9, 8)),
    (datetime(2026, 9, 1, 17, tzinfo=UTC), 30, date(2026, 10, 8)),  # 2 September in Shanghai
]


def test_a_consultation_lasts_seven_to_thirty_days_and_ends_on_a_working_day():
    draft = passed(a_draft(), AT)
    for days in (6, 31, 0, -1):
        with refused("period_invalid", "7 到 30"):
            consulting.open_consultation(draft, days=days, notice="x", actor=CLERK, at=AT)
    for begins, days, last in PERIODS:
        made = consulting.open_consultation(draft, days=days, notice="x", actor=CLERK, at=begins)
        assert made.last_day == last
        assert made.ends_at == datetime(last.year, last.month, last.day, 16, tzinfo=UTC)
        draft = consulting.return_edition(draft, reason="再来", actor=CLERK, at=begins)
        draft = passed(draft, begins)
    with refused("calendar_missing", "2031"):
        consulting.open_consultation(
            draft, days=7, notice="x", actor=CLERK, at=datetime(2031, 1, 1, tzinfo=UTC)
        )


def test_comments_are_taken_to_the_last_second_and_no_name_enters_the_log():
    consultation = a_consultation()
    last = consultation.ends_at - timedelta(seconds=1)
    assert comment(consultation, last).comment_no == "PTYJ-2026-000001"
    with refused("consultation_over", "截止"):
        comment(consultation, consultation.ends_at)
    for faulty in ({"name": ""}, {"contact": " "}, {"text": "好"}, {"text": "好" * 3001}):
        with refused(
            f"{next(iter(faulty))}_missing" if "text" not in faulty else "comment_invalid"
        ):
            comment(consultation, **faulty)
    log = b"".join(bytes(e.body) for e in LogEntry.objects.filter(type="programme.comment"))
    assert b"comment_no" in log
    for word in COMMENT.values():
        assert word.encode() not in log


def test_a_flood_from_one_address_is_slowed_and_others_are_heard():
    consultation = a_consultation()
    for _ in range(5):
        comment(consultation)
    with refused("comment_flood", "一小时后"):
        comment(consultation)
    assert comment(consultation, sender="b")
    assert comment(consultation, AT + timedelta(hours=1, seconds=1))


def test_the_answer_comes_after_the_end_and_once():
    consultation = a_consultation()
    told = {"summary": "采纳 1 条。", "actor": CLERK}
    with refused("consultation_open", "期满后"):
        consulting.answer_consultation(consultation, **told, at=AT)
    end = consultation.ends_at
    with refused("summary_missing"):
        consulting.answer_consultation(consultation, summary="", actor=CLERK, at=end)
    with refused("consultation_open"):
        programming.publish_edition(consultation.programme, document_no="1号", actor=CHIEF, at=end)
    consulting.answer_consultation(consultation, **told, at=end)
    with refused("consultation_answered"):
        consulting.answer_consultation(consultation, **told, at=end)


def test_what_was_said_is_never_changed_not_even_past_the_acts():
    comment(a_consultation())
    tries = (
        (EditionOpinion.objects, {"outcome": "changes"}),
        (ConsultationComment.objects, {"text": "反对"}),
        (Consultation.objects, {"digest": "0" * 64}),
        (Consultation.objects, {"ends_at": AT}),
    )
    for things, change in tries:
        with pytest.raises(DatabaseError), transaction.atomic():
            things.update(**change)
    with pytest.raises(DatabaseError, match="not ready"), transaction.atomic():
        Programme.objects.update(
            state="published", locked_at=AT, published_person="x", document_no="1号"
        )
    with pytest.raises(DatabaseError, match="outside its consultation"), transaction.atomic():
        ConsultationComment.objects.create(
            consultation=Consultation.objects.get(), comment_no="x", name="x", contact="x",
            text="x", received_at=AT - timedelta(days=1), sender="x",
        )  # fmt: skip


def test_one_person_cannot_propose_and_publish_in_the_database_either():
    made = published(a_draft())
    with pytest.raises(DatabaseError, match="programme_two_persons"), transaction.atomic():
        Programme.objects.filter(pk=made.pk).update(published_person=made.proposed_person)
