"""Who presses without a browser is stopped where a browser is, and told so in the page's words."""

import pytest
from django.test.html import parse_html

from tests.journeys.given import given_the_bureau
from tests.journeys.pressing import Visitor, every, sends, words

FORM = """<form>
<input name="hidden" type="hidden" value="h"><input name="empty"><input type="submit" name="no">
<input name="box" type="checkbox"><input name="ticked" type="checkbox" checked>
<input name="one" type="radio" value="a"><input name="one" type="radio" value="b" checked>
<input name="file" type="file"><textarea name="area">已写</textarea><input value="nameless">
<select name="first"><option value="1">一</option><option value="2">二</option></select>
<select name="second"><option value="1">一</option><option value="2" selected>二</option></select>
<button>送出<span class="govuk-visually-hidden">甲</span></button></form>"""


def test_a_form_that_nobody_touched_is_sent_as_a_browser_sends_it() -> None:
    controls = list(every(parse_html(FORM), "input", "select", "textarea"))
    sent = [
        (dict(each.attributes)["name"], sends(each)) for each in controls if sends(each) is not None
    ]
    assert sent == [
        ("hidden", "h"), ("empty", ""), ("ticked", "on"), ("one", "b"), ("area", "已写"),
        ("first", "1"), ("second", "2"),
    ]  # fmt: skip
    assert [words(each) for each in every(parse_html(FORM), "button")] == ["送出"]


@pytest.mark.django_db
def test_what_the_page_does_not_offer_or_take_ends_the_story() -> None:
    visitor = Visitor().open("/public/verify/")
    for press, why in (
        (lambda: visitor.press("不存在"), "no button '不存在'; the page says: "),
        (lambda: visitor.press("核验", {"不存在": ""}), "no field '不存在'"),
        (lambda: visitor.follow("不存在"), "no link '不存在'"),
        (lambda: visitor.says("不存在"), "does not say '不存在'"),
        (lambda: visitor.press("核验", {"核验码": "ABC"}), "这里有问题.*核验码应为 16 位"),
        (lambda: visitor.open("/public/verify/AAAA"), "answers 404"),
        (lambda: visitor.open("/office/"), "/login/"),
    ):
        with pytest.raises(AssertionError, match=why):
            press()


@pytest.mark.django_db
def test_a_form_without_its_token_is_turned_away() -> None:
    visitor = Visitor(given_the_bureau()["zhou"]).open("/office/settlement/2026-07/close/")
    for form in every(visitor.main, "form"):
        form.children = [each for each in form.children if "csrf" not in str(each)]
    with pytest.raises(AssertionError, match="answers 403"):
        visitor.press("截止并出具对账单")
