"""The error catalogue: every code is explained, every ``type`` leads to a page."""

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client

from providers import metering
from providers.explaining import EXPLANATIONS, RETRY_TEXTS, grouped
from providers.problems import CATALOGUE
from providers.uploads import as_refusal
from tests.providers.line import JSON, Line, client

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("november")]
PAGE = {"HTTP_ACCEPT": "text/html"}
HAN = re.compile(r"[\u4e00-\u9fff]")


@pytest.mark.parametrize("code", CATALOGUE)
def test_a_code_has_a_page_with_why_how_examples_and_whether_to_send_again(code):
    told = EXPLANATIONS[code]
    assert told.why_zh != told.entry.zh, f"add [{code}] to explanations.toml"
    assert HAN.search(told.why_zh)
    assert not HAN.search(told.why_en)
    assert told.wrong
    assert told.right
    assert told.wrong != told.right
    answer = Client().get(f"/api/v1/problems/{code}", **PAGE)
    text = answer.content.decode()
    assert answer.status_code == 200
    for words in ("为什么", "怎么改", "不对", "要不要重试", str(told.entry.status)):
        assert words in text
    plain = Client().get(f"/api/v1/problems/{code}").json()
    assert (plain["code"], plain["status"]) == (code, told.entry.status)
    assert plain["retry"] in RETRY_TEXTS
    assert plain["type"] == f"/api/v1/problems/{code}"


def test_the_list_shows_every_code_once_under_a_heading():
    text = Client().get("/api/v1/problems", **PAGE).content.decode()
    listed = re.findall(r'href="/api/v1/problems/(\w+)"', text)
    assert sorted(listed) == sorted(CATALOGUE)
    assert [each["code"] for each in grouped() if not each["entries"]] == []
    plain = Client().get("/api/v1/problems").json()["problems"]
    assert [each["code"] for each in plain] == list(CATALOGUE)


def test_a_code_nobody_gave_out_is_not_there():
    answer = Client().get("/api/v1/problems/no_such", **PAGE)
    assert answer.status_code == 404


def test_the_type_of_every_answer_that_fails_leads_to_a_page():
    line = Line()
    unknown = client("pk_test_0000000000000000." + "x" * 43)
    bad = line.there.record("bad", device_count=-1, started_at="2026-10-03")
    answers = [
        unknown.upload(line.body(), JSON),
        line.client.upload(line.body(bad), JSON),
        line.client.upload(b"{", JSON),
        line.client.upload(b"x", "text/plain"),
        line.client.upload(b"", JSON),
        line.client.get("/api/v1/metering/nothing"),
        line.client.get("/api/v1/metering/validate"),
        client(line.token).upload(line.body(), JSON),
    ]
    codes = set()
    for answer in answers:
        assert answer.status >= 400
        assert answer.headers["content-type"] == "application/problem+json"
        assert Client().get(answer.body["type"], **PAGE).status_code == 200
        codes |= {answer.body["code"], *(each["code"] for each in answer.body.get("errors", []) if "code" in each)}  # noqa: E501 # fmt: skip
    assert codes <= set(CATALOGUE)
    assert len(codes) >= 9


def test_a_method_that_is_not_known_names_those_that_are():
    answer = Line().client.get("/api/v1/metering/validate")
    assert (answer.status, answer.headers["allow"]) == (405, "POST, OPTIONS")


def test_a_refusal_says_where_under_the_types_of_a_row():
    line = Line()
    table = b"record_id,order_no\nr,x\n"
    (where,) = line.client.upload(table, "text/csv").body["errors"]
    assert where["column"]
    quote = line.client.upload(
        b'record_id,order_no,device_model,device_count,started_at\n"r,x\n', "text/csv"
    )
    assert [type(each.get("row", 1)) for each in quote.body["errors"]] == [int]
    (whole,) = line.client.upload(b"", JSON).body["errors"]
    assert (whole["row"], whole["column"]) == (0, "")  # of the body, not of a row
    assert whole["hint"]


def test_every_code_in_the_source_stands_in_the_catalogue():
    source = Path(settings.BASE_DIR) / "providers"
    named = {
        code
        for file in source.glob("*.py")
        for code in re.findall(r'CATALOGUE\["(\w+)"\]', file.read_text(encoding="utf-8"))
    }
    assert named
    assert named <= set(CATALOGUE)
    assert as_refusal(metering.BadBatch("malformed_csv", row=3)).details["row"] == "3"
