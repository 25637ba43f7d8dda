"""Mails go through a real SMTP talk; what becomes of each is kept, and dead ends are told."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Group
from django.test import Client

from tests.roles import give_group
from tests.vouchers.post_office import open_post_office
from tests.vouchers.story import AT, CLERK, an_enterprise, entries, refused, user_of
from vouchers import mailing, notices
from vouchers.models import MailChoice, Notice, NoticeDelivery

pytestmark = pytest.mark.django_db
NASTY = "甲<b>公司</b>\r\nBcc: all@example.org"


@pytest.fixture
def post(settings):
    with open_post_office(settings) as office:
        yield office


@pytest.fixture
def firm():
    """An enterprise that has not been told anything yet, whose administrator reads mail."""
    enterprise = an_enterprise()
    admin = enterprise.seats.get().user
    admin.email = "admin@firm.example"
    admin.save()
    NoticeDelivery.objects.update(state="waiting", next_at=AT + timedelta(days=900))
    return enterprise


def tell(firm, kind="enterprise_suspended", **facts):
    """Tell the firm something and return its one mail."""
    facts = {"name": firm.name, "reason": "核查"} | facts
    return notices.tell_enterprise(firm, kind, facts, about=firm, at=AT).deliveries.get()


def deliver(at=AT):
    return mailing.deliver_due(lambda: at)


def test_a_mail_says_in_text_and_html_what_the_inbox_says_and_cannot_be_bent(post, firm):
    delivery = tell(firm, reason=NASTY)
    assert deliver() == 1
    delivery.refresh_from_db()
    assert (delivery.state, delivery.attempts) == ("delivered", 1)
    assert delivery.tries.get().outcome == "delivered"
    ((to, _),) = post.taken
    (mail,) = post.mails
    assert to == "admin@firm.example"
    assert mail["Subject"] == "企业资格已暂停"
    assert mail["Bcc"] is None
    assert str(delivery.pk) in mail["Message-ID"]
    text = mail.get_body(("plain",)).get_content()
    page = mail.get_body(("html",)).get_content()
    assert "甲<b>公司</b>" in text
    assert "&lt;b&gt;" in page
    assert "<b>" not in page
    assert "http://127.0.0.1:8000/portal/" in text
    assert "<img" not in page
    assert deliver() == 0


def test_what_is_refused_for_good_is_told_and_not_tried_again(post, firm):
    clerk = user_of("王初审")
    give_group(clerk, Group.objects.get(name="reviewer"))
    post.answers["admin@firm.example"] = "550 no such user here"
    delivery = tell(firm)
    assert deliver() == 1
    delivery.refresh_from_db()
    assert delivery.state == "given_up"
    assert delivery.tries.get().answer == "550 no such user here"
    assert not post.taken
    person = firm.seats.get().user
    own = Notice.objects.get(kind="own_mail_dead")
    assert (own.scope, own.deliveries.count()) == (str(person.pk), 0)
    assert "550 no such user here" in Notice.objects.get(kind="mail_dead_end").body
    assert deliver(AT + timedelta(days=2)) == 0


def test_what_fails_for_now_is_tried_for_a_day_and_then_given_up(post, firm):
    post.answers["admin@firm.example"] = "451 try again later"
    delivery = tell(firm, "enterprise_verified")
    at, tried = AT, 0
    while tried <= len(mailing.PAUSES):
        assert deliver(at) == 1
        tried += 1
        delivery.refresh_from_db()
        if delivery.state == "given_up":
            break
        assert deliver(delivery.next_at - timedelta(seconds=1)) == 0
        at = delivery.next_at
    assert tried == len(mailing.PAUSES) + 1
    assert at - AT >= timedelta(hours=24)
    assert Notice.objects.filter(kind="own_mail_dead").count() == 1
    assert not Notice.objects.filter(kind="mail_dead_end").exists()  # nothing hangs on it
    # Sent again on demand, to the address that holds now.
    admin = firm.seats.get().user
    admin.email = "new@firm.example"
    admin.save()
    mailing.resend_delivery(delivery, actor=CLERK, at=at)
    assert entries("mail.resend") == 1
    with refused("mail_waiting"):
        mailing.resend_delivery(delivery, actor=CLERK, at=at)
    assert deliver(at) == 1
    assert post.taken[0][0] == "new@firm.example"
    delivery.refresh_from_db()
    assert (delivery.state, delivery.tries.count()) == ("delivered", tried + 1)


def test_a_dead_server_costs_one_try_and_the_mail_goes_when_it_is_back(settings, firm):
    with open_post_office(settings):
        port = settings.EMAIL_PORT
    first, second = tell(firm), tell(firm, "enterprise_verified")
    assert port == settings.EMAIL_PORT  # nobody listens there any more
    assert deliver() == 1
    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.state, first.attempts, second.attempts) == ("waiting", 1, 0)
    with open_post_office(settings) as office:
        assert deliver(AT + timedelta(minutes=2)) == 2
        assert len(office.taken) == 2


@pytest.mark.parametrize(
    "address",
    ["a@b.example\r\nBcc: x@y.example", "no address", "a@", "@b.example", "x y@b.example", "a@b\n"],
)
def test_an_address_that_is_none_is_refused_before_anything_is_sent(post, firm, address):
    delivery = tell(firm)
    NoticeDelivery.objects.filter(pk=delivery.pk).update(address=address)
    assert deliver() == 1
    delivery.refresh_from_db()
    assert delivery.state == "given_up"
    assert delivery.tries.get().answer == "邮箱地址不合规"
    assert not post.taken


def test_an_address_with_chinese_letters_or_of_full_length_is_carried(post, firm):
    long = f"{'a' * 64}@{'b' * 60}.{'c' * 60}.{'d' * 60}.{'e' * 60}.example"
    for address in ("user@例子.中国", long):
        delivery = tell(firm)
        NoticeDelivery.objects.filter(pk=delivery.pk).update(address=address)
    assert deliver() == 2
    assert [to for to, _ in post.taken] == ["user@xn--fsqu00a.xn--fiqs8s", long]


def test_a_worker_that_lost_its_claim_writes_nothing(post, firm):
    delivery = tell(firm)
    held = mailing._claim(AT)
    assert mailing._claim(AT) is None, "nobody else may take it while the lease lasts"
    NoticeDelivery.objects.update(lease_until=AT - timedelta(days=900), fence=7)
    again = mailing._claim(AT)
    assert (held.fence, again.fence) == (1, 8)
    assert not mailing.write_down(held, mailing.Answer("delivered"), AT)
    assert mailing.write_down(again, mailing.Answer("delivered"), AT)
    assert delivery.tries.count() == 1


# The pages ------------------------------------------------------------------------------------


def signed_in(user) -> Client:
    client = Client()
    client.force_login(user)
    return client


def test_an_enterprise_reads_its_messages_and_chooses_about_mail(firm):
    admin = firm.seats.get().user
    notice = tell(firm).notice
    client = signed_in(admin)
    page = client.get("/portal/messages/").content.decode()
    assert "企业资格已暂停" in page
    assert page.count("未读") >= 2
    before = notices.unread_count([("enterprise", str(firm.pk))], admin)
    assert "条</span></a>" in page
    one = client.get(f"/portal/messages/{notice.pk}/").content.decode()
    assert "资格已暂停。理由：核查。" in one
    assert notices.unread_count([("enterprise", str(firm.pk))], admin) == before - 1
    client.post("/portal/messages/read/")
    assert "没有未读消息" in client.get("/portal/messages/?show=unread").content.decode()
    client.post("/portal/messages/mail/", {"wanted": "0"})
    assert not MailChoice.objects.get().wanted
    assert "一般邮件已关闭" in client.get("/portal/messages/").content.decode()
    other = an_enterprise("91310107MAFAKE0270", "上海旁人科技有限公司").seats.get().user
    assert signed_in(other).get(f"/portal/messages/{notice.pk}/").status_code == 404


def test_the_bureau_sees_what_was_sent_and_sends_again(firm):
    clerk = user_of("王初审")
    clerk.email = "clerk@bureau.example"
    clerk.save()
    give_group(clerk, Group.objects.get(name="reviewer"))
    auditor = user_of("审计")
    give_group(auditor, Group.objects.get(name="auditor"))
    delivery = tell(firm)
    mailing.write_down(mailing._claim(AT), mailing.Answer("refused", "550 gone"), AT)
    client = signed_in(clerk)
    page = client.get("/office/messages/log/?state=failed&q=firm.example").content.decode()
    assert "封邮件未送达" in page
    assert "admin@firm.example" in page
    one = client.get(f"/office/messages/log/{delivery.pk}/").content.decode()
    assert "550 gone" in one
    assert "重新发送" in one
    seen = signed_in(auditor)
    assert "重新发送" not in seen.get(f"/office/messages/log/{delivery.pk}/").content.decode()
    again = f"/office/messages/log/{delivery.pk}/resend/"
    assert seen.post(again).status_code == 403
    assert client.post(again).status_code == 302
    assert client.post(again).status_code == 409
    assert "还没有" not in client.get("/office/messages/").content.decode()
