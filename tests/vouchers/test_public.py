"""What anybody may see: notices with enterprise and amount, nothing personal."""

import pytest

from ledger.identifiers import new_id
from tests.vouchers.story import AT, CLERK, a_draft, propose, submit
from tests.vouchers.walk import text_of
from vouchers import reviewing

pytestmark = pytest.mark.django_db


def test_without_notices_the_list_says_so(client):
    assert "目前没有公示" in text_of(client.get("/public/notices/"))


def a_notice():
    return reviewing.publish_notice([propose(submit(a_draft()))], actor=CLERK, at=AT)


def test_a_notice_is_listed_and_shows_period_lines_and_total(client):
    made = a_notice()
    assert made.title in text_of(client.get("/public/notices/"))
    page = text_of(client.get(f"/public/notices/{made.pk}/"))
    for words in ("上海智算科技有限公司", "8,800.00", "2026年9月8日", "合计", "书面形式"):
        assert words in page


def test_a_notice_shows_nothing_personal(client):
    page = text_of(client.get(f"/public/notices/{a_notice().pk}/"))
    for secret in ("13812345678", "张三丰", "王初审", "91310107MAFAKE0195"):
        assert secret not in page


def test_a_notice_that_does_not_exist_is_404(client):
    assert client.get(f"/public/notices/{new_id()}/").status_code == 404


def test_notices_are_only_read(client):
    assert client.post("/public/notices/").status_code == 405
