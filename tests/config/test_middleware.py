"""What surrounds every request: number, privacy, refusals."""

import json
import logging

import pytest
from django.contrib.auth.models import AnonymousUser
from django.http import HttpResponse
from django.test import RequestFactory

from config.logs import JsonLines, request_number
from config.middleware import PrivatePagesMiddleware, RefusalMiddleware, RequestNumberMiddleware
from config.models import User
from ledger.refusals import Broken, Refused

REFUSAL = Refused("insufficient_funds", "账户可用余额不足，请减少金额。", clause="第五条")


def ask(path: str = "/portal/", **headers: str):
    request = RequestFactory().get(path, headers=headers)
    request.user = AnonymousUser()
    return request


def test_a_request_gets_a_number_that_pages_and_log_lines_share():
    seen = []

    def answer(request):
        seen.extend([request.request_id, request_number.get()])
        return HttpResponse()

    response = RequestNumberMiddleware(answer)(ask())
    assert seen == [response["X-Request-ID"]] * 2
    assert request_number.get() == ""


def test_the_number_of_the_proxy_is_kept():
    request = ask(**{"X-Request-ID": "abc-12345"})
    response = RequestNumberMiddleware(lambda _: HttpResponse())(request)
    assert response["X-Request-ID"] == "abc-12345"


@pytest.mark.parametrize("forged", ["short", "a" * 65, "line\nbreak", "<script>alert</script>"])
def test_a_number_that_could_do_harm_is_replaced(forged):
    request = ask()
    request.META["HTTP_X_REQUEST_ID"] = forged
    response = RequestNumberMiddleware(lambda _: HttpResponse())(request)
    assert response["X-Request-ID"] != forged


def test_the_number_is_let_go_even_when_the_view_breaks():
    def breaks(request):
        raise Broken("books")

    with pytest.raises(Broken):
        RequestNumberMiddleware(breaks)(ask())
    assert request_number.get() == ""


def test_pages_of_signed_in_people_are_kept_in_no_cache():
    request = ask()
    request.user = User(username="somebody")
    response = PrivatePagesMiddleware(lambda _: HttpResponse())(request)
    assert "no-store" in response["Cache-Control"]


def test_public_pages_may_be_kept():
    response = PrivatePagesMiddleware(lambda _: HttpResponse())(ask())
    assert not response.has_header("Cache-Control")


def test_a_page_that_says_how_long_it_lasts_is_left_alone():
    request = ask()
    request.user = User(username="somebody")
    answer = HttpResponse(headers={"Cache-Control": "max-age=5"})
    assert PrivatePagesMiddleware(lambda _: answer)(request)["Cache-Control"] == "max-age=5"


def test_an_uncaught_refusal_becomes_a_page_that_says_what_to_do(db):
    response = RefusalMiddleware(lambda _: HttpResponse()).process_exception(ask(), REFUSAL)
    assert response.status_code == 409
    assert REFUSAL.message in response.content.decode()
    assert "no-store" in response["Cache-Control"]


def test_an_uncaught_refusal_becomes_a_problem_for_a_machine():
    request = ask("/api/v1/metering/batches")
    request.request_id = "abc-12345"
    response = RefusalMiddleware(lambda _: HttpResponse()).process_exception(request, REFUSAL)
    body = json.loads(response.content)
    assert response["Content-Type"] == "application/problem+json"
    assert (body["status"], body["code"], body["detail"]) == (409, REFUSAL.code, REFUSAL.message)
    assert body["instance"] == "urn:request:abc-12345"


def test_what_is_broken_is_not_dressed_up_as_a_refusal():
    middleware = RefusalMiddleware(lambda _: HttpResponse())
    assert middleware.process_exception(ask(), Broken("books")) is None


def test_a_log_line_is_one_json_object_with_the_number_of_its_request():
    token = request_number.set("abc-12345")
    try:
        record = logging.LogRecord("x", logging.INFO, "f", 1, "额度 %s", ("不足",), None)
        line = json.loads(JsonLines().format(record))
    finally:
        request_number.reset(token)
    assert (line["request"], line["message"], line["level"]) == ("abc-12345", "额度 不足", "info")


def test_a_fault_keeps_its_trace_on_the_same_line():
    with pytest.raises(Broken) as fault:
        RequestNumberMiddleware(lambda _: (_ for _ in ()).throw(Broken("books")))(ask())
    trace = (fault.type, fault.value, fault.tb)
    text = JsonLines().format(logging.LogRecord("x", logging.ERROR, "f", 1, "end", (), trace))
    assert "\n" not in text
    assert "Broken: books" in json.loads(text)["trace"]
