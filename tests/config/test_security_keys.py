"""Security keys as a second factor: who may add, show and remove one, and what is told when not."""

from dataclasses import replace
from io import StringIO

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from django.core import mail
from django.core.cache import cache
from django.core.management import call_command
from django.test import Client
from django.urls import NoReverseMatch, reverse

from config.security_keys import MOST_KEYS
from tests.config.entry import CODE, PASSWORD, factor_of, officer, sign_in, someone, step
from tests.config.security_key import ADD, CONFIRM, HOST, SoftKey, key_of, question
from tests.racing import together

pytestmark = pytest.mark.django_db
OFFICE = "/office/books/"
CHOOSE = "/account/factor/"


@pytest.fixture(autouse=True)
def _no_counts():
    cache.clear()


@pytest.fixture
def entry(settings):
    def change(**more):
        settings.ENTRY = replace(settings.ENTRY, **more)

    return change


def browser(name=""):
    """A client at the address that keys are made for, past the password where a name is given."""
    client = Client(SERVER_NAME=HOST)
    if name:
        sign_in(client, name, PASSWORD)
    return client


def add(client, key, name="新密钥"):
    return client.post(ADD, {"name": name, "credential": key.add(question(client.get(ADD)))})


def remove(factor):
    return reverse("mfa_remove_webauthn", args=[factor.pk])


def test_whoever_must_have_a_factor_may_choose_a_key(entry):
    entry(second_factor=True)
    officer("chen", "approver")
    client = browser("chen")
    assert client.get(OFFICE)["Location"] == CHOOSE
    page = client.get(CHOOSE).content.decode()
    assert ADD in page
    assert "/account/factor/activate/" in page
    done = add(client, SoftKey(), "办公室的")
    assert done["Location"] == "/account/factor/recovery/"
    assert "恢复码" in client.get(done["Location"]).content.decode()
    assert client.get(OFFICE).status_code == 200
    shown = client.get("/account/").content.decode()
    assert "办公室的" in shown
    assert "还没有用过" in shown
    assert [each.subject for each in mail.outbox] == ["【普陀区算力券】已添加安全密钥"]
    assert "添加了一把安全密钥" in mail.outbox[0].body


def test_password_and_key_let_in_and_no_code_is_asked():
    user = someone("li")
    key, factor = key_of(user)
    client = browser("li")
    page = client.get(CODE)
    assert "使用安全密钥" in page.content.decode()
    assert "需要 JavaScript" in page.content.decode()
    assert "六位" not in page.content.decode()
    asked = question(page)
    assert [each["id"] for each in asked["allowCredentials"]] == [
        factor.data["credential"]["rawId"]
    ]
    assert client.post(CODE, {"credential": key.show(asked)})["Location"] == "/enter/"
    assert "最近使用" in client.get("/account/").content.decode()


def test_a_key_stands_beside_the_code_and_recovery_codes_work_without_script():
    user = someone("li")
    secret, recovery = factor_of(user)
    for_code = browser("li")
    assert "安全密钥" not in for_code.get(CODE).content.decode(), "there is none yet"
    key_of(user)
    page = for_code.get(CODE).content.decode()
    assert "使用安全密钥" in page
    assert "六位验证码" in page
    assert for_code.post(CODE, {"code": step(secret)}).status_code == 302
    assert browser("li").post(CODE, {"code": recovery[0]}).status_code == 302


def test_a_key_alone_opens_nothing():
    someone("li")
    assert browser().get(CODE)["Location"].startswith("/login/")
    for name in ("mfa_login_webauthn", "mfa_signup_webauthn"):
        with pytest.raises(NoReverseMatch):
            reverse(name)


def test_the_last_factor_of_somebody_who_must_have_one_stays(entry):
    entry(second_factor=True)
    user = officer("chen", "approver")
    (key, factor), client = key_of(user), browser("chen")
    client.post(CODE, {"credential": key.show(question(client.get(CODE)))})
    for answer in (client.get(remove(factor)), client.post(remove(factor))):
        assert "必须使用双重验证" in answer.content.decode()
    factor_of(user)
    assert client.post(remove(factor)).status_code == 302
    assert "必须使用双重验证" in client.post("/account/factor/deactivate/").content.decode()
    key_of(user)
    assert client.post("/account/factor/deactivate/").status_code == 302
    assert [each.type for each in user.authenticator_set.order_by("type")] == [
        "recovery_codes", "webauthn",
    ]  # fmt: skip
    assert [each.subject for each in mail.outbox] == [
        "【普陀区算力券】已移除安全密钥", "【普陀区算力券】已停用验证器",
    ]  # fmt: skip


def test_others_may_remove_their_last_key_and_its_recovery_codes_go_with_it():
    user = someone("li")
    client = browser("li")
    add(client, SoftKey())
    assert user.authenticator_set.count() == 2
    assert client.post(remove(user.authenticator_set.get(type="webauthn"))).status_code == 302
    assert not user.authenticator_set.exists()


def test_a_key_gets_another_name_and_nobody_elses_is_met():
    _, mine = key_of(someone("li"))
    _, theirs = key_of(someone("wang"))
    client = Client(SERVER_NAME=HOST)
    client.force_login(mine.user)
    where = reverse("mfa_edit_webauthn", args=[mine.pk])
    for wrong in ("", "  ", "长" * 41, "a\0b"):
        assert client.post(where, {"name": wrong}).status_code == 200, wrong
    assert client.post(where, {"name": "<b>抽屉</b>"}).status_code == 302
    assert "&lt;b&gt;抽屉" in client.get("/account/").content.decode()
    for number in (theirs.pk, 10**30):
        for name in ("mfa_edit_webauthn", "mfa_remove_webauthn"):
            other = reverse(name, args=[number])
            assert client.get(other).status_code == client.post(other).status_code == 404
    assert Authenticator.objects.get(pk=theirs.pk).data["name"] == "常用密钥"


def test_a_key_is_kept_once_whoever_has_it_and_ten_are_enough():
    key = SoftKey()
    li, wang = someone("li"), someone("wang")
    client, other = browser("li"), browser("wang")
    assert add(client, key).status_code == 302
    assert "已经登记过" in add(client, key).content.decode()
    assert "已经登记过" in add(other, key).content.decode()
    for _ in range(MOST_KEYS - 1):
        key_of(li)
    assert "最多登记 10 把" in add(client, SoftKey()).content.decode()
    assert (li.authenticator_set.filter(type="webauthn").count(), wang.authenticator_set.count()) \
        == (MOST_KEYS, 0)  # fmt: skip


def test_adding_renaming_and_removing_ask_again_and_a_key_is_an_answer(entry, later):
    entry(confirm_again_seconds=300)
    user = officer("chen", "approver")
    key, factor = key_of(user)
    RecoveryCodes.activate(user)
    client = browser("chen")
    client.post(CODE, {"credential": key.show(question(client.get(CODE)))})
    later(seconds=301)
    for where in (ADD, remove(factor), reverse("mfa_edit_webauthn", args=[factor.pk])):
        for ask in (client.get, client.post):
            assert ask(where)["Location"].startswith("/account/confirm/?next=%2Faccount")
    led = client.post("/office/books/ask/", {"reason": "已查清原因"})
    page = client.get(led["Location"]).content.decode()
    by_key = f"{CONFIRM}?next=%2Foffice%2Fbooks%2Fask%2F"
    assert by_key in page
    assert "改用安全密钥" in page
    assert "改用恢复码" in page
    wrong = client.post(by_key, {"credential": SoftKey().show(question(client.get(by_key)))})
    assert "没有登记在您的账号下" in wrong.content.decode()
    gone_on = client.post(by_key, {"credential": key.show(question(wrong))})
    assert gone_on.status_code != 302 or "confirm" not in gone_on.url
    assert client.get(ADD).status_code == 200


def test_without_a_password_the_key_is_asked_for_first(entry, later):
    entry(confirm_again_seconds=300)
    user = someone("li")
    user.set_unusable_password()
    user.save()
    client = Client(SERVER_NAME=HOST)
    client.force_login(user)
    key_of(user)
    factor_of(user)
    later(seconds=301)
    led = client.get(ADD)
    assert led["Location"].startswith(CONFIRM)
    assert "改用验证器的六位验证码" in client.get(led["Location"]).content.decode()


@pytest.mark.django_db(transaction=True)
def test_two_requests_at_once_do_not_take_off_both_factors(entry):
    entry(second_factor=True)
    call_command("sync_roles", verbosity=0, stdout=StringIO())
    user = officer("chen", "approver")
    keys = [key_of(user)[1] for _ in range(2)]
    browsers = [browser(), browser()]
    for each in browsers:
        each.force_login(user)
    pairs = zip(browsers, keys, strict=True)
    answers = together(*(lambda b=b, k=k: str(b.post(remove(k)).status_code) for b, k in pairs))
    assert answers == {"302": 1, "200": 1}
    assert user.authenticator_set.count() == 1
