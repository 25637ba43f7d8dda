"""Error pages: Chinese, without jargon, with the number to read out; problems for machines."""

import json
import re

import pytest
from django.core.exceptions import SuspiciousOperation
from django.test import Client, RequestFactory

from config import errors

JARGON = ("Traceback", "Exception", "Error", "csrf", "CSRF", "Django", "SQL", "None")


def ask(path="/office/"):
    request = RequestFactory().get(path)
    request.request_id = "abc-12345"
    request.user = None
    return request


PAGES = [
    (lambda r: errors.bad_request(r, SuspiciousOperation("x")), 400),
    (lambda r: errors.forbidden(r), 403),
    (lambda r: errors.expired_form(r, "CSRF token missing"), 403),
    (lambda r: errors.not_found(r, KeyError("x")), 404),
    (lambda r: errors.broken(r), 500),
]


@pytest.mark.parametrize(("page", "status"), PAGES)
def test_an_error_page_speaks_to_people(page, status, db):
    response = page(ask())
    text = response.content.decode()
    assert response.status_code == status
    assert "abc-12345" in text
    seen = re.sub(r"<[^>]*>", " ", text)
    assert not [word for word in JARGON if word in seen]


@pytest.mark.parametrize(("page", "status"), PAGES)
def test_a_machine_gets_a_problem(page, status):
    response = page(ask("/api/v1/metering/limits"))
    assert response["Content-Type"] == "application/problem+json"
    assert json.loads(response.content)["status"] == response.status_code == status


def test_the_last_resort_answers_even_when_the_page_breaks(monkeypatch):
    monkeypatch.setattr(errors, "render_to_string", lambda *_: 1 / 0)
    response = errors.broken(ask())
    assert response.status_code == 500
    assert "请过几分钟再试" in response.content.decode()


def test_an_unknown_address_is_told_kindly(client: Client, db):
    response = client.get("/no/such/page/")
    assert response.status_code == 404
    assert "没有找到" in response.content.decode()
    assert response["X-Request-ID"] in response.content.decode()


def test_a_form_without_its_protection_is_refused(db):
    response = Client(enforce_csrf_checks=True).post("/login/", {"username": "a"})
    assert response.status_code == 403
    assert "刷新" in response.content.decode()
