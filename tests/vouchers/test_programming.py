"""Editions: loading, locking, publishing, pausing, closing."""

import pytest

from tests.vouchers.story import AT, CLERK, FILE, a_programme, entries, refused
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
    made = programming.publish_edition(load(), actor=CLERK, at=AT)
    assert (made.state, made.locked_at) == ("published", AT)
    changed = TEXT.replace("base_bp = 3000", "base_bp = 2000")
    with refused("edition_locked", "edition_no 加一"):
        load(changed)
    assert load() == made
    newer = load(changed.replace("edition_no = 1", "edition_no = 2"))
    assert newer.pk != made.pk
    assert newer.account == made.account


def test_an_edition_is_published_once():
    made = programming.publish_edition(load(), actor=CLERK, at=AT)
    with refused("wrong_state", "已发布"):
        programming.publish_edition(made, actor=CLERK, at=AT)


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
    with refused("mode_not_ready"):
        load(TEXT.replace('"INSTANT"', '"CLAIM_AFTER"'))
