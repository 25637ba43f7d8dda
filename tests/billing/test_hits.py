"""The one search box: whatever people type finds what they may see, and nothing else."""

import pytest
from django.db import connection
from django.test import override_settings
from django.test.utils import CaptureQueriesContext

from billing import hits
from tests.vouchers.story import AT, a_draft, a_voucher, an_enterprise, submit, user_of
from tests.vouchers.walk import REVIEWER, at, bureau, text_of
from vouchers import searching
from vouchers.models import SearchRow

pytestmark = pytest.mark.django_db
FIND = "/office/search/"


@pytest.fixture(autouse=True)
def _in_september():
    with at(AT):
        yield


def found(browser, typed):
    """Return the hits of a question as (group, number)."""
    page = browser.get(FIND, {"q": typed, "list": "1"})
    return [
        (group["title"], hit["number"]) for group in page.context["groups"] for hit in group["hits"]
    ]


def test_a_voucher_its_case_and_its_enterprise_are_found_by_name_letters_and_numbers():
    voucher = a_voucher()
    case = voucher.application
    searching.catch_up(hits.SOURCES)
    browser = bureau("王初审", REVIEWER)
    every = [
        ("办件", case.application_no),
        ("企业", case.enterprise.uscc),
        ("算力券", voucher.voucher_no),
    ]
    for typed in (
        "智算科技",
        "shzs",
        "ZSKJ",
        "9131 0107 mafake",
        "９１３１０１０７ＭＡＦＡＫＥＯ１９５",
    ):
        assert found(browser, typed) == every, typed
    assert found(browser, case.application_no.lower().replace("-", " ")) == every[:1]
    assert found(browser, "没有这家") == []


def test_one_hit_goes_straight_to_its_page_unless_the_list_is_wanted():
    case = submit(a_draft())
    searching.catch_up(hits.SOURCES)
    browser = bureau("王初审", REVIEWER)
    answer = browser.get(FIND, {"q": case.application_no})
    assert answer["Location"] == f"/office/vouchers/cases/{case.pk}/"
    answer = browser.get(FIND, {"q": case.enterprise.uscc.lower()})
    assert answer["Location"] == f"/office/vouchers/enterprises/{case.enterprise_id}/"
    assert browser.get(FIND, {"q": "智算"}).status_code == 200
    assert "没有找到" in text_of(browser.get(FIND, {"q": "<b>没有"}))
    assert "至少输入两个字" in text_of(browser.get(FIND, {"q": "智"}))
    assert case.application_no in text_of(browser.get(FIND + "hits/", {"q": "智算"}))


def test_who_may_not_see_a_kind_does_not_find_it():
    submit(a_draft())
    searching.catch_up(hits.SOURCES)
    assert bureau("赵财务", ()).get(FIND, {"q": "智算"}).status_code == 403
    outsider = user_of("赵财务")
    assert hits.search("智算", outsider)["groups"] == []


@override_settings(CASES_BY_ASSIGNMENT=True)
def test_a_reviewer_kept_to_own_cases_finds_only_those():
    case = submit(a_draft())
    searching.catch_up(hits.SOURCES)
    browser = bureau("王初审", REVIEWER)
    assert found(browser, "智算") == []
    browser.post(f"/office/vouchers/cases/{case.pk}/take/")
    assert len(found(browser, "智算")) == 2


def test_names_follow_a_renaming_and_missing_rows_are_added_once():
    firm = an_enterprise()
    searching.keep(searching.enterprise_entry(firm))
    firm.name = "上海改名科技有限公司"
    searching.keep(searching.enterprise_entry(firm))
    assert SearchRow.objects.get().title == firm.name
    case = submit(a_draft(firm))
    firm.name = "上海再改名科技有限公司"
    firm.save()
    searching.keep_renamed(firm)
    assert {each.title for each in SearchRow.objects.all()} == {firm.name}
    assert SearchRow.objects.get(kind="application").number == case.application_no
    searching.catch_up(hits.SOURCES)
    count = SearchRow.objects.count()
    assert searching.catch_up(hits.SOURCES) == 0
    assert searching.catch_up(hits.SOURCES, afresh=True) == count


def test_a_search_is_one_question_however_much_there_is():
    firm = an_enterprise()
    searching.keep(searching.enterprise_entry(firm))
    every = [each.code for each in hits.KINDS]
    with CaptureQueriesContext(connection) as asked:
        searching.find("智算", every)
    assert len(asked) == 1
