"""Many cases at once: frozen, looked at, done one by one, safe to cut off and to repeat."""

from dataclasses import replace

import pytest
from django.db import connection, transaction
from django.db.utils import DatabaseError, IntegrityError

from ledger import clock, work
from ledger.identifiers import new_id
from ledger.refusals import Refused
from tests.roles import SUPERUSER, as_role
from tests.vouchers.story import (
    AT,
    CLERK,
    OTHER_USCC,
    a_draft,
    a_programme,
    an_enterprise,
    entries,
    propose,
    submit,
    user_of,
)
from tests.vouchers.walk import APPROVER, AUDITOR, REVIEWER, at, bureau, text_of
from vouchers import batching, bulk_rules, reviewing
from vouchers.abstaining import declare_conflict
from vouchers.models import Application, CaseBatch, CaseBatchItem, PublicNotice

pytestmark = pytest.mark.django_db
BULK = "/office/vouchers/bulk/"
DISPATCHER = (*APPROVER, "assign_case")


@pytest.fixture(autouse=True)
def _in_september():
    with at(AT):
        yield


def two_cases():
    programme = a_programme()
    first = submit(a_draft(an_enterprise(), programme))
    return first, submit(a_draft(an_enterprise(OTHER_USCC, "上海语料科技有限公司"), programme))


def quiet(*_args):
    """Tell nobody how far it got."""


def pressed(browser, kind, *cases, **told):
    """Tick cases, look at the list and press; return the list."""
    answer = browser.post(BULK, {"kind": kind, "cases": [str(each.pk) for each in cases]} | told)
    assert answer.status_code == 302, text_of(answer)
    batch = CaseBatch.objects.order_by("frozen_at", "id").last()
    assert answer["Location"] == f"{BULK}{batch.pk}/"
    for _ in range(2):  # pressing twice is one piece of work
        assert browser.post(answer["Location"], {"digest": batch.digest}).status_code == 302
    return batch


def done(batch):
    """Let the worker do a list; return case -> outcome."""
    batching.run_batch_work(work.find(batching.WORK_KIND, str(batch.pk)), quiet)
    return {each.application_id: each.outcome for each in batch.items.all()}


def state_of(case):
    return Application.objects.get(pk=case.pk).state


def test_a_list_is_looked_at_then_accepted_case_by_case():
    first, second = two_cases()
    reviewing.accept_application(second, actor=CLERK, at=AT)
    browser = bureau("王初审", REVIEWER)
    answer = browser.post(
        BULK, {"kind": "accept", "cases": [str(first.pk), str(second.pk), str(first.pk)]}
    )
    page = text_of(browser.get(answer["Location"]))
    assert "共 2 件" in page
    assert "1 件会被跳过" in page
    assert "不能受理" in page
    batch = CaseBatch.objects.get()
    assert browser.post(answer["Location"], {"digest": "0" * 64}).status_code == 409
    assert state_of(first) == "submitted"
    browser.post(answer["Location"], {"digest": batch.digest})
    assert "正在办理" in text_of(browser.get(answer["Location"]))
    assert done(batch) == {first.pk: "done", second.pk: "refused"}
    assert done(batch) == {first.pk: "done", second.pk: "refused"}
    assert state_of(first) == "accepted"
    assert entries("case.bulk") == 1
    work.run_due({batching.WORK_KIND: batching.run_batch_work}, now=clock.now, worker="a")
    page = text_of(browser.get(answer["Location"]))
    assert "已办理 <strong>1</strong> 件" in page
    assert "未办理" in page


def test_what_changed_after_the_preview_is_left_alone():
    first, second = two_cases()
    batch = pressed(bureau("王初审", REVIEWER), "accept", first, second)
    connection.cursor().execute(
        "UPDATE vouchers_application SET requested_fen = 100 WHERE id = %s", [first.pk]
    )
    assert done(batch) == {first.pk: "refused", second.pk: "done"}
    assert "已变化" in batch.items.get(application=first).message


def test_a_worker_killed_in_the_middle_is_followed_by_one_that_does_the_rest():
    first, second = two_cases()
    batch = pressed(bureau("王初审", REVIEWER), "accept", first, second)
    job = work.find(batching.WORK_KIND, str(batch.pk))

    def dies(place, *_rest):
        if place == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        batching.run_batch_work(job, dies)
    assert [state_of(first), state_of(second)] == ["accepted", "submitted"]
    assert set(done(batch).values()) == {"done"}
    assert [state_of(first), state_of(second)] == ["accepted", "accepted"]
    assert entries("application.accept") == 2


def test_whoever_lost_the_right_meanwhile_gets_nothing_done():
    first, _ = two_cases()
    batch = pressed(bureau("王初审", REVIEWER), "accept", first)
    bureau("王初审", AUDITOR)
    with pytest.raises(Refused, match="没有这项权限"):
        done(batch)
    assert state_of(first) == "submitted"


def test_too_many_none_and_unknown_cases_are_refused_before_anything_is_frozen():
    first, _ = two_cases()
    browser = bureau("王初审", REVIEWER)
    many = [str(new_id()) for _ in range(bulk_rules.MOST_CASES + 1)]
    for kind, cases, status, words in (
        ("accept", many, 400, "最多办理 500 件"),
        ("accept", [], 400, "至少选择一件"),
        ("accept", [str(first.pk), str(new_id())], 409, "看不到的办件"),
        ("accept", ["x"], 409, "看不到的办件"),
        ("agree", [str(first.pk)], 403, ""),
    ):
        answer = browser.post(BULK, {"kind": kind, "cases": cases})
        assert (answer.status_code, words in text_of(answer)) == (status, True), words
    assert browser.post(BULK, {"kind": "nonsense"}).status_code == 302
    assert browser.get(BULK).status_code == 405
    assert browser.head(BULK).status_code == 405
    assert not CaseBatch.objects.exists()


def test_all_that_the_filters_find_can_be_taken_and_nobody_opens_anothers_list():
    first, second = two_cases()
    browser = bureau("王初审", REVIEWER)
    told = {"kind": "accept", "scope": "all", "query": "q=语料"}
    address = browser.post(BULK, told)["Location"]
    assert [each["case"] for each in CaseBatch.objects.get().cases] == [str(second.pk)]
    other = bureau("张初审", REVIEWER)
    assert other.get(address).status_code == 404
    assert other.post(address, {"digest": "x"}).status_code == 404
    assert state_of(first) == "submitted"


def test_cases_are_dispatched_to_one_or_evenly():
    first, second = two_cases()
    bureau("王初审", REVIEWER), bureau("张初审", REVIEWER)
    chief = bureau("李复审", DISPATCHER)
    wang = user_of("王初审")
    batch = pressed(chief, "assign", first, reviewer=str(wang.pk))
    assert done(batch) == {first.pk: "done"}
    batch = pressed(chief, "spread", first, second, reason="重新分派")
    assert set(done(batch).values()) == {"done"}
    given = Application.objects.values_list("assignment__reviewer__display_name", flat=True)
    assert sorted(given) == ["张初审", "王初审"]
    answer = chief.post(BULK, {"kind": "assign", "cases": [str(first.pk)]})
    assert answer.status_code == 409
    assert "请选择经办人" in text_of(answer)


def test_whoever_declared_a_tie_is_given_no_case_of_that_enterprise():
    first, second = two_cases()
    bureau("王初审", REVIEWER), bureau("张初审", REVIEWER)
    zhang = user_of("张初审")
    declare_conflict(
        second.enterprise, zhang, relation="亲属任职",
        actor=replace(CLERK, id=str(zhang.pk), person=zhang.person_hash), at=AT,
    )  # fmt: skip
    chief = bureau("李复审", DISPATCHER)
    assert done(pressed(chief, "spread", first, second)) == {first.pk: "done", second.pk: "done"}
    given = dict(Application.objects.values_list("pk", "assignment__reviewer__display_name"))
    assert given[second.pk] == "王初审"
    batch = pressed(chief, "assign", second, reviewer=str(zhang.pk), reason="改派")
    assert done(batch) == {second.pk: "refused"}
    assert "利益关系" in batch.items.get().message


def reviewed(case, approved_fen=None):
    case = reviewing.accept_application(case, actor=CLERK, at=AT)
    return reviewing.first_review(
        case, "pass", approved_fen=approved_fen or case.requested_fen, reason="符合条件",
        actor=CLERK, at=AT,
    )  # fmt: skip


def test_second_reviews_are_taken_together_by_another_person_where_nothing_is_to_be_weighed():
    first, second = two_cases()
    reviewed(first), reviewed(second, approved_fen=100)
    batch = pressed(bureau("李复审", APPROVER), "agree", first, second)
    assert done(batch) == {first.pk: "done", second.pk: "refused"}
    assert state_of(first) == "proposed"
    assert "逐件复审" in batch.items.get(application=second).message


def test_the_first_reviewer_agrees_to_nothing_in_bulk_either():
    first, _ = two_cases()
    reviewed(first)
    both = bureau("王初审", REVIEWER + APPROVER)
    assert done(pressed(both, "agree", first)) == {first.pk: "refused"}
    assert state_of(first) == "in_second_review"


def test_a_notice_names_all_that_are_still_fit_in_one_go():
    first, second = two_cases()
    propose(first)
    batch = pressed(bureau("王初审", REVIEWER), "notice", first, second)
    assert done(batch) == {first.pk: "done", second.pk: "refused"}
    assert done(batch) == {first.pk: "done", second.pk: "refused"}
    assert [each.items.count() for each in PublicNotice.objects.all()] == [1]


@pytest.mark.superuser
def test_lists_and_results_are_never_changed_and_never_doubled():
    first, _ = two_cases()
    batch = pressed(bureau("王初审", REVIEWER), "accept", first)
    done(batch)
    item = batch.items.get()
    with as_role(SUPERUSER):
        for table in ("vouchers_casebatch", "vouchers_casebatchitem"):
            for statement in (f"DELETE FROM {table}", f"UPDATE {table} SET id = id"):
                with pytest.raises(DatabaseError), transaction.atomic():
                    connection.cursor().execute(statement)
    with pytest.raises(IntegrityError), transaction.atomic():
        CaseBatchItem.objects.create(batch=batch, application=first, outcome="done", at=AT)
    assert batch.items.get() == item
