"""The audit bundle of a whole month: reports inside, no personal data, verified offline."""

import io
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from billing import reporting
from billing.reporting import report_path
from ledger import audit, models
from ledger.archives import ArchiveReader
from ledger.entries import decode
from ledger.inspecting import inspect_log
from ledger.schemas import SchemaBook, house_schemas
from ledger.verifying import verify_audit
from tests.billing.test_reporting import finished
from tests.billing.world import CLOSE_AT, World, small_world
from tests.ledger.making import seal_all

pytestmark = pytest.mark.django_db(transaction=True)


#: Worn by everybody and everything in the month below; none may ever be read in the log.
def a_month_with_reports() -> tuple[World, list]:
    world, order = small_world()
    audit.publish_schemas(CLOSE_AT - timedelta(days=60))
    world.use(order, hours=500)
    close = world.approve(world.close())
    world.pay(close)
    made = [
        finished(reporting.make_report(close, each, actor=world.cashier, at=CLOSE_AT))
        for each in (None, world.providers[0])
    ]
    seal_all(CLOSE_AT)
    return world, made


def exported(path: Path, *arguments: str) -> str:
    out = io.StringIO()
    call_command("export_audit", str(path), *arguments, stdout=out)
    return out.getvalue()


def test_the_command_packs_the_months_reports_and_they_verify(tmp_path):
    _, made = a_month_with_reports()
    path = tmp_path / "2026-10.zip"
    assert "2 份报告" in exported(path, "--month", "2026-10")
    with path.open("rb") as file:
        report = verify_audit(file)
        names = ArchiveReader(file).members
    assert {f"reports/{each.report_no}.pdf" for each in made} < set(names)
    assert report.unchecked == ()
    first = path.read_bytes()
    exported(path, "--month", "2026-10")
    assert path.read_bytes() == first


def test_a_report_that_is_gone_or_changed_stops_the_export(tmp_path):
    _, made = a_month_with_reports()
    kept = report_path(made[0])
    kept.write_bytes(kept.read_bytes() + b"\n")
    with pytest.raises(CommandError, match="摘要不一致"):
        exported(tmp_path / "x.zip", "--month", "2026-10")
    kept.unlink()
    with pytest.raises(CommandError, match="不在"):
        exported(tmp_path / "x.zip", "--month", "2026-10")


@pytest.mark.parametrize("month", ["2026-13", "october", ""])
def test_a_month_that_is_none_is_told(tmp_path, month):
    with pytest.raises(CommandError):
        exported(tmp_path / "x.zip", "--month", month)


def test_the_verifier_alone_can_be_written(tmp_path):
    assert "核验程序" in exported(tmp_path / "v.pyz", "--verifier-only")
    assert (tmp_path / "v.pyz").read_bytes().startswith(b"PK")


def test_every_entry_of_a_month_keeps_the_schema_of_its_type():
    a_month_with_reports()
    book = SchemaBook(house_schemas())
    for each in sorted(house_schemas(), key=lambda one: int(one.version)):  # as prepare_house does
        book.publish({"digest": each.digest, "type": each.type, "version": each.version})
    entries = models.LogEntry.objects.order_by("seq").values_list("body", flat=True)
    kinds = set()
    for index, raw in enumerate(bytes(each) for each in entries):
        entry = decode(raw)
        kinds.add(entry["type"])
        book.take(index, "envelope", entry)
        book.take(index, entry["type"], entry["body"])
    assert book.first_fault(published_only=False) is None
    assert book.unchecked == {}
    assert kinds >= {"ledger.journal", "statement.confirmed", "payment.recorded", "report.pdf"}
    assert inspect_log() == []
