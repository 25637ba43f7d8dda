"""Turn accelerators at work into exact integers of use.

Pure integers until the statement line: the only division is made there, once. A record that
crosses a Shanghai month end is cut there and its parts always add up to the whole.

Units: device_milli_seconds = devices x thousandths of a device x whole seconds.
Source: metering specification, section 1; golden figures of the domain paper, 8.5.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from ledger.periods import Month, month_of, split_by_month

FULL_SHARE_MILLI = 1000
SECONDS_PER_HOUR = 3600
# One device for one hour: the unit in which card-hour prices are filed.
DEVICE_MILLI_SECONDS_PER_CARD_HOUR = FULL_SHARE_MILLI * SECONDS_PER_HOUR
# 1 PFLOPS = 1,000,000 GFLOPS, so one PFLOPS-hour of a whole device.
GFLOPS_MILLI_SECONDS_PER_PFLOPS_HOUR = 1_000_000 * DEVICE_MILLI_SECONDS_PER_CARD_HOUR
_ONE_SECOND = timedelta(seconds=1)


@dataclass(frozen=True)
class Part:
    """The piece of one record that lies in one Shanghai month."""

    month: Month
    started_at: datetime
    ended_at: datetime
    device_milli_seconds: int


def whole_seconds(started_at: datetime, ended_at: datetime) -> int:
    """Return the length of a half-open interval, floored to whole seconds once."""
    if ended_at < started_at:
        raise ValueError("an interval cannot end before it starts")
    return (ended_at - started_at) // _ONE_SECOND


def device_milli_seconds(device_count: int, share_milli: int, seconds: int) -> int:
    """Return the exact use of some devices for some whole seconds.

    Units: thousandths of a device times seconds.
    """
    if device_count < 0 or seconds < 0 or not 1 <= share_milli <= FULL_SHARE_MILLI:
        raise ValueError("device count, share or seconds out of range")
    return device_count * share_milli * seconds


def split_use(
    started_at: datetime, ended_at: datetime, *, device_count: int, share_milli: int
) -> list[Part]:
    """Cut one record at Shanghai month ends; the parts add up to the whole exactly.

    The whole is floored to seconds once; every part but the last is floored at its month end,
    and the last takes what is left, so no fraction of a second is lost or counted twice.
    """
    total = whole_seconds(started_at, ended_at)
    if total == 0 or device_count == 0:
        return [Part(month_of(started_at), started_at, ended_at, 0)]
    pieces = split_by_month(started_at, ended_at)
    parts: list[Part] = []
    spent = 0
    for position, (month, begins, ends) in enumerate(pieces):
        seconds = (ends - begins) // _ONE_SECOND if position < len(pieces) - 1 else total - spent
        spent += seconds
        use = device_milli_seconds(device_count, share_milli, seconds)
        parts.append(Part(month, begins.astimezone(UTC), ends.astimezone(UTC), use))
    return parts
