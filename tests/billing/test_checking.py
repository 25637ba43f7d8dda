"""A forged, altered or merely saved-again report is told from a genuine one."""

import io
from pathlib import Path

import pikepdf
import pytest
from django.core.management import call_command

from billing.checking import attached_content, verify_bytes
from billing.reporting import report_path
from tests.billing.test_reporting import approved, made

pytestmark = pytest.mark.django_db


def test_an_altered_file_is_found_out_and_the_place_named(tmp_path: Path) -> None:
    world, close = approved()
    report = made(world, close)
    content = report_path(report).read_bytes()
    flipped = content[:-3] + bytes([content[-3] ^ 1]) + content[-2:]
    assert verify_bytes(flipped).answer == "altered"
    with pikepdf.open(io.BytesIO(content)) as document:
        name = f"settlement-{report.month}.json"
        old = document.attachments[name].get_file().read_bytes()
        forged = old.replace(b'"payable_fen":', b'"payable_fen":1', 1)
        document.attachments[name] = pikepdf.AttachedFileSpec(document, forged, filename=name)
        saved = io.BytesIO()
        document.save(saved)
    verdict = verify_bytes(saved.getvalue())
    assert (verdict.answer, verdict.report) == ("altered", report)
    assert verdict.difference in report.content
    path = tmp_path / "forged.pdf"
    path.write_bytes(saved.getvalue())
    with pytest.raises(SystemExit):
        call_command("report_verify", str(path))


def test_a_file_saved_again_by_a_reader_is_not_called_forged() -> None:
    world, close = approved()
    report = made(world, close)
    saved = io.BytesIO()
    with pikepdf.open(report_path(report)) as document:
        document.save(saved)
    verdict = verify_bytes(saved.getvalue())
    assert verdict.answer == "altered"
    assert "数据与存档一致" in verdict.sentence


@pytest.mark.parametrize("content", [b"", b"%PDF-1.7 nonsense", b"\x00" * 100])
def test_what_is_no_report_is_unknown(content: bytes) -> None:
    assert verify_bytes(content).answer == "unknown"


def test_the_data_of_a_report_are_read_from_its_attachment() -> None:
    world, close = approved()
    report = made(world, close)
    assert attached_content(report_path(report).read_bytes()) == report.content
