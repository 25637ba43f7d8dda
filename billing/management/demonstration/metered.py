"""Third part of the story: a month of signed uploads, with the dirt that real months have.

Everything goes over the upload interface as a provider's machine would send it: the same client,
the same signature check, the same decoder. Only the network is left out.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from django.conf import settings
from django.core.wsgi import get_wsgi_application

from billing.management.demonstration import usage
from billing.management.demonstration.cast import Cast, later, when
from billing.management.demonstration.supply import Supplier
from billing.management.demonstration.usage import Habit
from ledger import clock
from providers import listing
from providers.client import Answer, MeteringClient
from providers.models import AcceleratorModel, Order

WEEKS = ((1, 7), (8, 7), (15, 7), (22, 7), (29, 3))  # first day of October, days
SEPTEMBER = (26, 5)  # the same of September
UNKNOWN_NAME = "L40S-PCIe-48G"


@dataclass
class Told:
    """What the story tells of the uploads: one line each."""

    lines: list[tuple[str, str]] = field(default_factory=list)

    def add(self, what: str, answer: Answer) -> None:
        """Remember an upload and how it was answered."""
        counts = {k: v for k, v in answer.body.get("counts", {}).items() if v}
        said = "、".join(f"{name} {number}" for name, number in counts.items())
        self.lines.append((what, f"HTTP {answer.status} {said or answer.body.get('title', '')}"))


@contextmanager
def wire(supplier: Supplier) -> Iterator[MeteringClient]:
    """Open a client that signs with the provider's key and reaches the house in this process."""
    private = load_pem_private_key(supplier.private_key_path.read_bytes(), password=None)
    if not isinstance(private, Ed25519PrivateKey):
        raise TypeError("the demonstration's keys are Ed25519")
    with MeteringClient(
        settings.PUBLIC_ORIGIN,
        supplier.token,
        supplier.key.key_id,
        private,
        transport=httpx.WSGITransport(app=get_wsgi_application()),
    ) as client:
        # Refusals belong to this story; as warnings on the operator's screen they would alarm.
        logging.disable(logging.WARNING)
        try:
            yield client
        finally:
            logging.disable(logging.NOTSET)


def habits(orders: dict[str, Order]) -> dict[str, Habit]:
    """Return how each enterprise of the story works under its order."""
    return {
        "delta": Habit("tp-a", orders["delta"].order_no, "Ascend-910B", 8, (8, 15)),
        "maker": Habit("tp-c", orders["maker"].order_no, "A800", 16, (6, 13)),
        "sample": Habit("cf-b", orders["sample"].order_no, "L40S", 2, (4, 9), share_milli=500),
        "side": Habit("cf-a", orders["side"].order_no, "L40S", 4, (3, 6)),
        "claim": claiming(orders["claim"]),
    }


def claiming(order: Order) -> Habit:
    """Return how the enterprise works that pays first."""
    return Habit("tp-q", order.order_no, "Ascend-910B", 4, (4, 9))


def september(taopu: Supplier, order: Order) -> Told:
    """Upload the last days of September, the first use of the order that is paid on a claim."""
    told, (day, days) = Told(), SEPTEMBER
    rows = usage.jobs(claiming(order), when(f"2026-09-{day:02d} 00:00"), days)
    with wire(taopu) as client, clock.set_to(when("2026-10-01 09:00")):
        told.add("桃浦：9 月下旬", _send(client, usage.as_csv(rows)))
    return told


def a_month(cast: Cast, taopu: Supplier, changfeng: Supplier, orders: dict[str, Order]) -> Told:
    """Upload October week by week for both providers."""
    told, works = Told(), habits(orders)
    with wire(taopu) as first, wire(changfeng) as second:
        for number, (day, days) in enumerate(WEEKS, start=1):
            begin = when(f"2026-10-{day:02d} 00:00")
            with clock.set_to(begin + timedelta(days=days, hours=9)):
                _taopu_week(told, first, works, number, begin, days)
                _changfeng_week(told, second, works, number, begin, days)
        with clock.set_to(when("2026-11-02 09:00")):
            _month_end(told, first, second, works)
    _name_the_unknown(cast)
    return told


def _taopu_week(
    told: Told,
    client: MeteringClient,
    works: dict[str, Habit],
    number: int,
    begin: datetime,
    days: int,
) -> None:
    """桃浦 sends CSV files; a repeated file, a repeated request and a bad row happen on the way."""
    rows = [
        row for name in ("claim", "delta", "maker") for row in usage.jobs(works[name], begin, days)
    ]
    body = usage.as_csv(rows)
    if number == 2:
        spoiled = [*rows[:-1], {**rows[-1], "ended_at": "2026-10-14 24:00"}]
        told.add("桃浦第 2 周：一行时间写错，整批退回", _send(client, usage.as_csv(spoiled)))
    answer = _send(client, body)
    told.add(f"桃浦第 {number} 周 CSV", answer)
    if number == 1:
        told.add("桃浦第 1 周：同一请求重发", _send(client, body))
        again = client.upload(body, "text/csv", idempotency_key=_other_key(1))
        told.add("桃浦第 1 周：同一文件换新编号再发", again)


def _changfeng_week(
    told: Told,
    client: MeteringClient,
    works: dict[str, Habit],
    number: int,
    begin: datetime,
    days: int,
) -> None:
    """长风 sends NDJSON or JSON; a partial batch, an open job and an unknown model happen."""
    rows = usage.jobs(works["sample"], begin, days) + usage.jobs(works["side"], begin, days)
    if number == 3:
        start = begin + timedelta(days=6, hours=20)
        rows.append(usage.record(works["side"], "cf-a-long", start, None))
    if number == 4:
        rows[-1] = {**rows[-1], "device_model": UNKNOWN_NAME}
    if number == 2:
        spoiled = [*rows[:-1], {**rows[-1], "device_count": "两张"}]
        answer = client.upload(usage.as_csv(spoiled), "text/csv", on_error="accept_valid")
        told.add("长风第 2 周：只入账正确的行", answer)
        told.add("长风第 2 周：改好的一行补报", _send(client, usage.as_csv(rows[-1:])))
        return
    body, kind = usage.as_ndjson(rows), "application/x-ndjson"
    if number == 5:
        body, kind = usage.as_json(rows), "application/json"
    told.add(f"长风第 {number} 周 {kind.rpartition('/')[2]}", client.upload(body, kind))


def _month_end(
    told: Told, taopu: MeteringClient, changfeng: MeteringClient, works: dict[str, Habit]
) -> None:
    """A job over the month's end, an open job closed, a zero, and a forged upload."""
    over = usage.record(
        works["delta"], "tp-a-over", when("2026-10-31 21:30"), when("2026-11-01 02:30")
    )
    told.add("桃浦：跨月作业，按自然月拆分", _send(taopu, usage.as_csv([over])))
    start = when("2026-10-21 20:00")
    closed = usage.record(works["side"], "cf-a-long-closed", start, later(start, hours=5))
    closed |= {"corrects": "cf-a-long", "reason": "作业已结束，补报结束时间"}
    told.add("长风：未结束的作业补报结束时间", _send(changfeng, usage.as_csv([closed])))
    idle = usage.record(works["sample"], "cf-b-idle", start, later(start, hours=1))
    idle["device_count"] = "0"
    told.add("长风：零卡记录", _send(changfeng, usage.as_csv([idle])))
    declared = changfeng.declare_zero(date(2026, 11, 1).isoformat())
    told.lines.append(("长风：11 月 1 日零申报", f"HTTP {declared.status}"))
    told.add("未签名的上报", _unsigned(taopu, usage.as_csv([over])))


def _name_the_unknown(cast: Cast) -> None:
    """Two people agree what the unknown name means; the held record is released by itself."""
    model = AcceleratorModel.objects.get(key="nvidia-l40s")
    alias = listing.propose_alias(
        model, UNKNOWN_NAME, actor=cast.actor("reviewer"), at=when("2026-11-02 10:00")
    )
    listing.approve_alias(alias, actor=cast.actor("approver"), at=when("2026-11-02 14:00"))


def _send(client: MeteringClient, body: bytes) -> Answer:
    return client.upload(body, "text/csv")


def _unsigned(client: MeteringClient, body: bytes) -> Answer:
    """Send with the right token but without a signature."""
    private, client.private_key = client.private_key, None
    try:
        return client.upload(body, "text/csv", idempotency_key=_other_key(2))
    finally:
        client.private_key = private


def _other_key(number: int) -> str:
    return f"0193a0de-0000-7000-8000-{number:012d}"


def the_present(taopu: Supplier, orders: dict[str, Order]) -> Told:
    """Upload some of November, with what a bureau's desk looks like: held and in conflict."""
    told, works = Told(), habits(orders)
    begin = when("2026-11-01 00:00")
    with wire(taopu) as client, clock.set_to(when("2026-11-19 09:00")):
        rows = usage.jobs(works["delta"], begin + timedelta(hours=3), 18)
        told.add("桃浦：11 月上半月", _send(client, usage.as_csv(rows)))
        changed = {**rows[4], "device_count": "7"}
        other = {**rows[5], "record_id": "tp-a-strange", "device_model": "910X-未公开"}
        answer = client.upload(usage.as_csv([changed, other]), "text/csv", on_error="accept_valid")
        told.add("桃浦：同号不同内容（冲突）与未知型号（待核）", answer)
    return told
