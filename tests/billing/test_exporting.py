"""A month as files: they add up to the books, run no formula, and show nobody another's lines."""

import csv
import io
import json
from collections import Counter
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from openpyxl import load_workbook

from billing import exporting, files
from billing.models import Report
from billing.reporting import run_report_work
from billing.sheets import csv_bytes, xlsx_bytes
from ledger import work
from ledger.models import LogEntry
from ledger.refusals import Refused
from tests.billing.test_doors import signed_in, staff
from tests.billing.test_reporting import LATER, approved
from tests.billing.world import World, fresh, quiet


def read_csv(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))


def whole(close: Any, table: str, form: str, party: Any = None) -> bytes:
    return b"".join(exporting.written(close, table, form, party, LATER))


@pytest.mark.django_db
def test_the_files_of_a_month_add_up_and_come_by_every_door() -> None:
    world, close = approved()
    world.pay(close)
    listed = list(close.statements.all())
    gross = sum(each.gross_fen for each in listed)
    public = sum(each.public_fen for each in listed)
    rows = read_csv(whole(close, "focus", "csv"))
    sums: Counter[str] = Counter()
    for row in rows:
        sums[row["ChargeCategory"]] += int(Decimal(row["BilledCost"]) * 100)
    assert sums == {"Usage": gross, "Credit": -public}
    assert {row["InvoiceId"] for row in rows} == {each.statement_no for each in listed}
    told = json.loads(whole(close, "focus", "json"))
    assert (told["focus_version"], len(told["rows"])) == ("1.2", len(rows))
    assert sum(int(row["gross_fen"]) for row in read_csv(whole(close, "lines", "csv"))) == gross
    sheet = load_workbook(io.BytesIO(whole(close, "statements", "xlsx"))).active
    head, *body = sheet.iter_rows(values_only=True)
    assert sum(row[head.index("public_fen")] for row in body) == public
    paid = read_csv(whole(close, "payments", "csv"))
    assert sum(int(row["amount_fen"]) for row in paid) == public
    every_door(world, close)


def every_door(world: World, close: Any) -> None:
    """The bureau takes all of it, a party its own part, a stranger nothing."""
    mine = world.enterprises[0]
    other = world.enterprises[1]
    firm = signed_in(world.seat("王敏", enterprise=mine))
    engineer = signed_in(world.seat("李强", provider=world.providers[1]))
    stranger = signed_in(world.seat("路人", enterprise=world.make_enterprise("上海旁人")))
    office = staff("吴出纳", "view_settlement", "release_payment", "prepare_settlement")
    for table in exporting.TABLES:
        for form, kind in exporting.FORMS.items():
            args = [close.month, table, form]
            answer = office.get(reverse("office_month_file", args=args))
            assert (answer.status_code, answer["Content-Type"]) == (200, kind)
            assert firm.get(reverse("portal_month_file", args=args)).status_code == 200
            assert stranger.get(reverse("portal_month_file", args=args)).status_code == 404
    args = [close.month, "lines", "csv"]
    own = firm.get(reverse("portal_month_file", args=args)).content
    assert {row["enterprise_uscc"] for row in read_csv(own)} == {mine.uscc}
    theirs = engineer.get(reverse("console_month_file", args=args)).content
    assert {row["enterprise_uscc"] for row in read_csv(theirs)} == {other.uscc}
    for wrong in (("nothing", "csv"), ("lines", "exe")):
        address = reverse("office_month_file", args=[close.month, *wrong])
        assert office.get(address).status_code == 404
    assert (
        reverse("office_month_file", args=args)
        in office.get(reverse("office_month", args=[close.month])).content.decode()
    )
    papers_by_hand(firm, close, mine)


def papers_by_hand(firm: Client, close: Any, mine: Any) -> None:
    """An enterprise has its month and its statement printed, and reads no other's."""
    statement = close.statements.get(enterprise=mine)
    firm.post(reverse("portal_ask_month", args=[close.month]))
    paper = reverse("portal_ask_paper", args=[statement.pk])
    assert firm.post(paper, {"kind": "payments"}).status_code == 404
    other = close.statements.exclude(enterprise=mine).get()
    wrong = reverse("portal_ask_paper", args=[other.pk])
    assert firm.post(wrong, {"kind": "statement"}).status_code == 404
    firm.post(paper, {"kind": "statement"})
    assert set(Report.objects.values_list("kind", flat=True)) == {"enterprise", "statement"}
    page = reverse("portal_statement", args=[statement.pk])
    assert "正在生成" in firm.get(page).content.decode()
    report = Report.objects.get(kind="statement")
    job = work.find("billing.render_report", str(report.pk))
    assert job is not None
    run_report_work(job, quiet)
    report = fresh(report)
    address = reverse("portal_report_file", args=[report.pk])
    assert address in firm.get(page).content.decode()
    assert firm.get(address).content.startswith(b"%PDF")
    shown = firm.get(reverse("verify_code", args=[report.check_code])).content.decode()
    assert "真实有效" in shown
    assert report.plain_sha256 in shown


@pytest.mark.django_db
def test_a_large_file_is_work_for_later(settings: Any) -> None:
    world, close = approved()
    settings.PAPERS = replace(settings.PAPERS, lines_at_once=1)
    office = staff("吴出纳", "view_settlement", "release_payment", "prepare_settlement")
    address = reverse("office_month_file", args=[close.month, "lines", "csv"])
    ask = reverse("office_ask_month_file", args=[close.month])
    assert office.get(address).status_code == 404
    for _ in range(2):
        office.post(ask, {"table": "lines", "form": "csv"})
    assert LogEntry.objects.filter(type="settlement.export").count() == 1
    links = files.links(close, None, "office_month_file")
    assert next(each for each in links if each["name"] == "lines")["forms"][0]["waiting"]
    job, _ = exporting.find_export(close, "lines", "csv", None)
    assert job is not None
    exporting.run_export_work(job, quiet)
    assert office.get(address).content == whole(close, "lines", "csv")
    with pytest.raises(Refused, match="没有这种导出文件"):
        exporting.ask_export(close, "x", "csv", None, actor=world.clerk, at=LATER)


def test_a_cell_is_never_a_formula_and_a_book_is_the_same_twice() -> None:
    hostile = ["=1+1", "+1", "-1+1", "@x", "\t=1", "＝1", " =1", "a"]
    rows = [{"a": text, "b": -5, "c": None} for text in hostile]
    read = read_csv(csv_bytes(("a", "b", "c"), rows))
    assert [row["a"][0] for row in read] == ["'"] * 7 + ["a"]
    assert read_csv(csv_bytes(("a",), [{"a": "-8800.00"}])) == [{"a": "-8800.00"}]
    assert {(row["b"], row["c"]) for row in read} == {("-5", "")}
    book = xlsx_bytes("表", ("a", "b", "c"), rows, LATER)
    assert book == xlsx_bytes("表", ("a", "b", "c"), rows, LATER)
    sheet = load_workbook(io.BytesIO(book)).active
    assert [cell.data_type for cell in sheet["A"][1:]] == ["s"] * 8
    assert [cell.value for cell in sheet["A"][1:]] == hostile
    assert sheet["B2"].value == -5
