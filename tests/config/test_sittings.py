"""How long somebody stays in, and what they must show before they go on."""

from dataclasses import replace

import pytest
from allauth.account.models import EmailAddress
from django.core.cache import cache
from django.test import Client

from config.confirming import confirmed_recently
from config.sessions import end_sessions
from tests.config.entry import CODE, PASSWORD, factor_of, officer, sign_in, someone, step

pytestmark = pytest.mark.django_db
OFFICE = "/office/books/"


@pytest.fixture(autouse=True)
def _no_counts():
    cache.clear()


@pytest.fixture
def entry(settings):
    def change(**more):
        settings.ENTRY = replace(settings.ENTRY, **more)

    return change


def test_an_idle_session_is_over_and_says_so(later):
    officer("chen", "approver")
    client = Client()
    sign_in(client, "chen", PASSWORD)
    assert client.get(OFFICE).status_code == 200
    later(minutes=14)
    assert client.get(OFFICE).status_code == 200
    later(minutes=15)
    assert client.get(OFFICE)["Location"].startswith("/login/?next=")
    assert "自动退出" in client.get("/login/").content.decode()


def test_no_session_of_the_bureau_outlasts_a_working_day(later):
    officer("chen", "approver")
    client = Client()
    sign_in(client, "chen", PASSWORD)
    client.get(OFFICE)
    for _ in range(48):
        later(minutes=10)
        last = client.get(OFFICE)
    assert last["Location"].startswith("/login/")


def test_i10_old_sessions_die_with_the_password_the_role_and_the_account():
    user = officer("chen", "approver")
    here, there = Client(), Client()
    for each in (here, there):
        sign_in(each, "chen", PASSWORD)
    new = "a-quite-other-horse-7"
    told = {"oldpassword": PASSWORD, "password1": new, "password2": new}
    assert here.post("/account/password/", told).status_code == 302
    assert here.get(OFFICE).status_code == 200
    assert there.get(OFFICE).status_code == 302
    end_sessions(user)
    assert here.get(OFFICE).status_code == 302
    sign_in(here, "chen", new)
    user.is_active = False
    user.save()
    assert here.get(OFFICE).status_code == 302


def test_i13_a_second_sign_in_of_a_bureau_account_ends_the_first(entry):
    entry(one_bureau_session=True)
    officer("chen", "approver")
    someone("li")
    for name, first_goes in (("chen", True), ("li", False)):
        first, second = Client(), Client()
        for each in (first, second):
            sign_in(each, name, PASSWORD)
        assert (first.get("/account/").status_code == 302) is first_goes
        assert second.get("/account/").status_code == 200
    told = second.get("/account/").content.decode()
    assert "正在使用" in told


def test_whoever_must_have_a_second_factor_does_nothing_before(entry):
    entry(second_factor=True)
    officer("chen", "approver")
    someone("li")
    client = Client()
    sign_in(client, "chen", PASSWORD)
    assert client.get(OFFICE)["Location"] == "/account/factor/"
    form = client.get("/account/factor/activate/")
    secret = client.session["mfa.totp.secret"]
    assert secret in form.content.decode()
    picture = client.get("/account/factor/code/")
    assert picture["Content-Type"] == "image/svg+xml"
    assert client.post("/account/factor/activate/", {"code": "000000x"}).status_code == 200
    done = client.post("/account/factor/activate/", {"code": step(secret)})
    assert done["Location"] == "/account/factor/recovery/"
    assert "恢复码" in client.get(done["Location"]).content.decode()
    assert client.get(OFFICE).status_code == 200
    assert client.get("/account/factor/code/").status_code == 404
    assert "必须使用双重验证" in client.post("/account/factor/deactivate/").content.decode()
    firm = Client()
    sign_in(firm, "li", PASSWORD)
    assert firm.get("/account/").status_code == 200, "an enterprise may do without"


def test_an_act_of_weight_asks_again_and_goes_on_after_the_answer(entry, later):
    entry(confirm_again_seconds=300)
    user = officer("chen", "approver")
    secret, _ = factor_of(user)
    client = Client()
    sign_in(client, "chen", PASSWORD)
    client.post(CODE, {"code": step(secret)})
    ask, told = "/office/books/ask/", {"reason": "已查清原因"}
    assert client.post(ask, told).status_code != 302 or "confirm" not in client.post(ask, told).url
    later(seconds=301)
    led = client.post(ask, told)
    assert led["Location"] == "/account/confirm/?next=%2Foffice%2Fbooks%2Fask%2F"
    assert client.post(led["Location"], {"password": "wrong"}).status_code == 200
    gone_on = client.post(led["Location"], {"password": PASSWORD})
    assert gone_on.status_code != 302 or "confirm" not in gone_on.url


def test_a_confirmed_address_is_no_way_to_confirm_again_and_breaks_none(entry, later):
    entry(confirm_again_seconds=300)
    user = someone("li", email="li@example.org")
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    client = Client()
    sign_in(client, "li", PASSWORD)
    later(seconds=301)
    led = client.get("/account/factor/activate/")
    assert led["Location"].startswith("/account/confirm/?next=")
    assert client.get(led["Location"]).status_code == 200


def test_a_session_of_ones_own_is_ended_and_nobody_elses():
    someone("li")
    someone("wang")
    here, there, other = Client(), Client(), Client()
    for each, name in ((here, "li"), (there, "li"), (other, "wang")):
        sign_in(each, name, PASSWORD)
    shown = here.get("/account/").context["sessions"]
    theirs = next(each["pk"] for each in other.get("/account/").context["sessions"])
    here.post("/account/sessions/end/", {"session": str(theirs)})
    assert other.get("/account/").status_code == 200
    mine = next(each["pk"] for each in shown if not each["here"])
    here.post("/account/sessions/end/", {"session": str(mine)})
    assert there.get("/account/").status_code == 302
    assert here.get("/account/").status_code == 200


def test_confirming_is_off_where_it_is_set_to_nothing(rf):
    assert confirmed_recently(rf.get("/"))
