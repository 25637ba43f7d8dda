"""A month may come in any cut, any order and any form: what settles is the same, byte for byte."""

import csv
import hashlib
import io
import json
import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import transaction

from ledger.identifiers import new_id
from ledger.periods import Month
from providers.models import Order
from providers.tallies import monthly_usage, settlement_input
from tests.providers.world import World, a_model, an_offering, an_order, give_capacity, give_rate

MONTHS = (Month(2026, 10), Month(2026, 11))
SHANGHAI = ZoneInfo("Asia/Shanghai")
PERMUTATIONS = 200
GFLOPS = {"nvidia-a100": 312_000, "ascend-910b": 280_000}
FORMS = {
    "application/json": lambda rows: json.dumps({"records": rows}).encode(),
    "application/x-ndjson": lambda rows: "".join(json.dumps(row) + "\n" for row in rows).encode(),
    "text/csv": lambda rows: as_csv(rows),
}


def as_csv(rows: list[dict[str, Any]]) -> bytes:
    out = io.StringIO()
    writer = csv.DictWriter(out, sorted({name for row in rows for name in row}))
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode()


def a_month(seed: random.Random, orders: list[Order]) -> list[dict[str, Any]]:
    """Return records of October: shares, month ends, no use, open ends, unknown models, repeats."""
    rows = []
    for number in range(30):
        start = datetime(2026, 10, 1, tzinfo=SHANGHAI) + timedelta(hours=24 * number + 20)
        length = timedelta(seconds=seed.choice([0, 1, 59, 3600, 5400, 40_000, 90_061]))
        model = seed.choice(["nvidia-a100", "nvidia-a100", "ascend-910b", "not-registered"])
        row = {
            "record_id": f"r-{number:03d}",
            "order_no": seed.choice(orders).order_no,
            "device_model": model,
            "device_count": seed.choice([0, 1, 8]),
            "share_milli": seed.choice([1000, 250, 333]),
            "started_at": start.isoformat(),
            "ended_at": (start + length).isoformat(),
        }
        if number % 17 == 5:
            del row["ended_at"]
        rows.append(row)
    return rows + [dict(row) for row in seed.sample(rows, 6)]


def cuts(seed: random.Random, rows: list[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """Shuffle and cut anywhere: one batch, a few, or one a record."""
    rows = rows[:]
    seed.shuffle(rows)
    most = seed.choice([5, 12, 30, len(rows)])
    while rows:
        size = seed.randint(1, most)
        yield rows[:size]
        del rows[:size]


def send_all(there: World, seed: random.Random, rows: list[dict[str, Any]]) -> None:
    for part in cuts(seed, rows):
        form = seed.choice(list(FORMS))
        there.send(body=FORMS[form](part), content_type=form, key=new_id())


def computed(rows: list[dict[str, Any]], gflops: dict[str, int]) -> dict[tuple[str, str, int], int]:
    """Return use per month, order and rate by plain arithmetic on whole seconds."""
    sums: dict[tuple[str, str, int], int] = {}
    border = datetime(2026, 11, 1, tzinfo=SHANGHAI)
    for row in {row["record_id"]: row for row in rows}.values():
        if "ended_at" not in row or row["device_model"] not in gflops:
            continue
        start, end = (datetime.fromisoformat(row[name]) for name in ("started_at", "ended_at"))
        for month, since, until in (
            ("2026-10", start, min(end, border)), ("2026-11", max(start, border), end)
        ):  # fmt: skip
            seconds = int((until - since).total_seconds()) if until > since else 0
            use = row["device_count"] * row["share_milli"] * seconds
            if use:
                key = (month, row["order_no"], gflops[row["device_model"]])
                sums[key] = sums.get(key, 0) + use
    return sums


@pytest.fixture
def there(db) -> World:
    world = World(devices=1_000)
    second = a_model("ascend-910b", 280_000, domestic=True, rate=False)
    give_rate(second, 280_000)
    give_capacity(world.provider, second, 1_000)
    second_order = an_order(an_offering(world.provider, second), world.order.enterprise)
    world.orders = [world.order, second_order]
    return world


def settled() -> bytes:
    return b"\n".join(settlement_input(month) for month in MONTHS)


def test_two_hundred_cuts_and_orders_of_a_month_settle_the_same_bytes(there):
    rows = a_month(random.Random(4), there.orders)
    answers = set()
    for turn in range(PERMUTATIONS):
        with transaction.atomic():
            send_all(there, random.Random(turn), rows)
            answers.add(settled())
            found = {
                (str(month), line.order_no, line.gflops): line.device_milli_seconds
                for month in MONTHS
                for line in monthly_usage(month)
            }
            transaction.set_rollback(True)
    assert len(answers) == 1, [hashlib.sha256(each).hexdigest() for each in answers]
    assert found == computed(rows, GFLOPS)


def test_what_settles_shows_every_change_of_a_record(there):
    rows = a_month(random.Random(4), there.orders)[:30]
    place = next(
        number
        for number, row in enumerate(rows)
        if row["device_count"] == 8
        and row["started_at"] < row.get("ended_at", "")
        and row["device_model"] in GFLOPS
    )
    other = next(each.order_no for each in there.orders if each.order_no != rows[place]["order_no"])
    answers = set()
    for change in ({}, {"share_milli": 999}, {"device_count": 9}, {"order_no": other}):
        with transaction.atomic():
            send_all(there, random.Random(1), [*rows[:place], rows[place] | change])
            answers.add(settled())
            transaction.set_rollback(True)
    assert len(answers) == 4
