"""The bureau's letters: what each says, that it prints to the same bytes, who may have it.

One case is told from submission to refusal in one world, because printing takes time.
"""

import io
import json
import subprocess
from datetime import date, timedelta

import pikepdf
import pytest
from django.db import DatabaseError, connection, transaction
from django.test import Client

from billing import clawback_letters
from ledger.check_codes import grouped
from ledger.models import LogEntry
from tests.vouchers.story import (
    AT,
    CHIEF,
    CLERK,
    a_draft,
    an_enterprise,
    entries,
    refused,
    submit,
)
from vouchers import letters, reviewing
from vouchers.downloads import Part, asked_part
from vouchers.letter_texts import KINDS, OWED, compose
from vouchers.models import Letter, StateRow

FACTS = {
    "enterprise": "上海𬭚算科技有限公司", "uscc": "91310107MAFAKE0195", "programme": "演示方案",
    "application_no": "PTSLQ-2026-000001", "submitted_on": date(2026, 9, 1),
    "on": date(2026, 9, 3), "requested_fen": 12_345_678, "approved_fen": 10_000_000,
    "approved_words": "人民币壹拾万元整", "reason": "合同未盖章", "clause": "演示方案第六条",
    "failed": ["注册地在本区（第三条）"], "due_on": date(2026, 9, 17), "acceptance_days": 5,
    "items": ["合同：未盖章", "电话：位数不对"], "issue_days": 5, "reconsider_days": 10,
    "case_no": "PTSL-ZH-2026-0001", "month": "2026-10", "statement_no": "PTSL-JS-2026-10-000001",
    "received_fen": 880_000, "facts": "重复核销", "proposed_fen": 500_000,
    "proposed_words": "人民币伍仟元整", "hear_until": date(2026, 9, 8), "heard": True,
    "amount_fen": 400_000, "amount_words": "人民币肆仟元整", "interest_fen": 1_234,
    "rate": "3.45%", "interest_days": 33, "bar_until": date(2028, 9, 1), "ground": "第十二条",
    "claim_fen": 401_234,
    "outcome": "异议不成立", "starts_on": date(2026, 9, 1), "last_day": date(2026, 9, 8), "days": 5,
}  # fmt: skip
#: Kind -> what a reader must find in it.
SAYS = {
    "receipt": ["申请金额123,456.78元", "在5个工作日内决定是否受理"],
    "acceptance": ["现予受理", "PTSLQ-2026-000001"],
    "supplement": ["1．合同：未盖章", "2．电话：位数不对", "2026年9月17日24:00前", "视为放弃"],
    "refusal": [
        "决定不予支持",
        "合同未盖章",
        "演示方案第六条",
        "10个工作日内",
        "六十日内",
        "六个月内",
    ],
    "not_accepted": ["注册地在本区（第三条）", "救济途径和期限"],
    "approval": ["100,000.00元（人民币壹拾万元整）", "不能转让"],
    "objection_reply": ["异议不成立", "公示期间收到异议"],
    "reconsideration": ["复核决定：异议不成立", "人民法院"],
    "notice_list": ["5个工作日", "实名以书面方式"],
    "clawback_facts": ["8,800.00元", "重复核销", "拟追回5,000.00元", "2026年9月8日24:00前"],
    "clawback_decision": ["追回财政资金4,000.00元", "年利率3.45%", "2028年9月1日", "4,012.34元"],
}


def words(content: dict) -> str:
    return "\n".join(each["text"] for each in content["paragraphs"])


def text_of(pdf: bytes, folder) -> str:
    path = folder / "letter.pdf"
    path.write_bytes(pdf)
    done = subprocess.run(["pdftotext", str(path), "-"], check=True, capture_output=True, text=True)
    return "".join(done.stdout.split())


def test_every_kind_says_what_its_reader_needs():
    assert set(SAYS) == set(KINDS)
    others = {"notice_list", *clawback_letters.OWED.values()}
    assert {kind for kind, _ in OWED.values()} | others == set(KINDS)
    for kind, wanted in SAYS.items():
        said = words(compose(kind, FACTS | {"not_accepted": kind == "not_accepted"}))
        assert [each for each in wanted if each not in said] == [], kind
        assert "None" not in said
    assert "决定不予受理" in words(compose("not_accepted", FACTS | {"not_accepted": True}))


def test_a_reason_of_several_lines_is_several_paragraphs_and_stays_text():
    content = compose("refusal", FACTS | {"reason": "一\n<script>alert(1)</script>\n\n二"})
    assert {"一。", "二"} & {each["text"] for each in content["paragraphs"]} == {"二"}
    assert "<script>alert(1)</script>" in words(content)


@pytest.mark.parametrize(
    ("header", "wanted"),
    [
        ("bytes=0-", Part(0, 10)),
        ("bytes=2-4", Part(2, 5)),
        ("bytes=-3", Part(7, 10)),
        ("bytes=9-99", Part(9, 10)),
        ("bytes=0-,5-4", None),
        ("bytes=5-4", None),
        ("bytes=10-", None),
        ("bytes=-", None),
        ("bytes=-0", None),
        ("lines=0-1", None),
        ("bytes=" + ",".join("0-1" for _ in range(1000)), None),
        ("bytes=" + "9" * 400 + "-", None),
    ],
)
def test_one_range_is_given_and_odd_ones_are_not(header, wanted):
    assert asked_part(header, 10) == wanted


@pytest.fixture
def case():
    """A submitted and accepted application."""
    return reviewing.accept_application(submit(a_draft()), actor=CLERK, at=AT)


def letter_after(application, event, at=AT) -> Letter:
    row = StateRow.objects.of(application).get(event=event)
    return letters.write_letter(row, actor=CLERK, at=at)


@pytest.mark.django_db
def test_a_letter_is_numbered_frozen_logged_and_prints_the_same_again(case, tmp_path):
    assert [each.title for each in letters.letters_of(case)] == ["受理回执", "受理通知书"]
    assert letters.write_owed(actor=CLERK, at=AT) == 1, "the receipt waits until it is asked for"
    written = Letter.objects.get()
    assert written.number == "普数算受〔2026〕1号"
    assert letter_after(case, "accept", AT + timedelta(days=3)) == written
    pdf = letters.letter(case, "acceptance")
    entry = json.loads(bytes(LogEntry.objects.get(type="letter.made").body))["body"]
    assert (entry["sha256"], entry["number"]) == (written.sha256, written.number)
    said = text_of(pdf, tmp_path)
    for each in ("受理通知书", written.number, case.application_no, grouped(written.check_code)):
        assert "".join(each.split()) in said
    with pikepdf.open(io.BytesIO(pdf)) as document:
        assert document.Root.MarkInfo.Marked
        assert str(document.Root.Lang).startswith("zh")
        assert len(document.pages) == written.pages
    listed = subprocess.run(
        ["pdffonts", str(tmp_path / "letter.pdf")], check=True, capture_output=True, text=True
    )
    assert {line.split()[-5:-2][0] for line in listed.stdout.splitlines()[2:]} == {"yes"}
    # The file is lost: the same bytes are printed again. Something else would be told.
    letters._path(written).unlink()
    assert letters.file_of(written) == pdf
    letters._path(written).write_bytes(b"other")
    written.content = written.content | {"title": "别的"}
    with refused("letter_differs"):
        letters.file_of(written)
    with refused("no_letter"):
        letters.letter(case, "refusal")


@pytest.mark.django_db
def test_a_refusal_can_be_had_by_its_owner_and_the_bureau_and_verified_by_anybody(case):
    reviewing.first_review(
        case, "reject", reason="不在支持范围", clause="演示方案第六条", actor=CLERK, at=AT
    )
    reviewing.second_review(case, "agree", actor=CHIEF, at=AT)
    row = StateRow.objects.of(case).get(event="reject")
    address = f"/portal/applications/{case.pk}/letters/{row.pk}.pdf"
    client, stranger = Client(), Client()
    client.force_login(case.enterprise.seats.get().user)
    other = an_enterprise("91310107MAFAKE0270", "上海旁人科技有限公司")
    stranger.force_login(other.seats.get().user)
    before = entries("letter.made")
    assert stranger.get(address).status_code == 404
    assert Client().get(address).status_code == 302
    assert entries("letter.made") == before
    answer = client.get(address)
    assert answer.status_code == 200
    assert answer["Content-Disposition"].startswith("attachment; filename*=utf-8''")
    assert "sandbox" in answer["Content-Security-Policy"]
    assert client.get(address, headers={"Range": "bytes=0-,5-4"}).status_code == 416
    part = client.get(address, headers={"Range": "bytes=0-4"})
    assert (part.status_code, part.content) == (206, b"%PDF-")
    assert "不予支持告知书" in client.get(f"/portal/applications/{case.pk}/").content.decode()
    written = Letter.objects.get(kind="refusal")
    assert "不在支持范围" in words(written.content)
    shown = Client().get(f"/public/verify/{written.check_code}").content.decode()
    assert written.number in shown
    assert written.sha256 in shown
    assert "真实有效" in shown
    assert case.enterprise.name not in shown


@pytest.mark.django_db
def test_the_list_of_a_notice_is_printed_for_anybody(case, tmp_path):
    case = reviewing.first_review(
        case, "pass", approved_fen=case.requested_fen, reason="符合", actor=CLERK, at=AT
    )
    case = reviewing.second_review(case, "agree", actor=CHIEF, at=AT)
    notice = reviewing.publish_notice([case], actor=CLERK, at=AT)
    assert Client().get(f"/public/notices/{notice.pk}.pdf").status_code == 404
    rows = StateRow.objects.of(notice)
    letters.write_letter(rows.get(event="publish"), actor=CLERK, at=AT)
    answer = Client().get(f"/public/notices/{notice.pk}.pdf")
    said = text_of(answer.content, tmp_path)
    assert case.enterprise.name in said
    assert "公示" in said
    assert "下载公示名单" in Client().get(f"/public/notices/{notice.pk}/").content.decode()


@pytest.mark.superuser
@pytest.mark.django_db
def test_the_database_lets_no_letter_change(case):
    letter_after(case, "accept")
    for statement in (
        "UPDATE vouchers_letter SET content = '{}'",
        "DELETE FROM vouchers_letter",
        "TRUNCATE vouchers_letter",
        "INSERT INTO vouchers_letter SELECT * FROM vouchers_letter",
    ):
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)
