"""What a key may send in a window: counted once over all processes, told with every answer."""

import dataclasses
import re
import threading

import pytest
from django.conf import settings
from django.db import connection

from providers import limits
from providers.models import RateWindow, UsageBatch, UsageNonce
from tests.providers import world
from tests.providers.line import JSON, Line, client

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("november")]
ROOM = 20


@pytest.fixture
def tight(monkeypatch):
    """Few requests and records in a window that does not end during a test."""

    def set_to(**limits) -> None:
        tight = dataclasses.replace(settings.ACCESS, window_seconds=10**8, **limits)
        monkeypatch.setattr(settings, "ACCESS", tight)

    return set_to


def test_every_answer_tells_the_policy_and_what_is_left(tight):
    tight(requests=10, records=100)
    line = Line()
    answer = line.client.upload(line.body(), JSON)
    policy = answer.headers["ratelimit-policy"]
    assert policy == '"requests";q=10;w=100000000, "records";q=100;w=100000000;qu="records"'
    left = re.fullmatch(r'"requests";r=9;t=\d+, "records";r=99;t=\d+', answer.headers["ratelimit"])
    assert left, answer.headers["ratelimit"]
    again = line.client.status(answer.body["batch_id"])
    assert again.headers["ratelimit"].startswith('"requests";r=8;')
    quotas = client("x" * 20).get("/api/v1/metering/limits").body["rate_limits"]
    assert [(each["unit"], each["quota"]) for each in quotas] == [
        ("requests", 10),
        ("records", 100),
    ]


def test_too_many_requests_are_refused_with_the_time_to_wait_and_nothing_is_stored(tight):
    line = Line()
    tight(requests=1)
    assert line.client.upload(line.body(), JSON).status == 201
    refused = line.client.upload(line.body(line.there.record("r-2")), JSON)
    assert (refused.status, refused.body["code"]) == (429, "rate_limited")
    assert int(refused.headers["retry-after"]) > 0
    assert refused.headers["content-type"] == "application/problem+json"
    assert (UsageBatch.objects.count(), UsageNonce.objects.count()) == (1, 1)
    assert RateWindow.objects.get().requests == 1


def test_records_are_limited_too_and_looking_stays_possible(tight):
    line = Line()
    tight(records=2)
    batch_id = line.client.upload(
        line.body(*(line.there.record(f"r-{n}") for n in range(3))), JSON
    ).body["batch_id"]
    refused = line.client.upload(line.body(line.there.record("r-9")), JSON)
    assert (refused.status, refused.body["code"]) == (429, "rate_limited")
    assert line.client.status(batch_id).status == 200
    assert RateWindow.objects.get().records == 3


def test_an_idempotent_replay_counts_no_records_and_one_key_does_not_spend_anothers(tight):
    line = Line()
    _, other, _ = world.a_live_key(line.there.provider)
    tight(requests=2, records=100)
    for _ in range(2):
        line.client.upload(line.body(), JSON)
    assert RateWindow.objects.get().records == 1
    assert line.client.upload(line.body(), JSON).status == 429
    assert client(other).get("/api/v1/metering/batches/" + "0" * 8).status == 404
    assert client(other).upload(line.body(), JSON).body["code"] == "signature_missing"


def test_forty_at_once_are_counted_to_the_last(tight):
    key, _, _ = world.a_live_key(world.a_provider())
    tight(requests=ROOM)
    outcomes: list[bool] = []
    together = threading.Barrier(10)

    def ask() -> None:
        together.wait()
        for _ in range(4):
            outcomes.append(limits.count_request(key, upload=True).refused)
        connection.close()

    threads = [threading.Thread(target=ask) for _ in range(10)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert (outcomes.count(False), outcomes.count(True)) == (ROOM, 20)


def test_a_new_window_begins_and_old_ones_are_forgotten(monkeypatch):
    key, _, _ = world.a_live_key(world.a_provider())
    monkeypatch.setattr(
        settings, "ACCESS", dataclasses.replace(settings.ACCESS, window_seconds=1, requests=1)
    )
    standing = limits.count_request(key, upload=False)
    assert (standing.requests, standing.seconds_left) == (1, 1)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE providers_ratewindow SET started_at = now() - interval '2 days'")
    assert not limits.count_request(key, upload=False).refused
    assert limits.sweep_windows() == 1
    assert RateWindow.objects.count() == 1
