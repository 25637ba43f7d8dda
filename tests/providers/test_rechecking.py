"""A batch is checked again from what was kept, whatever its signature was made with."""

import pytest

from providers import rechecking
from providers.bodies import body_path
from providers.models import UsageBatch
from tests.providers import world
from tests.providers.line import JSON, Line, client

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("november")]


def outcomes(batch_id: str) -> dict[str, str]:
    batch = UsageBatch.objects.get(pk=batch_id)
    return {each.title: each.outcome for each in rechecking.check_again(batch, at=world.LATER)}


def test_bytes_signature_and_receipt_hold_and_the_signature_also_without_the_bytes():
    line = Line()
    batch_id = line.client.upload(line.body(), JSON).body["batch_id"]
    assert set(outcomes(batch_id).values()) == {"good"}
    body_path(UsageBatch.objects.get(pk=batch_id).body_sha256).unlink()
    assert outcomes(batch_id) == {"正文摘要": "open", "请求签名": "good", "签名回执": "good"}


def test_what_was_never_signed_is_left_open():
    line = Line()
    _, token = world.a_test_key(line.there.provider)
    batch_id = client(token).upload(line.body(), JSON).body["batch_id"]
    assert outcomes(batch_id)["请求签名"] == "open"
