"""The application's doors: pages, stale tabs, files, declaration, submission, scope."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from ledger.identifiers import new_id
from tests.vouchers.story import (
    AT,
    CLERK,
    OTHER_USCC,
    a_draft,
    a_pdf,
    a_programme,
    an_approved,
    an_enterprise,
    propose,
    submit,
)
from tests.vouchers.test_questions import CONTACT, FILLED, NEED
from tests.vouchers.walk import at, of_enterprise, text_of
from vouchers import applying, reviewing
from vouchers.models import Application

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _in_september():
    with at(AT):
        yield


def begun():
    """Return (browser, draft) of an enterprise that just pressed the button."""
    enterprise = an_enterprise()
    a_programme()
    browser = of_enterprise(enterprise)
    answer = browser.post("/portal/apply/")
    draft = Application.objects.get()
    assert answer["Location"] == f"/portal/apply/{draft.pk}/"
    return browser, draft


def put(browser, draft, step, **changes):
    return browser.post(
        f"/portal/apply/{draft.pk}/{step}/",
        FILLED[step] | {"version": str(draft.version)} | changes,
    )


def test_the_task_list_counts_what_is_done():
    browser, draft = begun()
    page = text_of(browser.get(f"/portal/apply/{draft.pk}/"))
    assert "已完成 0 项，共 6 项" in page
    assert "暂不能填写" in page
    put(browser, draft, "contact")
    assert "已完成 1 项，共 6 项" in text_of(browser.get(f"/portal/apply/{draft.pk}/"))


def test_the_whole_application_is_filled_and_submitted_through_the_pages():
    browser, draft = begun()
    base = f"/portal/apply/{draft.pk}/"
    for step, following in (
        ("enterprise", f"{base}contact/"),
        ("contact", f"{base}project/"),
        ("project", f"{base}need/"),
        ("need", base),
    ):
        assert put(browser, draft, step)["Location"] == following
        draft.refresh_from_db()
    for slot in ("licence", "finance", "contract"):
        upload(browser, draft, slot, f"{slot}.pdf", a_pdf())
    draft.refresh_from_db()
    edition = draft.programme.edition
    browser.post(
        f"{base}declare/",
        {
            "accepted": [each.code for each in edition.declarations],
            "digest": applying.declaration_digest(edition),
            "version": draft.version,
        },
    )
    page = text_of(browser.get(f"{base}check/"))
    assert "现在还没有提交" in page
    assert "自动核验通过" in page
    draft.refresh_from_db()
    told = {"version": draft.version, "key": str(new_id())}
    answer = browser.post(f"{base}check/", told)
    assert answer["Location"] == f"/portal/applications/{draft.pk}/?submitted=1"
    receipt = text_of(browser.get(answer["Location"]))
    for words in ("申请已提交", "PTSLQ-2026-000001", "2026年9月8日（周二）", "办理经过"):
        assert words in receipt
    assert browser.post(f"{base}check/", told).status_code == 302
    assert Application.objects.count() == 1


def upload(browser, draft, slot, name, content):
    return browser.post(
        f"/portal/apply/{draft.pk}/files/",
        {"slot": slot, "file": SimpleUploadedFile(name, content, "application/octet-stream")},
    )


@pytest.mark.parametrize("step", sorted(FILLED))
def test_every_page_opens_with_its_questions_and_keeps_what_was_saved(step):
    draft = a_draft()
    page = text_of(of_enterprise(draft.enterprise).get(f"/portal/apply/{draft.pk}/{step}/"))
    assert page.count("<h1") == 1
    for value in FILLED[step].values():
        assert value in page or value in ("yes", "no", "8800.00", "5.50", "0", "")


def test_wrong_answers_come_back_with_sentences_and_what_was_typed():
    browser, draft = begun()
    answer = put(browser, draft, "enterprise", employees="三十六", industry="软件")
    page = text_of(answer)
    assert answer.status_code == 422
    assert "从业人员（人）：请填写" in page
    assert "I6513" in page
    assert 'value="三十六"' in page
    assert "<title>错误：" in page
    draft.refresh_from_db()
    assert draft.answers == {}


def test_a_stale_tab_gets_409_with_the_differences_and_loses_nothing():
    browser, draft = begun()
    put(browser, draft, "contact")
    answer = put(browser, draft, "contact", contact_name="李四光")
    page = text_of(answer)
    assert answer.status_code == 409
    assert "您打开页面之后，申请内容又被更改" in page
    assert "张三丰" in page
    assert 'value="李四光"' in page
    draft.refresh_from_db()
    assert draft.answers["contact"]["contact_name"] == "张三丰"


def test_after_seeing_the_differences_one_may_save_on_purpose():
    browser, draft = begun()
    put(browser, draft, "contact")
    put(browser, draft, "contact", contact_name="李四光")
    answer = put(browser, draft, "contact", contact_name="李四光", version="1")
    assert answer.status_code == 302
    draft.refresh_from_db()
    assert draft.answers["contact"]["contact_name"] == "李四光"


@pytest.mark.parametrize("name", ["state", "approved_fen", "owner", "enterprise"])
def test_a_hidden_field_is_refused_with_400(name):
    browser, draft = begun()
    answer = put(browser, draft, "contact", **{name: "approved"})
    assert answer.status_code == 400
    draft.refresh_from_db()
    assert draft.answers == {}


@pytest.mark.parametrize("version", ["", "-1", "abc", "9" * 40, "１"])
def test_a_version_that_is_no_number_counts_as_stale(version):
    browser, draft = begun()
    put(browser, draft, "contact")
    assert put(browser, draft, "contact", version=version).status_code == 409


MARKUP = '<script>alert("x")</script><svg onload=alert(1)>'


def test_markup_in_an_answer_is_shown_as_text():
    browser, draft = begun()
    put(browser, draft, "project", project_name=MARKUP)
    page = text_of(browser.get(f"/portal/apply/{draft.pk}/project/"))
    assert MARKUP not in page
    assert "&lt;script&gt;" in page


def test_the_estimate_shows_the_formula_and_saves_nothing():
    browser, draft = begun()
    answer = put(browser, draft, "need", requested_fen="", estimate="1")
    page = text_of(answer)
    assert answer.status_code == 200
    assert "可申请额度：8,800.00 元" in page
    assert "起作用的一项" in page
    assert "演示方案第四条" in page
    draft.refresh_from_db()
    assert draft.answers == {}


BAD_FILES = [
    ("执照.pdf", b"", "空的", 400),
    ("执照.exe", b"MZ", "PDF、JPG 或 PNG", 400),
    ("执照.jpg", a_pdf(), "内容是 PDF", 400),
    ("执照.docx", b"PK\x03\x04", "另存为 PDF", 400),
    ("执照.pdf", b"%PDF-1.4" + b"0" * (10 * 1024 * 1024), "不能超过 10 MB", 413),
]


@pytest.mark.parametrize(("name", "content", "words", "status"), BAD_FILES)
def test_a_bad_file_gets_its_own_sentence(name, content, words, status):
    browser, draft = begun()
    answer = upload(browser, draft, "licence", name, content)
    assert answer.status_code == status
    assert words in text_of(answer)
    assert not draft.attachments.exists()


def test_no_file_chosen_is_told():
    browser, draft = begun()
    answer = browser.post(f"/portal/apply/{draft.pk}/files/", {"slot": "licence"})
    assert answer.status_code == 409
    assert "请先选择文件" in text_of(answer)


def test_an_uploaded_file_is_listed_given_back_and_taken_out():
    browser, draft = begun()
    content = a_pdf(2)
    upload(browser, draft, "licence", "营业执照.pdf", content)
    page = text_of(browser.get(f"/portal/apply/{draft.pk}/files/"))
    kept = draft.attachments.get()
    assert "营业执照.pdf" in page
    assert kept.sha256[:16] in page
    answer = browser.get(f"/portal/apply/{draft.pk}/files/{kept.pk}/")
    assert answer.content == content
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Content-Disposition"].startswith("attachment;")
    browser.post(f"/portal/apply/{draft.pk}/files/{kept.pk}/remove/")
    assert not draft.attachments.standing().exists()


def test_a_declaration_that_is_not_complete_or_was_changed_is_told():
    browser, draft = begun()
    base = f"/portal/apply/{draft.pk}/declare/"
    digest = applying.declaration_digest(draft.programme.edition)
    some = browser.post(base, {"accepted": ["TRUE_AND_COMPLETE"], "digest": digest, "version": 0})
    assert (some.status_code, "逐项勾选" in text_of(some)) == (409, True)
    assert 'value="TRUE_AND_COMPLETE" checked' in text_of(some)
    other = browser.post(base, {"accepted": [], "digest": "x", "version": 0})
    assert (other.status_code, "承诺文本与现行版本不一致" in text_of(other)) == (409, True)


def test_checking_an_unfinished_application_lists_what_is_missing():
    browser, draft = begun()
    page = text_of(browser.get(f"/portal/apply/{draft.pk}/check/"))
    assert "还不能提交" in page
    assert "承诺与授权" in page
    answer = browser.post(f"/portal/apply/{draft.pk}/check/", {"version": 0})
    assert answer.status_code == 409
    assert "还有" in text_of(answer)


def test_submitting_after_the_window_closed_is_told_with_the_next_date():
    draft = a_draft()
    browser = of_enterprise(draft.enterprise)
    with at(AT.fromisoformat("2026-12-31T17:00:00+08:00")):
        answer = browser.post(
            f"/portal/apply/{draft.pk}/check/", {"version": draft.version, "key": str(new_id())}
        )
    assert answer.status_code == 409
    assert "下个窗口 2027-01-04 09:00 开放" in text_of(answer)


def test_a_verdict_that_fails_is_shown_before_submission():
    draft = a_draft(enterprise={"registered_district": "310115"})
    page = text_of(of_enterprise(draft.enterprise).get(f"/portal/apply/{draft.pk}/check/"))
    assert "有硬性条件不符合" in page
    assert "市级平台" in page


def test_a_supplement_is_asked_for_and_answered():
    done = reviewing.accept_application(submit(a_draft()), actor=CLERK, at=AT)
    done = reviewing.first_review(
        done, "return", reason="请补充用途说明", internal="可疑", actor=CLERK, at=AT
    )
    browser = of_enterprise(done.enterprise)
    page = text_of(browser.get(f"/portal/applications/{done.pk}/"))
    assert "计时已暂停" in page
    assert "请补充用途说明" in page
    assert "可疑" not in page
    assert "王初审" not in page
    tasks = text_of(browser.get(f"/portal/apply/{done.pk}/"))
    assert "2026年9月15日" in tasks
    answer = browser.post(f"/portal/apply/{done.pk}/check/", {"version": done.version})
    assert answer.status_code == 302
    done.refresh_from_db()
    assert done.state == "accepted"


def test_a_refusal_is_told_with_clause_and_remedy():
    done = reviewing.accept_application(submit(a_draft()), actor=CLERK, at=AT)
    done = reviewing.first_review(
        done, "reject", reason="材料不实", clause="演示方案第十二条", actor=CLERK, at=AT
    )
    other = CLERK.__class__(kind="user", id="x", name="李", role="approver", person="another")
    done = reviewing.second_review(done, "agree", actor=other, at=AT)
    page = text_of(of_enterprise(done.enterprise).get(f"/portal/applications/{done.pk}/"))
    for words in ("不予支持", "演示方案第十二条", "申请复核", "材料不实"):
        assert words in page


def test_withdrawing_is_a_button_until_the_notice():
    done = submit(a_draft())
    browser = of_enterprise(done.enterprise)
    assert browser.post(f"/portal/applications/{done.pk}/withdraw/").status_code == 302
    done.refresh_from_db()
    assert done.state == "withdrawn"
    approved = an_approved(an_enterprise(OTHER_USCC, "别家公司"), done.programme)
    answer = of_enterprise(approved.enterprise).post(
        f"/portal/applications/{approved.pk}/withdraw/"
    )
    assert answer.status_code == 409
    assert "什么都没有改变" in text_of(answer)


def test_dates_that_run_into_an_unknown_year_are_left_open():
    draft = a_draft()
    late = AT.fromisoformat("2026-12-28T10:00:00+08:00")
    browser = of_enterprise(draft.enterprise)
    with at(late):
        submit(draft, at=late)
        page = text_of(browser.get(f"/portal/applications/{draft.pk}/"))
    assert "待节假日安排公布后确定" in page


ADDRESSES = [
    "/portal/apply/{}/",
    "/portal/apply/{}/contact/",
    "/portal/apply/{}/files/",
    "/portal/apply/{}/declare/",
    "/portal/apply/{}/check/",
    "/portal/applications/{}/",
]


@pytest.mark.parametrize("address", ADDRESSES)
def test_the_application_of_another_enterprise_is_not_there(address):
    draft = a_draft()
    stranger = of_enterprise(an_enterprise(OTHER_USCC, "别家公司"))
    assert stranger.get(address.format(draft.pk)).status_code == 404
    assert stranger.get(address.format(new_id())).status_code == 404


def test_what_others_may_not_see_they_may_not_change():
    draft = a_draft()
    stranger = of_enterprise(an_enterprise(OTHER_USCC, "别家公司"))
    kept = draft.attachments.first()
    for address, told in (
        (f"/portal/apply/{draft.pk}/contact/", CONTACT | {"version": "99"}),
        (f"/portal/apply/{draft.pk}/need/", NEED | {"version": "99"}),
        (f"/portal/apply/{draft.pk}/files/{kept.pk}/remove/", {}),
        (f"/portal/apply/{draft.pk}/check/", {"version": "99"}),
        (f"/portal/applications/{draft.pk}/withdraw/", {}),
    ):
        assert stranger.post(address, told).status_code == 404
    assert stranger.get(f"/portal/apply/{draft.pk}/files/{kept.pk}/").status_code == 404


def test_a_file_is_not_found_under_the_application_of_another():
    draft = a_draft()
    other = a_draft(an_enterprise(OTHER_USCC, "别家公司"), draft.programme)
    kept = draft.attachments.first()
    stranger = of_enterprise(other.enterprise)
    assert stranger.get(f"/portal/apply/{other.pk}/files/{kept.pk}/").status_code == 404


POSTED_ONLY = ["/portal/apply/", "/portal/applications/{}/withdraw/"]


@pytest.mark.parametrize("address", POSTED_ONLY)
def test_changing_addresses_refuse_to_be_read(address):
    draft = a_draft()
    assert of_enterprise(draft.enterprise).get(address.format(draft.pk)).status_code == 405


def test_a_page_that_does_not_exist_is_404():
    browser, draft = begun()
    assert browser.get(f"/portal/apply/{draft.pk}/bribes/").status_code == 404


def test_a_submitted_application_leads_to_its_progress():
    done = propose(submit(a_draft()))
    browser = of_enterprise(done.enterprise)
    for address in (f"/portal/apply/{done.pk}/", f"/portal/apply/{done.pk}/contact/"):
        assert browser.get(address)["Location"] == f"/portal/applications/{done.pk}/"
    answer = put(browser, done, "contact")
    assert answer.status_code == 409
    assert "内容不能再改" in text_of(answer)
