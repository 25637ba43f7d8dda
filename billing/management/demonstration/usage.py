"""The jobs that the demonstration's providers meter: invented, repeatable, and a little dirty.

The same seed gives the same records on every machine, so the amounts of the demonstration can be
compared between two runs.
"""

import csv
import io
import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from ledger.periods import SHANGHAI

FIELDS = (
    "record_id",
    "order_no",
    "device_model",
    "device_count",
    "share_milli",
    "started_at",
    "ended_at",
    "basis",
    "job_state",
    "utilisation_pct",
    "energy_kwh",
)
#: What a card draws under such a load, its part of the machine included.
WATTS_A_CARD = 450


@dataclass(frozen=True)
class Habit:
    """How an enterprise works at a provider.

    Args:
        prefix: beginning of the provider's record ids.
        order_no: order under which it works.
        device_model: name of the accelerator as the provider's meter writes it.
        cards: accelerators of a usual job.
        hours: shortest and longest usual job, whole hours.
        share_milli: thousandths of a card that a job gets.
        seed: makes the jobs repeatable.
    """

    prefix: str
    order_no: str
    device_model: str
    cards: int
    hours: tuple[int, int]
    share_milli: int = 1000
    seed: int = 20261001


def jobs(habit: Habit, first_day: datetime, days: int) -> list[dict[str, str]]:
    """Return one job a day, one after the other, none over ``first_day + days``."""
    dice = random.Random(f"{habit.prefix}{habit.seed}")  # noqa: S311 - a story, not a secret
    records = []
    for day in range(days):
        begin = first_day + timedelta(days=day, minutes=dice.randrange(0, 120))
        length = timedelta(
            hours=dice.randint(*habit.hours), seconds=dice.choice([0, 17, 900, 1800, 2399])
        )
        end = min(begin + length, first_day + timedelta(days=day + 1))
        records.append(record(habit, f"{habit.prefix}-{begin:%Y%m%d}", begin, end))
        records[-1]["utilisation_pct"] = f"{dice.randint(310, 790) / 10:.1f}"
        milli_seconds = (end - begin) // timedelta(seconds=1) * habit.cards * habit.share_milli
        watt_hours = milli_seconds * WATTS_A_CARD // 3_600_000
        records[-1]["energy_kwh"] = f"{watt_hours // 1000}.{watt_hours % 1000:03d}"
    return records


def record(habit: Habit, record_id: str, begin: datetime, end: datetime | None) -> dict[str, str]:
    """Return one usage record in wire form v1, every value as text."""
    return {
        "record_id": record_id,
        "order_no": habit.order_no,
        "device_model": habit.device_model,
        "device_count": str(habit.cards),
        "share_milli": str(habit.share_milli),
        "started_at": stamp(begin),
        "ended_at": stamp(end) if end else "",
        "basis": "allocated",
        "job_state": "completed" if end else "running",
        "utilisation_pct": "",
        "energy_kwh": "",
    }


def stamp(moment: datetime) -> str:
    """Return RFC 3339 text with Shanghai's offset, as a machine there would write it."""
    return moment.astimezone(SHANGHAI).isoformat(timespec="seconds")


def as_csv(records: Sequence[dict[str, str]]) -> bytes:
    """Return the records as the CSV file that a provider's script writes."""
    extra = [name for name in ("corrects", "reason") if any(name in row for row in records)]
    text = io.StringIO()
    writer = csv.DictWriter(text, [*FIELDS, *extra], restval="", lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(records)
    return text.getvalue().encode()


def as_ndjson(records: Sequence[dict[str, str]]) -> bytes:
    """Return the records as one JSON object a line."""
    return b"".join(json.dumps(_typed(row), ensure_ascii=False).encode() + b"\n" for row in records)


def as_json(records: Sequence[dict[str, str]]) -> bytes:
    """Return the records as one JSON document."""
    document = {"records": [_typed(row) for row in records]}
    return json.dumps(document, ensure_ascii=False).encode()


def _typed(row: dict[str, str]) -> dict[str, str | int]:
    """Return a record as JSON wants it: counts as integers, absent values left out."""
    numbers = {"device_count", "share_milli"}
    return {name: int(value) if name in numbers else value for name, value in row.items() if value}
