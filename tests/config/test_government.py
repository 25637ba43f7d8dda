"""The government identity: a real issuer over HTTP, the whole flow, and false answers."""

import threading
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from allauth.socialaccount.models import SocialAccount
from django.core.cache import cache
from django.test import Client

from config.entry import sign_in_settings
from config.models import BindingAppeal, User
from config.persons import person_of
from deploy.issuer import PEOPLE, Issuer
from tests.config.entry import officer, someone
from tests.vouchers import story
from vouchers.models import Enterprise

pytestmark = pytest.mark.django_db
SIGN_IN = "/account/identity/government/"


@pytest.fixture(scope="module")
def running():
    with Issuer(("127.0.0.1", 0)) as made:
        thread = threading.Thread(target=made.serve_forever, args=(0.05,))
        thread.start()
        yield made
        made.shutdown()
        thread.join()


@pytest.fixture
def issuer(running, settings):
    cache.clear()
    running.faults.clear()
    settings.ENTRY = replace(
        settings.ENTRY, issuer=running.address, client_id="shuanli", client_secret="secret"
    )
    told = sign_in_settings(settings.ENTRY, confirm=False, encrypted=False)
    settings.SOCIALACCOUNT_PROVIDERS = told["SOCIALACCOUNT_PROVIDERS"]
    return running


def leave(client):
    """Press the button; return what the issuer is asked."""
    led = client.post(SIGN_IN)
    assert led.status_code == 302, led.content.decode()[:2000]
    return led["Location"]


def agree(asked, person):
    """Agree at the issuer as somebody; return the way back."""
    return httpx.get(f"{asked}&as={person}").headers["location"]


def come(client, person="zhang"):
    back = urlsplit(agree(leave(client), person))
    return client.get(f"{back.path}?{back.query}")


def test_the_question_carries_state_nonce_and_a_challenge(issuer):
    asked = parse_qs(urlsplit(leave(Client())).query)
    assert asked["code_challenge_method"] == ["S256"]
    assert all(len(asked[name][0]) >= 16 for name in ("state", "nonce", "code_challenge"))


def test_a_legal_person_comes_and_binds_its_enterprise(issuer):
    client = Client()
    assert come(client)["Location"] == "/portal/binding/"
    user = User.objects.get()
    assert user.person_hash == person_of(PEOPLE["zhang"]["id_number"])
    assert not user.has_usable_password()
    shown = client.get("/portal/binding/").content.decode()
    assert PEOPLE["zhang"]["org_name"] in shown
    assert client.post("/portal/binding/")["Location"] == "/portal/"
    assert Enterprise.objects.get().seats.get().user == user
    again = Client()
    assert come(again)["Location"] == "/portal/binding/"
    assert again.get("/portal/binding/")["Location"] == "/portal/"
    assert User.objects.count() == 1
    kept = str(list(SocialAccount.objects.values_list("extra_data", flat=True)))
    assert PEOPLE["zhang"]["id_number"] not in kept


def test_an_enterprise_that_others_bound_shows_a_masked_name_and_takes_an_appeal(issuer):
    enterprise = story.a_voucher().enterprise
    Enterprise.objects.filter(pk=enterprise.pk).update(uscc=PEOPLE["zhang"]["org_uscc"])
    holder = enterprise.seats.first().user
    User.objects.filter(pk=holder.pk).update(display_name="王经办")
    client = Client()
    come(client)
    shown = client.get("/portal/binding/").content.decode()
    assert "企业已由他人绑定" in shown
    assert "王＊＊" in shown
    assert "王经办" not in shown
    assert client.post("/portal/binding/", {"statement": "短"}).status_code == 409
    client.post("/portal/binding/", {"statement": "本人是法定代表人，没有委托过此人"})
    appeal = BindingAppeal.objects.get()
    assert appeal.assured
    bureau = Client()
    bureau.force_login(officer("chen", "reviewer"))
    assert appeal.statement in bureau.get("/office/standing/appeals/").content.decode()
    answer = {"upheld": "1", "answer": "已核对营业执照和身份证件原件"}
    bureau.post(f"/office/standing/appeals/{appeal.pk}/", answer)
    assert enterprise.seats.filter(user=appeal.user, active=True).exists()


def test_the_same_natural_person_keeps_the_account_they_have(issuer):
    mine = someone("zhangsan", person_hash=person_of(PEOPLE["li"]["id_number"]))
    client = Client()
    assert come(client, "li")["Location"] == "/enter/"
    assert User.objects.get() == mine


def test_an_officer_does_not_come_in_past_the_second_factor(issuer):
    officer("chen", "approver", person_hash=person_of(PEOPLE["li"]["id_number"]))
    client = Client()
    assert "没有登录成功" in come(client, "li").content.decode()
    assert client.get("/account/").status_code == 302


@pytest.mark.parametrize("fault", ["nonce", "signature", "issuer"])
def test_a_false_identity_token_lets_nobody_in(issuer, fault):
    issuer.faults.add(fault)
    client = Client()
    assert "没有登录成功" in come(client).content.decode()
    assert not User.objects.exists()


def test_an_answer_that_is_not_this_browsers_or_comes_twice_lets_nobody_in(issuer):
    asked = leave(Client())
    back = urlsplit(agree(asked, "zhang"))
    stranger = Client()
    answers = [
        stranger.get(f"{back.path}?{back.query}"),
        stranger.get(f"{back.path}?code=made-up&state=made-up"),
        stranger.get(f"{back.path}?error=access_denied"),
    ]
    assert all("没有登录成功" in each.content.decode() for each in answers)
    client = Client()
    back = urlsplit(agree(leave(client), "zhang"))
    assert client.get(f"{back.path}?{back.query}").status_code == 302
    other = Client()
    assert "没有登录成功" in other.get(f"{back.path}?{back.query}").content.decode()
    assert User.objects.count() == 1


def test_a_scope_or_parameter_of_a_link_changes_nothing(issuer):
    led = Client().post(f"{SIGN_IN}?auth_params=nonce%3Dmine%26prompt%3Dnone&scope=admin")
    asked = parse_qs(urlsplit(led["Location"]).query)
    assert asked["nonce"] != ["mine"]
    assert "prompt" not in asked
    assert "admin" not in asked["scope"][0]


def test_without_an_issuer_there_is_no_such_way_in(client):
    assert client.get(SIGN_IN).status_code == 404
    assert "法人登录" not in client.get("/login/").content.decode()
