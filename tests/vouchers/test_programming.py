"""Editions: loading, locking, publishing, pausing, closing."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.vouchers.story import (
    AT,
    CHIEF,
    CLERK,
    FILE,
    a_draft,
    a_programme,
    consulted,
    entries,
    published,
    refused,
    submit,
)
from vouchers import programming
from vouchers.models import Programme, StateRow

pytestmark = pytest.mark.django_db
TEXT = FILE.read_text()


def load(text=TEXT):
    return programming.load_edition(text, actor=CLERK, at=AT)


def test_a_loaded_edition_is_a_draft_with_digest_and_cap():
    made = load()
    assert (made.state, made.cap_fen, made.kind) == ("draft", 50_000_000, "COMPUTE")
    assert made.digest == made.edition.digest
    assert entries("programme.load") == 1


def test_loading_the_same_file_again_changes_nothing():
    assert load() == load()
    assert Programme.objects.count() == 1
    assert entries("programme.load") == 1


def test_a_draft_may_be_loaded_anew_with_other_rules():
    first = load()
    second = load(TEXT.replace("base_bp = 3000", "base_bp = 2000"))
    assert first.pk == second.pk
    assert second.edition.ratio.base_bp == 2000


def test_a_published_edition_is_locked_and_the_next_one_is_another():
    made = published(load())
    assert (made.state, made.locked_at) == ("published", AT)
    assert (made.document_no, made.published_by) == ("普数据规〔2026〕1号", CHIEF.name)
    changed = TEXT.replace("base_bp = 3000", "base_bp = 2000")
    with refused("edition_locked", "edition_no 加一"):
        load(changed)
    assert load() == made
    newer = load(changed.replace("edition_no = 1", "edition_no = 2"))
    assert newer.pk != made.pk
    assert newer.account == made.account


def test_an_edition_is_published_once():
    made = published(load())
    with refused("wrong_state", "已发布"):
        programming.publish_edition(made, document_no="2号", actor=CHIEF, at=AT)


def test_publishing_needs_an_answered_consultation_a_number_and_another_person():
    draft = load()
    with refused("wrong_state", "草拟"):
        programming.publish_edition(draft, document_no="1号", actor=CHIEF, at=AT)
    ready = consulted(draft)
    with refused("document_missing", "文号"):
        programming.publish_edition(ready, document_no=" ", actor=CHIEF, at=AT)
    with refused("same_person", "另一人"):
        programming.publish_edition(ready, document_no="1号", actor=CLERK, at=AT)


def test_a_closed_edition_is_settled_evaluated_and_archived():
    made = a_programme(grant_fen=0)
    end = datetime(2027, 11, 30, 16, tzinfo=UTC)
    told = {"actor": CHIEF, "at": end}
    with refused("wrong_state", "已发布"):
        programming.settle_programme(made, reason="到期", **told)
    programming.close_programme(made, reason="到期", actor=CHIEF, at=AT)
    with refused("programme_running", "2027-11-30"):
        programming.settle_programme(
            made, reason="到期", actor=CHIEF, at=end - timedelta(seconds=1)
        )
    assert programming.settle_programme(made, reason="到期", **told).state == "settling"
    for score, number, code in ((101, "1号", "score_invalid"), (90, "", "document_missing")):
        with refused(code):
            programming.evaluate_programme(made, score=score, document_no=number, **told)
    done = programming.evaluate_programme(made, score=91, document_no="普数评〔2028〕1号", **told)
    assert (done.state, done.evaluation_score) == ("evaluated", 91)
    assert programming.archive_programme(made, reason="归档", **told).state == "archived"
    assert [entries(f"programme.{e}") for e in ("settle", "evaluate", "archive")] == [1, 1, 1]


def test_settlement_waits_for_undecided_applications():
    waiting = submit(a_draft())
    programming.close_programme(waiting.programme, reason="到期", actor=CHIEF, at=AT)
    with refused("cases_open", "还有 1 件"):
        programming.settle_programme(
            waiting.programme, reason="到期", actor=CHIEF, at=datetime(2028, 1, 1, tzinfo=UTC)
        )


def test_the_current_edition_is_the_newest_that_takes_applications():
    assert Programme.objects.current() is None
    made = a_programme(grant_fen=0)
    assert Programme.objects.current() == made
    programming.close_programme(made, reason="到期", actor=CLERK, at=AT)
    assert Programme.objects.current() is None


def test_pausing_resuming_and_closing_say_why():
    made = a_programme(grant_fen=0)
    with refused("reason_missing", "理由会公开"):
        programming.pause_programme(made, reason="", actor=CLERK, at=AT)
    paused = programming.pause_programme(made, reason="升级", actor=CLERK, at=AT)
    assert paused.window_state(AT) == "paused"
    programming.resume_programme(made, reason="完成", actor=CLERK, at=AT)
    closed = programming.close_programme(made, reason="到期", actor=CLERK, at=AT)
    assert closed.window_state(AT) == "after"
    assert [row.reason for row in StateRow.objects.of(made)][-3:] == ["升级", "完成", "到期"]


def test_a_faulty_file_leaves_no_programme():
    with refused("edition_unreadable"):
        load("[")
    with refused("edition_invalid"):
        load(TEXT.replace('"INSTANT"', '"LATER"'))
