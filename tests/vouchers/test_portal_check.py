"""The self-check: six questions, each may stay open; the result says why, and where else to go."""

import pytest

from tests.vouchers.story import AT, a_programme, admin_of, an_enterprise
from tests.vouchers.walk import at, of_enterprise, text_of
from vouchers import applying
from vouchers.pages_check import carried

pytestmark = pytest.mark.django_db
ALL = "/portal/check/all/"
FIT = "district=yes&sector=12&employees=36&revenue=820&purpose=TRAINING&dishonest=no&applied=no"


@pytest.fixture(autouse=True)
def _in_september():
    with at(AT):
        yield


RESULTS = [  # answers, words of the result, words it must not hold
    (FIT, ["看起来符合条件", "划为小型企业"], ["暂不符合", "还可以找谁"]),
    ("", ["还有不清楚的地方", "补充这一项资料后可以判断"], ["暂不符合"]),
    ("district=no", ["暂不符合", "还可以找谁", "上海市级算力服务平台"], []),
    (
        "sector=12&employees=900&revenue=90000",
        ["从业人员低于 300 人，或营业收入低于 10000 万元", "上下游中小企业"],
        [],
    ),
    ("dishonest=yes&applied=yes", ["信用修复", "已申请过"], []),
]


def test_one_page_asks_everything_and_the_result_says_what_would_have_to_change(client):
    a_programme()
    page = text_of(client.get(ALL))
    assert page.count("<fieldset") == 6
    assert page.count("<h1") == 1
    for answers, words, none in RESULTS:
        result = text_of(client.get(f"{ALL}?answered=1&{answers}"))
        assert "登录并开始申请" in result
        assert [each for each in words if each not in result] == []
        assert [each for each in none if each in result] == []


def test_without_a_scheme_the_self_check_says_so(client):
    for address in (ALL, "/portal/check/"):
        assert client.get(address).status_code == 200


def test_the_answers_are_carried_into_the_application():
    programme, firm = a_programme(), an_enterprise()
    browser = of_enterprise(firm)
    browser.get(f"{ALL}?answered=1&{FIT}")
    draft = applying.start_draft(firm, programme, actor=admin_of(firm), at=AT)
    tasks = text_of(browser.get(f"/portal/apply/{draft.pk}/"))
    assert "准备：资格自测结果" in tasks
    page = text_of(browser.get(f"/portal/apply/{draft.pk}/enterprise/"))
    assert 'value="36"' in page
    assert 'value="820"' in page
    project = text_of(browser.get(f"/portal/apply/{draft.pk}/project/"))
    assert 'value="TRAINING" selected' in project
    draft.refresh_from_db()
    assert draft.answers == {}


def test_only_clear_answers_are_carried():
    told = {"district": "no", "employees": "x", "purpose": "STORAGE", "dishonest": "unclear"}
    assert carried(told, "enterprise") == carried(told, "project") == carried(None, "need") == {}
