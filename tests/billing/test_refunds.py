"""What a provider refunds after it was paid, and what a certificate says once money is claimed."""

from fractions import Fraction
from math import ceil
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from billing import settling
from billing.certifying import certificate_data
from billing.checking import verify_bytes
from billing.models import Clawback, Statement
from billing.reporting import make_report, report_path, run_report_work
from ledger import clock, work
from tests.billing.test_clawbacks import HEARD, PAID_FEN, decided, opened, paid_month
from tests.billing.test_doors import APPROVER, FINANCE, staff, text_of
from tests.billing.test_pdf import text_of as pdf_text
from tests.billing.world import CLOSE_AT, World, fresh, quiet, small_world

pytestmark = pytest.mark.django_db
GROSS_FEN = 2_200_000  # 8 cards x 500 h x 5.50 yuan, of which 40 % public


@pytest.fixture(autouse=True)
def _story_time() -> Any:
    with clock.set_to(CLOSE_AT):
        yield


def test_a_refund_is_shown_first_and_then_opens_a_case_for_its_share() -> None:
    _, _, statement = paid_month()
    office = staff("审批人", *APPROVER)
    url = reverse("office_clawback_refund", args=[statement.pk])
    assert url in text_of(office.get(reverse("office_statement", args=[statement.pk])))
    assert "其中财政承担" in text_of(office.get(url))
    typed = {"refund_fen": "1000.01", "proof": "红字发票 2431"}
    share = ceil(Fraction(100_001) * PAID_FEN / GROSS_FEN)
    assert share == 40_001
    shown = text_of(office.post(url, typed))
    assert "400.01" in shown
    assert not Clawback.objects.exists()
    changed = text_of(office.post(url, typed | {"refund_fen": "2000", "shown": "40001"}))
    assert "800.00" in changed, "an amount changed after it was shown is shown again"
    assert not Clawback.objects.exists()
    done = office.post(url, typed | {"shown": "40001"})
    case = Clawback.objects.get()
    assert done.url == reverse("office_clawback", args=[case.pk])
    assert (case.cause, case.proposed_fen, case.party) == ("refund", share, statement.provider)
    assert "退款 1,000.01 元（红字发票 2431）" in text_of(office.get(done.url))


def test_what_is_no_refund_is_refused_in_words() -> None:
    world, _, statement = paid_month()
    office = staff("审批人", *APPROVER)
    url = reverse("office_clawback_refund", args=[statement.pk])
    for typed, said in (
        ({}, "请填写退款金额"),
        ({"refund_fen": "1"}, "请写明退款凭证"),
        ({"refund_fen": "0", "proof": "x"}, "退款金额须大于 0"),
        ({"refund_fen": "22000.01", "proof": "x"}, "不超过服务总价"),
        ({"refund_fen": "一千", "proof": "x"}, "请填写金额"),
    ):
        assert said in text_of(office.post(url, typed), 409)
    opened(world, statement, PAID_FEN - 1)
    told = {"refund_fen": "10", "proof": "x", "shown": "400"}
    assert "尚未追回的 0.01 元" in text_of(office.post(url, told), 409)
    assert Clawback.objects.count() == 1
    assert staff("财务", *FINANCE).get(url).status_code == 403


def test_before_payment_nothing_is_refunded_here() -> None:
    world, order = small_world()
    world.use(order, hours=500)
    statement = world.approve(world.close()).statements.get()
    office = staff("审批人", *APPROVER)
    url = reverse("office_clawback_refund", args=[statement.pk])
    assert "还没有付清" in text_of(office.get(url))
    assert "还没有付清" in text_of(office.post(url, {"refund_fen": "1", "proof": "x"}), 409)
    assert url not in text_of(office.get(reverse("office_statement", args=[statement.pk])))


def test_the_share_of_a_claim_is_what_was_written_off() -> None:
    _, _, statement = paid_month()
    statement.payee_kind, statement.granted_fen = "enterprise", 400_000
    assert settling.refund_share_fen(statement, 110_000) == 20_000


def printed(world: World, statement: Statement) -> Any:
    """Return the certificate of a statement as a finished document."""
    told = {"actor": world.cashier, "at": CLOSE_AT}
    report = make_report(statement.close, statement, kind="certificate", **told)
    run_report_work(work.find("billing.render_report", str(report.pk)), quiet)
    return fresh(report)


def status_of(statement: Statement) -> dict[str, Any]:
    data = certificate_data(statement)
    assert data is not None
    return dict(data["status"])


def test_a_certificate_says_what_was_claimed_back_wherever_it_is_checked(tmp_path: Path) -> None:
    world, _, statement = paid_month()
    report = printed(world, statement)
    content = report_path(report).read_bytes()
    url = reverse("verify_code", args=[report.check_code])
    case = opened(world, statement)
    assert status_of(statement)["code"] == "valid", "a case that is only open takes nothing"
    assert "真实有效" in text_of(Client().get(url))
    decided(world, case)
    now = status_of(statement)
    assert (now["code"], now["title"], now["clawed_back_fen"]) == (
        "partly_reversed", "部分追回", 300_000,
    )  # fmt: skip
    page = text_of(Client().get(url))
    assert "真实有效" not in page
    assert "部分追回" in page
    assert "决定追回 3,000.00 元" in page
    told = verify_bytes(content)
    assert told.answer == "genuine"
    assert "核销 8,800.00 元，其中决定追回 3,000.00 元" in told.sentence
    newer = printed(world, statement)
    assert newer.version == 2
    text = pdf_text(report_path(newer).read_bytes(), tmp_path)
    assert f"决定追回 3,000.00 元（{case.case_no}，已收回 0.00 元）" in "".join(text.split("\n"))
    assert "已被" in verify_bytes(content).sentence


def test_a_certificate_claimed_back_whole_is_void_and_a_dropped_case_is_not() -> None:
    world, _, statement = paid_month()
    told = {"actor": world.approver, "at": CLOSE_AT}
    settling.drop_clawback(opened(world, statement), reason="查无实据", **told)
    assert status_of(statement)["code"] == "valid"
    case = decided(world, opened(world, statement, PAID_FEN), PAID_FEN)
    cash = {"amount_fen": PAID_FEN, "bank_reference": "R-1", "received_on": HEARD.date()}
    settling.record_cash_back(case, **cash, actor=world.cashier, at=HEARD)
    now = status_of(statement)
    assert (now["code"], now["title"]) == ("reversed", "已追回")
    assert [each["received_fen"] for each in now["clawbacks"]] == [PAID_FEN]
    office = staff("审批人", *APPROVER)
    page = text_of(office.get(reverse("office_certificate", args=[statement.pk])))
    assert "已收回 8,800.00 元" in page
