"""The same bytes again: every row is told as known, as if each had been judged."""

import pytest

from ledger.refusals import Refused
from providers.models import MeteringMonth, UsageBatch, UsageRecord
from providers.receipts import results_page
from tests.providers.world import LATER, World, a_provider

pytestmark = pytest.mark.django_db
HEAD = "record_id,order_no,device_model,device_count,started_at,ended_at\n"


def table(there: World, *rows: str) -> bytes:
    order = there.order.order_no
    return (HEAD + "".join(row.replace("ORDER", order) + "\n" for row in rows)).encode()


def mixed(there: World) -> bytes:
    """An upload with a row of every kind that may be stored, and one that stands there twice."""
    hour = "2026-10-03T08:00:00+08:00,2026-10-03T09:00:00+08:00"
    return table(
        there,
        f"counts,ORDER,nvidia-a100,1,{hour}",
        f"held,ORDER,unheard-of,1,{hour}",
        f"none,ORDER,nvidia-a100,0,{hour}",
        "open,ORDER,nvidia-a100,1,2026-10-03T08:00:00+08:00,",
        "over,ORDER,nvidia-a100,1,2026-10-31T23:00:00+08:00,2026-11-01T01:00:00+08:00",
        f"counts,ORDER,nvidia-a100,1,{hour}",
    )


def take(there: World, body: bytes, **more) -> UsageBatch:
    return there.send(body=body, content_type="text/csv", **more)


def told(batch: UsageBatch) -> list[tuple[int, str, str]]:
    rows, _ = results_page(batch)
    return [(each["row"], each["record_id"], each["status"]) for each in rows]


def test_the_same_bytes_are_told_as_the_same_rows_in_other_bytes_are():
    there = World()
    body = mixed(there)
    first = take(there, body)
    assert (first.rows, first.status) == (6, "accepted")
    stored = UsageRecord.objects.count()
    again, otherwise = take(there, body), take(there, body + b"\n")
    assert (
        again.counts
        == otherwise.counts
        == first.counts | dict.fromkeys(("accepted", "held", "open", "zero"), 0) | {"duplicate": 6}
    )
    assert told(again) == told(otherwise)
    assert UsageRecord.objects.count() == stored
    assert take(there, body).duplicate == 6  # also when what came last were repeats


def test_bytes_of_which_something_was_left_out_are_judged_anew():
    there = World()
    body = table(
        there, "fine,ORDER,nvidia-a100,1,2026-10-03T08:00:00+08:00,2026-10-03T09:00:00+08:00",
        "late,NOT-YET,nvidia-a100,1,2026-10-03T08:00:00+08:00,2026-10-03T09:00:00+08:00",
    )  # fmt: skip
    assert take(there, body).rejected == 1
    again = take(there, body)
    assert (again.duplicate, again.rejected) == (1, 1)


def test_control_totals_are_held_against_known_bytes_too():
    there = World()
    body = mixed(there)
    first = take(there, body, expected_rows=6)
    used = first.device_milli_seconds
    for wrong in ({"expected_rows": 5}, {"expected_device_milli_seconds": used + 1}):
        with pytest.raises(Refused, match="整批未入账"):
            take(there, body, **wrong)
    assert take(there, body, expected_rows=6).duplicate == 6


def test_what_another_provider_sent_is_not_known_and_a_shut_month_changes_nothing():
    there = World()
    body = mixed(there)
    take(there, body)
    MeteringMonth.objects.create(month="2026-10", closed_at=LATER, closed_by="系统")
    assert take(there, body).duplicate == 6
    there.provider = a_provider("另一家算力有限公司")
    batch = take(there, body)
    assert (batch.duplicate, batch.rejected) == (1, 5)
