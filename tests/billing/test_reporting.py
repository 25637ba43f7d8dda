"""Reports: what they say equals the books, they can be made again, and forgeries are found."""

import io
import time
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pikepdf
import pytest
from django.core.management import call_command
from openpyxl import load_workbook

from billing import reporting, settling
from billing.checking import verify_bytes
from billing.models import MonthClose, Report
from billing.reporting import report_path
from ledger import audit, sealing, work
from ledger.amounts import yuan_text
from ledger.capitals import capital_amount
from ledger.check_codes import grouped, read_code
from ledger.models import LogEntry
from ledger.refusals import Refused
from ledger.signing import open_note
from providers.models import UsageRecord
from tests.billing.test_pdf import text_of
from tests.billing.world import CLOSE_AT, World, fresh, quiet, small_world
from tests.roles import as_role
from vouchers.models import Application

pytestmark = pytest.mark.django_db
LATER = CLOSE_AT + timedelta(hours=1)


def approved() -> tuple[World, MonthClose]:
    """Return a month with two providers, approved."""
    world, order = small_world()
    world.use(order, hours=500)
    town = {"enterprise": {"street": "桃浦镇", "industry": "I6513"}}
    Application.objects.filter(enterprise=order.enterprise).update(answers=town)
    second = world.make_order(
        world.make_voucher(world.make_enterprise("上海𬭚镕生物信息有限公司")),
        world.make_offering(world.make_provider(), unit="PFLOPS_HOUR", price_fen=650),
    )
    world.use(second, hours=100)
    return world, world.approve(world.close())


def finished(report: Report) -> Report:
    """Let the work of a report run and return it."""
    job = work.find("billing.render_report", str(report.pk))
    assert job is not None
    reporting.run_report_work(job, quiet)
    return fresh(report)


def made(
    world: World, close: MonthClose, subject: Any = None, kind: str = "", at: Any = LATER
) -> Report:
    """Ask for a report and let it be made."""
    return finished(reporting.make_report(close, subject, kind=kind, actor=world.cashier, at=at))


def test_the_report_says_what_the_books_say(tmp_path: Path) -> None:
    """The bureau's report of one month: figures, code, digests in the log, made again, kept."""
    world, close = approved()
    report = made(world, close)
    summary = report.content["summary"]
    listed = list(close.statements.all())
    assert summary["public_fen"] == sum(s.public_fen for s in listed)
    assert summary["statements"] == 2
    assert summary["capital"] == capital_amount(summary["payable_fen"])
    assert [check["difference_fen"] for check in report.content["checks"]] == [0, 0, 0]
    flow = report.content["flows"][0]
    assert flow["total"]["ties"]
    assert all(row["ties"] for row in flow["rows"])
    closing = {row["code"]: row["closing_fen"] for row in flow["rows"] if row["code"]}
    assert closing["3100"] == summary["public_fen"]
    assert sum(closing.values()) == 700_000_000
    covered = report.content["coverage"]
    assert covered["records"] == UsageRecord.objects.count() == 2
    assert [each["batches"] for each in covered["inputs"]] == [1, 1]
    assert [row["name"] for row in report.content["splits"][1]["rows"]] == ["桃浦镇", "未填写"]
    text = text_of(report_path(report).read_bytes(), tmp_path)
    for statement in listed:
        assert statement.statement_no in text
        assert yuan_text(statement.gross_fen) in text
        assert yuan_text(statement.public_fen) in text
    assert summary["capital"] in text
    assert grouped(report.check_code) in text
    assert read_code(report.content["check_code"]) == report.check_code
    assert report.content["verify_url"].endswith(f"/public/verify/{report.check_code}")
    assert Report.objects.by_code(report.check_code) == report
    body = bytes(LogEntry.objects.get(type="report.pdf").body).decode()
    for digest in (report.sha256, report.plain_sha256, report.content_sha256, report.signed_with):
        assert len(digest) == 64
        assert digest in body
    again = reporting.make_report(close, actor=world.cashier, at=LATER + timedelta(days=1))
    assert again == report
    assert Report.objects.count() == 1
    job = work.find("billing.render_report", str(report.pk))
    assert reporting.run_report_work(job, quiet)["unchanged"] is True
    assert LogEntry.objects.filter(type="report.pdf").count() == 1


def test_a_change_makes_a_new_version_that_replaces_the_old() -> None:
    world, order = small_world()
    world.use(order, hours=100)
    close = world.close()
    trial = made(world, close)
    assert (trial.trial, trial.version) == (True, 1)
    final = made(world, world.approve(close))
    old = fresh(trial)
    assert (final.version, final.trial, final.report_no) == (2, False, f"{trial.report_no}-2")
    assert (old.state, old.superseded_by) == ("superseded", final)
    verdict = verify_bytes(report_path(old).read_bytes())
    assert verdict.answer == "superseded"
    assert final.content["verify_url"] in verdict.sentence
    with pytest.raises(SystemExit) as left:
        call_command("report_verify", str(report_path(old)), stdout=io.StringIO())
    assert left.value.code == 3
    assert read_code(final.content["check_code"]) != trial.check_code


def said(
    world: World, close: MonthClose, subject: Any, folder: Path, kind: str = ""
) -> tuple[Report, str]:
    """Make the document on a subject, check it as a stranger would, and read it."""
    report = made(world, fresh(close), subject, kind)
    content = report_path(report).read_bytes()
    assert verify_bytes(content).answer == "genuine"
    return report, text_of(content, folder)


def test_each_party_reads_its_own_figures(tmp_path: Path) -> None:
    world, close = approved()
    mine, other = world.providers
    firm, stranger = world.enterprises
    report, text = said(world, close, mine, tmp_path)
    assert (report.kind, report.report_no) == ("provider", "PTSL-BG-2026-10-0001")
    assert mine.name in text
    assert firm.name in text
    assert other.name not in text
    assert "可用预算" not in text
    assert report.content["summary"]["public_fen"] == 880_000
    report, text = said(world, close, firm, tmp_path)
    assert (report.kind, report.report_no) == ("enterprise", "PTSL-BG-2026-10-0002")
    assert firm.name in text
    assert stranger.name not in text
    assert other.name not in text
    assert [check["difference_fen"] for check in report.content["checks"]] == [0, 0, 0]
    rows = {row["code"]: row for row in report.content["flows"][0]["rows"] if row["code"]}
    assert set(rows) == {"2000", "3100", "3200"}
    assert rows["2000"]["closing_fen"] == 10_000_000 - 880_000  # face less what was redeemed
    assert rows["3100"]["closing_fen"] == 880_000


def test_the_papers_of_a_month_print(tmp_path: Path) -> None:
    world, close = approved()
    statement = close.statements.get(enterprise=world.enterprises[0])
    report, text = said(world, close, statement, tmp_path)
    assert report.report_no == "PTSL-DZ-2026-10-0001"
    # 500 hours of 8 cards at 5.50 yuan, 40 % of it public, of a voucher over 100,000: by hand.
    for word in (statement.statement_no, statement.enterprise.uscc, statement.provider.uscc,
                 "4,000.0000", "22,000.00", "8,800.00", "人民币捌仟捌佰元整",
                 "91,200.00"):  # fmt: skip
        assert word in text
    report, text = said(world, close, statement, tmp_path, "certificate")
    assert report.report_no == "PTSL-HX-2026-10-0001"
    for word in (statement.certificate.certificate_no, "人民币捌仟捌佰元整", "91,200.00"):
        assert word in text
    world.pay(close)
    batch = close.payments.get()
    report, text = said(world, close, batch, tmp_path)
    assert report.report_no == "PTSL-BF-2026-10-0001"
    assert yuan_text(batch.total_fen) in text
    assert capital_amount(batch.total_fen) in text.replace("\n", "")
    assert batch.sha256[:32] in text
    with pikepdf.open(report_path(report)) as document:
        files = {n: spec.get_file().read_bytes() for n, spec in document.attachments.items()}
    sheet = load_workbook(io.BytesIO(files[f"{report.report_no.lower()}.xlsx"])).active
    cells = [row[9] for row in sheet.iter_rows(values_only=True)][1:]
    assert sum(Decimal(cell.replace(",", "")) for cell in cells) * 100 == batch.total_fen
    report, text = said(world, close, world.programme, tmp_path)
    assert report.report_no == "PTSL-JX-2026-10-0001"
    rows = {row["name"]: row["value"] for g in report.content["groups"] for row in g["rows"]}
    public = sum(each.public_fen for each in close.statements.all())
    gross = sum(each.gross_fen for each in close.statements.all())
    assert (rows["下达预算"], rows["双方确认率"]) == ("7,000,000.00", "100.00")
    assert Decimal(rows["资金带动倍数"]) == (Decimal(gross) / public).quantize(Decimal("0.01"))
    assert rows["资金支付率"] == str((Decimal(public) / 7_000_000).quantize(Decimal("0.01")))
    assert "资金支付率" in text


def test_no_report_before_the_statements_are_out() -> None:
    world, _ = small_world()
    close = MonthClose.objects.create(month="2026-10")
    with pytest.raises(Refused) as refused:
        reporting.make_report(close, actor=world.cashier, at=LATER)
    assert refused.value.code == "not_closed"


def test_a_nil_month_gives_a_report() -> None:
    world, _ = small_world()
    report = made(world, world.approve(world.close()))
    assert report.total_fen == 0
    assert report.pages > 3


def test_objections_and_what_was_carried_are_told(tmp_path: Path) -> None:
    world, order = small_world()
    world.use(order, hours=100)
    world.use(order, hours=2, state="held")
    close = world.close(carry_held=True)
    statement = close.statements.get()
    clerk = world.seated(world.seat("王敏", enterprise=statement.enterprise))
    engineer = world.seated(world.seat("李强", provider=statement.provider))
    objection = settling.object_statement(
        statement, side="enterprise", ordinal=1, reason="机房断电", actor=clerk, at=CLOSE_AT
    )
    settling.confirm_statement(
        statement, side="provider", digest=statement.digest, actor=engineer, at=CLOSE_AT
    )
    settling.resolve_objection(
        objection, uphold=True, resolution="属实", actor=world.approver, at=CLOSE_AT
    )
    report = made(world, close)
    text = text_of(report_path(report).read_bytes(), tmp_path)
    assert "机房断电" in text
    assert "异议成立" in text
    assert "型号未登记" in text
    taken = report.content["adjustments"][0]
    assert taken["public_fen"] == 176_000
    assert taken["original"] == f"{statement.statement_no} 第 1 行"
    assert taken["by"] == world.approver.name
    assert "冲减 (1,760.00)" in text
    assert {"why": "待定：型号未登记", "count": 1, "provider": statement.provider.name} in (
        report.content["coverage"]["excluded"]
    )
    assert [check["difference_fen"] for check in report.content["checks"]] == [0, 0]


def seal_when_final() -> sealing.Checkpoint:
    """Seal everything; entries are final only when no older transaction of the server runs."""
    for _ in range(600):
        with as_role("seal"):
            sealing.seal(LATER)
        sealed = sealing.latest_checkpoint()
        if sealed is not None and sealed.size == LogEntry.objects.count():
            return sealed
        time.sleep(0.1)
    raise AssertionError("not everything became final within a minute")


@pytest.mark.django_db(transaction=True)
def test_the_checkpoint_of_the_log_is_on_the_report(tmp_path: Path) -> None:
    key = audit.ensure_key(LATER)
    world, close = approved()
    sealed = seal_when_final()
    report = made(world, close)
    assert report.content["log"]["root"] == sealed.root_hex
    entries = report.content["proof"]["entries"]
    assert all(each["index"].isdigit() for each in entries)
    text = text_of(report_path(report).read_bytes(), tmp_path)
    assert sealed.root_hex[:40] in text.replace("\n", "")
    printed, whole = report.content["log"]["note"], report.content["proof"]["checkpoint"]["note"]
    assert whole == sealed.note
    assert len(printed) < 400 < len(whole), "the ML-DSA line is in the attachment alone"
    assert open_note(printed, key, alone=True) == open_note(whole, key)
