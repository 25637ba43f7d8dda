"""The queue: tabs, filters, order, who works on what, views that people keep."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test import override_settings
from django.test.utils import CaptureQueriesContext

from ledger.identifiers import new_id
from tests.vouchers.story import (
    AT,
    OTHER_USCC,
    a_draft,
    a_programme,
    admin_of,
    an_enterprise,
    entries,
    propose,
    refused,
    staff,
    submit,
    user_of,
)
from tests.vouchers.walk import APPROVER, AUDITOR, REVIEWER, at, bureau, text_of
from vouchers import applying, assigning, pages_queue
from vouchers.models import Application, Notice, SavedView, StateRow

pytestmark = pytest.mark.django_db
BASE = "/office/vouchers/"
DISPATCHER = (*APPROVER, "assign_case")


@pytest.fixture(autouse=True)
def _in_september():
    with at(AT):
        yield


def clerk():
    return bureau("王初审", REVIEWER)


def chief():
    return bureau("李复审", DISPATCHER)


def two_cases():
    """One waits to be accepted, the other for its second review, four days later."""
    programme = a_programme()
    first = submit(a_draft(an_enterprise(), programme))
    other = an_enterprise(OTHER_USCC, "上海语料科技有限公司")
    second = a_draft(
        other,
        programme,
        enterprise={"street": "长征镇", "industry": "C3911"},
        need={"requested_fen": "100.00"},
    )
    second = submit(second, at=AT + timedelta(days=4))
    return first, second


def numbers(page):
    """Return the numbers of the cases on a page, in their order."""
    return [each.application_no for each in page.context["page_obj"]]


def test_each_filter_narrows_and_the_address_keeps_the_choice():
    first, second = two_cases()
    one, two = first.application_no, second.application_no
    browser = clerk()
    told = [
        ({}, [one, two]),
        ({"state": "submitted"}, [two, one]),
        ({"state": ["accepted", "supplement"]}, []),
        ({"street": "长征镇"}, [two]),
        ({"sector": "12"}, [one]),
        ({"sector": "02"}, [two]),
        ({"sector": "05"}, []),
        ({"least": "101"}, [one]),
        ({"most": "100.00"}, [two]),
        ({"since": "2026-09-02"}, [two]),
        ({"until": "2026-09-01"}, [one]),
        ({"since": "2026-09-01", "until": "2026-09-05"}, [two, one]),
        ({"flags": "none"}, [two, one]),
        ({"flags": "some"}, []),
        ({"q": "语料"}, [two]),
        ({"q": one}, [one]),
        ({"left": "over"}, []),
        ({"street": "不在名单里"}, [two, one]),
        ({"tab": "nonsense", "sort": "nonsense"}, [one, two]),
    ]
    for asked, expected in told:
        assert numbers(browser.get(BASE, asked)) == expected, asked


def test_a_filter_that_cannot_be_read_is_told_and_filters_nothing():
    two_cases()
    page = clerk().get(BASE, {"least": "一百", "since": "9月1日"})
    assert "金额应写成数字" in text_of(page)
    assert "输入一个有效的日期" in text_of(page)
    assert len(numbers(page)) == 2


def test_every_column_orders_both_ways():
    first, second = two_cases()
    one, two = first.application_no, second.application_no
    browser = clerk()
    for sort in pages_queue.SORTS:
        up = numbers(browser.get(BASE, {"sort": sort}))
        down = numbers(browser.get(BASE, {"sort": f"-{sort}"}))
        assert sorted(up) == sorted(down) == [one, two], sort
    assert numbers(browser.get(BASE, {"sort": "amount"})) == [two, one]
    assert numbers(browser.get(BASE, {"sort": "-amount"})) == [one, two]
    page = text_of(browser.get(BASE, {"sort": "amount"}))
    assert 'aria-sort="ascending"' in page
    assert "sort=-amount" in page


def test_days_left_are_filtered_as_they_are_shown():
    """Goal: the filter and the column never disagree. Method: every day of five weeks."""
    two_cases()
    user = user_of("王初审")
    for days in range(36):
        now = AT + timedelta(days=days)
        shown = {
            line["case"].pk: line["left"]
            for line in pages_queue.lines(pages_queue.select(pages_queue.Asked(), user, now), now)
        }
        for word, most in (("over", -1), ("1", 1), ("3", 3)):
            found = pages_queue.select(pages_queue.Asked(left=word), user, now)
            expected = {pk for pk, left in shown.items() if left is not None and left <= most}
            assert {each.pk for each in found} == expected, (days, word)


def test_an_empty_choice_says_so_and_can_be_cleared():
    two_cases()
    page = text_of(clerk().get(BASE, {"q": "没有这家"}))
    assert "没有符合条件的办件" in page
    assert "清除筛选" in page


def test_a_reviewer_takes_a_case_and_finds_it_under_mine():
    first, _ = two_cases()
    browser = clerk()
    assert "待分派 2" in text_of(browser.get(BASE))
    assert browser.post(f"{BASE}cases/{first.pk}/take/").status_code == 302
    page = browser.get(BASE, {"tab": "mine"})
    assert numbers(page) == [first.application_no]
    assert "王初审" in text_of(page)
    assert numbers(browser.get(BASE, {"handler": str(user_of("王初审").pk)})) == numbers(page)
    assert len(numbers(browser.get(BASE, {"tab": "unassigned"}))) == 1
    assert bureau("张初审", REVIEWER).post(f"{BASE}cases/{first.pk}/take/").status_code == 409


def test_the_chief_dispatches_and_changes_it_only_for_a_reason():
    first, _ = two_cases()
    clerk(), bureau("张初审", REVIEWER)
    wang, zhang = user_of("王初审"), user_of("张初审")
    address, browser = f"{BASE}cases/{first.pk}/assign/", chief()
    for _ in range(2):  # the same again changes nothing
        assert browser.post(address, {"reviewer": str(wang.pk)}).status_code == 302
    assert browser.post(address, {"reviewer": str(zhang.pk)}).status_code == 409
    assert browser.post(address, {"reviewer": str(zhang.pk), "reason": "休假"}).status_code == 302
    for odd in ("", "x", str(new_id()), str(user_of("李复审").pk)):
        browser.post(address, {"reviewer": odd, "reason": "x"})
    first.refresh_from_db()
    assert first.assignment.reviewer == zhang
    rows = StateRow.objects.of(first).filter(event="assign")
    assert [each.internal for each in rows] == ["分派给王初审", "改派给张初审：休假"]
    assert entries("application.assign") == 2
    told = Notice.objects.filter(kind="case_assigned").order_by("at", "id")
    assert [each.recipient for each in told] == ["王初审", "张初审"]
    assert "由李复审分派给您。理由：休假。" in told[1].body
    assert clerk().post(address, {"reviewer": str(wang.pk)}).status_code == 403


def test_only_a_reviewer_is_given_a_case_and_none_that_is_over():
    first, _ = two_cases()
    clerk()
    told = {"actor": staff("李复审"), "at": AT}
    with refused("not_a_reviewer", "没有初审权限"):
        assigning.assign_case(first, user_of("路人"), **told)
    reviewer = user_of("王初审")
    reviewer = type(reviewer).objects.get(pk=reviewer.pk)
    applying.withdraw_application(first, actor=admin_of(first.enterprise), at=AT)
    with refused("case_over"):
        assigning.assign_case(first, reviewer, **told)


@override_settings(CASES_BY_ASSIGNMENT=True)
def test_where_the_house_says_so_a_reviewer_sees_their_own_cases_alone():
    first, _ = two_cases()
    browser = clerk()
    assert numbers(browser.get(BASE, {"tab": "all"})) == []
    browser.post(f"{BASE}cases/{first.pk}/take/")
    assert numbers(browser.get(BASE, {"tab": "all"})) == [first.application_no]
    assert len(numbers(chief().get(BASE, {"tab": "all"}))) == 2
    assert len(numbers(bureau("孙审计", AUDITOR).get(BASE, {"tab": "all"}))) == 2


def test_views_are_kept_per_person_and_can_be_forgotten():
    two_cases()
    browser = clerk()
    told = {"name": "桃浦", "query": "street=桃浦镇&page=7&evil=1&tab=open&q="}
    answer = browser.post(BASE + "views/", told)
    view = SavedView.objects.get()
    assert view.query == "tab=open&street=%E6%A1%83%E6%B5%A6%E9%95%87"
    assert answer["Location"] == f"{BASE}?{view.query}"
    assert "桃浦</a>" in text_of(browser.get(BASE))
    assert "桃浦</a>" not in text_of(chief().get(BASE))
    browser.post(BASE + "views/", told | {"query": "street=长征镇"})
    assert "%E9%95%BF" in SavedView.objects.get().query
    browser.post(BASE + "views/", {"name": "", "query": "q=x"})
    browser.post(BASE + "views/", {"name": "长" * 31, "query": "q=x"})
    assert SavedView.objects.count() == 1
    browser.post(BASE + "views/", {"drop": "桃浦"})
    assert not SavedView.objects.of_user(user_of("王初审")).exists()
    assert "桃浦</a>" not in text_of(browser.get(BASE))


def many(count):
    """Copy one handed-in case ``count`` times."""
    model = submit(a_draft())
    model = Application.objects.get(pk=model.pk)
    for number in range(count):
        model.pk, model.application_no = new_id(), f"PTSLQ-2026-9{number:05d}"
        model.window_no, model.submit_key, model._state.adding = 2 + number, None, True
        model.save(force_insert=True)


def test_the_queue_asks_the_database_the_same_few_things_for_ten_and_a_thousand_cases():
    browser = clerk()
    many(10)
    asked = {"sort": "left", "flags": "none", "street": "桃浦镇"}
    browser.get(BASE)  # the first page of a session writes it
    for query in ({}, asked):
        with CaptureQueriesContext(connection) as few:
            browser.get(BASE, query)
        assert len(few) <= 20, [each["sql"][:90] for each in few]
    one = Application.objects.order_by("pk").last()
    values = {each.attname: getattr(one, each.attname) for each in one._meta.concrete_fields}
    rows = [
        Application(
            **values
            | {"id": new_id(), "application_no": f"PTSLQ-2026-8{number:05d}"}
            | {"window_no": 2000 + number, "submit_key": None}
        )
        for number in range(990)
    ]
    Application.objects.bulk_create(rows)
    with CaptureQueriesContext(connection) as more:
        page = browser.get(BASE, asked)
    assert len(more) == len(few)
    assert page.context["page_obj"].paginator.count == 1001


def test_a_proposed_case_is_neither_mine_nor_over():
    first, _ = two_cases()
    propose(first)
    assert "在办 2" in text_of(clerk().get(BASE))
