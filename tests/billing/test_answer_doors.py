"""The pages of answers and claims: U8 from a scheduler file to the decision; G10, G11; a claim."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils.html import escape

from billing.models import Claim, Confirmation, Objection, StatementFile
from ledger import clock
from tests.billing.test_doors import signed_in, staff, text_of
from tests.billing.test_matching import HEAD
from tests.billing.world import CLOSE_AT, World, fresh, small_world
from tests.vouchers.story import a_pdf

pytestmark = pytest.mark.django_db
APPROVER = ("view_settlement", "approve_settlement", "review_claim")
FINANCE = ("view_settlement", "prepare_settlement", "check_claim")
JOBS = HEAD + "r-1|hpc|C|2026-10-02T00:00:00|2026-10-02T08:00:00|gres/gpu=8\n"


@pytest.fixture(autouse=True)
def _story_time() -> Any:
    with clock.set_to(CLOSE_AT):
        yield


def pdf(name: str) -> SimpleUploadedFile:
    return SimpleUploadedFile(name, a_pdf(), "application/pdf")


def sent(browser: Client, name: str, args: list[Any], data: Any, landed: str) -> str:
    """Post a form and return the page it leads to."""
    response = browser.post(reverse(name, args=args), data, follow=True)
    assert response.redirect_chain[-1][0].startswith(reverse(landed, args=args[:1]))
    return text_of(response)


def test_u8_from_a_scheduler_file_to_the_decision() -> None:
    world, order = small_world()
    clerk = world.seat("王敏", enterprise=order.enterprise)
    world.use(order, hours=500)
    statement = world.close().statements.get()
    portal, pk = signed_in(clerk), statement.pk
    engineer = world.seat("李强", provider=order.provider)
    console, office = signed_in(engineer), staff("陈科长", *APPROVER)

    page = text_of(portal.get(reverse("portal_statement", args=[pk])))
    assert "尚未证明送达" in page
    _compared(portal, pk)
    objection = _objected(statement, portal, console, office)
    _strangers(world, statement, objection, console)
    _decided(statement, objection, portal, office)
    _served_by_post(pk, office)


def _compared(portal: Client, pk: Any) -> None:
    assert "还没有核对过" in text_of(portal.get(reverse("portal_match", args=[pk])))
    bad = portal.post(reverse("portal_match_upload", args=[pk]), {}, follow=True)
    assert "文件是空的" in text_of(bad)
    file = SimpleUploadedFile("jobs.txt", JOBS.encode(), "text/plain")
    matched = sent(portal, "portal_match_upload", [pk], {"file": file}, "portal_match")
    assert "有差异" in matched
    assert "对这一行提出异议" in matched
    (link,) = [part.split('"')[0] for part in matched.split('href="') if "?line=1" in part[:200]]
    asked = text_of(portal.get(link.replace("&amp;", "&")))
    assert escape("三方核对第 1 行") in asked


def _objected(statement: Any, portal: Client, console: Client, office: Client) -> Objection:
    pk = statement.pk
    objected = sent(
        portal, "portal_statement_object", [pk],
        {"ordinal": "1", "reason": "调度器少 492 小时", "file": [pdf("断电.pdf")]},
        "portal_statement",
    )  # fmt: skip
    assert "数据局办理期限 2026年11月18日" in objected
    assert "断电.pdf" in objected
    evidence, objection = StatementFile.objects.get(), Objection.objects.get()
    for browser, name in ((portal, "portal"), (console, "console"), (office, "office")):
        got = browser.get(reverse(f"{name}_statement_file", args=[pk, evidence.pk]))
        assert got.status_code == 200
        assert got["Content-Disposition"].startswith("attachment")
    assert "三方核对" in text_of(console.get(reverse("console_match", args=[pk])))
    total = {"gross": "22000.01", "card_hours": "", "note": ""}
    said = sent(console, "console_statement_total", [pk], total, "console_statement")
    assert "不一致" in said
    assert "0.01 元" in said
    assert statement.statement_no in text_of(office.get(reverse("office_answers")))
    with clock.set_to(CLOSE_AT + timedelta(days=15)):
        late = staff("李处长", *APPROVER)  # a sitting does not last so long
        assert "超期" in text_of(late.get(reverse("office_answers")))
        assert "超期" in text_of(late.get(reverse("office_statement", args=[pk])))
    return objection


def _strangers(world: World, statement: Any, objection: Objection, console: Client) -> None:
    pk, evidence = statement.pk, StatementFile.objects.get()
    # G11: another enterprise finds nothing, whatever it asks for; nobody withdraws for another.
    stranger = signed_in(world.seat("旁人", enterprise=world.make_enterprise()))
    for name, more in (
        ("portal_match", []), ("portal_claim", []), ("portal_statement_file", [evidence.pk]),
    ):  # fmt: skip
        assert stranger.get(reverse(name, args=[pk, *more])).status_code == 404
    for name, more in (("withdraw", [objection.pk]), ("object", []), ("confirm", [])):
        address = reverse(f"portal_statement_{name}", args=[pk, *more])
        assert stranger.post(address, {}).status_code == 404
    console.post(reverse("console_statement_withdraw", args=[pk, objection.pk]), {})
    assert fresh(objection).state == "open"


def _decided(statement: Any, objection: Objection, portal: Client, office: Client) -> None:
    pk = statement.pk
    decided = {"decision": "upheld", "resolution": "断电属实"}
    office.post(reverse("office_resolve", args=[objection.pk]), decided)
    page = text_of(portal.get(reverse("portal_statement", args=[pk])))
    assert "第 2 版" in page
    assert "异议成立，冲减第 1 行" in page
    # G10: saying yes twice is one confirmation, with the same answer.
    now = fresh(statement)
    for _ in range(2):
        portal.post(reverse("portal_statement_confirm", args=[pk]), {"digest": now.digest})
    assert Confirmation.objects.filter(version=2).count() == 1


def _served_by_post(pk: Any, office: Client) -> None:
    form = {
        "side": "provider", "way": "post", "whom": "李强（运维）",
        "served_at": "2026-11-04 09:00", "note": "邮寄送达", "file": pdf("回执.pdf"),
    }  # fmt: skip
    refused = office.post(reverse("office_serve", args=[pk]), form)
    assert "送达时间须在" in text_of(refused, 409)
    form |= {"served_at": "2026-11-04 10:00", "file": pdf("回执.pdf")}
    served = sent(office, "office_serve", [pk], form, "office_service")
    assert "邮寄送达 李强（运维）" in served


def test_a_claim_through_the_pages() -> None:
    world = World()
    world.make_programme(settlement__mode="CLAIM_AFTER")
    firm = world.make_enterprise()
    boss = world.seat("财务", enterprise=firm)
    order = world.make_order(world.make_voucher(firm), world.make_offering(world.make_provider()))
    world.use(order, hours=500)
    statement = world.approve(world.close()).statements.get()
    portal, pk = signed_in(boss), statement.pk
    assert "先用后补" in text_of(portal.get(reverse("portal_statement", args=[pk])))
    assert "开始填报" in text_of(portal.get(reverse("portal_claim", args=[pk])))
    sent(portal, "portal_claim_begin", [pk], {}, "portal_claim")
    paper = {
        "kind": "invoice", "code": "", "number": "1" * 20, "on": "2026-11-03",
        "amount": "22000.00", "payer": firm.name, "payee": statement.provider.name,
    }  # fmt: skip
    for changes, words in (
        ({"number": "12"}, "发票号码为 8 位数字"),
        ({"amount": "abc"}, "amount"),
        ({"amount": "1e400"}, "amount"),
        ({"on": "2026-13-01"}, "请按 2026-11-10 这样的形式"),
        ({"payer": "\x00"}, "payer"),
        ({"file": SimpleUploadedFile("x.pdf", b"%PDF-1.7 broken", "application/pdf")}, "PDF"),
        ({"file": ""}, "file"),
    ):
        data = {**paper, "file": pdf("发票.pdf"), **changes}
        answer = portal.post(reverse("portal_claim_add", args=[pk]), data)
        assert words in text_of(answer, 409)
    added = sent(portal, "portal_claim_add", [pk], paper | {"file": pdf("发票.pdf")},
                 "portal_claim")  # fmt: skip
    assert "1" * 20 in added
    receipt = {**paper, "kind": "receipt", "number": "BANK-000001", "file": pdf("回单.pdf")}
    sent(portal, "portal_claim_add", [pk], receipt, "portal_claim")
    sent(portal, "portal_claim_submit", [pk], {}, "portal_claim")
    _granted(pk, portal)


def _granted(pk: Any, portal: Client) -> None:
    checker, reviewer = staff("周会计", *FINANCE), staff("陈科长", *APPROVER)
    claim = Claim.objects.get()
    assert claim.state == "submitted"
    assert claim.claim_no in text_of(checker.get(reverse("office_claims")))
    page = text_of(checker.get(reverse("office_claim", args=[claim.pk])))
    assert "相符" in page
    assert "同意核验意见" not in page
    act = reverse("office_claim_act", args=[claim.pk])
    assert "请选择怎样办理" in text_of(checker.post(act, {}), 409)
    assert "选择" in text_of(checker.post(act, {"step": "agree"}), 409)
    sent(checker, "office_claim_act", [claim.pk], {"step": "support"}, "office_claim")
    sent(reviewer, "office_claim_act", [claim.pk], {"step": "agree"}, "office_claim")
    assert fresh(claim).state == "written_off"
    shown = text_of(reviewer.get(reverse("office_certificate", args=[pk])))
    assert "￥8,800.00" in shown  # in capitals on its paper
    assert "BANK-000001" in shown
    assert "已核销 8,800.00 元" in text_of(portal.get(reverse("portal_claim", args=[pk])))


def test_an_inspection_through_the_pages() -> None:
    world, order = small_world()
    world.use(order, hours=40)
    office = staff("陈科长", *APPROVER)
    page = reverse("office_inspection", args=["2026-10"])
    assert "承诺种子" in text_of(office.get(page))
    draw = reverse("office_inspection_draw", args=["2026-10"])
    assert "写入日志" in text_of(office.post(draw, {}, follow=True))
    assert "尚未出具" in text_of(office.post(draw, {}, follow=True))
    statement = world.close().statements.get()
    drawn = text_of(office.post(draw, {}, follow=True))
    assert statement.statement_no in drawn
    item = statement.inspected.get()
    found = reverse("office_inspection_found", args=["2026-10", item.pk])
    said = office.post(found, {"finding": "sound", "text": "核对日志，相符"}, follow=True)
    assert "核对日志，相符" in text_of(said)
    assert office.get(reverse("office_inspection", args=["2026-99"])).status_code == 404
