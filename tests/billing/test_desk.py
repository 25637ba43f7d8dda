"""The bureau's desk: every number is the length of the list it leads to."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.providers.world import a_provider
from tests.roles import SUPERUSER, as_role
from tests.vouchers.story import (
    AT,
    CLERK,
    OTHER_USCC,
    a_draft,
    a_programme,
    an_enterprise,
    propose,
    submit,
    user_of,
)
from tests.vouchers.walk import at, signed_in, text_of
from vouchers import assigning, reviewing

pytestmark = pytest.mark.django_db


def everybody():
    """Return a browser of somebody with every right of the back office."""
    user = user_of("全权")
    rooms = ("vouchers", "providers", "billing", "ledger")
    with as_role(SUPERUSER):
        user.user_permissions.set(Permission.objects.filter(content_type__app_label__in=rooms))
    return user, signed_in(user)


def test_every_counter_of_cases_equals_the_list_behind_it():
    user, _ = everybody()
    programme = a_programme()
    first = submit(a_draft(an_enterprise(), programme))
    propose(submit(a_draft(an_enterprise(OTHER_USCC, "上海语料科技有限公司"), programme)))
    third = submit(a_draft(an_enterprise("91310107MAFAKE30X3", "上海模型科技有限公司"), programme))
    assigning.assign_case(first, user, actor=CLERK, at=AT)
    reviewing.accept_application(third, actor=CLERK, at=AT)
    for days in (0, 30):
        with at(AT + timedelta(days=days)):
            browser = signed_in(user)
            counters = browser.get("/office/").context["counters"]
            told = {each["label"]: each["value"] for each in counters}
            for each in counters:
                page = browser.get(each["url"])
                assert page.status_code == 200, each
                if each["url"].startswith("/office/vouchers/?"):
                    assert page.context["page_obj"].paginator.count == each["value"], each
    assert told["我的办件"] == told["待受理"] == told["待初审"] == told["待公示"] == 1
    assert told["待分派"] == 2
    assert told["已超期"] == 2


#: Counters whose list is a part of a page: how many lines that part shows.
PARTS = {
    "公示期满": lambda page: sum(each["may_close"] for each in page["notices"]),
    "服务商待审": lambda page: len(page["desk"]["applied"]),
    "密钥待确认": lambda page: len(page["desk"]["keys"]),
    "计量事项待批准": lambda page: len(page["requests"]),
    "计量疑点": lambda page: page["page_obj"].paginator.count,
    "计量冲突": lambda page: len(page["conflicts"]),
}


def test_counters_of_other_pages_equal_what_those_show():
    user, _ = everybody()
    case = propose(submit(a_draft()))
    notice = reviewing.publish_notice([case], actor=CLERK, at=AT)
    a_provider()
    with at(notice.ends_at):
        browser = signed_in(user)
        counters = {each["label"]: each for each in browser.get("/office/").context["counters"]}
        for label, shown in PARTS.items():
            page = browser.get(counters[label]["url"])
            assert shown(page.context) == counters[label]["value"], label
    assert counters["公示期满"]["value"] == 1


def test_the_desk_says_when_nothing_waits_and_whether_the_log_was_checked():
    _, browser = everybody()
    page = text_of(browser.get("/office/"))
    assert "当前没有待办" in page
    assert "日志整链还没有核验过" in page


def test_the_desk_asks_no_more_for_more_cases():
    _, browser = everybody()
    programme = a_programme()
    submit(a_draft(an_enterprise(), programme))
    browser.get("/office/")  # the first page of a session writes it
    with CaptureQueriesContext(connection) as few:
        browser.get("/office/")
    submit(a_draft(an_enterprise(OTHER_USCC, "上海语料科技有限公司"), programme))
    with CaptureQueriesContext(connection) as more:
        browser.get("/office/")
    assert len(more) == len(few)
    assert len(few) < 60
