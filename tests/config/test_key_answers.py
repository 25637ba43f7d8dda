"""What comes as the answer of a key: wrong, stale, hostile, and never a fault of ours."""

import json
from dataclasses import replace
from functools import partial

import pytest
from django.core.cache import cache
from django.test import Client
from fido2.utils import websafe_decode, websafe_encode

from config.security_keys import LONGEST_ANSWER
from tests.config.entry import CODE, PASSWORD, sign_in, someone
from tests.config.security_key import ADD, CONFIRM, HOST, SoftKey, key_of, question

pytestmark = pytest.mark.django_db
STALE, ELSEWHERE, BROKEN = "验证已经失效", "在另一个网址下", "无法识别"
NOT_YOURS, REFUSED, MISSING = "没有登记在您的账号下", "没有通过验证", "没有收到"
DOORS = (ADD, CODE, CONFIRM)
ASKED_FOR_ANOTHER = {"challenge": websafe_encode(b"x" * 32)}


def altered(text, **response):
    """An answer with some of its parts replaced."""
    told = json.loads(text)
    told["response"] |= response
    return json.dumps(told)


def signed_by_another(key, asked):
    return replace(SoftKey(), number=key.number).show(asked)


def taken_for_the_other(key, asked):
    return key.show(asked) if "rp" in asked else key.add(asked)


def cut_short(key, asked):
    part = "attestationObject" if "rp" in asked else "authenticatorData"
    text = honest(key, asked)
    whole = websafe_decode(json.loads(text)["response"][part])
    return altered(text, **{part: websafe_encode(whole[:-7])})


def honest(key, asked):
    return key.add(asked) if "rp" in asked else key.show(asked)


#: What is wrong -> how an honest answer comes to be so, the sentence for it, and where.
WRONG = {
    "asked by another site": (
        lambda key, asked: honest(replace(key, origin="https://evil.example"), asked),
        ELSEWHERE, DOORS,
    ),
    "without https": (
        lambda key, asked: honest(replace(key, origin="http://vouchers.example"), asked),
        ELSEWHERE, DOORS,
    ),
    "made for another host": (
        lambda key, asked: honest(replace(key, host="evil.example"), asked), ELSEWHERE, DOORS,
    ),
    "an answer to another question": (
        lambda key, asked: honest(key, asked | ASKED_FOR_ANOTHER), STALE, DOORS,
    ),
    "an unknown key": (
        lambda key, asked: SoftKey().show(asked), NOT_YOURS, (CODE, CONFIRM),
    ),
    "a forged signature": (signed_by_another, REFUSED, (CODE, CONFIRM)),
    "the answer of the other page": (taken_for_the_other, BROKEN, DOORS),
    "cut short": (cut_short, BROKEN, DOORS),
}  # fmt: skip
GARBAGE = [
    "", "{", "null", "0", "[]", "{}", "nul\0", '"text"', "NaN", "9" * 5_000, "[" * 50_000,
    '{"rawId": 1000000000000, "response": {}}', '{"rawId": [1], "response": {}}',
    '{"rawId": "é", "response": {}}', '{"rawId": "A", "response": {}}',
    '{"rawId": "AA", "response": []}', '{"rawId": "AA", "response": {}}',
    '{"rawId": "AA", "response": {"clientDataJSON": "AA", "attestationObject": "AA"}}',
    '{"rawId": "AA", "response": {"clientDataJSON": "e30", "attestationObject": "oA"}}',
    '{"rawId": "AA", "response": {"clientDataJSON": "bnVsbA", "authenticatorData": "AA"}}',
    '{"rawId": "\\u0000", "response": {"clientDataJSON": "\\ud800"}}',
    "x" * (LONGEST_ANSWER + 1),
]  # fmt: skip


@pytest.fixture(autouse=True)
def _no_counts():
    cache.clear()


def at(door, user):
    """A browser of somebody in front of the page that asks."""
    client = Client(SERVER_NAME=HOST, raise_request_exception=True)
    if door == CODE:
        sign_in(client, user.username, PASSWORD)
    else:
        client.force_login(user)
    return client


@pytest.mark.parametrize(
    ("how", "sentence", "door"),
    [
        pytest.param(how, sentence, door, id=f"{name} at {door}")
        for name, (how, sentence, doors) in WRONG.items()
        for door in doors
    ],
)
def test_what_is_wrong_is_said_and_the_next_try_may_succeed(how, sentence, door):
    user = someone("li")
    key, _ = key_of(user)
    client = at(door, user)
    asked_of = SoftKey() if door == ADD else key
    answer = client.post(door, {"credential": how(asked_of, question(client.get(door)))})
    text = answer.content.decode()
    assert sentence in text
    assert "<title>错误：" in text
    assert client.post(door, {"credential": honest(asked_of, question(answer))}).status_code == 302


@pytest.mark.parametrize("door", DOORS)
def test_an_answer_counts_once_and_the_page_opened_last_is_the_one_that_counts(door):
    user = someone("li")
    key = key_of(user)[0] if door != ADD else SoftKey()
    client = at(door, user)
    first, second = (honest(key, question(client.get(door))) for _ in range(2))
    assert STALE in client.post(door, {"credential": first}).content.decode()
    del client
    again = at(door, user)
    answer = honest(key, question(again.get(door)))
    assert again.post(door, {"credential": answer}).status_code == 302
    assert again.post(door, {"credential": second}).status_code in {200, 302}
    assert again.post(door, {"credential": answer}).status_code in {200, 302}
    assert user.authenticator_set.filter(type="webauthn").count() == 1


@pytest.mark.parametrize("door", DOORS)
def test_without_a_question_there_is_no_answer(door):
    user = someone("li")
    key = key_of(user)[0] if door != ADD else SoftKey()
    asked = ASKED_FOR_ANOTHER | ({"rp": {}} if door == ADD else {})
    told = at(door, user).post(door, {"credential": honest(key, asked)})
    assert STALE in told.content.decode()


@pytest.mark.parametrize("door", DOORS)
def test_garbage_is_refused_in_words_and_never_shown_again(door):
    user = someone("li")
    key_of(user)
    client = at(door, user)
    for number, garbage in enumerate(GARBAGE):
        cache.clear()
        answer = client.post(door, {"credential": garbage, "name": "n"})
        text = answer.content.decode()
        assert answer.status_code == 200, garbage[:60]
        assert any(each in text for each in (MISSING, BROKEN)), (number, garbage[:60])
        assert not garbage or f'value="{garbage}' not in text
    assert client.post(door, {}).status_code == 200
    assert user.authenticator_set.count() == 1


def test_six_wrong_keys_make_the_factor_wait_and_it_says_so():
    user = someone("li")
    key_of(user)
    client = at(CODE, user)
    tell = partial(client.post, CODE)
    told = [tell({"credential": SoftKey().show(question(client.get(CODE)))}) for _ in range(6)]
    assert NOT_YOURS in told[4].content.decode()
    assert "尝试次数过多" in told[5].content.decode()
