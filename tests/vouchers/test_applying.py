"""Draft, save, declare, attach, submit, supplement, withdraw: rows, log and refusals."""

from datetime import datetime, timedelta

import pytest

from ledger.identifiers import new_id
from tests.vouchers.story import (
    AT,
    CLERK,
    OTHER_USCC,
    a_draft,
    a_pdf,
    a_programme,
    admin_of,
    an_enterprise,
    entries,
    fill,
    member,
    propose,
    refused,
    submit,
    user_of,
)
from tests.vouchers.test_questions import CONTACT, ENTERPRISE, FILLED, NEED
from vouchers import applying, barring, enrolling, programming, reviewing
from vouchers.models import Application, StateRow

pytestmark = pytest.mark.django_db


def begin(enterprise=None, programme=None, at=AT):
    enterprise = enterprise or an_enterprise()
    return applying.start_draft(
        enterprise, programme or a_programme(), actor=admin_of(enterprise), at=at
    )


def save(draft, step, typed=None, version=None, actor=None):
    return applying.save_step(
        draft,
        step,
        FILLED[step] if typed is None else typed,
        version=draft.version if version is None else version,
        actor=actor or admin_of(draft.enterprise),
        at=AT,
    )


def test_beginning_again_goes_on_with_the_same_draft():
    draft = begin()
    again = applying.start_draft(
        draft.enterprise, draft.programme, actor=admin_of(draft.enterprise), at=AT
    )
    assert again == draft
    assert entries("application.start") == 1


def test_a_draft_may_be_prepared_before_the_window_and_belongs_to_it():
    draft = begin(at=datetime.fromisoformat("2026-06-20T10:00:00+08:00"))
    assert draft.window_no == 1


CLOSED = [
    ("2026-06-30T23:59:59+08:00", "2026-07-01 09:00"),
    ("2026-07-01T08:59:59.999+08:00", "2026-07-01 09:00"),
    ("2026-12-31T17:00:00+08:00", "2027-01-04 09:00"),
    ("2027-10-01T09:00:00+08:00", "没有后续申报窗口"),
]


@pytest.mark.parametrize(("moment", "words"), CLOSED)
def test_outside_the_window_nothing_is_submitted_and_the_draft_stays(moment, words):
    draft = a_draft()
    with refused("window_closed", words):
        submit(draft, at=datetime.fromisoformat(moment))


def test_after_the_last_window_nothing_is_begun():
    enterprise, programme = an_enterprise(), a_programme()
    with refused("window_closed", "没有后续"):
        begin(enterprise, programme, datetime.fromisoformat("2027-10-01T09:00:00+08:00"))


def test_a_draft_of_the_last_window_is_submitted_into_the_next():
    draft = a_draft()
    later = submit(draft, at=datetime.fromisoformat("2027-01-05T10:00:00+08:00"))
    assert later.window_no == 2


def test_while_paused_nothing_is_begun_or_submitted():
    draft = a_draft()
    programming.pause_programme(draft.programme, reason="升级", actor=CLERK, at=AT)
    with refused("programme_paused", "草稿已保留"):
        submit(draft)


def test_saving_a_page_keeps_answers_and_counts_the_version():
    draft = save(begin(), "contact")
    assert draft.version == 1
    assert draft.answers["contact"]["contact_phone"] == "13812345678"
    assert draft.saved_by == admin_of(draft.enterprise).name
    assert entries("application.save") == 1


def test_the_enterprise_page_becomes_facts_with_source_and_date():
    draft = save(begin(), "enterprise")
    facts = draft.enterprise.facts_at(AT)
    assert facts["employees"].value == 36
    assert facts["employees"].source == "self"
    assert facts["employees"].as_of.isoformat() == "2025-12-31"
    assert "as_of" not in facts


def test_saving_the_same_facts_again_writes_no_second_row():
    draft = save(begin(), "enterprise")
    count = draft.enterprise.facts.count()
    save(draft, "enterprise")
    assert draft.enterprise.facts.count() == count


def test_a_stale_tab_is_told_who_saved_what_and_writes_nothing():
    draft = save(begin(), "contact")
    with refused("stale_draft", "“联系人”由管理员0195保存"):
        save(draft, "contact", CONTACT | {"contact_name": "李四光"}, version=0)


def test_another_page_saved_meanwhile_does_not_make_a_page_stale():
    draft = save(begin(), "contact")
    assert save(draft, "project", version=0).version == 2


def test_a_draft_that_changed_since_it_was_checked_is_not_submitted():
    draft = a_draft()
    checked = draft.version
    save(draft, "need", NEED | {"requested_fen": "1.00"})
    with refused("stale_draft", "用算需求"):
        applying.submit_application(draft, version=checked, actor=admin_of(draft.enterprise), at=AT)


HIDDEN = ["state", "approved_fen", "owner", "enterprise_id", "window_no", "__proto__"]


@pytest.mark.parametrize("name", HIDDEN)
def test_a_field_the_page_does_not_have_is_refused(name):
    draft = begin()
    with refused("unknown_field", "内容没有保存"):
        save(draft, "contact", CONTACT | {name: "1000000000"})


def test_wrong_answers_are_refused_with_a_sentence_for_each_field():
    draft = begin()
    with pytest.raises(applying.gates.Refused) as refusal:
        save(draft, "enterprise", ENTERPRISE | {"employees": "很多", "industry": "软件"})
    assert set(refusal.value.details) == {"employees", "industry"}


def test_a_page_that_does_not_exist_is_refused():
    draft = begin()
    with refused("unknown_step"):
        save(draft, "bribes", {})


def declare(draft, accepted=None, digest=None):
    edition = draft.programme.edition
    return applying.accept_declaration(
        draft,
        [each.code for each in edition.declarations] if accepted is None else accepted,
        digest=applying.declaration_digest(edition) if digest is None else digest,
        version=draft.version,
        actor=admin_of(draft.enterprise),
        at=AT,
    )


def test_every_sentence_must_be_declared():
    draft = begin()
    with refused("declaration_missing", "逐项勾选"):
        declare(draft, ["TRUE_AND_COMPLETE"])
    assert declare(draft).answers["declaration"]["by"] == "管理员0195"


def test_sentences_changed_on_the_page_are_noticed():
    draft = begin()
    with refused("declaration_changed", "刷新页面"):
        declare(draft, digest="0" * 64)


def attach(draft, slot="licence", name="执照.pdf", content=None):
    return applying.attach_file(
        draft, slot, name, a_pdf() if content is None else content,
        actor=admin_of(draft.enterprise), at=AT,
    )  # fmt: skip


def test_a_file_is_kept_with_its_digest_and_replaced_by_a_new_one():
    draft = begin()
    first = attach(draft)
    second = attach(draft, name="新执照.pdf", content=a_pdf(2))
    assert list(draft.attachments.standing()) == [second]
    first.refresh_from_db()
    assert first.removed_at == AT
    assert second.pages == 2
    assert entries("application.attach") == 2


def test_the_same_file_twice_keeps_both_references():
    draft, content = begin(), a_pdf()
    one = attach(draft, "licence", content=content)
    two = attach(draft, "finance", content=content)
    assert one.sha256 == two.sha256
    assert one.stored_path != two.stored_path


def test_a_file_is_taken_out_and_its_row_stays():
    draft = begin()
    gone = applying.remove_attachment(attach(draft), actor=admin_of(draft.enterprise), at=AT)
    assert gone.removed_at == AT
    assert not draft.attachments.standing().exists()
    assert draft.attachments.count() == 1


def test_a_slot_that_is_not_asked_for_and_a_bad_file_are_refused():
    draft = begin()
    with refused("unknown_slot"):
        attach(draft, "photo")
    with refused("file_empty", "空的"):
        attach(draft, content=b"")


def test_a_hundred_uploads_are_enough(monkeypatch):
    draft = begin()
    monkeypatch.setattr("vouchers.drafting.MOST_UPLOADS", 2)
    attach(draft)
    attach(draft)
    with refused("too_many_files"):
        attach(draft)


def test_submission_gives_a_number_a_verdict_and_one_entry():
    done = submit(a_draft())
    assert done.state == "submitted"
    assert done.application_no == "PTSLQ-2026-000001"
    assert done.verdict["outcome"] == "passed"
    assert done.verdict["edition_digest"] == done.programme.digest
    assert len(done.verdict["criteria"]) == 13
    assert len(done.verdict_digest) == 64
    assert entries("application.submit") == 1


def test_the_verdict_keeps_the_facts_it_used():
    done = submit(a_draft())
    size = next(each for each in done.verdict["criteria"] if each["code"] == "C04")
    assert size["facts"][0]["value"] == "small"
    assert "软件和信息技术服务业" in size["facts"][0]["note"]


FAILING = [
    ({"enterprise": {"registered_district": "310115"}}, "C02"),
    ({"enterprise": {"tax_district": "310115"}}, "C03"),
    ({"enterprise": {"employees": "900", "revenue_fen": "90000"}}, "C04"),
    ({"enterprise": {"dishonest": "yes"}}, "C05"),
    ({"need": {"related_party": "yes"}}, "C07"),
    ({"need": {"card_hours": "1000", "requested_fen": "100.00"}}, "C09"),
    ({"need": {"ends_on": "2027-10-01"}}, "C10"),
    ({"need": {"requested_fen": "8800.01"}}, "C11"),
    ({"need": {"other_funding_fen": "5000.00"}}, "C11"),
]


@pytest.mark.parametrize(("changes", "code"), FAILING)
def test_what_does_not_fit_is_in_the_verdict_and_does_not_stop_the_submission(changes, code):
    done = submit(a_draft(**changes))
    failed = [each["code"] for each in done.verdict["criteria"] if each["outcome"] == "fail"]
    assert failed == [code]
    assert done.verdict["outcome"] == "failed"


def test_old_facts_are_flagged():
    done = submit(a_draft(enterprise={"as_of": "2025-08-31"}))
    assert done.verdict["outcome"] == "flagged"


def test_the_same_key_gives_the_same_receipt():
    draft, key = a_draft(), new_id()
    first = submit(draft, key=key)
    assert submit(draft, key=key).application_no == first.application_no
    with refused("already_submitted", first.application_no):
        submit(draft, key=new_id())


def test_an_incomplete_application_names_everything_that_is_missing():
    draft = save(begin(), "contact")
    with pytest.raises(applying.gates.Refused) as refusal:
        submit(draft)
    for title in ("企业基本信息", "用算项目说明", "营业执照", "承诺与授权"):
        assert title in refusal.value.message
    assert "联系人" not in refusal.value.message
    assert Application.objects.get().application_no is None


def test_only_an_administrator_of_the_enterprise_submits_or_withdraws():
    draft = a_draft()
    clerk = member(user_of("经办人"), "enterprise_clerk")
    enrolling.add_seat(draft.enterprise, user_of("经办人"), "enterprise_clerk", actor=CLERK, at=AT)
    stranger = admin_of(an_enterprise(OTHER_USCC, "别家公司"))
    for actor in (clerk, stranger):
        with refused("not_entitled", "企业管理员"):
            applying.submit_application(draft, version=draft.version, actor=actor, at=AT)
        with refused("not_entitled"):
            applying.withdraw_application(draft, actor=actor, at=AT)


def test_a_suspended_enterprise_neither_begins_nor_submits():
    draft = a_draft()
    barring.suspend_enterprise(draft.enterprise, reason="核查", actor=CLERK, at=AT)
    with refused("enterprise_suspended"):
        submit(draft)
    with refused("enterprise_suspended"):
        begin(draft.enterprise, draft.programme)


def test_one_enterprise_applies_once_in_a_window():
    done = submit(a_draft())
    with refused("already_applied", done.application_no):
        begin(done.enterprise, done.programme)


def test_after_withdrawing_one_may_apply_again():
    done = submit(a_draft())
    applying.withdraw_application(done, actor=admin_of(done.enterprise), at=AT)
    again = fill(begin(done.enterprise, done.programme), admin_of(done.enterprise))
    assert submit(again).application_no == "PTSLQ-2026-000002"


def test_what_was_handed_in_cannot_be_changed():
    done = submit(a_draft())
    for attempt in (
        lambda: save(done, "contact"),
        lambda: attach(done),
        lambda: declare(done),
        lambda: applying.remove_attachment(
            done.attachments.first(), actor=admin_of(done.enterprise), at=AT
        ),
    ):
        with refused("not_writable", "内容不能再改"):
            attempt()


def supplemented():
    done = reviewing.accept_application(submit(a_draft()), actor=CLERK, at=AT)
    return reviewing.first_review(done, "return", reason="请补充财务报表", actor=CLERK, at=AT)


def resubmit(application, at=AT):
    application.refresh_from_db()
    return applying.resubmit_application(
        application, version=application.version, actor=admin_of(application.enterprise), at=at
    )


def test_a_supplement_opens_the_pages_and_the_check_runs_again():
    waiting = supplemented()
    before = waiting.verdict_digest
    save(waiting, "need", NEED | {"card_hours": "5000", "requested_fen": "8000.00"})
    done = resubmit(waiting)
    assert done.state == "accepted"
    assert done.requested_fen == 800_000
    assert done.verdict_digest != before
    assert entries("application.resubmit") == 1


def test_a_supplement_in_time_is_one_until_the_end_of_its_last_day():
    waiting = supplemented()
    assert waiting.supplement_due_on.isoformat() == "2026-09-15"
    due_end = datetime.fromisoformat("2026-09-15T23:59:59+08:00")
    with refused("supplement_late", "2026-09-15"):
        resubmit(waiting, due_end + timedelta(seconds=1))
    assert resubmit(waiting, due_end).state == "accepted"


def test_withdrawing_ends_with_the_public_notice():
    done = propose(submit(a_draft()))
    reviewing.publish_notice([done], actor=CLERK, at=AT)
    with refused("wrong_state", "公示中"):
        applying.withdraw_application(done, actor=admin_of(done.enterprise), at=AT)


def test_the_history_tells_who_did_what():
    done = submit(a_draft())
    rows = list(StateRow.objects.of(done))
    assert [row.event_label for row in rows] == ["开始填写", "提交"]
    assert {row.actor_role for row in rows} == {"enterprise_admin"}
