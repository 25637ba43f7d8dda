"""Reports: what they say equals the books, they can be made again, and forgeries are found."""

import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from billing import reporting, settling
from billing.capitals import capital_amount
from billing.check_codes import grouped, read_code
from billing.checking import verify_bytes
from billing.models import MonthClose, Report
from billing.reporting import report_path
from ledger import audit, sealing, work
from ledger.amounts import yuan_text
from ledger.models import LogEntry
from ledger.refusals import Refused
from ledger.signing import open_note
from tests.billing.test_pdf import text_of
from tests.billing.world import CLOSE_AT, World, fresh, quiet, small_world
from tests.roles import as_role

pytestmark = pytest.mark.django_db
LATER = CLOSE_AT + timedelta(hours=1)


def approved() -> tuple[World, MonthClose]:
    """Return a month with two providers, approved."""
    world, order = small_world()
    world.use(order, hours=500)
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


def made(world: World, close: MonthClose, provider: Any = None, at: Any = LATER) -> Report:
    """Ask for a report and let it be made."""
    return finished(reporting.make_report(close, provider, actor=world.cashier, at=at))


def test_the_report_says_what_the_books_say(tmp_path: Path) -> None:
    world, close = approved()
    report = made(world, close)
    summary = report.content["summary"]
    assert summary["public_fen"] == sum(s.public_fen for s in close.statements.all())
    assert summary["statements"] == 2
    assert summary["capital"] == capital_amount(summary["payable_fen"])
    assert [check["difference_fen"] for check in report.content["checks"]] == [0, 0, 0]
    flow = report.content["flows"][0]
    assert flow["total"]["ties"]
    assert all(row["ties"] for row in flow["rows"])
    closing = {row["code"]: row["closing_fen"] for row in flow["rows"] if row["code"]}
    assert closing["3100"] == summary["public_fen"]
    assert sum(closing.values()) == 700_000_000
    text = text_of(report_path(report).read_bytes(), tmp_path)
    for statement in close.statements.all():
        assert statement.statement_no in text
        assert yuan_text(statement.gross_fen) in text
        assert yuan_text(statement.public_fen) in text
    assert summary["capital"] in text
    assert grouped(report.check_code) in text


def test_a_report_carries_a_code_that_reads_back() -> None:
    world, close = approved()
    report = made(world, close)
    assert read_code(report.content["check_code"]) == report.check_code
    assert report.content["verify_url"].endswith(f"/public/verify/{report.check_code}")
    assert Report.objects.by_code(report.check_code) == report


def test_the_pdf_is_made_again_to_the_byte() -> None:
    world, close = approved()
    report = made(world, close)
    content = report_path(report).read_bytes()
    verdict = verify_bytes(content)
    assert (verdict.answer, verdict.report) == ("genuine", report)
    call_command("report_verify", str(report_path(report)))


def test_digests_of_content_and_file_are_in_the_log() -> None:
    world, close = approved()
    report = made(world, close)
    body = bytes(LogEntry.objects.get(type="report.pdf").body).decode()
    assert report.sha256 in body
    assert report.content_sha256 in body


def test_asking_again_without_a_change_gives_the_same_report() -> None:
    world, close = approved()
    first = made(world, close)
    again = reporting.make_report(close, actor=world.cashier, at=LATER + timedelta(days=1))
    assert again == first
    assert Report.objects.count() == 1


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
    assert verify_bytes(report_path(old).read_bytes()).answer == "superseded"
    assert read_code(final.content["check_code"]) != trial.check_code


def test_a_provider_reads_its_own_figures_only(tmp_path: Path) -> None:
    world, close = approved()
    mine, other = world.providers
    report = made(world, close, mine)
    assert report.kind == "provider"
    text = text_of(report_path(report).read_bytes(), tmp_path)
    assert mine.name in text
    assert other.name not in text
    assert "可用预算" not in text
    assert report.content["summary"]["public_fen"] == 880_000


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


def test_work_that_runs_twice_makes_one_file() -> None:
    world, close = approved()
    report = made(world, close)
    job = work.find("billing.render_report", str(report.pk))
    again = reporting.run_report_work(job, quiet)
    assert again["unchanged"] is True
    assert LogEntry.objects.filter(type="report.pdf").count() == 1


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
    assert report.content["adjustments"][0]["public_fen"] == 176_000
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
