"""The bureau's pages about enterprises: standing, registers, inquiries, criteria."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from tests.vouchers.registers import confirmed, content, prepared
from tests.vouchers.story import (
    AT,
    CLERK,
    OTHER_USCC,
    USCC,
    a_draft,
    an_enterprise,
    submit,
)
from tests.vouchers.walk import at, bureau, text_of
from vouchers import barring, inquiring, reviewing
from vouchers.models import Inquiry, RegisterImport

pytestmark = pytest.mark.django_db
BASE = "/office/vouchers/"
KEEPER = ("view_cases", "review_application", "keep_registers")


@pytest.fixture(autouse=True)
def _in_september():
    with at(AT):
        yield


def keeper(name="王初审"):
    return bureau(name, KEEPER)


def test_an_enterprise_is_found_and_its_page_tells_everything_known():
    firm = an_enterprise()
    submit(a_draft(firm))
    confirmed("shareholding", f"{OTHER_USCC},乙公司,{USCC},上海智算科技有限公司,30")
    confirmed("certificate", f"{USCC},智算,高新技术企业,GR2026,2026-01-01,2028-12-31")
    confirmed("funding", f"{USCC},智算,市级补贴,HT-1,,100.00")
    confirmed("penalty", f"{USCC},智算,罚字1号,2026-01-05,")
    browser = keeper()
    listed = text_of(browser.get(f"{BASE}enterprises/", {"q": "智算", "state": "active"}))
    assert firm.uscc in listed
    assert "没有符合条件的企业" in text_of(browser.get(f"{BASE}enterprises/?state=barred"))
    page = text_of(browser.get(f"{BASE}enterprises/{firm.pk}/"))
    for words in (
        "上海智算科技有限公司直接持股乙公司 30%", "高新技术企业 GR2026", "HT-1", "罚字1号",
        "划为小型企业", "820.5 万元", "500,000.00", "企业申报",
    ):  # fmt: skip
        assert words in page, words
    assert bureau("审计", ("view_cases",)).post(
        f"{BASE}enterprises/{firm.pk}/standing/", {"event": "watch", "reason": "x"}
    ).status_code == 403  # fmt: skip


def test_one_person_watches_and_two_bar():
    firm = an_enterprise()
    browser, address = keeper(), f"{BASE}enterprises/{firm.pk}/"
    assert browser.post(f"{address}standing/", {"event": "watch"}).status_code == 422
    browser.post(f"{address}standing/", {"event": "watch", "reason": "轻微违规"})
    firm.refresh_from_db()
    assert firm.state == "watch"
    assert browser.post(f"{address}standing/", {"event": "watch", "reason": "x"}).status_code == 422
    asked = {"event": "bar", "reason": "普数〔2026〕3号"}
    assert "截止日期" in text_of(browser.post(f"{address}propose/", asked))
    browser.post(f"{address}propose/", asked | {"until": "2028-12-31"})
    request = firm.requests.get()
    decide = f"{BASE}standing/{request.pk}/decide/"
    assert browser.post(decide, {"agreed": "yes"}).status_code == 409
    assert "须由他人审批" in text_of(browser.get(address))
    keeper("李复审").post(decide, {"agreed": "yes"})
    firm.refresh_from_db()
    assert (firm.state, str(firm.barred_until)) == ("barred", "2028-12-31")
    assert browser.post(decide, {"agreed": "no"}).status_code == 409


def test_a_new_name_is_registered():
    firm = an_enterprise()
    told = {"name": "新名公司", "document_no": "1号", "effective_on": "2026-08-01"}
    keeper().post(f"{BASE}enterprises/{firm.pk}/rename/", told)
    firm.refresh_from_db()
    assert firm.name == "新名公司"


def test_a_register_is_read_in_shown_and_confirmed_by_another():
    firm = an_enterprise()
    browser, address = keeper(), f"{BASE}registers/"
    assert "还没有导入名录" in text_of(browser.get(address))
    told = {"register": "abnormal", "source": "市场监管局", "as_of": "2026-08-31"}
    bad = SimpleUploadedFile("a.csv", content("abnormal", "1,甲,1号,昨天,"))
    page = browser.post(address, told | {"file": bad})
    assert page.status_code == 409
    assert "第 2 行" in text_of(page)
    good = SimpleUploadedFile("a.csv", content("abnormal", f"{USCC},智算,1号,2026-01-05,"))
    browser.post(address, told | {"file": good})
    batch = RegisterImport.objects.get()
    page = text_of(browser.get(f"{address}{batch.pk}/"))
    assert "在册" in page
    assert "须由他人确认" in page
    assert browser.post(f"{address}{batch.pk}/confirm/").status_code == 409
    keeper("李复审").post(f"{address}{batch.pk}/confirm/")
    firm.refresh_from_db()
    assert firm.state == "suspended"
    other = prepared("large", f"{OTHER_USCC},别家")
    browser.post(f"{address}{other.pk}/discard/", {"reason": "传错了"})
    assert "已作废" in text_of(browser.get(address))
    template = browser.get(f"{address}templates/large.csv")
    assert template.content.decode() == "\ufeff统一社会信用代码,名称\r\n"
    assert browser.get(f"{address}templates/nothing.csv").status_code == 404


def test_an_inquiry_is_decided_on_its_page():
    told = {"actor": CLERK, "at": AT}
    found = inquiring.open_inquiry(an_enterprise(), "other", "x:1", "请核查。", **told)
    browser = keeper()
    assert "请核查。" in text_of(browser.get(f"{BASE}inquiries/"))
    address = f"{BASE}inquiries/{found.pk}/"
    assert browser.post(address, {"upheld": "no"}).status_code == 422
    browser.post(address, {"upheld": "no", "reason": "查无此事"})
    assert Inquiry.objects.get().state == "dismissed"
    assert browser.post(address, {"upheld": "no", "reason": "x"}).status_code == 409


def test_open_criteria_are_settled_one_by_one():
    firm = barring.watch_enterprise(an_enterprise(), reason="轻微违规", actor=CLERK, at=AT)
    case = reviewing.accept_application(submit(a_draft(firm)), actor=CLERK, at=AT)
    browser, address = keeper(), f"{BASE}cases/{case.pk}/criteria/"
    assert "企业状态须人工核查" in text_of(browser.get(address))
    told = {"code": "AF09", "met": "yes", "reason": "已整改"}
    assert browser.post(address, told).status_code == 422
    browser.post(address, told | {"evidence": "整改报告"})
    assert "已认定符合" in text_of(browser.get(address))
    assert browser.post(address, told | {"code": "C02", "evidence": "x"}).status_code == 409
