"""Hold a provider's records against a scheduler's jobs, one by one. Pure.

Jobs are paired by their number first, then by time and count of devices. Two tolerances:
``SECONDS`` because schedulers write whole seconds and their prologue and epilogue belong to the
job and not to the use; ``SHARE_BP`` of the device time because a provider may cut a job into
records and round each. What lies within both is the same use.

Source: product 76; decision 0192. Units: device-milli-seconds.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

SECONDS = 120
SHARE_BP = 100
MATCHED, ONLY_PROVIDER = "matched", "only_provider"
ONLY_SCHEDULER, DIFFERS = "only_scheduler", "differs"
RESULTS = (MATCHED, DIFFERS, ONLY_PROVIDER, ONLY_SCHEDULER)


@dataclass(frozen=True)
class Piece:
    """One piece of use as one side tells it; half-open in time.

    ``key`` is the job's number as that side writes it, empty where it names none.
    """

    key: str
    name: str
    start: datetime
    end: datetime
    devices: int
    milli_seconds: int


@dataclass(frozen=True)
class Pair:
    """What both sides say of one job, and how it comes out."""

    result: str
    provider: Piece | None
    scheduler: Piece | None
    why: str

    @property
    def over(self) -> int:
        """Return how much more the provider says."""
        mine = self.provider.milli_seconds if self.provider else 0
        return mine - (self.scheduler.milli_seconds if self.scheduler else 0)


def job_key(job_ref: str, record_id: str) -> str:
    """Return the job's number of a record: as said, or the end of ``sacct:cluster:number``."""
    if job_ref:
        return job_ref
    return record_id.rpartition(":")[2] if record_id.startswith("sacct:") else record_id


def match(provider: Sequence[Piece], scheduler: Sequence[Piece]) -> list[Pair]:
    """Return every job or record once, in the order of time."""
    mine, theirs = _merged(provider), _merged(scheduler)
    pairs = [_judge(mine.pop(key), theirs.pop(key)) for key in sorted(set(mine) & set(theirs))]
    left = sorted(mine.values(), key=lambda each: (each.start, each.name))
    more = sorted(theirs.values(), key=lambda each: (each.start, each.name))
    for slack in (timedelta(), timedelta(seconds=SECONDS)):
        left = _paired_by_time(left, more, slack, pairs)
    pairs += [Pair(ONLY_PROVIDER, each, None, "调度器记录中没有这段使用") for each in left]
    pairs += [Pair(ONLY_SCHEDULER, None, each, "供方没有上报这个作业") for each in more]
    return sorted(pairs, key=_place)


def _place(pair: Pair) -> tuple[datetime, str]:
    piece = pair.provider or pair.scheduler
    assert piece is not None
    return piece.start, piece.name


def _merged(pieces: Sequence[Piece]) -> dict[str, Piece]:
    """Put the pieces of one job together: a provider cuts it by days, a requeue runs it twice."""
    groups: dict[str, list[Piece]] = defaultdict(list)
    for number, piece in enumerate(pieces):
        groups[piece.key or f"\x00{number}"].append(piece)
    return {
        key: Piece(
            key,
            group[0].name,
            min(each.start for each in group),
            max(each.end for each in group),
            max(each.devices for each in group),
            sum(each.milli_seconds for each in group),
        )
        for key, group in groups.items()
    }


def _paired_by_time(
    left: list[Piece], more: list[Piece], slack: timedelta, pairs: list[Pair]
) -> list[Piece]:
    """Pair what lies at the same time on as many devices; return what found nothing.

    The same times go first (no slack): else a job that is missing on one side would take its
    neighbour's partner, where a cluster starts many alike jobs within two minutes.
    """
    alone = []
    for piece in left:
        place = _near(piece, more, slack)
        if place is None:
            alone.append(piece)
        else:
            pairs.append(_judge(piece, more.pop(place), by_time=True))
    return alone


def _near(piece: Piece, others: list[Piece], slack: timedelta) -> int | None:
    """Return the place of a piece of the other side at the same time on as many devices."""
    first = bisect_left(others, piece.start - slack, key=lambda each: each.start)
    for place, each in enumerate(islice(others, first, None), start=first):
        if each.start > piece.start + slack:
            return None
        if each.devices == piece.devices and abs(each.end - piece.end) <= slack:
            return place
    return None


def _judge(mine: Piece, theirs: Piece, *, by_time: bool = False) -> Pair:
    faults = []
    slack = timedelta(seconds=SECONDS)
    if mine.devices != theirs.devices:
        faults.append(f"卡数 {mine.devices} 与 {theirs.devices} 不同")
    if abs(mine.start - theirs.start) > slack:
        faults.append("开始时间不同")
    if abs(mine.end - theirs.end) > slack:
        faults.append("结束时间不同")
    most = max(mine.milli_seconds, theirs.milli_seconds)
    difference = abs(mine.milli_seconds - theirs.milli_seconds)
    # A job shorter than the tolerance of time may differ by it on each device and end.
    allowed = max(most * SHARE_BP, 2 * SECONDS * 1000 * mine.devices * 10_000)
    if difference * 10_000 > allowed:
        faults.append("用量相差超过容差")
    if faults:
        return Pair(DIFFERS, mine, theirs, "；".join(faults))
    return Pair(MATCHED, mine, theirs, "按时间和卡数对应" if by_time else "")
