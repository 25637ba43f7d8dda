"""What people are told: written with its cause, once, to the right people, and never changed."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.contrib.auth.models import Group
from django.db import DatabaseError, connection, transaction
from django.urls import NoReverseMatch, reverse

from config.roles import ROLES
from ledger.identifiers import new_id
from tests.roles import give_group
from tests.vouchers.story import AT, an_enterprise, user_of
from vouchers import notices
from vouchers.models import Notice, NoticeDelivery, NoticeRead
from vouchers.notice_texts import TEXTS, Text, told

HELD = {right for rights in ROLES.values() for right in rights}


def leads_somewhere(text: Text) -> bool:
    """Say whether the page exists that a kind leads to."""
    try:
        return bool(not text.link or reverse(text.link, args=[new_id()] if text.about_link else []))
    except NoReverseMatch:
        return False


def test_every_kind_leads_to_a_page_that_exists():
    lost = [kind for kind, text in TEXTS.items() if not leads_somewhere(text)]
    assert lost in ([], ["mail_dead_end"])


def test_words_show_amounts_days_and_moments_as_people_read_them():
    words = told(
        "supplement_asked",
        {"application_no": "PTSLQ-2026-000001", "due_on": date(2026, 9, 15), "reason": "缺合同"},
    )
    assert words.subject == "申请 PTSLQ-2026-000001 需要补正，请于 2026年9月15日 前办理"
    assert words.body.endswith("缺合同。")
    issued = told("voucher_issued", {"face_fen": 12_345_678, "last_day": None})
    assert "123,456.78 元" in issued.body
    assert "可用到 —" in issued.body
    late = told("application_accepted", {"on": datetime(2026, 9, 1, 17, tzinfo=UTC)})
    assert "2026年9月2日 01:00" in late.body


def test_nothing_handed_in_can_break_a_subject_into_headers_or_fill_a_gap():
    nasty = "A\r\nBcc: all@example.org\x00{face_fen}"
    words = told("mail_dead_end", {"name": nasty * 20, "address": nasty})
    assert "\n" not in words.subject
    assert "\r" not in words.subject
    assert words.subject.isprintable()
    assert len(words.subject) <= 120
    assert "{face_fen}" in words.body


@pytest.mark.django_db
def test_an_enterprise_is_told_with_a_mail_for_each_of_its_people():
    firm = an_enterprise()
    before = Notice.objects.count()
    admin = firm.seats.get().user
    admin.email = "admin@firm.example"
    admin.save()
    clerk = user_of("经办")
    firm.seats.create(user=clerk, role="enterprise_clerk")
    gone = user_of("离职")
    firm.seats.create(user=gone, role="enterprise_clerk", active=False)
    facts = {"name": firm.name}
    notice = notices.tell_enterprise(firm, "enterprise_verified", facts, about=firm, at=AT)
    assert notice.subject == "企业信息已核验"
    assert notice.link == "/portal/"
    assert (notice.audience, notice.scope) == ("enterprise", str(firm.pk))
    mails = {each.user: (each.state, each.address) for each in notice.deliveries.all()}
    assert mails == {admin: ("waiting", "admin@firm.example"), clerk: ("no_address", "")}
    scopes = [("enterprise", str(firm.pk))]
    assert notices.unread_count(scopes, admin) == before + 1
    notices.mark_read([notice], admin, AT)
    notices.mark_read([notice], admin, AT + timedelta(days=1))
    assert notices.unread_count(scopes, admin) == before
    assert notices.unread_count(scopes, clerk) == before + 1
    assert NoticeRead.objects.get().at == AT


@pytest.mark.django_db
def test_whoever_switched_mail_off_still_gets_what_a_time_limit_hangs_on():
    firm = an_enterprise()
    admin = firm.seats.get().user
    admin.email = "admin@firm.example"
    admin.save()
    assert notices.wants_mail(admin)
    notices.choose_mail(admin, wanted=False, at=AT)
    assert not notices.wants_mail(admin)
    for kind, mails in (("enterprise_verified", 0), ("enterprise_suspended", 1)):
        notice = notices.tell_enterprise(firm, kind, {"name": "甲"}, about=firm, at=AT)
        assert notice.deliveries.count() == mails
    notices.choose_mail(admin, wanted=True, at=AT)
    notice = notices.tell_enterprise(firm, "enterprise_verified", {}, about=firm, at=AT)
    assert notice.deliveries.count() == 1


@pytest.mark.django_db
def test_holders_of_a_right_are_told_and_what_is_once_is_said_once():
    reviewer = user_of("王初审")
    give_group(reviewer, Group.objects.get(name="reviewer"))
    auditor = user_of("审计")
    give_group(auditor, Group.objects.get(name="auditor"))
    firm = an_enterprise()
    say = {"about": firm, "at": AT, "once": "mail:1"}
    notice = notices.tell_staff("vouchers.review_application", "case_withdrawn", {}, **say)
    assert [each.user for each in notice.deliveries.all()] == [reviewer]
    assert notices.tell_staff("vouchers.review_application", "case_withdrawn", {}, **say) is None
    assert Notice.objects.filter(kind="case_withdrawn").count() == 1


@pytest.mark.django_db
def test_without_mail_people_are_told_in_their_inbox_alone(settings):
    settings.MAIL = type(settings.MAIL)(on=False, files=None, sender="", site="")
    firm = an_enterprise()
    notices.tell_enterprise(firm, "enterprise_suspended", {}, about=firm, at=AT)
    assert Notice.objects.count() >= 1
    assert NoticeDelivery.objects.count() == 0


@pytest.mark.superuser
@pytest.mark.django_db
def test_the_database_keeps_what_was_told_and_where_a_mail_may_go():
    firm = an_enterprise()
    user = firm.seats.get().user
    notice = notices.tell_enterprise(firm, "enterprise_verified", {}, about=firm, at=AT)
    notices.mark_read([notice], user, AT)
    delivery = notice.deliveries.get()
    delivery.tries.create(number=1, at=AT, address="", outcome="refused")
    wrong = [
        *(f"UPDATE vouchers_{each} SET id = id" for each in ("notice", "noticeread")),
        "UPDATE vouchers_noticeattempt SET answer = 'x'",
        *(f"DELETE FROM vouchers_{each}" for each in ("noticeattempt", "noticeread")),
        "TRUNCATE vouchers_notice CASCADE",
        "UPDATE vouchers_noticedelivery SET state = 'delivered'",  # it has no address
        "UPDATE vouchers_noticedelivery SET state = 'lost'",
        "UPDATE vouchers_noticedelivery SET round_count = 5",
    ]
    for statement in wrong:
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)
