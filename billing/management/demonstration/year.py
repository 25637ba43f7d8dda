"""A whole year: the same people, the real acts, twelve closed months and a lapse at the end.

The rules are those of the demonstration month with the dates of a programme that began in January;
everything else - applications, orders, signed uploads, closes, payments, reports - goes the way of
the house, with the clock held at the day of each step.
"""

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from django.core.management import call_command

from billing.management.demonstration import schemes, settled, supply, support, usage
from billing.management.demonstration.cast import MONTH_FIRMS, Cast, later, when
from billing.management.demonstration.metered import wire
from billing.management.demonstration.settled import Say
from billing.management.demonstration.supply import Supplier
from billing.management.demonstration.usage import Habit
from billing.models import MonthClose
from ledger import clock
from ledger.actors import system_actor
from ledger.periods import SHANGHAI, Month
from ledger.refusals import Broken
from providers.models import Order
from vouchers.calendars import store_year
from vouchers.lapsing import lapse_due
from vouchers.models import CalendarYear, Programme, Voucher

MONTHS = [Month(2026, number) for number in range(1, 13)]
FIRST_DAY, LAST_DAY = date(2026, 1, 21), date(2026, 12, 31)
#: What the year's edition says otherwise than that of the demonstration month.
DATES = (
    ("effective_from = 2026-07-01", "effective_from = 2026-01-01"),
    ("opens_at = 2026-07-01T09:00:00+08:00", "opens_at = 2026-01-02T09:00:00+08:00"),
    (
        "[[windows.window]]\nopens_at = 2027-01-04T09:00:00+08:00\n"
        "closes_at = 2027-09-30T17:00:00+08:00\n",
        "",
    ),
    ("days = 180", "days = 365"),
    ("cut_off = 2027-11-30", "cut_off = 2026-12-31"),
    ("signed_from = 2026-07-01", "signed_from = 2026-01-01"),
)
PREPARED, APPROVED, LISTED, PAID = (timedelta(days=each) for each in (5, 6, 7, 10))


@dataclass(frozen=True)
class Working:
    """How an enterprise of the year works: at which provider, with what, how much."""

    name: str
    firm: int
    model: str
    device: str
    cards: int
    hours: tuple[int, int]
    planned: int
    share_milli: int = 1000


TAOPU_WORKS = (
    Working("delta", 0, "huawei-ascend-910b", "Ascend-910B", 6, (8, 15), 4_600),
    Working("maker", 2, "nvidia-a800", "A800", 4, (6, 13), 3_600),
)
CHANGFENG_WORKS = (
    Working("sample", 1, "nvidia-l40s", "L40S", 2, (4, 9), 2_600, share_milli=500),
    Working("side", 0, "nvidia-l40s", "L40S", 1, (3, 6), 1_800),
)


def begin(cast: Cast, say: Say) -> tuple[Programme, list[Voucher]]:
    """Publish the programme and give three firms their vouchers in January."""
    if not CalendarYear.objects.filter(year=2027).exists():
        source = "演示：2027 年放假安排尚未公布，仅按周末计"
        store_year(2027, [], source=source, at=when("2026-01-02 08:00"))
    programme = schemes.publish(
        cast,
        schemes.written_otherwise("putuo-demo-year", DATES),
        "普数据规演〔2026〕1号（演示）",
        when("2026-01-02 08:35"),
    )
    support.grant(
        cast, programme, "7000000.00", "普财预演〔2026〕1号（演示）", when("2026-01-02 08:50")
    )
    applications = [
        support.submit(cast, firm, programme, when(f"2026-01-0{day} 09:30"))
        for day, firm in zip((5, 6, 7), MONTH_FIRMS, strict=True)
    ]
    applications = [
        support.recommend(cast, each, when("2026-01-08 10:00")) for each in applications
    ]
    notice = support.notice(cast, applications, when("2026-01-09 10:00"))
    vouchers = support.issue(cast, notice, when("2026-01-19 09:00"))
    say(f"{programme.title}：发券 {len(vouchers)} 张")
    return programme, vouchers


def open_shops(cast: Cast, vouchers: list[Voucher]) -> list[tuple[Supplier, list[Habit]]]:
    """Admit both providers and place the orders of the year; return who meters what."""
    supply.load_rates(cast, when("2026-01-12 09:00"))
    started = when("2026-01-01 00:00")
    found = []
    for house, works in ((supply.TAOPU, TAOPU_WORKS), (supply.CHANGFENG, CHANGFENG_WORKS)):
        supplier = supply.admit(cast, house, when("2026-01-12 10:00"), machines_from=started)
        habits = []
        for minute, each in enumerate(works):
            order = supply.order(
                cast, vouchers[each.firm], supplier, each.model, cards=each.cards,
                hours=each.planned, at=when(f"2026-01-20 10:{minute:02d}"),
                first=FIRST_DAY, last=LAST_DAY,
            )  # fmt: skip
            habits.append(_habit(each, order))
        found.append((supplier, habits))
    return found


def _habit(each: Working, order: Order) -> Habit:
    return Habit(
        f"y-{each.name}", order.order_no, each.device, each.cards, each.hours, each.share_milli
    )


def upload(shops: list[tuple[Supplier, list[Habit]]], month: Month, say: Say) -> None:
    """Send the month's jobs of every provider, signed, on the second day of the next month."""
    start = max(month.start_at.astimezone(SHANGHAI), when(f"{FIRST_DAY} 00:00"))
    days = (month.end_at - start).days
    with clock.set_to(month.end_at + timedelta(days=1, hours=9)):
        for supplier, habits in shops:
            works = [replace(each, seed=each.seed + month.month) for each in habits]
            rows = [row for each in works for row in usage.jobs(each, start, days)]
            with wire(supplier) as client:
                answer = client.upload(usage.as_csv(rows), "text/csv")
            if answer.status not in (201, 202):
                raise Broken(f"{month}: the upload was answered {answer.status}: {answer.body}")
    say(f"{month.title}：上报 {len(shops)} 批")


def settle(cast: Cast, month: Month, say: Say) -> MonthClose:
    """Close a month, let both sides confirm, then every step by the command of the house."""
    begun = month.end_at + timedelta(days=3, hours=2)
    with clock.set_to(begun):
        call_command("close_month", str(month), verbosity=0, stdout=_Nowhere())
    close = MonthClose.objects.get(month=str(month))
    for statement in close.statements.order_by("statement_no"):
        settled.confirm_both(cast, statement, later(begun, days=1))
    for after, words in (
        (PREPARED, ("prepare", "--as", "finance")),
        (APPROVED, ("approve", "--as", "approver")),
        (LISTED, ("export", "--as", "finance2")),
        (LISTED, ("sign", "--as", "approver")),
        (LISTED, ("sign", "--as", "approver2")),
        (LISTED, ("sign", "--as", "finance")),
        (LISTED, ("sign", "--as", "finance3")),
        (LISTED, ("send", "--as", "finance2")),
        (PAID, ("pay", "--as", "finance2", "--reference", f"演示回单-{month}")),
        (PAID, ("finish", "--as", "finance")),
        (PAID, ("report", "--as", "finance")),
    ):
        if words[0] == "report":
            settled.seal_everything(say)  # a report says up to where the log is sealed
        with clock.set_to(begun + after):
            call_command("settle_month", str(month), *words, stdout=_Nowhere())
    close.refresh_from_db()
    report = close.reports.order_by("version").last()
    named = report.report_no if report else "—"
    say(f"{month.title}：{close.statement_count} 份对账单，已办结，报告 {named}")
    return close


class _Nowhere:
    """Take what a command says; the story tells its own lines."""

    def write(self, _text: str) -> int:
        """Keep it to itself."""
        return 0

    def flush(self) -> None:
        """Do nothing."""


def end(at: datetime, say: Say) -> int:
    """Let the vouchers of the year lapse; return how many did."""
    lapsed = lapse_due(actor=system_actor("lapse"), at=at)
    say(f"年终：{lapsed} 张算力券未用完的部分失效")
    return lapsed
