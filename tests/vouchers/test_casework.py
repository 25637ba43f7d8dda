"""Supplement by item, lapse by the clock, joint check, versions handed in: acts on real rows."""

from datetime import datetime, timedelta

import pytest

from ledger.periods import SHANGHAI
from tests.vouchers.story import (
    AT,
    CHIEF,
    CLERK,
    FILE,
    a_draft,
    a_pdf,
    a_programme,
    admin_of,
    entries,
    refused,
    submit,
)  # fmt: skip
from tests.vouchers.test_questions import FILLED
from vouchers import applying, reviewing, timing
from vouchers.joint_checking import Answer, record_joint_reply, waiting_for
from vouchers.models import StateRow
from vouchers.supplementing import Asked, ask_supplement, lapse_application, lapsing

pytestmark = pytest.mark.django_db
JOINT = FILE.read_text().replace(
    "joint_departments = []", 'joint_departments = ["区财政局", "区税务局"]'
)
PRICE = Asked("answer", "need.unit_price_fen", "与合同不一致", "按合同第三条，例如 5.50")
CONTRACT = Asked("file", "contract", "缺少盖章页")


def on(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


def accepted(application=None, at=AT):
    return reviewing.accept_application(application or submit(a_draft()), actor=CLERK, at=at)


def save(application, step, at=AT, **changes):
    return applying.save_step(
        application, step, FILLED[step] | changes,
        version=application.version, actor=admin_of(application.enterprise), at=at,
    )  # fmt: skip


def resubmit(application, at=AT):
    return applying.resubmit_application(
        application, version=application.version, actor=admin_of(application.enterprise), at=at
    )


def test_u1_a_missing_paper_is_asked_for_once_and_the_clock_stops_until_it_comes():
    case = accepted(at=on("2026-11-02T10:00"))
    case = ask_supplement(case, [PRICE, CONTRACT], actor=CLERK, at=on("2026-11-05T15:00"))
    assert case.supplement_due_on.isoformat() == "2026-11-19"  # ten working days
    items = {each.place: each for each in case.supplement_items.all()}
    assert items["need.unit_price_fen"].original == "5.50 元"
    assert items["contract"].original == "contract.pdf"
    told = {each.step.code: each for each in timing.clocks_of(case, on("2026-11-12T09:00"))}
    assert (told["review"].state, told["review"].used_days) == ("paused", 3)
    assert told["supplement"].due_on == case.supplement_due_on
    # Only what was named is open; everything else stays as it was handed in.
    with refused("field_not_open", "不在补正事项中"):
        save(
            case, "need", at=on("2026-11-12T09:00"), requested_fen="8800.01", unit_price_fen="5.40"
        )
    with refused("field_not_open"):
        save(case, "contact", contact_name="别人")
    with refused("file_not_open"):
        applying.attach_file(
            case, "licence", "x.pdf", a_pdf(), actor=admin_of(case.enterprise), at=AT
        )
    case = save(case, "need", at=on("2026-11-12T09:00"), unit_price_fen="5.60")
    applying.attach_file(
        case, "contract", "new.pdf", a_pdf(2), actor=admin_of(case.enterprise), at=AT
    )
    case = resubmit(case, at=on("2026-11-12T11:00"))
    told = timing.running_clock(case, on("2026-11-13T09:00"))
    assert (told.step.code, told.used_days, told.left_days) == ("review", 4, 6)
    first, second = case.versions.all()
    assert first.answers["need"]["unit_price_fen"] != second.answers["need"]["unit_price_fen"]
    assert [each["name"] for each in second.files if each["slot"] == "contract"] == ["new.pdf"]


def test_u1_rounds_end_and_silence_lapses():
    case = accepted(at=on("2026-11-02T10:00"))
    for _ in range(2):
        case = ask_supplement(case, [CONTRACT], actor=CLERK, at=on("2026-11-02T11:00"))
        assert lapsing(on("2026-11-16T23:59")) == []
        if case.supplement_rounds == 1:
            case = resubmit(case, at=on("2026-11-02T12:00"))
    with refused("supplement_in_time", "2026-11-16"):
        lapse_application(case, actor=CLERK, at=on("2026-11-16T23:59"))
    midnight = on("2026-11-17T00:00")
    with refused("supplement_late"):
        resubmit(case, at=midnight)
    assert [each.pk for each in lapsing(midnight)] == [case.pk]
    case = lapse_application(case, actor=CLERK, at=midnight)
    assert (case.state, entries("application.lapse")) == ("lapsed", 1)
    assert timing.running_clock(case, midnight) is None
    # The place in the window is free again.
    again = applying.start_draft(
        case.enterprise, case.programme, actor=admin_of(case.enterprise), at=midnight
    )
    assert again.pk != case.pk


def test_a_third_supplement_is_refused():
    case = accepted()
    for _ in range(2):
        case = resubmit(ask_supplement(case, [CONTRACT], actor=CLERK, at=AT))
    with refused("supplement_rounds", "补正最多 2 次"):
        ask_supplement(case, [CONTRACT], actor=CLERK, at=AT)


def test_items_without_reason_twice_or_unknown_are_refused_and_write_nothing():
    case = accepted()
    for items, code in (
        ([Asked("file", "contract", " ")], "reason_missing"),
        ([CONTRACT, CONTRACT], "item_twice"),
        ([Asked("file", "passport", "x")], "unknown_item"),
        ([Asked("answer", "need.colour", "x")], "unknown_item"),
        ([], "reason_missing"),
    ):
        with refused(code):
            ask_supplement(case, items, actor=CLERK, at=AT)


def test_a_draft_nobody_saved_for_sixty_days_lapses():
    draft = a_draft()
    early = draft.saved_at + timedelta(days=60, seconds=-1)
    with refused("draft_in_time"):
        lapse_application(draft, actor=CLERK, at=early)
    late = early + timedelta(seconds=1)
    assert [each.pk for each in lapsing(late)] == [draft.pk]
    assert lapse_application(draft, actor=CLERK, at=late).state == "lapsed"


def in_joint_check():
    case = accepted(submit(a_draft(programme=a_programme(JOINT))))
    case = reviewing.first_review(
        case, "pass", approved_fen=case.requested_fen, reason="符合", actor=CLERK, at=AT
    )
    return reviewing.second_review(case, "agree", actor=CHIEF, at=AT)


def reply(case, department, outcome="clear", document_no="函〔2026〕1号", text=""):
    return record_joint_reply(
        case, Answer(department, outcome, document_no, text), actor=CLERK, at=AT
    )


def test_silence_of_a_department_is_no_consent():
    case = in_joint_check()
    assert (case.state, waiting_for(case)) == ("joint_check", ["区财政局", "区税务局"])
    case = reply(case, "区税务局")
    assert (case.state, waiting_for(case)) == ("joint_check", ["区财政局"])
    for told, code in (
        ({"department": "区税务局"}, "reply_twice"),
        ({"department": "区气象局"}, "unknown_department"),
        ({"department": "区财政局", "document_no": " "}, "document_missing"),
        ({"department": "区财政局", "outcome": "hit"}, "reason_missing"),
        ({"department": "区财政局", "outcome": "maybe"}, "unknown_outcome"),
    ):
        with refused(code):
            reply(case, **told)
    assert reply(case, "区财政局").state == "proposed"
    assert entries("application.joint_reply") == 2


def test_a_hit_sends_the_case_back_and_the_next_round_asks_everybody_again():
    case = reply(in_joint_check(), "区财政局", "hit", text="同一合同已获市级补贴")
    assert case.state == "accepted"
    row = StateRow.objects.of(case).last()
    assert "市级补贴" in row.internal
    assert row.reason == ""
    case = reviewing.first_review(
        case, "pass", approved_fen=100, reason="扣除后支持", actor=CLERK, at=AT
    )
    case = reviewing.second_review(case, "agree", actor=CHIEF, at=AT)
    assert waiting_for(case) == ["区财政局", "区税务局"]


def test_without_departments_the_row_says_by_which_rule_the_case_passed():
    case = accepted()
    case = reviewing.first_review(
        case, "pass", approved_fen=case.requested_fen, reason="符合", actor=CLERK, at=AT
    )
    case = reviewing.second_review(case, "agree", actor=CHIEF, at=AT)
    assert case.state == "proposed"
    row = StateRow.objects.of(case).get(event="propose")
    assert "未设联审部门" in row.reason
    assert row.actor_kind == "system"


def test_only_a_hard_failure_of_the_machine_is_not_taken_on():
    case = submit(a_draft(enterprise={"registered_district": "310101"}))
    assert case.check_outcome == "failed"
    with refused("reason_missing"):
        reviewing.refuse_acceptance(case, reason=" ", actor=CLERK, at=AT)
    case = reviewing.refuse_acceptance(case, reason="注册地不在普陀区。", actor=CLERK, at=AT)
    assert (case.state, case.first_reviewer_name) == ("rejected", CLERK.name)
    assert "第二条" in case.clause


def test_what_the_machine_did_not_fail_must_be_reviewed():
    with refused("verdict_not_failed"):
        reviewing.refuse_acceptance(submit(a_draft()), reason="不想受理", actor=CLERK, at=AT)
