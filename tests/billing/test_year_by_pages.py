"""A year of twelve months in small: all that people do in it is done on the pages, and adds up.

Goal: from the close of a month to the closing of the year no step needs anything but the pages, and
what they lead to is what plain arithmetic over the reported seconds says. Method: the people, the
edition and the signed uploads of the demonstration; every button pressed without a browser.
"""

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command

from billing.management.demonstration import supply, usage, year
from billing.management.demonstration.cast import Cast, when
from billing.management.demonstration.metered import wire
from billing.management.demonstration.settled import Say
from billing.management.demonstration.supply import CHANGFENG, TAOPU, House, Supplier
from billing.models import MonthClose, PaymentLine, Report, Statement
from config.invariants import everything
from config.tasks import HANDLERS, expire_vouchers
from ledger import audit, clock, work
from ledger.balances import balance
from ledger.chart import budget, expired, paid, treasury
from ledger.periods import SHANGHAI
from providers.models import Order
from tests.journeys.pressing import Visitor, every, told, words
from vouchers.models import Programme, Voucher
from vouchers.positions import voucher_positions

pytestmark = [
    pytest.mark.django_db(transaction=True), pytest.mark.sealer, pytest.mark.slow,
]  # fmt: skip
YEAR, FIRST_DAY = 2026, datetime(2026, 1, 21, tzinfo=SHANGHAI)
DISMISSED, NIL, CORRECTED, UPHELD = 3, 7, 8, 10  # what is special about these months
OVER_MONTHS_END = 4
TAKEN_OFF = timedelta(hours=41, minutes=7, seconds=13)  # of August's first job, told in September
DECISIONS = {
    DISMISSED: "异议不成立：按原金额结算",
    UPHELD: "异议成立：冲减该行，券额退回企业的算力券（少计的由服务商补报，计入下期）",
}
SIGNERS = (
    ("approver", "签署：数据局复核"), ("approver2", "签署：数据局审批"),
    ("finance", "签署：财政复核"), ("finance3", "签署：财政批准"),
)  # fmt: skip


@dataclass(frozen=True)
class Works:
    """An enterprise at work: at which provider, with what, and what the scheme pays of it.

    Units: thousandths of a card, planned hours, fen per card-hour, basis points.
    """

    firm: str
    house: House
    model: str
    device: str
    share_milli: int
    planned: int
    price_fen: int
    ratio_bp: int


WORKS = (
    Works("sme1", TAOPU, "huawei-ascend-910b", "Ascend-910B", 1000, 4_600, 600, 4000),
    Works("sme2", CHANGFENG, "nvidia-l40s", "L40S", 500, 2_600, 580, 3000),
)
Job = tuple[str, datetime, datetime]


@dataclass(frozen=True)
class Story:
    """What is there before the first month ends: people, money, machines and orders."""

    cast: Cast
    programme: Programme
    suppliers: dict[str, Supplier]
    orders: dict[str, Order]

    def at(self, name: str, address: str) -> Visitor:
        """Let somebody sign in and open a page; who was away for days has been signed out."""
        return Visitor(self.cast.users[name]).open(address)


def begin_of(number: int) -> datetime:
    """Return the first moment of a month of the story; the thirteenth is next January."""
    return datetime(YEAR + number // 13, (number - 1) % 12 + 1, 1, tzinfo=SHANGHAI)


def name_of(number: int) -> str:
    return f"{YEAR}-{number:02d}"


def over_the_end(works: Works, number: int) -> timedelta:
    """Return how far the last job of a month runs on into the next."""
    runs_on = works is WORKS[0] and number == OVER_MONTHS_END
    return timedelta(days=1, hours=6, seconds=17) if runs_on else timedelta(0)


def jobs_of(works: Works, number: int) -> list[Job]:
    """Return two jobs that fill a month, with odd seconds so that fen must be rounded."""
    if number == NIL:
        return []
    begin = max(begin_of(number), FIRST_DAY) + over_the_end(works, number - 1)
    turn = begin + timedelta(days=3, minutes=works.price_fen * number, seconds=7 * number)
    end = begin_of(number + 1) + over_the_end(works, number)
    names = [f"{works.firm}-{number:02d}-{part}" for part in "ab"]
    return [(names[0], begin, turn), (names[1], turn + timedelta(seconds=number), end)]


def seconds_of(works: Works, number: int) -> int:
    """Return the seconds of a month that the jobs of the year ran, whatever they were cut into."""
    spans = [span for each in range(1, 13) for span in jobs_of(works, each)]
    first, last = begin_of(number), begin_of(number + 1)
    within = [min(end, last) - max(begin, first) for _, begin, end in spans]
    return sum(each // timedelta(seconds=1) for each in within if each > timedelta(0))


def half_up(above: int, below: int) -> int:
    return (2 * above + below) // (2 * below)


def wanted() -> dict[tuple[str, int], tuple[int, int]]:
    """Return (price, public share) of every statement of the year in fen, by firm and month."""
    found = {}
    for works in WORKS:
        for number in range(1, 13):
            gross = half_up(
                seconds_of(works, number) * works.share_milli * works.price_fen, 3_600_000
            )
            found[works.firm, number] = gross, gross * works.ratio_bp // 10_000
        del found[works.firm, NIL]
    first, off = WORKS[0], TAKEN_OFF // timedelta(seconds=1)
    gross, public = found[first.firm, CORRECTED + 1]
    # The share comes back in proportion to what was granted; the odd fen is the public purse's.
    granted = found[first.firm, CORRECTED][1]
    back = -(-granted * off // seconds_of(first, CORRECTED))
    found[first.firm, CORRECTED + 1] = gross - half_up(off * first.price_fen, 3600), public - back
    return found | {("sme2", UPHELD): (0, 0)}


@pytest.fixture
def story() -> Iterator[Story]:
    call_command("sync_roles", verbosity=0)
    audit.ensure_key(when("2025-11-28 08:00"))
    cast = Cast()
    cast.staff()
    programme, vouchers = year.begin(cast, Say(lambda _: None, patience=0))
    supply.load_rates(cast, when("2026-01-12 09:00"))
    suppliers, orders = {}, {}
    for works, voucher in zip(WORKS, vouchers, strict=False):  # the third firm never orders
        machines_from = when("2026-01-01 00:00")
        supplier = supply.admit(
            cast, works.house, when("2026-01-12 10:00"), machines_from=machines_from
        )
        suppliers[works.firm] = supplier
        orders[works.firm] = supply.order(
            cast, voucher, supplier, works.model, cards=2, hours=works.planned,
            at=when("2026-01-20 10:00"), first=FIRST_DAY.date(), last=date(YEAR, 12, 31),
        )  # fmt: skip
    with clock.set_to(FIRST_DAY):
        yield Story(cast, programme, suppliers, orders)


def reach(moment: datetime) -> None:
    """Let the days pass until a moment."""
    assert moment >= clock.now(), "the story runs forwards"
    clock.advance(moment - clock.now())


def on(number: int, day: int) -> None:
    """Let the days pass until ten in the morning of a day of the month after."""
    reach(begin_of(number + 1) + timedelta(days=day - 1, hours=10))


def the_worker_runs() -> None:
    work.run_due(HANDLERS, now=clock.now, worker="year")


def upload(story: Story, works: Works, jobs: list[Job], **more: str) -> None:
    """Send jobs as the provider's machine does, signed."""
    order_no = story.orders[works.firm].order_no
    habit = usage.Habit(works.firm, order_no, works.device, 1, (0, 0), works.share_milli)
    rows = [usage.record(habit, *job) | more for job in jobs]
    with wire(story.suppliers[works.firm]) as client:
        answer = client.upload(usage.as_csv(rows), "text/csv")
    assert answer.status == 201, answer.body


def let_gaps_stand(story: Story, number: int) -> None:
    """Agree by two people that nothing is missing in a month without a job."""
    gaps = f"/office/providers/desk/gaps/{name_of(number)}/"
    for _ in WORKS:
        story.at("reviewer", gaps).press("提出缺口说明", {"理由": "当月没有作业（演示）"})
        story.at("approver", "/office/providers/desk/").press("批准").says("已批准")
    story.at("reviewer", gaps).says("已说明的缺口 31 处")


def correct(story: Story) -> None:
    """Tell in September that a job of August ended earlier; two people let it count."""
    works = WORKS[0]
    name, begin, end = jobs_of(works, CORRECTED)[0]
    reach(when("2026-09-20 10:00"))
    job = (f"{name}-again", begin, end - TAKEN_OFF)
    upload(story, works, [job], corrects=name, reason="作业提前结束，更正结束时间")
    desk = story.at("reviewer", "/office/providers/desk/").follow(f"{name}-again")
    desk.press("提出准予更正", {"理由": "服务商日志与更正一致（演示）"})
    story.at("approver", "/office/providers/desk/").press("批准").says("已批准")


def close(story: Story, number: int) -> None:
    """Cut the month off and put the statements out."""
    month = name_of(number)
    on(number, 4)
    if number == NIL:
        with pytest.raises(AssertionError, match="上报缺口"):
            story.at("finance", f"/office/settlement/{month}/close/").press("截止并出具对账单")
        let_gaps_stand(story, number)
    desk = story.at("finance", f"/office/settlement/{month}/close/").press("截止并出具对账单")
    the_worker_runs()
    desk.open(f"/office/settlement/{month}/progress/").says("对账单已出具")


def own_statement(story: Story, name: str, number: int) -> Visitor:
    area = "console" if name.startswith("provider") else "portal"
    return story.at(name, f"/{area}/statements/").follow(f"PTSL-JS-{name_of(number)}")


def answer_statements(story: Story, number: int) -> None:
    """Let both sides of each statement say yes; before that one may object to its line."""
    on(number, 5)
    if number in DECISIONS:
        object_and_decide(story, number)
    for works in WORKS:
        for name in (works.firm, works.house.username):
            page = own_statement(story, name, number).press("确认这份对账单").says("已确认")
            if (works.firm, number) == (WORKS[0].firm, CORRECTED + 1):
                page.says("冲减以前月份券抵扣").says("本期净抵扣")


def object_and_decide(story: Story, number: int) -> None:
    page = own_statement(story, "sme2", number).press(
        "提交异议", {"第 1 行：NVIDIA L40S": "yes", "异议理由": "作业时长与我方记录不符（演示）。"}
    )
    statement_no = re.findall(r"PTSL-JS-[\d-]+", words(page.main))[0]
    on(number, 6)
    listed = story.at("approver", f"/office/settlement/{name_of(number)}/statements/")
    listed.follow(statement_no).press(
        "提交处理结果",
        {DECISIONS[number]: "yes", "处理意见（双方可见）": "已核对签名原始记录（演示）。"},
    ).says("异议已处理")


def approve(story: Story, number: int) -> None:
    """Put the month forward; another person approves it."""
    address = f"/office/settlement/{name_of(number)}/approval/"
    on(number, 9)
    story.at("finance", address).press("提请签发").says("您是提请人，须由他人签发")
    on(number, 10)
    approver = story.at("approver", address)
    if number == NIL:
        approver.says("本月没有用券用量（零结算）")
    approver.press("签发", {"我已核对上面的清单和合计金额": "yes"}).says("结算已签发")


def pay(story: Story, number: int) -> None:
    """Draw the list up, have four people sign it, send it, record each payment."""
    on(number, 11)
    cashier = story.at("finance2", f"/office/settlement/{name_of(number)}/payments/")
    cashier.press("导出付款清单").says("您已在这份清单上制表或签署")
    for name, button in SIGNERS:
        signer = story.at(name, cashier.address)
        signer.press(button, {"我已核对清单的收款人、账户和金额": "yes"}).says("已签署")
    cashier.open(cashier.address).press("送国库（生成付款文件）").says("付款文件已生成")
    on(number, 14)
    cashier = story.at("finance2", cashier.address)
    while cashier.offers("登记已付款"):
        reference = f"演示回单-{PaymentLine.objects.filter(state='paid').count()}"
        cashier.press("登记已付款", {"银行流水号": reference}).says("已登记向")


def finish(story: Story, number: int) -> None:
    on(number, 14)
    desk = story.at("finance2", f"/office/settlement/{name_of(number)}/payments/")
    if number == NIL:
        with pytest.raises(AssertionError, match="本月没有尚未付出的款项"):
            desk.press("导出付款清单")
    desk.open(desk.address).press("办结本月").says("本月已办结")
    desk.says("推送付款 " + ("无应付" if number == NIL else "已导出"))


def report(story: Story, number: int, folder: Path) -> Path:
    """Ask for the bureau's report and save it from the list of reports."""
    audit.seal(clock.now())  # a report says up to where the log is sealed
    month = name_of(number)
    story.at("finance", f"/office/settlement/{month}/").press("生成数据局报告").says("已安排生成")
    the_worker_runs()
    desk = story.at("finance", "/office/reports/")
    newest = next(each for each in every(desk.main, "a") if words(each).startswith("PDF，"))
    path = folder / f"{month}.pdf"
    path.write_bytes(desk.client.get(told(newest, "href")).content)
    return path


def live(story: Story, number: int, folder: Path) -> Path:
    """Play one month from its last upload to its report."""
    if number == CORRECTED + 1:
        correct(story)
    if number == 12:
        night("2027-01-01 02:30")
    on(number, 3)
    for works in WORKS:
        if jobs := jobs_of(works, number):
            upload(story, works, jobs)
    close(story, number)
    if number != NIL:
        answer_statements(story, number)
    approve(story, number)
    if number != NIL:
        pay(story, number)
    finish(story, number)
    return report(story, number, folder)


def night(moment: str) -> None:
    reach(when(moment))
    expire_vouchers()


def end_year(story: Story) -> None:
    """Wait for the end of the tail, then close the year by two people."""
    address = f"/office/year-end/{story.programme.slug}/"
    early = story.at("finance", address).says("用券截止日后的结算期到 2027-01-30 才届满")
    assert not early.offers("编制决算")
    night("2027-01-31 02:30")
    reach(when("2027-02-01 10:00"))
    asked = {"剩余资金": "上缴财政", "决定文号": "普财预演〔2027〕9号（演示）"}
    preparer = story.at("finance", address).press("编制决算", asked)
    assert not preparer.says("决算由您编制，须由另一人审批").offers("审批决算")
    story.at("approver", address).press("审批决算").says("决算已审批，剩余资金已入账")


def test_a_year_is_closed_paid_and_reported_by_pages_alone(story: Story, tmp_path: Path) -> None:
    papers = [live(story, number, tmp_path) for number in range(1, 13)]
    end_year(story)
    assert [each.state for each in MonthClose.objects.order_by("month")] == ["paid"] * 12
    then_the_sums_are_those_of_plain_arithmetic(story)
    then_nothing_is_left_of_the_year(story.programme.slug)
    then_every_report_is_genuine(papers)
    assert not everything()


def then_the_sums_are_those_of_plain_arithmetic(story: Story) -> None:
    firms = {story.orders[each.firm].pk: each.firm for each in WORKS}
    said = {
        (firms[each.order_id], int(each.month[-2:])): (each.gross_fen, each.public_fen)
        for each in Statement.objects.all()
    }
    assert said == wanted()
    positions = voucher_positions(list(Voucher.objects.all()))
    for works in WORKS:
        granted = sum(public for (firm, _), (_, public) in wanted().items() if firm == works.firm)
        order, slug = story.orders[works.firm], story.programme.slug
        assert positions[order.voucher_id].redeemed == granted
        assert balance(paid(slug, str(order.provider_id))).posted == granted
    for each in positions.values():
        assert each.face == each.redeemed + each.expired


def then_nothing_is_left_of_the_year(slug: str) -> None:
    spent = sum(public for _, public in wanted().values())
    given = balance(treasury(slug))
    assert (balance(budget(slug)).posted, balance(expired(slug)).posted) == (0, 0)
    assert given.debits_posted - given.credits_posted == spent


def then_every_report_is_genuine(papers: list[Path]) -> None:
    for path in papers[::3]:  # laying one out anew takes as long as all else of a month
        answer = StringIO()
        call_command("report_verify", str(path), stdout=answer)  # leaves by SystemExit if not
        assert answer.getvalue().startswith(Report.objects.get(month=path.stem).report_no)
        assert "逐字节一致" in answer.getvalue()
    for path in papers:
        made = Report.objects.get(month=path.stem)
        public = Visitor().open("/public/verify/").press("核验", {"核验码": made.check_code})
        public.says("真实有效").says(made.report_no)
    for path in (papers[0], papers[-1]):
        told_of = subprocess.run(["pdfsig", str(path)], check=False, capture_output=True, text=True)
        assert "Signature is Valid" in told_of.stdout
