"""The case page: files beside the answers, covers, notes, and who looked."""

import pytest
from django.test import override_settings

from ledger.identifiers import new_id
from tests.vouchers.story import AT, a_draft, submit
from tests.vouchers.walk import APPROVER, AUDITOR, REVIEWER, at, bureau, text_of
from vouchers.models import CaseNote, ReadEvent

pytestmark = pytest.mark.django_db
PHONE = "13812345678"


@pytest.fixture(autouse=True)
def _in_september():
    with at(AT):
        yield


def address(case, *rest):
    return "/office/vouchers/" + "/".join(["cases", str(case.pk), *map(str, rest)]) + "/"


def kinds():
    return [each.kind for each in ReadEvent.objects.order_by("at", "id")]


def test_what_is_personal_is_covered_until_somebody_says_why():
    case = submit(a_draft())
    browser = bureau("王初审", REVIEWER)
    page = text_of(browser.get(address(case)))
    assert PHONE not in page
    assert "138＊＊＊＊5678" in page
    told = {"name": "contact_phone", "reason": "电话核实"}
    assert PHONE in text_of(browser.post(address(case, "reveal"), told))
    assert browser.post(address(case, "reveal"), told | {"reason": ""}).status_code == 409
    assert browser.get(address(case, "reveal")).status_code == 405
    assert PHONE not in text_of(browser.get(address(case)))
    assert kinds() == ["case", "reveal", "case"]


def test_a_file_is_shown_within_its_case_and_looking_is_written_down():
    case = submit(a_draft())
    kept = case.attachments.standing().first()
    browser = bureau("王初审", REVIEWER)
    page = text_of(browser.get(address(case), {"file": str(kept.pk)}))
    assert f'src="{address(case, "files", kept.pk, "view")}#' in page
    answer = browser.get(address(case, "files", kept.pk, "view"))
    assert b"".join(answer.streaming_content).startswith(b"%PDF-")
    assert answer["X-Frame-Options"] == "SAMEORIGIN"
    assert "frame-ancestors 'self'" in answer["Content-Security-Policy"]
    assert answer["Content-Disposition"].startswith("inline")
    assert "frame-src 'self'" in browser.get(address(case))["Content-Security-Policy"]
    browser.get(address(case, "files", kept.pk))
    assert kinds() == ["case", "file", "case", "file"]
    assert browser.get(address(case, "files", new_id(), "view")).status_code == 404
    kept.pk, kept.stored_path, kept.scan = new_id(), "ab/quarantined", "quarantined"
    kept.save(force_insert=True)
    held = browser.get(address(case, "files", kept.pk, "view"))
    assert held.status_code != 200
    assert not held.streaming
    assert "安全检查中" in text_of(browser.get(address(case), {"file": str(kept.pk)}))


def test_notes_stay_inside():
    case = submit(a_draft())
    browser = bureau("王初审", REVIEWER)
    assert browser.post(address(case, "notes"), {"text": "已电话核实。"}).status_code == 302
    assert browser.post(address(case, "notes"), {"text": " "}).status_code == 409
    assert "已电话核实。" in text_of(bureau("李复审", APPROVER).get(address(case)))
    assert bureau("孙审计", AUDITOR).post(address(case, "notes"), {"text": "x"}).status_code == 403
    assert CaseNote.objects.count() == 1


@override_settings(CASES_BY_ASSIGNMENT=True)
def test_a_case_given_to_somebody_else_is_not_there_and_the_attempt_is_kept():
    case = submit(a_draft())
    kept = case.attachments.standing().first()
    browser = bureau("王初审", REVIEWER)
    for rest in ((), ("files", kept.pk), ("files", kept.pk, "view"), ("decide",)):
        assert browser.get(address(case, *rest)).status_code == 404
    assert browser.post(address(case, "accept")).status_code == 404
    assert set(kinds()) == {"denied"}
    assert len(kinds()) == 5
    browser.post(address(case, "take"))
    assert browser.get(address(case)).status_code == 200
    assert browser.get(f"/office/vouchers/cases/{new_id()}/").status_code == 404


def test_the_auditor_reads_who_looked_at_what():
    case = submit(a_draft())
    bureau("王初审", REVIEWER).get(address(case))
    auditor = bureau("孙审计", (*AUDITOR, "view_readings"))
    page = text_of(auditor.get("/office/vouchers/readings/", {"q": case.application_no}))
    assert "王初审" in page
    assert "打开办件" in page
    assert "共 0 条" in text_of(auditor.get("/office/vouchers/readings/", {"q": "没有此人"}))
    assert "最近查看" in text_of(auditor.get(address(case)))
    assert bureau("王初审", REVIEWER).get("/office/vouchers/readings/").status_code == 403
