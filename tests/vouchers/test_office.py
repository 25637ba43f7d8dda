"""The bureau's doors: queue, case, decisions in two steps, notice, issue, budget; rights."""

from datetime import timedelta

import pytest

from ledger.identifiers import new_id
from tests.vouchers.story import (
    AT,
    CLERK,
    OTHER_USCC,
    a_draft,
    a_programme,
    a_voucher,
    an_approved,
    propose,
    submit,
    user_of,
)
from tests.vouchers.walk import (
    APPROVER,
    AUDITOR,
    FINANCE,
    REVIEWER,
    at,
    bureau,
    of_enterprise,
    text_of,
)
from vouchers import enrolling, reviewing
from vouchers.models import Application, PublicNotice, Voucher

pytestmark = pytest.mark.django_db
BASE = "/office/vouchers/"


@pytest.fixture(autouse=True)
def _in_september():
    with at(AT):
        yield


def clerk():
    return bureau("王初审", REVIEWER)


def chief():
    return bureau("李复审", APPROVER)


def case(found, *rest):
    return BASE + "/".join(["cases", str(found.pk), *rest]) + "/"


def test_the_queue_shows_cases_by_tab_with_counts():
    done = submit(a_draft())
    page = text_of(clerk().get(BASE))
    assert done.application_no in page
    assert "在办 1" in page
    assert "待复核 0" in page
    assert "没有符合条件的办件" in text_of(clerk().get(BASE + "?tab=done"))


def test_a_draft_is_not_the_bureaus_business():
    draft = a_draft()
    browser = clerk()
    assert "没有符合条件的办件" in text_of(browser.get(BASE))
    assert browser.get(case(draft)).status_code == 404


@pytest.mark.parametrize("asked", ["PTSLQ-2026-000001", "智算", "MAFAKE0195", "mafake"])
def test_a_case_is_found_by_number_name_or_code(asked):
    submit(a_draft())
    assert "PTSLQ-2026-000001" in text_of(clerk().get(BASE, {"q": asked}))


def test_what_is_not_found_may_be_cleared():
    submit(a_draft())
    page = text_of(clerk().get(BASE, {"q": "没有这家"}))
    assert "清除筛选" in page


def test_the_queue_counts_down_working_days_and_says_when_overdue():
    submit(a_draft())
    with at(AT + timedelta(days=2)):
        assert ">3<" in text_of(clerk().get(BASE))
    with at(AT + timedelta(days=30)):
        assert "超期" in text_of(clerk().get(BASE))


def test_a_case_shows_facts_sources_checks_files_and_history():
    done = submit(a_draft())
    page = text_of(clerk().get(case(done)))
    for words in (
        "软件和信息技术服务业", "企业申报", "licence.pdf", "SHA-256", "办理经过", "受理申请",
        "演示方案第二条", "138＊＊＊＊5678", "提交",
    ):  # fmt: skip
        assert words in page


def test_the_bureau_opens_a_file_of_a_case():
    done = submit(a_draft())
    kept = done.attachments.first()
    answer = clerk().get(case(done, "files", str(kept.pk)))
    assert answer["Content-Type"] == "application/pdf"
    assert answer.content.startswith(b"%PDF-")
    assert clerk().get(case(done, "files", str(new_id()))).status_code == 404


def test_the_way_of_a_case_through_the_pages():
    """Goal: from submission to voucher by pages alone. Method: two browsers, one case."""
    done = submit(a_draft())
    first, second = clerk(), chief()
    first.post(case(done, "accept"))
    told = {"decision": "pass", "approved": "8800.00", "reason": "符合条件", "internal": "已核"}
    assert first.post(case(done, "decide"), told).status_code == 302
    page = text_of(second.get(case(done, "decide")))
    assert "王初审建议按申请金额 8,800.00 元支持" in page
    assert second.post(case(done, "decide"), {"decision": "agree"}).status_code == 302
    assert "9月8日 24:00 期满" in text_of(first.get(BASE + "notices/"))
    first.post(BASE + "notices/", {"applications": [str(done.pk)]})
    notice = PublicNotice.objects.get()
    with at(notice.ends_at):  # days later: both sign in again
        first, second = clerk(), chief()
        first.post(f"{BASE}notices/{notice.pk}/close/")
        second.post(case(done, "approve"))
        page = text_of(second.get(BASE + "issue/"))
        assert "1,000,000.00" in page
        assert "991,200.00" in page
        key = str(new_id())
        for _ in range(2):
            second.post(BASE + "issue/", {"application": str(done.pk), "key": key})
    assert Voucher.objects.get().face_fen == 880_000
    done.refresh_from_db()
    assert done.state == "issued"


def test_the_enterprise_is_verified_on_the_case_page():
    user = user_of("新管理员")
    enterprise = enrolling.register_enterprise("新公司", OTHER_USCC, user=user, actor=CLERK, at=AT)
    done = submit(a_draft(enterprise))
    browser = clerk()
    assert "企业核验通过" in text_of(browser.get(case(done)))
    assert browser.post(case(done, "verify"), {"evidence": ""}).status_code == 422
    assert browser.post(case(done, "accept")).status_code == 409
    browser.post(case(done, "verify"), {"evidence": "营业执照原件"})
    assert "受理申请" in text_of(browser.get(case(done)))


def reviewed():
    done = reviewing.accept_application(submit(a_draft()), actor=CLERK, at=AT)
    return reviewing.first_review(
        done, "pass", approved_fen=800_000, reason="单价偏高", actor=CLERK, at=AT
    )


def test_the_same_person_sees_the_sentence_and_not_the_button():
    done = reviewed()
    both = bureau("王初审", REVIEWER + APPROVER)
    page = text_of(both.get(case(done, "decide")))
    assert "您是经办人，须由他人复核" in page
    assert "提交复审意见" not in page
    assert "须由他人复核" in text_of(both.get(case(done)))


def test_the_same_person_is_refused_even_by_hand():
    done = reviewed()
    for name in ("王初审", "王初审二号"):
        user_of(name, CLERK.person)
        both = bureau(name, REVIEWER + APPROVER)
        answer = both.post(case(done, "decide"), {"decision": "agree"})
        assert answer.status_code == 409
    done.refresh_from_db()
    assert done.state == "in_second_review"


def test_the_second_reviewer_reads_what_was_changed_in_plain_words():
    page = text_of(chief().get(case(reviewed(), "decide")))
    assert "王初审把金额从 8,800.00 元改为 8,000.00 元" in page


FIRST = [
    ({"decision": ""}, 422, "必填"),
    ({"decision": "pass", "approved": "abc"}, 422, "金额应写成数字"),
    ({"decision": "pass", "approved": "9000"}, 409, "不超过申请金额"),
    ({"decision": "pass", "approved": "8000"}, 409, "请写明理由"),
    ({"decision": "reject", "reason": "材料不实"}, 409, "依据的条款"),
]


@pytest.mark.parametrize(("told", "status", "words"), FIRST)
def test_a_first_review_that_cannot_stand_comes_back_with_its_sentence(told, status, words):
    done = reviewing.accept_application(submit(a_draft()), actor=CLERK, at=AT)
    answer = clerk().post(case(done, "decide"), {"internal": "已写的内部意见"} | told)
    assert answer.status_code == status
    assert words in text_of(answer)
    assert "已写的内部意见" in text_of(answer)


def test_a_case_that_moved_meanwhile_leads_back_to_its_page():
    done = reviewed()
    browser = clerk()
    assert browser.post(case(done, "accept")).status_code == 409
    reviewing.second_review(done, "agree", actor=CLERK.__class__(
        kind="user", id="x", name="x", role="approver", person="another"), at=AT)  # fmt: skip
    assert chief().get(case(done, "decide"))["Location"] == case(done)


def test_a_notice_cannot_be_published_into_an_unknown_year():
    done = propose(submit(a_draft()))
    with at(AT.fromisoformat("2026-12-29T10:00:00+08:00")):
        browser = clerk()
        assert "2027 年" in text_of(browser.get(BASE + "notices/"))
        answer = browser.post(BASE + "notices/", {"applications": [str(done.pk)]})
    assert answer.status_code == 409
    assert "载入 2027 年节假日表" in text_of(answer)


def test_an_empty_or_odd_choice_for_a_notice_is_told():
    for chosen in ([], ["x"], [str(new_id())]):
        answer = clerk().post(BASE + "notices/", {"applications": chosen})
        assert answer.status_code == 409
        assert "请至少选择一件" in text_of(answer)


def test_a_running_notice_cannot_be_ended():
    done = propose(submit(a_draft()))
    made = reviewing.publish_notice([done], actor=CLERK, at=AT)
    assert clerk().post(f"{BASE}notices/{made.pk}/close/").status_code == 409


def test_the_issue_page_says_when_the_budget_is_too_small():
    done = an_approved(programme=a_programme(grant_fen=100))
    browser = chief()
    assert "预算不足" in text_of(browser.get(BASE + "issue/"))
    answer = browser.post(BASE + "issue/", {"application": str(done.pk), "key": str(new_id())})
    assert answer.status_code == 409
    assert "预算和申请都没有改变" in text_of(answer)


def test_issuing_what_is_not_there_is_404():
    assert chief().post(BASE + "issue/", {"application": "x"}).status_code == 404


def test_a_grant_is_prepared_by_one_and_approved_by_another():
    programme = a_programme(grant_fen=0)
    address = f"{BASE}programmes/{programme.pk}/budget/"
    finance, approver = bureau("赵财务", FINANCE), chief()
    told = {"amount": "1000000.00", "document_no": "普财〔2026〕1号", "key": str(new_id())}
    for _ in range(2):
        assert finance.post(address, told).status_code == 302
    waiting = programme.grant_requests.get()
    assert "您是经办人，须由他人审批" in text_of(finance.get(address))
    assert finance.post(f"{address}{waiting.pk}/approve/").status_code == 409
    for _ in range(2):
        assert approver.post(f"{address}{waiting.pk}/approve/").status_code == 302
    page = text_of(approver.get(address))
    assert "与总账一致" in page
    assert "财政下达" in page
    assert programme.grants.get().amount_fen == 100_000_000


GRANTS = [
    ({"amount": ""}, 422),
    ({"amount": "-5"}, 422),
    ({"amount": "0"}, 409),
    ({"amount": "99999999.00"}, 409),
    ({"document_no": ""}, 422),
    ({"key": "x"}, 422),
]


@pytest.mark.parametrize(("changes", "status"), GRANTS)
def test_a_grant_that_cannot_stand_comes_back(changes, status):
    programme = a_programme(grant_fen=0)
    told = {"amount": "1.00", "document_no": "x", "key": str(new_id())} | changes
    answer = chief().post(f"{BASE}programmes/{programme.pk}/budget/", told)
    assert answer.status_code == status
    assert not programme.grant_requests.exists()


def test_the_budget_page_adds_up_with_vouchers_out():
    voucher = a_voucher()
    page = text_of(chief().get(f"{BASE}programmes/{voucher.programme.pk}/budget/"))
    for words in ("与总账一致", "991,200.00", "8,800.00", "7,000,000.00"):
        assert words in page


PAGES = ["", "notices/", "issue/", "programmes/"]
RIGHTS = [
    ("auditor", AUDITOR, {"": 200, "notices/": 200, "issue/": 200, "programmes/": 200}),
    ("finance", FINANCE, {"": 403, "notices/": 403, "issue/": 403, "programmes/": 403}),
    ("platform", (), {"": 403, "notices/": 403, "issue/": 403, "programmes/": 403}),
]


@pytest.mark.parametrize(("name", "rights", "told"), RIGHTS, ids=[each[0] for each in RIGHTS])
def test_each_role_opens_what_its_rights_say(name, rights, told):
    browser = bureau(name, rights)
    assert {page: browser.get(BASE + page).status_code for page in PAGES} == told


def changing(done):
    programme = done.programme
    return [
        case(done, "accept"),
        case(done, "verify"),
        case(done, "decide"),
        case(done, "approve"),
        BASE + "notices/",
        BASE + "issue/",
        BASE + "programmes/",
        f"{BASE}programmes/{programme.pk}/steps/publish/",
        f"{BASE}programmes/{programme.pk}/budget/",
    ]


def test_an_auditor_changes_nothing():
    done = reviewing.accept_application(submit(a_draft()), actor=CLERK, at=AT)
    browser = bureau("孙审计", AUDITOR)
    assert {browser.post(each).status_code for each in changing(done)} == {403}


def test_a_reviewer_neither_decides_second_nor_issues():
    done = reviewed()
    browser = bureau("另一初审", REVIEWER)
    assert browser.post(case(done, "decide"), {"decision": "agree"}).status_code == 403
    assert browser.post(case(done, "approve")).status_code == 403
    assert browser.post(BASE + "issue/").status_code == 403


def test_an_enterprise_does_not_enter_the_office():
    done = submit(a_draft())
    browser = of_enterprise(done.enterprise)
    for address in (BASE, case(done), *changing(done)):
        assert browser.get(address).status_code in (403, 405)
        assert browser.post(address).status_code in (403, 405)


def test_nobody_enters_without_signing_in(client):
    assert client.get(BASE)["Location"].startswith("/login/")


def test_actions_are_never_done_by_reading():
    done = submit(a_draft())
    browser = bureau("全权", REVIEWER + APPROVER)
    for last in ("accept", "verify", "approve"):
        assert browser.get(case(done, last)).status_code == 405
    assert Application.objects.get().state == "submitted"
