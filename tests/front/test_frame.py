"""The frame around every page: skip link, ribbon, text size, errors in plain words."""

import json

import pytest
from django.contrib.auth.models import Group
from django.template.loader import render_to_string
from django.urls import URLPattern, get_resolver

from tests.roles import give_group

ERRORS = ["400", "403", "404", "409", "500"]


@pytest.mark.django_db
@pytest.mark.parametrize("page", ["/login/", "/public/accessibility/", "/public/privacy/"])
def test_a_public_page_has_one_heading_and_a_way_past_the_frame(client, page: str) -> None:
    html = client.get(page).content.decode()
    assert html.count("<h1") == 1
    assert 'href="#main"' in html
    assert 'lang="zh-CN"' in html
    assert "咨询电话" in html


@pytest.mark.django_db
def test_large_text_is_remembered_and_undone(client) -> None:
    answer = client.post("/display/text-size/", {"large": "1", "next": "/public/privacy/"})
    assert answer.headers["Location"] == "/public/privacy/"
    assert 'class="large-text"' in client.get("/public/privacy/").content.decode()
    client.post("/display/text-size/", {"large": "0", "next": "/public/privacy/"})
    assert 'class="large-text"' not in client.get("/public/privacy/").content.decode()


@pytest.mark.django_db
@pytest.mark.parametrize("back", ["https://evil.example/", "//evil.example", "javascript:alert(1)"])
def test_the_switch_never_leads_out_of_the_house(client, back: str) -> None:
    assert client.post("/display/text-size/", {"next": back}).headers["Location"] == "/"


def test_the_switch_is_not_thrown_by_a_link(client) -> None:
    assert client.get("/display/text-size/").status_code == 405


@pytest.mark.django_db
def test_a_wrong_password_and_an_unknown_name_get_the_same_words(client, django_user_model) -> None:
    django_user_model.objects.create_user("li", password="right-horse-9", person_hash="p")
    answers = [
        client.post("/login/", {"login": name, "password": "wrong"}).content.decode()
        for name in ("li", "nobody")
    ]
    messages = ["用户名或密码不正确" in each for each in answers]
    assert messages == [True, True]
    assert all("错误：" in each for each in answers)


@pytest.mark.django_db
def test_the_demonstration_lists_its_logins_and_nothing_else_does(client, settings) -> None:
    folder = settings.VAR_DIR / "demo"
    folder.mkdir()
    logins = [{"username": "wang", "password": "demo-pass", "role": "企业经办人"}]
    (folder / "summary.json").write_text(json.dumps({"logins": logins}), encoding="utf-8")
    settings.DEMO_MODE = False
    assert "demo-pass" not in client.get("/login/").content.decode()
    settings.DEMO_MODE = True
    shown = client.get("/login/").content.decode()
    assert "demo-pass" in shown
    assert "演示环境" in shown


@pytest.mark.parametrize("code", ERRORS)
def test_an_error_page_says_what_became_of_the_data(code: str) -> None:
    html = render_to_string(f"{code}.html")
    assert any(word in html for word in ("没有变化", "什么都没有改变", "都在"))
    assert "12345" in html
    assert code not in html.split("<main")[1].split("</main>")[0]


def test_a_refusal_is_told_with_its_clause() -> None:
    refused = {"message": "余额不足：请减少数量。", "clause": "第 8 条", "code": "no_funds"}
    html = render_to_string("refused.html", {"refused": refused})
    assert "余额不足：请减少数量。" in html
    assert "第 8 条" in html
    assert "no_funds" in html


def test_the_page_for_our_own_faults_asks_nothing_of_the_database(rf) -> None:
    request = rf.get("/portal/")
    html = render_to_string("500.html", {}, request)  # no database mark: a query would fail
    assert "服务出了问题" in html


@pytest.mark.django_db
def test_everybody_is_led_to_their_own_desk(client, django_user_model) -> None:
    clerk = django_user_model.objects.create_user("li", person_hash="p1")
    give_group(clerk, Group.objects.get(name="reviewer"))
    firm = django_user_model.objects.create_user("wang", person_hash="p2")
    desks = {}
    for person in (clerk, firm):
        client.force_login(person)
        desks[person.username] = client.get("/enter/").headers["Location"]
    assert desks == {"li": "/office/", "wang": "/portal/"}


@pytest.mark.django_db
def test_a_stranger_is_asked_to_sign_in_first(client) -> None:
    assert client.get("/enter/").headers["Location"].startswith("/login/")


def test_no_two_pages_share_a_name() -> None:
    names = [
        each.name
        for each in every_pattern(get_resolver().url_patterns)
        if isinstance(each.name, str)
    ]
    assert not {each for each in names if names.count(each) > 1}


def every_pattern(patterns) -> list[URLPattern]:
    found = []
    for each in patterns:
        inside = getattr(each, "url_patterns", None)
        found += every_pattern(inside) if inside is not None else [each]
    return found


@pytest.mark.django_db
def test_a_reader_chooses_english_and_goes_back(client) -> None:
    answer = client.post("/display/language/", {"speak": "en", "next": "/public/privacy/"})
    assert answer.headers["Location"] == "/public/privacy/"
    english = client.get("/public/privacy/")
    assert '<html lang="en"' in english.content.decode()
    assert "Skip to main content" in english.content.decode()
    assert english.headers["Content-Language"] == "en"
    client.post("/display/language/", {"speak": "zh", "next": "/public/privacy/"})
    assert '<html lang="zh-CN"' in client.get("/public/privacy/").content.decode()


@pytest.mark.django_db
@pytest.mark.parametrize("asked", ["en-US,en;q=0.9", "*" * 10_240, "zh;q=x,\x00", ";;;,,,q=1"])
def test_what_a_browser_would_accept_never_changes_the_language(client, asked: str) -> None:
    for cookie in ("", "zh", "xx" * 2000):
        client.cookies["language"] = cookie
        html = client.get("/public/privacy/", headers={"accept-language": asked}).content.decode()
        assert '<html lang="zh-CN"' in html
