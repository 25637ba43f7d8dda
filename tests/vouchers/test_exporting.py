"""Lists as files: marked, harmless in a spreadsheet, agreed to when large, gone after a day."""

import csv
import io
from datetime import timedelta

import pytest
from openpyxl import load_workbook

from ledger import work
from ledger.refusals import Refused
from tests.vouchers.story import (
    AT,
    CHIEF,
    OTHER_USCC,
    a_draft,
    a_programme,
    an_enterprise,
    entries,
    refused,
    staff,
    submit,
    user_of,
)
from tests.vouchers.walk import APPROVER, AUDITOR, REVIEWER, at, bureau, text_of
from vouchers import exporting, pages_exports
from vouchers.models import CaseExport, Notice, ReadEvent

pytestmark = pytest.mark.django_db
BASE = "/office/vouchers/exports/"
MAY = (*AUDITOR, "export_cases")
EVIL = '=HYPERLINK("http://evil")'


@pytest.fixture(autouse=True)
def _in_september():
    with at(AT):
        yield


def two_cases():
    programme = a_programme()
    submit(a_draft(an_enterprise(name=EVIL), programme))
    submit(a_draft(an_enterprise(OTHER_USCC, "上海语料科技有限公司"), programme))


def nobody(*_args):
    """Tell nobody how far it got."""


def made(export):
    """Let the worker make a file; return its bytes."""
    job = work.find(exporting.WORK_KIND, str(export.pk))
    exporting.run_export_work(job, pages_exports.rows_of, AT)
    export.refresh_from_db()
    return exporting.path_of(export.stored_name).read_bytes()


def asked(browser, **told):
    """Ask for a list on the page; return it."""
    answer = browser.post(BASE, {"form": "csv", "reason": "向街道核对", "query": ""} | told)
    assert answer.status_code == 302, text_of(answer)
    return CaseExport.objects.order_by("export_no").last()


def test_a_csv_says_whose_it_is_holds_the_filtered_rows_and_no_formula():
    two_cases()
    content = made(asked(bureau("孙审计", MAY), query="tab=all&sort=no")).decode("utf-8-sig")
    lines = list(csv.reader(io.StringIO(content)))
    assert lines[0][0].startswith("PTDC-2026-000001｜导出人：孙审计｜2026-09-01｜2 行｜")
    assert "用途：向街道核对" in lines[0][0]
    assert tuple(lines[1]) == pages_exports.HEAD
    assert [each[0] for each in lines[2:]] == ["PTSLQ-2026-000001", "PTSLQ-2026-000002"]
    assert lines[2][1] == f"'{EVIL}"
    assert "13812345678" not in content
    few = made(asked(bureau("孙审计", MAY), query="q=语料")).decode("utf-8-sig")
    assert "PTSLQ-2026-000001" not in few


def test_every_cell_of_a_workbook_is_a_text():
    two_cases()
    content = made(asked(bureau("孙审计", MAY), form="xlsx"))
    sheet = load_workbook(io.BytesIO(content)).active
    cells = [cell for row in sheet.iter_rows() for cell in row if cell.value is not None]
    assert {cell.data_type for cell in cells} == {"s"}
    assert EVIL in [cell.value for cell in cells]
    assert "PTDC-2026-000001" in sheet["A1"].value


def test_a_file_is_its_askers_alone_is_noted_and_goes_after_a_day():
    two_cases()
    browser = bureau("孙审计", MAY)
    export = asked(browser)
    address = f"{BASE}{export.pk}/file/"
    assert browser.get(address).status_code == 404  # not made yet
    made(export)
    assert "可以下载" in text_of(browser.get(BASE))
    answer = browser.get(address)
    assert b"".join(answer.streaming_content).startswith(b"\xef\xbb\xbf")
    assert answer["Content-Disposition"] == f'attachment; filename="{export.export_no}.csv"'
    assert ReadEvent.objects.get().kind == "export"
    assert bureau("钱审计", MAY).get(address).status_code == 404
    assert exporting.remove_exports(AT + timedelta(hours=23)) == 0
    with at(AT + timedelta(hours=24)):
        browser = bureau("孙审计", MAY)  # a day later one signs in again
        assert browser.get(address).status_code == 410
        assert "已失效" in text_of(browser.get(BASE))
    assert exporting.remove_exports(AT + timedelta(hours=24)) == 1
    assert not exporting.path_of(export.stored_name).exists()
    assert exporting.remove_exports(AT + timedelta(hours=25)) == 0


def large(name="孙审计"):
    """Return a list too long to be taken out by one person."""
    bureau(name, MAY)
    user = user_of(name)
    return exporting.ask_export(
        "", "csv", rows=exporting.FREE_ROWS + 1, reason="年度统计", user=user,
        actor=staff(name), at=AT,
    )  # fmt: skip


def test_a_large_list_waits_for_another_person():
    two_cases()
    export = large()
    assert work.find(exporting.WORK_KIND, str(export.pk)) is None
    chief = bureau("李复审", (*APPROVER, "approve_export"))
    assert export.export_no in text_of(chief.get(BASE))
    address = f"{BASE}{export.pk}/decide/"
    assert bureau("王初审", REVIEWER).post(address, {"decision": "agree"}).status_code == 403
    with refused("same_person"):
        exporting.decide_export(export, True, actor=staff("孙审计"), at=AT)
    assert chief.post(address, {"decision": "agree"}).status_code == 302
    assert chief.post(address, {"decision": "agree"}).status_code == 409
    assert made(export)
    other = large()
    exporting.decide_export(other, False, actor=CHIEF, at=AT)
    assert work.find(exporting.WORK_KIND, str(other.pk)) is None
    assert entries("case.export") == 2
    told = Notice.objects.filter(kind="export_decided").order_by("id")
    assert ["已同意" in each.subject for each in told] == [True, False]
    assert Notice.objects.filter(kind="export_asked").count() == 2
    assert entries("case.decide_export") == 2


def test_a_list_that_cannot_be_taken_out_is_told_why():
    two_cases()
    browser = bureau("孙审计", MAY)
    for told, words in (
        ({"reason": "x"}, "请写明用途"),
        ({"form": "pdf"}, "请选择导出格式"),
        ({"query": "q=没有这家"}, "没有办件"),
    ):
        answer = browser.post(BASE, {"form": "csv", "reason": "向街道核对", "query": ""} | told)
        assert answer.status_code == 409
        assert words in text_of(answer)
    user = user_of("孙审计")
    with refused("too_many_rows"):
        exporting.ask_export(
            "", "csv", rows=exporting.MOST_ROWS + 1, reason="全部导出", user=user,
            actor=staff("孙审计"), at=AT,
        )  # fmt: skip
    assert bureau("王初审", REVIEWER).get(BASE).status_code == 403


def test_whoever_lost_the_right_meanwhile_gets_no_file():
    two_cases()
    export = asked(bureau("孙审计", MAY))
    bureau("孙审计", AUDITOR)
    with pytest.raises(Refused, match="没有导出权限"):
        made(export)
