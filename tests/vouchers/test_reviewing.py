"""Acceptance, two reviews, public notice, approval: who may, when, and with which reason."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import DatabaseError, transaction

from tests.vouchers.story import (
    AT,
    CHIEF,
    CLERK,
    OTHER_USCC,
    a_draft,
    a_programme,
    admin_of,
    an_enterprise,
    entries,
    propose,
    refused,
    staff,
    submit,
    user_of,
)
from vouchers import applying, enrolling, reviewing
from vouchers.models import Application, PublicNotice, StateRow

pytestmark = pytest.mark.django_db
SAME_MAN = staff("王初审的另一账号", person=CLERK.person, role="approver")


def accepted(**changes):
    return reviewing.accept_application(submit(a_draft(**changes)), actor=CLERK, at=AT)


def first(application, decision="pass", **changes):
    told = {"reason": "符合条件", "actor": CLERK, "at": AT} | changes
    if decision == "pass":
        told.setdefault("approved_fen", application.requested_fen)
    return reviewing.first_review(application, decision, **told)


def second(application, decision="agree", **changes):
    told = {"actor": CHIEF, "at": AT} | changes
    return reviewing.second_review(application, decision, **told)


def test_an_enterprise_is_verified_before_its_application_is_taken_on():
    user = user_of("管理员")
    enterprise = enrolling.register_enterprise(
        "上海智算科技有限公司", "91310107MAFAKE0195", user=user,
        actor=admin_of(an_enterprise(OTHER_USCC, "别家公司")), at=AT,
    )  # fmt: skip
    done = submit(a_draft(enterprise))
    with refused("enterprise_registered", "请先在办件页核验企业"):
        reviewing.accept_application(done, actor=CLERK, at=AT)
    enrolling.verify_enterprise(enterprise, evidence="营业执照", actor=CLERK, at=AT)
    assert reviewing.accept_application(done, actor=CLERK, at=AT).state == "accepted"


def test_two_people_for_support_make_a_proposal():
    done = second(first(accepted()))
    assert done.state == "proposed"
    assert done.proposed_fen == done.requested_fen == 880_000
    assert (done.first_reviewer_person, done.second_reviewer_person) == (
        CLERK.person,
        CHIEF.person,
    )
    assert entries("application.first_review") == entries("application.second_review") == 1


def test_two_people_against_support_make_a_refusal_with_its_clause():
    done = first(accepted(), "reject", reason="材料不实", clause="演示方案第十二条")
    assert done.state == "in_second_review"
    done = second(done)
    assert done.state == "rejected"
    assert done.clause == "演示方案第十二条"


def test_the_second_reviewer_may_send_back_with_a_reason():
    done = first(accepted())
    with refused("reason_missing"):
        second(done, "return")
    done = second(done, "return", internal="单价偏高，请复核")
    assert done.state == "accepted"
    assert StateRow.objects.of(done).last().internal == "单价偏高，请复核"
    assert second(first(done)).state == "proposed"


def test_the_same_natural_person_never_reviews_twice():
    done = first(accepted())
    for actor in (CLERK, SAME_MAN):
        for decision in ("agree", "return"):
            with refused("same_person", "须由他人复核"):
                second(done, decision, reason="x", actor=actor)


def test_the_database_wants_two_reviewers():
    done = second(first(accepted()))
    with pytest.raises(DatabaseError, match="two_reviewers"), transaction.atomic():
        Application.objects.filter(pk=done.pk).update(second_reviewer_person=CLERK.person)


FIRST_REFUSALS = [
    ("maybe", {}, "unknown_decision", "请选择"),
    ("pass", {"approved_fen": None}, "amount_invalid", "核定金额"),
    ("pass", {"approved_fen": 0}, "amount_invalid", "核定金额"),
    ("pass", {"approved_fen": 880_001}, "amount_invalid", "不超过申请金额 8,800.00 元"),
    ("pass", {"approved_fen": 800_000, "reason": " "}, "reason_missing", "金额不同"),
    ("reject", {"reason": ""}, "reason_missing", "企业会看到"),
    ("reject", {"clause": ""}, "clause_missing", "条款"),
    ("return", {"reason": ""}, "reason_missing", "企业会看到"),
]


@pytest.mark.parametrize(("decision", "changes", "code", "words"), FIRST_REFUSALS)
def test_a_first_review_is_refused_with_its_reason(decision, changes, code, words):
    application = accepted()
    with refused(code, words):
        first(application, decision, **changes)


def test_a_second_review_wants_one_of_two_answers():
    done = first(accepted())
    with refused("unknown_decision"):
        second(done, "perhaps")


def test_support_against_a_hard_criterion_is_refused():
    done = accepted(need={"related_party": "yes"})
    with refused("verdict_failed", "与意向服务商无关联关系"):
        first(done)
    assert first(done, "reject", reason="关联", clause="演示方案第八条").recommendation == "reject"


def test_a_smaller_amount_is_kept_with_its_reason():
    done = second(first(accepted(), approved_fen=800_000, reason="单价高于备案价"))
    assert done.proposed_fen == 800_000
    assert StateRow.objects.of(done)[3].reason == "单价高于备案价"


def test_rounds_of_supplement_are_limited():
    done = accepted()
    for _ in range(2):
        done = first(done, "return", reason="请补充")
        done = Application.objects.get(pk=done.pk)
        done = resubmitted(done)
    with refused("supplement_rounds", "最多 2 次"):
        first(done, "return", reason="再补充")


def resubmitted(done):
    return applying.resubmit_application(
        done, version=done.version, actor=admin_of(done.enterprise), at=AT
    )


def notice_of(*applications, at=AT):
    return reviewing.publish_notice(list(applications), actor=CLERK, at=at)


GOLDEN = [
    ("2026-09-29T10:00:00+08:00", "2026-10-12"),  # across National Day and a worked Saturday
    ("2026-09-29T23:59:59+08:00", "2026-10-12"),
    ("2026-09-30T00:00:00+08:00", "2026-10-13"),
    ("2026-10-15T09:00:00+08:00", "2026-10-22"),
]


@pytest.mark.parametrize(("posted", "last"), GOLDEN)
def test_a_notice_lasts_five_working_days_after_the_day_it_was_posted(posted, last):
    made = notice_of(propose(submit(a_draft())), at=datetime.fromisoformat(posted))
    assert made.last_day.isoformat() == last
    assert made.ends_at == datetime.fromisoformat(f"{last}T16:00:00+00:00")


def test_a_notice_into_a_year_without_holidays_is_refused_and_changes_nothing():
    done = propose(submit(a_draft()))
    with refused("calendar_missing", "载入 2027 年节假日表"):
        notice_of(done, at=datetime(2026, 12, 29, 2, tzinfo=UTC))


def test_a_notice_names_each_case_once_with_its_amount():
    programme = a_programme()
    one = propose(submit(a_draft(an_enterprise(), programme)))
    two = propose(submit(a_draft(an_enterprise(OTHER_USCC, "别家公司"), programme)))
    made = notice_of(two, one, two)
    lines = [(item.line_no, item.application.application_no) for item in made.items.all()]
    assert lines == [(1, one.application_no), (2, two.application_no)]
    assert made.notice_no == "PTSLG-2026-000001"
    assert entries("notice.publish") == 1


def test_an_empty_notice_is_refused():
    with refused("notice_empty"):
        notice_of()


def test_a_case_that_is_not_proposed_spoils_the_whole_notice():
    programme = a_programme()
    good = propose(submit(a_draft(an_enterprise(), programme)))
    early = submit(a_draft(an_enterprise(OTHER_USCC, "别家公司"), programme))
    with refused("wrong_state", "已提交"):
        notice_of(good, early)


def test_a_notice_ends_at_midnight_after_its_last_day_and_not_before():
    done = propose(submit(a_draft()))
    made = notice_of(done)
    with refused("notice_running", "2026-09-08 24:00"):
        reviewing.close_notice(made, actor=CLERK, at=made.ends_at - timedelta(seconds=1))
    closed = reviewing.close_notice(made, actor=CLERK, at=made.ends_at)
    done.refresh_from_db()
    assert (closed.state, done.state) == ("closed", "notice_done")
    with refused("wrong_state"):
        reviewing.close_notice(made, actor=CLERK, at=made.ends_at)


def test_the_database_refuses_a_notice_ended_early():
    made = notice_of(propose(submit(a_draft())))
    with pytest.raises(DatabaseError, match="not_closed_early"), transaction.atomic():
        PublicNotice.objects.filter(pk=made.pk).update(state="closed", closed_at=AT)


def noticed():
    done = propose(submit(a_draft()))
    made = notice_of(done)
    reviewing.close_notice(made, actor=CLERK, at=made.ends_at)
    done.refresh_from_db()
    return done, made.ends_at


def test_approval_takes_the_amount_that_was_on_notice():
    done, at = noticed()
    approved = reviewing.approve_application(done, actor=CHIEF, at=at)
    assert approved.state == "approved"
    assert approved.approved_fen == 880_000
    assert entries("application.approve") == 1


def test_the_first_reviewer_does_not_approve_under_any_account():
    done, at = noticed()
    for actor in (CLERK, SAME_MAN):
        with refused("same_person"):
            reviewing.approve_application(done, actor=actor, at=at)


def test_nothing_is_approved_before_its_notice_is_over():
    done = propose(submit(a_draft()))
    with refused("wrong_state", "拟支持"):
        reviewing.approve_application(done, actor=CHIEF, at=AT)
    notice_of(done)
    with refused("wrong_state", "公示中"):
        reviewing.approve_application(done, actor=CHIEF, at=AT)
