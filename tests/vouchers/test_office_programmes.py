"""The pages of an edition: taken in, reviewed, consulted, published, halted; and what all see."""

from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from tests.vouchers.story import AT, CLERK, FILE, passed, published
from tests.vouchers.walk import APPROVER, AUDITOR, REVIEWER, at, bureau, text_of
from vouchers import consulting, programming
from vouchers.models import ConsultationComment, Programme

pytestmark = pytest.mark.django_db
BASE = "/office/vouchers/programmes/"
COMMENT = {"name": "张某", "contact": "13900001234", "text": "建议提高支持比例。"}


@pytest.fixture(autouse=True)
def _in_september():
    with at(AT):
        yield


def clerk():
    return bureau("王初审", REVIEWER)


def chief():
    return bureau("李复审", APPROVER)


def a_draft():
    return programming.load_edition(FILE.read_text(), actor=CLERK, at=AT)


def step(browser, programme, name, **typed):
    return browser.post(f"{BASE}{programme.pk}/steps/{name}/", typed)


def test_an_edition_file_goes_its_whole_way_by_the_pages(client):
    answer = clerk().post(BASE, {"file": SimpleUploadedFile("p.toml", FILE.read_bytes())})
    programme = Programme.objects.get()
    assert answer["Location"] == f"{BASE}{programme.pk}/"
    page = text_of(clerk().get(answer["Location"]))
    for words in ("演示方案第四条", "500,000.00 元", programme.digest, "窗口 2", "送审后规则"):
        assert words in page
    public = f"/public/programmes/{programme.pk}/"
    assert client.get(public).status_code == 404
    assert step(clerk(), programme, "propose").status_code == 302
    assert "须由另一人办理" in text_of(clerk().get(answer["Location"]))
    for kind in ("legality", "competition"):
        told = {"kind": kind, "outcome": "pass", "document_no": "8号", "text": "同意"}
        assert step(clerk(), programme, "opinion", **told).status_code == 409
        assert step(chief(), programme, "opinion", **told).status_code == 302
    assert client.get(public).status_code == 404
    assert step(clerk(), programme, "consult", days="7", notice="征求意见").status_code == 302
    assert "征求意见稿" in text_of(client.get("/public/programmes/"))
    assert "PTYJ-2026-000001" in text_of(client.post(public, COMMENT))
    assert "建议提高" in text_of(clerk().get(f"{BASE}{programme.pk}/comments/"))
    assert "收到 1 条意见" in text_of(client.get(public))
    for secret in COMMENT.values():
        assert secret not in text_of(client.get(public))
    assert "期满后办理" in text_of(chief().get(answer["Location"]))
    with at(AT + timedelta(days=8)):
        assert step(chief(), programme, "answer", summary="已采纳").status_code == 302
        assert step(clerk(), programme, "publish", document_no="1号").status_code == 409
        assert step(chief(), programme, "publish", document_no="1号").status_code == 302
        assert "已采纳" in text_of(client.get(public))
        assert step(chief(), programme, "pause", reason="系统升级").status_code == 302
        assert "系统升级" in text_of(client.get(public))
        assert client.post(public, COMMENT).status_code == 409


def test_a_step_that_is_refused_keeps_what_was_typed_and_says_why():
    programme = a_draft()
    page = step(clerk(), programme, "publish", document_no="普数据规〔2026〕9号")
    assert page.status_code == 409
    programme = passed(programme, AT)
    page = step(clerk(), programme, "consult", days="3", notice="说明文字")
    assert page.status_code == 409
    for words in ("7 到 30 天", "说明文字", 'value="3"'):
        assert words in text_of(page)
    assert step(clerk(), programme, "consult", days="很久", notice="x").status_code == 422
    assert step(clerk(), programme, "dance").status_code == 404


def test_who_only_looks_sees_the_edition_and_changes_nothing():
    programme = a_draft()
    auditor = bureau("钱审计", AUDITOR)
    page = text_of(auditor.get(f"{BASE}{programme.pk}/"))
    assert "下一步" not in page
    assert step(auditor, programme, "propose").status_code == 403
    assert auditor.post(BASE, {}).status_code == 403


def test_a_faulty_comment_is_told_by_its_field(client):
    programme = passed(a_draft(), AT)
    consulting.open_consultation(programme, days=7, notice="x", actor=CLERK, at=AT)
    public = f"/public/programmes/{programme.pk}/"
    for name, words in (("name", "真实姓名"), ("contact", "电话或邮箱"), ("text", "5 到 3000")):
        page = client.post(public, COMMENT | {name: ""})
        assert page.status_code == 409
        assert words in text_of(page)
    assert ConsultationComment.objects.count() == 0


def test_without_editions_the_public_list_says_so_and_with_one_shows_its_number(client):
    assert "还没有发布方案" in text_of(client.get("/public/programmes/"))
    published(a_draft())
    assert "普数据规〔2026〕1号" in text_of(client.get("/public/programmes/"))


BAD_EDITIONS = [
    (b"", 422, ""),
    (b"\xff\xfe", 422, "UTF-8"),
    (b"[edition", 409, "TOML"),
    (FILE.read_bytes().replace(b'"INSTANT"', b'"LATER"'), 409, "settlement.mode"),
    (FILE.read_bytes().replace(b"base_bp = 3000", b"base_bp = 99999"), 409, "ratio.base_bp"),
]


def test_a_faulty_edition_file_is_told_with_its_place():
    for content, status, words in BAD_EDITIONS:
        answer = clerk().post(BASE, {"file": SimpleUploadedFile("p.toml", content)})
        assert answer.status_code == status
        assert words in text_of(answer)
    assert not Programme.objects.exists()
