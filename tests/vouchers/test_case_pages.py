"""The case pages of the bureau, objections by anybody, and what the enterprise is shown."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Group
from django.core.management import call_command
from django.urls import reverse

from ledger import clock
from ledger.identifiers import new_id
from tests.roles import give_group
from tests.vouchers.story import (
    AT,
    CHIEF,
    CLERK,
    FILE,
    a_draft,
    a_programme,
    propose,
    refused,
    staff,
    submit,
    user_of,
)  # fmt: skip
from tests.vouchers.test_casework import CONTRACT, JOINT, PRICE, accepted, on, resubmit, save
from tests.vouchers.test_objecting import POSTED, a_refused, fresh, two_on_notice
from vouchers import reviewing, seeing
from vouchers.models import NoticeObjection
from vouchers.supplementing import ask_supplement

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("roles")]


@pytest.fixture
def roles():
    call_command("sync_roles", verbosity=0)


def staff_client(client, name, role):
    user = user_of(name)
    give_group(user, Group.objects.get(name=role))
    client.force_login(user)
    return client


def clerk(client):
    return staff_client(client, CLERK.name, "reviewer")


def chief(client):
    return staff_client(client, CHIEF.name, "approver")


def firm(client, case):
    client.force_login(case.enterprise.seats.get().user)
    return client


def text_of(response):
    return response.content.decode()


@pytest.fixture
def at():
    """Let the doors stand at a moment of the story."""
    with clock.set_to(AT):
        yield lambda moment: clock.advance(moment - clock.now())


def test_a_supplement_is_asked_by_items_and_answered_by_items(client, at):
    case = accepted(at=on("2026-11-02T10:00"))
    at(on("2026-11-05T15:00"))
    page = clerk(client).post(reverse("office_decide", args=[case.pk]), {"decision": "return"})
    asking = reverse("office_supplement", args=[case.pk])
    assert page.url == asking
    typed = {"items": ["contract", "need.unit_price_fen"], "reason:contract": "缺少盖章页"}
    page = client.post(asking, typed)
    assert page.status_code == 409
    assert "缺少盖章页" in text_of(page), "nothing typed is lost"
    assert "为什么要补正" in text_of(page)
    page = client.post(asking, typed | {"reason:need.unit_price_fen": "与合同不一致"})
    assert page.url == reverse("office_case", args=[case.pk])
    page = text_of(firm(client, case).get(reverse("application", args=[case.pk])))
    assert "等待补正，已用 0 个工作日，剩余 10 个；预计2026年11月19日（周四）前。" in page
    assert "审核计时已暂停（等待您补正）" in page
    assert "缺少盖章页" in page
    assert "原内容：5.50 元" in page
    tasks = text_of(client.get(reverse("application_tasks", args=[case.pk])))
    assert "已完成 6 项，共 6 项。上次保存：" in tasks
    assert "只有下面列出的事项可以修改" in tasks
    # The page opens the one field; the others are kept whatever is sent.
    step = reverse("application_step", args=[case.pk, "need"])
    assert text_of(client.get(step)).count(" disabled") >= 8
    page = client.post(step, {"version": "99", "unit_price_fen": "5.60", "requested_fen": "1"})
    assert page.status_code == 302
    need = fresh(case).answers["need"]
    assert (need["unit_price_fen"], need["requested_fen"]) == (560, 880_000)
    files = text_of(client.get(reverse("application_files", args=[case.pk])))
    assert files.count("不能更换") == 3


def test_the_reviewer_sees_what_the_supplement_changed_and_what_is_new_since_last_seen(client):
    case = ask_supplement(accepted(), [PRICE, CONTRACT], actor=CLERK, at=AT)
    seeing.mark_seen(case, CHIEF.person, AT)
    later = AT + timedelta(hours=2)
    case = save(case, "need", at=later, unit_price_fen="5.60")
    case = resubmit(case, at=later)
    page = text_of(chief(client).get(reverse("office_case", args=[case.pk])))
    assert "看过之后的变化" in page
    assert "补正改动的内容" in page
    assert "5.50 元" in page
    assert "5.60 元" in page
    case = reviewing.first_review(
        case, "pass", approved_fen=case.requested_fen, reason="符合条件", internal="已电话核实",
        actor=CLERK, at=later,
    )  # fmt: skip
    page = text_of(client.get(reverse("office_decide", args=[case.pk])))
    for words in ("首次提交以来改动的内容", "已电话核实", "仅内部可见", "公示内容预览"):
        assert words in page
    client.post(reverse("office_seen", args=[case.pk]))
    page = text_of(client.get(reverse("office_decide", args=[case.pk])))
    assert "没有变化。" in page


def test_a_stale_decision_is_told_with_what_changed_and_nothing_is_lost(client, at):
    case = accepted()
    address = reverse("office_decide", args=[case.pk])
    seen = seeing.stamp(case)
    case = resubmit(ask_supplement(case, [CONTRACT], actor=CHIEF, at=AT))
    at(AT + timedelta(minutes=2))
    typed = {"decision": "pass", "approved": "8800.00", "reason": "我写的理由", "seen": seen}
    page = clerk(client).post(address, typed)
    assert page.status_code == 409
    assert f"2 分钟前{CHIEF.name}办理了“要求补正”" in text_of(page)
    assert "我写的理由" in text_of(page)
    again = typed | {"seen": seeing.stamp(fresh(case))}
    assert client.post(address, again).status_code == 302
    assert fresh(case).state == "in_second_review"


def test_the_first_reviewer_finds_a_sentence_in_place_of_the_button(client):
    case = reviewing.first_review(
        accepted(), "pass", approved_fen=880_000, reason="符合", actor=CLERK, at=AT
    )
    page = text_of(clerk(client).get(reverse("office_decide", args=[case.pk])))
    assert "您是经办人，须由他人复核" in page
    assert "提交复审意见" not in page


def test_joint_replies_are_recorded_by_the_page(client):
    case = accepted(submit(a_draft(programme=a_programme(JOINT))))
    case = reviewing.first_review(
        case, "pass", approved_fen=880_000, reason="符合", actor=CLERK, at=AT
    )
    case = reviewing.second_review(case, "agree", actor=CHIEF, at=AT)
    address = reverse("office_joint_reply", args=[case.pk])
    told = {"department": "区税务局", "outcome": "clear", "document_no": ""}
    page = clerk(client).post(address, told)
    assert page.status_code == 422
    assert "口头答复不作依据" in text_of(page)
    for department in ("区税务局", "区财政局"):
        client.post(address, told | {"department": department, "document_no": "函1号"})
    assert fresh(case).state == "proposed"
    assert "函1号" in text_of(client.get(reverse("office_case", args=[case.pk])))


def test_anybody_objects_by_the_page_and_two_people_answer(client, at):
    notice, case, _ = two_on_notice()
    at(notice.ends_at - timedelta(minutes=10))
    address = reverse("notice_object", args=[notice.pk])
    assert "在线提出异议" in text_of(client.get(reverse("notice", args=[notice.pk])))
    typed = {
        "key": str(new_id()), "item": str(case.notice_item.pk), "name": "钱实名",
        "phone": "13800001111", "statement": "同一合同已获市级补贴，重复支持。",
        "evidence": "市级名单第十二行，可以查证。", "signature": "钱",
    }  # fmt: skip
    page = client.post(address, typed)
    assert page.status_code == 409
    assert "须实名" in text_of(page)
    assert "同一合同已获市级补贴" in text_of(page)
    page = client.post(address, typed | {"signature": "钱实名"}, follow=True)
    objection = NoticeObjection.objects.get()
    assert objection.objection_no in text_of(page)
    assert "钱实名" not in text_of(page)
    # The enterprise learns that there is one, never whose.
    told = text_of(firm(client, case).get(reverse("application", args=[case.pk])))
    assert "公示计时已暂停（异议核查中）" in told
    assert "钱实名" not in told
    deed = reverse("office_objection_handle", args=[objection.pk])
    clerk(client).post(deed, {"deed": "accept"})
    client.post(deed, {"deed": "investigate", "finding": "dismissed", "text": "合同编号不同"})
    shown = text_of(client.get(reverse("office_objection", args=[objection.pk])))
    assert "您是核查人，须由他人决定" in shown
    assert client.post(deed, {"deed": "decide", "reply": "答复"}).status_code == 409
    lists = text_of(chief(client).get(reverse("office_objections")))
    assert "钱实名" not in lists
    client.post(deed, {"deed": "decide", "reply": "经核查不属于同一合同。"})
    assert fresh(case).state == "in_notice"
    answered = text_of(client.get(f"{address}?received={objection.objection_no}"))
    assert "经核查不属于同一合同" in answered
    at(notice.ends_at)
    assert "不再接收异议" in text_of(client.get(address))


def test_a_refusal_shows_reason_clause_and_remedies_and_is_looked_at_again(client, at):
    case = a_refused()
    at(POSTED)
    page = text_of(firm(client, case).get(reverse("application", args=[case.pk])))
    for words in (
        "不属于支持范围。", "依据：第二条", "2026年11月16日 24:00 前申请一次复核",
        "行政复议", "2027年5月2日前", "提起行政诉讼",
    ):  # fmt: skip
        assert words in page
    asking = reverse("application_reconsider", args=[case.pk])
    assert client.post(asking, {"statement": " "}).status_code == 422
    assert client.post(asking, {"statement": "用途为模型训练。"}).status_code == 302
    address = reverse("office_reconsider", args=[case.pk])
    page = text_of(chief(client).get(address))
    assert "您参与过原决定" in page
    third = staff_client(client, "孙复核", "approver")
    assert third.post(address, {"outcome": "upheld", "reply": "事实清楚。"}).status_code == 302
    assert fresh(case).state == "rejected"


def test_a_day_goes_into_the_calendar(client, at):
    case = accepted(at=on("2026-11-02T10:00"))
    at(on("2026-11-05T09:00"))
    page = firm(client, case).get(reverse("application_calendar", args=[case.pk]))
    assert page["Content-Type"].startswith("text/calendar")
    lines = page.content.decode().split("\r\n")
    assert "DTSTART;VALUE=DATE:20261116" in lines
    assert max(len(each.encode()) for each in lines) <= 75
    unfolded = page.content.decode().replace("\r\n ", "")
    assert f"SUMMARY:{case.application_no}：审核期限" in unfolded


def test_from_the_amount_of_the_edition_on_two_persons_approve(client, at):
    text = FILE.read_text().replace(
        "joint_departments = []", 'joint_departments = []\nsecond_approver_from = "8000.00"'
    )
    case = propose(submit(a_draft(programme=a_programme(text))))
    notice = reviewing.publish_notice([case], actor=CLERK, at=AT)
    reviewing.close_notice(notice, actor=CLERK, at=notice.ends_at)
    at(notice.ends_at)
    address = reverse("office_case_approve", args=[case.pk])
    chief(client).post(address)
    case = fresh(case)
    assert (case.state, case.approver_name) == ("notice_done", CHIEF.name)
    with refused("same_person", "须由另一人"):
        reviewing.approve_application(case, actor=CHIEF, at=notice.ends_at)
    other = staff("孙复核", role="approver")
    case = reviewing.approve_application(case, actor=other, at=notice.ends_at)
    assert (case.state, case.co_approver_name) == ("approved", "孙复核")
