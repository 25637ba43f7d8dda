"""Notes and annual closings on paper: what the PDF says is what the books say."""

from pathlib import Path
from typing import Any

import pytest
from django.db.models import Sum
from django.urls import reverse

from billing import settling
from billing.checking import verify_bytes
from billing.models import Report, SettlementNote, StatementLine, YearEnd
from billing.reporting import run_report_work
from ledger import clock, work
from ledger.balances import balance
from ledger.chart import budget, expired, treasury
from tests.billing.test_adjustments import NOVEMBER, NOVEMBER_AT, told
from tests.billing.test_doors import APPROVER, FINANCE, signed_in, staff, text_of
from tests.billing.test_pdf import text_of as pdf_text
from tests.billing.test_year_end import FACE, GRANTED, OVER, PAID, ended_year, seated
from tests.billing.world import World, quiet
from vouchers.lapsing import lapse_due

pytestmark = pytest.mark.django_db


def corrected() -> tuple[World, SettlementNote]:
    """October is paid; November takes 10 hours of 8 cards at 5.50 back."""
    world, reports = told()
    old = reports.use(100)
    world.pay(world.approve(world.close()))
    reports.use(60, month=11)
    reports.correct(old, 90)
    world.approve(world.close(NOVEMBER, at=NOVEMBER_AT), at=NOVEMBER_AT)
    return world, SettlementNote.objects.get()


def rendered(kind: str) -> tuple[Report, bytes]:
    """Let the worker make the one document of a kind; return it with its bytes."""
    report = Report.objects.get(kind=kind)
    run_report_work(work.find("billing.render_report", str(report.pk)), quiet)
    report.refresh_from_db()
    return report, b""


def given(client: Any, name: str, report: Report) -> bytes:
    answer = client.get(reverse(name, args=[report.pk]))
    assert answer.status_code == 200
    content = b"".join(answer.streaming_content) if answer.streaming else answer.content
    return bytes(content)


def test_both_sides_and_the_bureau_have_a_note_printed_and_take_it_home(tmp_path: Path) -> None:
    world, note = corrected()
    firm, provider = note.statement.enterprise, note.statement.provider
    portal = signed_in(world.seat("企业", enterprise=firm))
    console = signed_in(world.seat("供方", provider=provider))
    asked = {"kind": "note", "subject": str(note.pk)}
    page = reverse("portal_statement", args=[note.corrects_id])
    assert "生成红冲单打印件" in text_of(portal.get(page))
    portal.post(reverse("portal_ask_paper", args=[note.corrects_id]), asked)
    report, _ = rendered("note")
    assert report.month == "2026-11"
    console.post(reverse("console_ask_paper", args=[note.statement_id]), asked)
    assert Report.objects.filter(kind="note").count() == 1, "unchanged: the one there is"
    content = given(portal, "portal_report_file", report)
    assert given(console, "console_report_file", report) == content
    office = staff("审批人", *APPROVER)
    assert given(office, "office_report_file", report) == content
    assert reverse("portal_report_file", args=[report.pk]) in text_of(portal.get(page))
    other = signed_in(world.seat("旁人", enterprise=world.make_enterprise()))
    assert other.get(reverse("portal_report_file", args=[report.pk])).status_code == 404
    stranger = reverse("portal_ask_paper", args=[note.corrects_id])
    assert other.post(stranger, asked).status_code == 404
    wrong = {"kind": "note", "subject": str(note.statement_id)}
    assert portal.post(stranger, wrong).status_code == 404
    verdict = verify_bytes(content)
    assert (verdict.answer, verdict.signature is not None) == ("genuine", True)
    _says_what_the_lines_say(note, pdf_text(content, tmp_path))


def _says_what_the_lines_say(note: SettlementNote, text: str) -> None:
    """10 h x 8 cards x 5.50 = 440.00, 40 % public, by the lines of the later statement."""
    lines = StatementLine.objects.filter(statement=note.statement, usage_month="2026-10")
    sums = lines.aggregate(gross=Sum("gross_fen"), public=Sum("public_fen"), own=Sum("self_fen"))
    assert sums == {"gross": -44_000, "public": -17_600, "own": -26_400}
    for said in (
        note.note_no, note.statement.statement_no, note.corrects.statement_no,
        "冲减 (440.00)", "冲减 (176.00)", "冲减 (264.00)", "￥176.00", "人民币壹佰柒拾陆元整",
    ):  # fmt: skip
        assert said in text, said


def test_the_bureau_asks_for_a_note_and_a_note_of_another_month_is_not_found() -> None:
    _, note = corrected()
    office = staff("财务", *FINANCE)
    asked = {"kind": "note", "subject": str(note.pk)}
    done = office.post(reverse("office_ask_report", args=["2026-11"]), asked)
    assert done.url == reverse("office_statement", args=[note.statement_id])
    report, _ = rendered("note")
    assert report.report_no == "PTSL-HB-2026-11-0001"
    page = text_of(office.get(done.url))
    assert reverse("office_report_file", args=[report.pk]) in page
    wrong = reverse("office_ask_report", args=["2026-10"])
    assert office.post(wrong, asked).status_code == 404


def test_the_annual_statement_on_paper_says_what_stood_in_the_books(tmp_path: Path) -> None:
    world = ended_year()
    slug = world.programme.slug
    lapse_due(actor=world.clerk, at=OVER)
    left = balance(budget(slug)).available + balance(expired(slug)).available
    assert left == GRANTED - PAID
    finance, chief = seated("财务", "finance"), seated("审定", "approver")
    page = reverse("office_year_end", args=[slug])
    with clock.set_to(OVER):
        told = {"use": "return", "document_no": "普财〔2027〕9号", "actor": world.finance}
        closing = settling.prepare_year_end(world.programme, **told, at=OVER)
        ask = reverse("office_ask_report", args=["2026-10"])
        asked = {"kind": "annual", "subject": str(closing.pk)}
        assert finance.post(ask, asked).url == page
        assert "决算尚未审批" in text_of(finance.get(page))
        chief.post(reverse("office_year_end_approve", args=[slug]), {"digest": closing.digest})
        assert YearEnd.objects.get().approved_at == OVER
        assert "生成年度决算表" in text_of(finance.get(page))
        finance.post(ask, asked)
        report, _ = rendered("annual")
        content = given(finance, "office_report_file", report)
        assert reverse("office_report_file", args=[report.pk]) in text_of(finance.get(page))
    text = pdf_text(content, tmp_path)
    assert balance(treasury(slug)).credits_posted == left == report.total_fen
    for fen in (GRANTED, FACE, PAID, FACE - PAID, GRANTED - FACE, left):
        assert f"{fen // 100:,}.{fen % 100:02d}" in text
    assert "年度决算表" in text
    assert "普财〔2027〕9号" in text
    assert verify_bytes(content).answer == "genuine"
