"""Signing in: what a wrong, strange or hostile attempt gets (reliability 4.9)."""

import re
import time
from dataclasses import replace
from datetime import timedelta

import pytest
from allauth.account.models import EmailAddress
from django.core import mail
from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.test import Client
from django.utils.module_loading import import_string

from config.entry import password_rules
from config.models import User
from config.persons import person_of
from ledger import clock
from tests.config.entry import CODE, PASSWORD, factor_of, officer, sign_in, someone, step

pytestmark = pytest.mark.django_db
GENERIC = "用户名或密码不正确"
TOO_MANY = "尝试次数过多"
TOKEN = re.compile(r'value="[0-9A-Za-z]{64}"')
IDENTITY = "11010519491231002X"


@pytest.fixture(autouse=True)
def _no_counts(settings):
    cache.clear()
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"


def test_i1_after_five_wrong_passwords_even_the_right_one_waits_and_the_owner_is_told(client):
    someone("li", email="li@example.org")
    answers = [sign_in(client, "li", "wrong-wrong-1").content.decode() for _ in range(5)]
    assert all(GENERIC in each for each in answers)
    assert TOO_MANY in sign_in(client, "li", PASSWORD).content.decode()
    assert [each.to for each in mail.outbox] == [["li@example.org"]]
    assert "多次登录失败" in mail.outbox[0].subject
    someone("wang")
    assert sign_in(client, "wang", PASSWORD).status_code == 302, "only this account waits"


def test_i2_an_unknown_name_gets_the_same_answer(client):
    someone("wangming1")
    bodies = {
        TOKEN.sub("", sign_in(client, name, "wrong-wrong-1").content.decode()).replace(name, "")
        for name in ("wangming1", "wangming2")
    }
    assert len(bodies) == 1
    assert all(GENERIC in each for each in bodies)


def test_i3_many_people_behind_one_address_all_come_in():
    for number in range(40):
        someone(f"u{number}")
    assert {sign_in(Client(), f"u{n}", PASSWORD).status_code for n in range(40)} == {302}


@pytest.mark.parametrize(
    "password", ["x" * 129, "x" * 1_000_000, "a\0" + PASSWORD, "Ｐ" + PASSWORD[1:], ""]
)
def test_i5_a_strange_password_is_only_wrong_and_costs_nothing(client, password):
    someone("li")
    began = time.process_time()
    answer = sign_in(client, "li", password)
    assert answer.status_code == 200
    assert GENERIC in answer.content.decode()
    assert time.process_time() - began < 1


def test_i6_i7_a_code_counts_once_and_ten_wrong_ones_lock_the_factor_alone(client):
    user = someone("li")
    secret, recovery = factor_of(user)
    assert sign_in(client, "li", PASSWORD)["Location"] == "/account/factor/sign-in/"
    assert client.get("/account/")["Location"].startswith("/login/"), "not in yet"
    code = step(secret)
    assert client.post(CODE, {"code": code})["Location"] == "/enter/"
    again = Client()
    sign_in(again, "li", PASSWORD)
    for wrong in (code, step(secret, -1), step(secret, +40), "000000x"):
        assert again.post(CODE, {"code": wrong}).status_code == 200, wrong
    assert again.post(CODE, {"code": recovery[0]}).status_code == 302
    third = Client()
    sign_in(third, "li", PASSWORD)
    assert third.post(CODE, {"code": recovery[0]}).status_code == 200, "used"
    for _ in range(10):
        third.post(CODE, {"code": "111111"})
    assert third.post(CODE, {"code": recovery[1]}).status_code in {200, 429}, "the factor waits"
    assert sign_in(Client(), "li", PASSWORD).status_code == 302, "the password does not"


def test_i9_a_reset_password_still_asks_for_the_factor(client):
    user = someone("li", email="li@example.org")
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    factor_of(user)
    sent = [
        client.post("/account/password/reset/", {"email": each})["Location"]
        for each in ("li@example.org", "nobody@example.org")
    ]
    assert sent[0] == sent[1]
    link = next(w for w in mail.outbox[0].body.split() if "/reset/key/" in w)
    form = client.get(link.replace("http://testserver", ""), follow=True)
    new = "a-quite-other-horse-7"
    done = client.post(form.request["PATH_INFO"], {"password1": new, "password2": new})
    assert done["Location"] == "/account/password/reset/key/done/"
    assert sign_in(client, "li", new)["Location"] == "/account/factor/sign-in/"


def test_i11_the_session_of_before_is_not_the_session_of_after(client):
    someone("li")
    client.get("/login/?next=/portal/")
    client.cookies["session"] = "chosen-by-somebody-else"
    sign_in(client, "li", PASSWORD)
    assert client.cookies["session"].value != "chosen-by-somebody-else"


@pytest.mark.parametrize(
    ("wanted", "led"),
    [
        ("//evil.example", "/enter/"),
        ("https://evil.example/", "/enter/"),
        ("javascript:alert(1)", "/enter/"),
        ("/\\evil.example", "/enter/"),
        ("/public/notices/", "/public/notices/"),
    ],
)
def test_i14_only_addresses_of_the_house_are_followed(client, wanted, led):
    someone("li")
    assert sign_in(client, "li", PASSWORD, next=wanted)["Location"] == led


def test_i15_an_address_that_somebody_claims_does_not_share_out_the_limit(client, settings):
    settings.ACCOUNT_RATE_LIMITS = {"login_failed": "3/m/ip"}
    for number in range(3):
        sign_in(client, f"nobody{number}", "x", HTTP_X_FORWARDED_FOR=f"203.0.113.{number}")
    last = sign_in(client, "nobody", "x", HTTP_X_FORWARDED_FOR="203.0.113.99")
    assert TOO_MANY in last.content.decode()


@pytest.mark.parametrize("name", ["LI", "ｌｉ", "lі", "li ", "l", "1li", "li/../x", "li‮"])
def test_i19_no_name_can_be_made_that_looks_like_another(client, name):
    someone("li")
    answer = sign_up(client, name)
    assert answer.status_code == 200
    assert User.objects.count() == 1


def sign_up(client, name, identity=IDENTITY, password="eine-lange-bruecke-42"):
    told = {
        "username": name,
        "display_name": "王五",
        "identity": identity,
        "email": "w@example.org",
    }
    return client.post("/account/signup/", told | {"password1": password, "password2": password})


def test_an_account_is_opened_with_the_digest_of_a_person_and_a_confirmed_address(client):
    assert sign_up(client, "wangwu", identity="110105194912310021").status_code == 200
    assert sign_up(client, "wangwu", password="putuo-shanghai-1").status_code == 200
    assert not User.objects.exists()
    assert sign_up(client, "wangwu").status_code == 302
    user = User.objects.get()
    assert (user.person_hash, user.display_name) == (person_of(IDENTITY), "王五")
    assert IDENTITY not in str(User.objects.values().get())
    assert not sign_in(client, "wangwu", "eine-lange-bruecke-42")["Location"].startswith("/enter")
    link = next(w for w in mail.outbox[0].body.split() if "/email/confirm/" in w)
    client.post(link.replace("http://testserver", ""))
    assert sign_in(Client(), "wangwu", "eine-lange-bruecke-42")["Location"] == "/enter/"


def test_secrets_of_a_second_factor_do_not_lie_open(client):
    user = officer("chen", "approver")
    secret, recovery = factor_of(user)
    kept = str(list(user.authenticator_set.values_list("data", flat=True)))
    assert secret not in kept
    assert recovery[0] not in kept


def test_graded_passwords_need_three_kinds_and_age(client, settings):
    user = someone("li")
    client.force_login(user)
    settings.ENTRY = replace(settings.ENTRY, graded_passwords=True)
    for changed, led in (
        (clock.now(), "/portal/enroll/"),
        (clock.now() - timedelta(days=91), "/account/password/"),
        (None, "/account/password/"),
    ):
        User.objects.filter(pk=user.pk).update(password_changed_at=changed)
        assert client.get("/portal/")["Location"] == led
    rules = [import_string(each["NAME"])() for each in password_rules(graded=True)[4:]]
    plain = "onlysmallletters"
    refused = [each for each in rules if _refuses(each, plain)]
    assert [type(each).__name__ for each in refused] == ["ThreeKinds"]


def _refuses(rule, password):
    try:
        rule.validate(password)
    except ValidationError:
        return True
    return False
