"""What one press of "submit" costs: thousands press at once when a window opens."""

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from ledger.identifiers import new_id
from tests.vouchers.story import AT, CLERK, FILE, a_draft, a_programme, an_enterprise
from tests.vouchers.walk import at, of_enterprise
from vouchers import programming
from vouchers.models import Application, Programme

pytestmark = pytest.mark.django_db

MOST_STATEMENTS = 30
MOST_BEHIND_THE_NUMBER = 9  # while they run, everybody else who hands in waits


def asked_by_one_submission():
    """Return the statements of pressing "submit" on the last page, entries of the log aside."""
    enterprise = an_enterprise()
    draft = a_draft(enterprise)
    browser = of_enterprise(enterprise)
    page = f"/portal/apply/{draft.pk}/check/"
    with at(AT):
        browser.get(page)
        with CaptureQueriesContext(connection) as asked:
            answer = browser.post(page, {"version": draft.version, "key": str(new_id())})
    assert answer.status_code == 302
    assert Application.objects.get(pk=draft.pk).application_no == "PTSLQ-2026-000001"
    return [each["sql"] for each in asked.captured_queries]


def test_one_submission_asks_the_database_a_bounded_number_of_times():
    asked = asked_by_one_submission()
    assert len(asked) <= MOST_STATEMENTS, "\n".join(each[:150] for each in asked)


def test_a_submission_that_holds_the_number_looks_up_only_who_gets_the_mail():
    asked = asked_by_one_submission()
    number = next(no for no, sql in enumerate(asked) if "vouchers_numberseries" in sql)
    behind = [sql for sql in asked[number + 1 :] if "django_session" not in sql]
    assert len(behind) <= MOST_BEHIND_THE_NUMBER, "\n".join(each[:150] for each in behind)
    read = [re.findall(r"^SELECT .*? FROM \"(\w+)\"", sql) for sql in behind]
    assert [table for tables in read for table in tables] == ["config_user", "vouchers_mailchoice"]


def test_locked_rules_are_read_once_and_rules_of_a_draft_each_time():
    locked = a_programme()
    again = Programme.objects.defer("rules").get(pk=locked.pk)
    assert again.edition is locked.edition
    text = FILE.read_text().replace("edition_no = 1", "edition_no = 2")
    draft = programming.load_edition(text, actor=CLERK, at=AT)
    assert draft.edition is not draft.edition
    assert draft.edition == draft.edition
