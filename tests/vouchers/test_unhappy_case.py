"""What goes wrong on the way from draft to decision, by the numbers of the checklist (2.14)."""

from datetime import datetime, timedelta

import pytest
from django.db import connection, transaction

from ledger.actors import Actor
from ledger.identifiers import new_id
from ledger.periods import SHANGHAI
from tests.vouchers.story import (
    AT,
    CHIEF,
    CLERK,
    FILE,
    a_draft,
    a_programme,
    admin_of,
    an_enterprise,
    approve,
    fill,
    propose,
    refused,
    staff,
    submit,
)  # fmt: skip
from tests.vouchers.test_casework import save
from tests.vouchers.test_objecting import fresh
from vouchers import applying, barring, judging, programming, reviewing
from vouchers.models import Application
from vouchers.states import move

pytestmark = pytest.mark.django_db


def test_u3_a_notice_over_the_long_holiday_is_counted_in_working_days():
    case = propose(submit(a_draft()))
    posted = datetime(2026, 9, 29, 16, tzinfo=SHANGHAI)
    notice = reviewing.publish_notice([case], actor=CLERK, at=posted)
    assert notice.last_day.isoformat() == "2026-10-12"  # with the make-up Saturday of the 10th
    with refused("notice_running", "2026-10-12"):
        reviewing.close_notice(notice, actor=CLERK, at=notice.ends_at - timedelta(seconds=1))
    assert reviewing.close_notice(notice, actor=CLERK, at=notice.ends_at).state == "closed"


def test_u4_the_servers_time_decides_and_the_draft_waits_for_the_next_window():
    draft = a_draft()
    shut = datetime(2026, 12, 31, 17, tzinfo=SHANGHAI)  # to the second
    with refused("window_closed", "草稿已为您保留"):
        submit(draft, at=shut)
    assert fresh(draft).state == "draft"
    kept = applying.start_draft(
        draft.enterprise, draft.programme, actor=admin_of(draft.enterprise), at=AT
    )
    assert kept.pk == draft.pk
    done = submit(draft, at=datetime(2027, 1, 4, 9, tzinfo=SHANGHAI))
    assert (done.state, done.window_no) == ("submitted", 2)
    with refused("window_closed"):
        submit(a_second_draft(draft), at=shut)


def a_second_draft(draft):
    other = an_enterprise("91310107MAFAKE0270", "上海别家科技有限公司")
    begun = applying.start_draft(other, draft.programme, actor=admin_of(other), at=AT)
    return fill(begun, admin_of(other))


def test_u19_whoever_stands_in_is_still_another_natural_person():
    case = propose(submit(a_draft()))
    notice = reviewing.publish_notice([case], actor=CLERK, at=AT)
    reviewing.close_notice(notice, actor=CLERK, at=notice.ends_at)
    stand_in = staff("代理审定", person=CLERK.person, role="approver")
    with refused("same_person"):
        reviewing.approve_application(fresh(case), actor=stand_in, at=notice.ends_at)
    nameless = Actor(kind="user", id="x", name="无实名", role="approver", person="")
    with refused("same_person"):
        reviewing.approve_application(fresh(case), actor=nameless, at=notice.ends_at)


def test_u20_what_contradicts_itself_is_flagged_and_a_person_decides_with_a_reason():
    draft = a_draft(enterprise={"large_controlled": "yes"})
    case = reviewing.accept_application(submit(draft), actor=CLERK, at=AT)
    assert case.check_outcome == "flagged"
    with refused("findings_open", "须人工认定"):
        reviewing.first_review(
            case, "pass", approved_fen=case.requested_fen, reason="符合", actor=CLERK, at=AT
        )
    judging.decide_criterion(
        case, "C06", met=True, reason="税务数据与申报相差 6%，系口径不同。",
        evidence="税务数据查询单", actor=CLERK, at=AT,
    )  # fmt: skip
    case = reviewing.first_review(
        case, "pass", approved_fen=case.requested_fen, reason="符合", actor=CLERK, at=AT,
        internal="税务数据与申报相差 6%，已电话核实，系口径不同。",
    )  # fmt: skip
    assert reviewing.second_review(case, "agree", actor=CHIEF, at=AT).state == "proposed"


def test_u21_a_new_edition_leaves_old_applications_under_theirs():
    case = submit(a_draft())
    newer = FILE.read_text().replace("edition_no = 1", "edition_no = 2", 1).replace(
        "supplement_max_rounds = 2", "supplement_max_rounds = 1"
    )  # fmt: skip
    programming.load_edition(newer, actor=CLERK, at=AT)
    case = fresh(case)
    assert case.programme.edition_no == 1
    assert case.programme.edition.review.supplement_max_rounds == 2
    assert case.verdict["edition"].endswith("/1")


# Bad inputs of 4.5 that acts answer ---------------------------------------------------------------


def test_e2_e3_e22_one_application_a_window_and_the_second_tab_sees_the_first():
    draft = a_draft()
    key = new_id()
    done = submit(draft, key=key)
    assert submit(draft, key=key).application_no == done.application_no
    with refused("already_submitted", done.application_no):
        submit(draft, key=new_id())
    with refused("already_applied", done.application_no):
        applying.start_draft(
            done.enterprise, done.programme, actor=admin_of(done.enterprise), at=AT
        )
    with refused("not_writable"):
        save(done, "need", requested_fen="1.00")


def test_e5_a_millisecond_before_opening_is_before_opening():
    programme, firm = a_programme(), an_enterprise()
    opens = programme.edition.windows.items[0].opens_at
    early = opens - timedelta(milliseconds=1)
    draft = fill(applying.start_draft(firm, programme, actor=admin_of(firm), at=early),
                 admin_of(firm), at=early)  # fmt: skip
    with refused("window_closed"):
        submit(draft, at=early)
    assert submit(draft, at=opens).state == "submitted"


def test_e6_e7_a_stale_page_and_a_field_nobody_asked_for_change_nothing():
    draft = a_draft()
    actor = admin_of(draft.enterprise)
    with refused("stale_draft", "又被更改"):
        applying.save_step(
            draft, "contact", {"contact_name": "王五", "contact_phone": "13800001111",
                               "contact_mail": ""}, version=0, actor=actor, at=AT,
        )  # fmt: skip
    for name, value in (("state", "approved"), ("approved_fen", "1000000000"), ("enterprise", "x")):
        with refused("unknown_field"):
            save(draft, "need", **{name: value})


def test_e21_nothing_is_withdrawn_once_approval_has_begun():
    case = propose(submit(a_draft()))
    owner = admin_of(case.enterprise)
    for state_of in (
        lambda: reviewing.publish_notice([case], actor=CLERK, at=AT),
        lambda: approve_rest(case),
    ):
        state_of()
        with refused("wrong_state"):
            applying.withdraw_application(fresh(case), actor=owner, at=AT)


def approve_rest(case):
    notice = fresh(case).notice_item.notice
    reviewing.close_notice(notice, actor=CLERK, at=notice.ends_at)
    reviewing.approve_application(fresh(case), actor=CHIEF, at=notice.ends_at)


def test_e23_e25_a_changed_declaration_and_a_storm_of_submissions():
    draft = a_draft()
    actor = admin_of(draft.enterprise)
    codes = [each.code for each in draft.programme.edition.declarations]
    with refused("declaration_changed"):
        applying.accept_declaration(
            draft, codes, digest="0" * 64, version=draft.version, actor=actor, at=AT
        )
    submit(draft)
    for _ in range(20):
        with refused("already_submitted"):
            submit(draft, key=new_id())
    assert Application.objects.filter(state="submitted").count() == 1


def test_a_suspended_enterprise_hands_nothing_in():
    draft = a_draft()
    barring.suspend_enterprise(draft.enterprise, reason="核查中", actor=CHIEF, at=AT)
    with refused("enterprise_suspended"):
        submit(draft)


def test_a_withdrawn_case_leaves_its_place_and_every_clock_stops():
    case = submit(a_draft())
    owner = admin_of(case.enterprise)
    applying.withdraw_application(case, reason="计划有变", actor=owner, at=AT)
    again = applying.start_draft(case.enterprise, case.programme, actor=owner, at=AT)
    assert again.pk != case.pk
    marks = case.clock_marks.filter(step="accept").values_list("event", flat=True)
    assert list(marks) == ["started", "ended"]


def test_waiting_and_passing_over_are_moves_of_their_own():
    case = approve(propose(submit(a_draft())))
    move(case, "waitlist", actor=CLERK, at=AT, reason="额度用尽。")
    case.save()
    move(case, "pass_over", actor=CLERK, at=AT, reason="方案期满。")
    case.save()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    assert fresh(case).state == "rejected"
