"""Objections to a notice and the second look at a refusal: who, until when, and what it stops."""

from datetime import datetime, timedelta

import pytest
from django.db import DatabaseError, connection, transaction

from ledger.actors import system_actor
from ledger.identifiers import new_id
from ledger.models import LogEntry
from ledger.periods import SHANGHAI
from tests.vouchers.story import (
    AT,
    CHIEF,
    CLERK,
    OTHER_USCC,
    a_draft,
    a_pdf,
    a_programme,
    admin_of,
    an_enterprise,
    entries,
    propose,
    refused,
    staff,
    submit,
)  # fmt: skip
from vouchers import objecting, reconsidering, reviewing, timing
from vouchers.models import Application, Enterprise, NoticeObjection, StateRow
from vouchers.objecting import Objector

pytestmark = pytest.mark.django_db
THIRD = staff("孙复核", role="approver")
PUBLIC = system_actor("public-objection")
POSTED = datetime(2026, 11, 2, 10, tzinfo=SHANGHAI)  # a Monday; the notice ends on the 9th
TOLD = Objector(
    name="钱实名",
    phone="138 0000 1111",
    statement="该企业同一合同已获得市级补贴，属于重复支持。",
    evidence="市级补贴公示名单第 12 行。",
    signature="钱实名",
)


def two_on_notice():
    programme = a_programme()
    firms = [an_enterprise(), an_enterprise(OTHER_USCC, "上海别家科技有限公司")]
    cases = [propose(submit(a_draft(firm, programme))) for firm in firms]
    notice = reviewing.publish_notice(cases, actor=CLERK, at=POSTED)
    return notice, *(fresh(each) for each in cases)


def fresh(thing):
    return type(thing).objects.get(pk=thing.pk)


def complain(case, at, told=TOLD, key=None):
    return objecting.object_to_notice(
        case.notice_item, told, actor=PUBLIC, at=at, key=key or new_id()
    )


def found(objection, finding="dismissed", at=None):
    at = at or objection.received_at
    objection = objecting.accept_objection(objection, actor=CLERK, at=at)
    return objecting.investigate_objection(
        objection, finding, "调取市级名单，合同编号不同。", actor=CLERK, at=at
    )


def decide(objection, at, actor=CHIEF, clause="演示方案第十条"):
    return objecting.decide_objection(
        objection, reply="经核查答复如下。", clause=clause, actor=actor, at=at
    )


def test_u2_an_objection_ten_minutes_before_midnight_counts_and_stops_that_case_alone():
    notice, case, other = two_on_notice()
    late = notice.ends_at - timedelta(minutes=10)
    objection = complain(case, late)
    case = fresh(case)
    assert (case.state, objection.due_on.isoformat()) == ("objection", "2026-11-30")
    clocks = {each.step.code: each.state for each in timing.clocks_of(case, late)}
    assert (clocks["notice"], clocks["objection"]) == ("paused", "running")
    reviewing.close_notice(notice, actor=CLERK, at=notice.ends_at)
    assert (fresh(case).state, fresh(other).state) == ("objection", "notice_done")
    reviewing.approve_application(fresh(other), actor=CHIEF, at=notice.ends_at)
    # Not right: the case goes on behind the notice, which is over.
    decide(found(objection), notice.ends_at + timedelta(days=3))
    assert fresh(case).state == "notice_done"
    assert entries("notice.objection_decide") == 1


def test_u2_a_minute_after_midnight_is_too_late():
    notice, case, _ = two_on_notice()
    with refused("notice_over", "2026-11-09 24:00"):
        complain(case, notice.ends_at)


def test_a_dismissed_objection_puts_the_case_back_on_the_notice_that_still_runs():
    _, case, _ = two_on_notice()
    first = complain(case, POSTED + timedelta(hours=1))
    second = complain(case, POSTED + timedelta(hours=2))
    decide(found(first), POSTED + timedelta(hours=5))
    assert fresh(case).state == "objection", "another one still waits"
    decide(found(second, "dismissed"), POSTED + timedelta(hours=6))
    assert fresh(case).state == "in_notice"


def test_an_upheld_objection_refuses_the_case_with_its_clause():
    _, case, _ = two_on_notice()
    objection = found(complain(case, POSTED), "upheld")
    with refused("clause_missing"):
        decide(objection, POSTED, clause=" ")
    decide(objection, POSTED)
    case = fresh(case)
    assert (case.state, case.clause) == ("rejected", "演示方案第十条")
    assert timing.running_clock(case, POSTED) is None


def test_two_natural_persons_for_every_answer():
    _, case, _ = two_on_notice()
    objection = found(complain(case, POSTED))
    same = staff("另一账号", person=CLERK.person)
    with refused("same_person"):
        decide(objection, POSTED, actor=same)
    with refused("same_person"):
        objecting.return_objection(objection, reason="再查", actor=same, at=POSTED)
    with pytest.raises(DatabaseError, match="two_persons"), transaction.atomic():
        NoticeObjection.objects.update(decider_person=CLERK.person)
    back = objecting.return_objection(objection, reason="再查", actor=CHIEF, at=POSTED)
    assert back.state == "accepted"


def test_what_nobody_stands_for_is_not_received():
    _, case, _ = two_on_notice()
    for change, code in (
        ({"name": "钱"}, "not_understood"),
        ({"phone": "123"}, "not_understood"),
        ({"mail": "x\r\nBcc: y"}, "not_understood"),
        ({"statement": "不公平"}, "too_short"),
        ({"evidence": " "}, "too_short"),
        ({"signature": "别人"}, "not_signed"),
        ({"file": b"MZ", "file_name": "a.exe"}, "file_type"),
    ):
        with refused(code):
            complain(case, POSTED, Objector(**(vars(TOLD) | change)))
    objection = complain(case, POSTED, Objector(**vars(TOLD) | {
        "file": a_pdf(), "file_name": "证据.pdf"}))  # fmt: skip
    with refused("not_accepted"):
        objecting.investigate_objection(objection, "upheld", "x", actor=CLERK, at=POSTED)
    refusing = objecting.investigate_objection(
        objection, "not_admitted", "与公示内容无关。", actor=CLERK, at=POSTED
    )
    assert decide(refusing, POSTED).state == "not_admitted"
    assert fresh(case).state == "in_notice"


def test_the_same_key_gives_the_same_receipt():
    _, case, _ = two_on_notice()
    key = new_id()
    assert complain(case, POSTED, key=key).pk == complain(case, POSTED, key=key).pk
    assert NoticeObjection.objects.count() == 1


def test_who_objected_is_in_no_log_entry_and_no_row_others_read():
    _, case, _ = two_on_notice()
    decide(found(complain(case, POSTED)), POSTED)
    logged = b"".join(bytes(each.body) for each in LogEntry.objects.all()).decode()
    rows = " ".join(
        f"{row.reason}{row.internal}{row.actor_name}" for row in StateRow.objects.of(case)
    )
    for secret in (TOLD.name, "13800001111", TOLD.statement, TOLD.evidence):
        assert secret not in logged
        assert secret not in rows


def test_the_database_holds_the_edges_and_the_real_name():
    _, case, _ = two_on_notice()
    complain(case, POSTED)
    for change in (
        {"state": "upheld"}, {"state": "dreaming"}, {"signature": "x"}, {"objector_phone": ""},
    ):  # fmt: skip
        with pytest.raises(DatabaseError):
            rewrite(change)


def rewrite(change):
    with transaction.atomic(), connection.cursor() as cursor:
        NoticeObjection.objects.update(**change)
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


# The second look -------------------------------------------------------------------------------


def a_refused():
    case = reviewing.accept_application(submit(a_draft()), actor=CLERK, at=AT)
    case = reviewing.first_review(
        case, "reject", reason="不属于支持范围。", clause="第二条", actor=CLERK, at=AT
    )
    return reviewing.second_review(case, "agree", actor=CHIEF, at=POSTED)


def ask(case, at=POSTED, statement="用途属于模型训练，附补充说明。"):
    return reconsidering.ask_reconsideration(
        case, statement, actor=admin_of(case.enterprise), at=at
    )


def answer(asked, outcome="upheld", actor=THIRD, reply="原决定事实清楚。"):
    return reconsidering.decide_reconsideration(asked, outcome, reply, actor=actor, at=POSTED)


def test_a_refusal_is_looked_at_again_once_and_in_time_by_other_people():
    case = a_refused()
    late = datetime(2026, 11, 17, 0, tzinfo=SHANGHAI)
    with refused("reconsider_late", "2026-11-16"):
        ask(case, late)
    with refused("reason_missing"):
        ask(case, statement="  ")
    asked = ask(case, late - timedelta(seconds=1))
    assert fresh(case).state == "reconsider"
    for person in (CLERK, CHIEF, staff("换账号", person=CHIEF.person)):
        with refused("same_person", "参与过原决定"):
            answer(asked, actor=person)
    with refused("reply_missing"):
        answer(asked, reply=" ")
    answer(asked)
    assert fresh(case).state == "rejected"
    with refused("reconsidered_once"):
        ask(fresh(case))


def test_a_refusal_taken_back_is_reviewed_anew():
    asked = ask(a_refused())
    answer(asked, "overturned", reply="补充材料成立。")
    case = Application.objects.get()
    assert (case.state, case.first_reviewer_person, case.recommendation) == ("accepted", "", "")
    assert timing.running_clock(case, POSTED).step.code == "review"
    case = reviewing.first_review(
        case, "pass", approved_fen=case.requested_fen, reason="符合", actor=CLERK, at=POSTED
    )
    assert reviewing.second_review(case, "agree", actor=CHIEF, at=POSTED).state == "proposed"


def test_a_case_refused_by_an_objection_may_come_on_notice_again():
    _, case, _ = two_on_notice()
    decide(found(complain(case, POSTED), "upheld"), POSTED)
    answer(ask(fresh(case)), "overturned", reply="异议所指合同不是同一合同。")
    case = reviewing.first_review(
        fresh(case), "pass", approved_fen=100, reason="扣减后支持", actor=CLERK, at=POSTED
    )
    case = reviewing.second_review(case, "agree", actor=CHIEF, at=POSTED)
    later = POSTED + timedelta(days=1)
    again = reviewing.publish_notice([case], actor=CLERK, at=later)
    assert fresh(case).notice_item.notice == again
    assert case.notice_items.count() == 2


def test_the_database_keeps_first_deciders_from_the_second_look():
    asked = ask(a_refused())
    asked.outcome, asked.reply, asked.decided_at = "upheld", "x", POSTED
    asked.decider_person = CHIEF.person
    with pytest.raises(DatabaseError, match="second look"), transaction.atomic():
        asked.save()
    asked.decider_person = THIRD.person
    asked.save()
    with pytest.raises(DatabaseError, match="decided once"), transaction.atomic():
        asked.save()


def test_only_an_administrator_asks_and_only_after_a_refusal():
    case = a_refused()
    with refused("not_entitled"):
        reconsidering.ask_reconsideration(case, "理由", actor=CLERK, at=POSTED)
    assert Enterprise.objects.count() == 1
