"""The bureau's room of figures: every number with its definition, unit, source and moment.

Plain data for the page and for files alike; nothing is kept, all of it is read from the ledger
and the statements when asked. A number that cannot be worked out is None, never nought.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import Sum

from billing import figures
from billing.averages import Average, averages
from billing.bars import long_bars
from billing.burning import burn_down, lapse_forecast
from billing.evaluating import indicators
from billing.figuring import hhi, percent_text, ratio_text, share_bp, top_share_bp
from billing.indicator_tables import (
    LEDGER,
    STATEMENTS,
    VOUCHERS,
    Listing,
    burn_table,
    card_table,
    evaluation_table,
    lapse_table,
    price_table,
    split_table,
)
from billing.market import model_prices
from billing.scorecards import scorecards
from billing.splits import Cell, split, work_of_providers
from ledger.amounts import pflops_hours_text, yuan_text
from ledger.periods import Month, month_of
from vouchers.models import Programme, Voucher
from vouchers.pages_money import unused

#: Usage is read over so many months; a year of records would keep a page waiting.
MONTHS = 3
WAYS = (
    ("town", "按街镇"),
    ("sector", "按行业（划型口径）"),
    ("provider", "按服务商"),
    ("kind", "按券种"),
)


@dataclass(frozen=True)
class Figure:
    """One number: text for people, the same text for machines, and where it comes from."""

    code: str
    title: str
    value: str | None
    unit: str
    definition: str
    source: str
    detail: str = ""

    def as_plain(self) -> dict[str, Any]:
        """Return the number for a machine."""
        return {
            "code": self.code,
            "title": self.title,
            "value": None if self.value is None else self.value.replace(",", ""),
            "unit": self.unit,
            "definition": self.definition,
            "source": self.source,
        }


@dataclass
class Room:
    """Everything that is shown for one programme or for all, as of one moment."""

    slug: str
    title: str
    at: datetime
    first: Month
    last: Month
    ties: bool = True
    figures: list[Figure] = field(default_factory=list)
    listings: list[Listing] = field(default_factory=list)

    def as_plain(self) -> dict[str, Any]:
        """Return the room for a machine."""
        return {
            "programme": self.slug or "all",
            "as_of": self.at.isoformat(),
            "months": [str(self.first), str(self.last)],
            "ties_to_ledger": self.ties,
            "figures": [each.as_plain() for each in self.figures],
            "tables": [each.as_plain() for each in self.listings],
        }


def months_to(at: datetime, count: int = MONTHS) -> tuple[Month, Month]:
    """Return the last ``count`` months that end with the month of a moment."""
    last = first = month_of(at)
    for _ in range(count - 1):
        first = first.previous()
    return first, last


def programmes() -> dict[str, str]:
    """Return every scheme by its slug, with the title of its newest edition."""
    found = Programme.objects.order_by("slug", "edition_no").values_list("slug", "title")
    return dict(found)


def room(slug: str, at: datetime) -> Room | None:
    """Return the figures of a scheme (all schemes when empty); None for a scheme nobody knows."""
    known = programmes()
    if slug and slug not in known:
        return None
    first, last = months_to(at)
    made = Room(slug, known.get(slug, "全部方案"), at, first, last)
    _money(made, [slug] if slug else list(known))
    cells = {way: split(way, slug=slug) for way in ("all", "provider", "enterprise")}
    _structure(made, cells, averages(work_of_providers(slug=slug))["green"])
    lapses = lapse_forecast(slug)
    made.figures.append(
        Figure(
            "lapse_forecast", "预计失效", yuan_text(sum(each.lapse_fen for each in lapses)), "元",
            "按每张券最近三个用量月份的速度推算到期时用不完的金额；从未使用的按全部失效",
            VOUCHERS,
        )
    )  # fmt: skip
    made.listings += [burn_table(burn_down(slug)), lapse_table(lapses)]
    made.listings.append(price_table(model_prices(at, slug)))
    for way, title in WAYS:
        made.listings.append(split_table(way, title, cells.get(way) or split(way, slug=slug)))
    period = f"{first} 至 {last}"
    made.listings.append(card_table(scorecards(first, last), period))
    made.listings.append(evaluation_table(indicators(first, last, at), period))
    return made


def _money(made: Room, slugs: list[str]) -> None:
    """Add where the money lies, cumulatively from grant to payment, tied to the ledger."""
    granted, stages = 0, dict.fromkeys(
        ("budget", "reserved", "vouchers", "holds", "redeemed", "settlement", "disputed",
         "paid", "expired"), 0,
    )  # fmt: skip
    for slug in slugs:
        steps, ties = figures.funnel(slug)
        granted += figures.granted_fen(slug)
        made.ties = made.ties and ties
        for step in steps:
            stages[step.detail] = stages.get(step.detail, 0) + step.amount_fen
    settled = sum(
        amount for name, amount in stages.items()
        if name not in ("budget", "reserved", "vouchers", "holds", "redeemed", "expired")
    )  # fmt: skip
    spent = settled + stages["redeemed"]
    issued = spent + stages["vouchers"] + stages["holds"] + stages["expired"]
    amounts = (
        ("granted", "已下达预算", granted, "财政下达减退回", ""),
        ("reserved", "已预留", stages["reserved"], "已审定或排队，预算已留、尚未发券", "reserved"),
        ("issued", "已发券", issued, "已发出且未撤销退回的券额", "vouchers"),
        ("held", "订单占用", stages["holds"], "已下单占用、尚未核销", "holds"),
        ("spent", "已核销", spent, "对账单出具时从券内扣减，累计", "redeemed"),
        ("settled", "已签发结算", settled, "已签发的结算金额，含暂扣与已付，累计", "settlement"),
        ("paid", "已付款", stages["paid"], "银行回单已登记", "paid"),
        ("lapsed", "已失效", stages["expired"], "到期未用，已转出券账户", "expired"),
    )
    made.figures += [
        Figure(code, title, yuan_text(amount), "元", text, LEDGER, detail if amount else "")
        for code, title, amount, text, detail in amounts
    ]
    _take_up(made, slugs, granted, issued, spent)
    bars = [(title, amount, f"{yuan_text(amount)} 元") for _, title, amount, _, _ in amounts]
    rows: list[tuple[str | None, ...]] = [
        (title, yuan_text(amount), percent_text(share_bp(amount, granted)))
        for _, title, amount, _, _ in amounts
    ]
    made.listings.append(
        Listing(
            "funnel", "资金漏斗", ("环节", "金额（元）", "占下达（%）"), rows,
            "从下达到付款逐级累计；各环节余额见预算看板", LEDGER,
            long_bars(bars, title="资金漏斗"),
            "；".join(f"{name} {said}" for name, _, said in bars),
        )
    )  # fmt: skip


def _take_up(made: Room, slugs: list[str], granted: int, issued: int, spent: int) -> None:
    mine = Voucher.objects.filter(programme__slug__in=slugs)
    firms = mine.order_by().values("enterprise").distinct().count()
    users = (
        mine.filter(redemptions__isnull=False).order_by().values("enterprise").distinct().count()
    )
    never = [unused(slug) for slug in slugs]
    face = int(mine.aggregate(total=Sum("face_fen"))["total"] or 0)
    made.figures += [
        Figure("issue_rate", "发券率", percent_text(share_bp(issued, granted)), "%",
               "已发券 ÷ 已下达预算", LEDGER),
        Figure("use_rate", "用券率", percent_text(share_bp(spent, issued)), "%",
               "已核销 ÷ 已发券", LEDGER),
        Figure("unused_rate", "未使用率", percent_text(
                   share_bp(sum(each["unused_fen"] for each in never), face)), "%",
               "从未使用即过期的券面 ÷ 全部券面（含审定后从未下单的）", VOUCHERS),
        Figure("unused_count", "从未使用即过期的券", str(sum(each["count"] for each in never)),
               "张", "过期且没有一笔核销", VOUCHERS),
        Figure("firms", "持券企业", f"{firms:,}", "家", "至少发过一张券的企业", VOUCHERS),
        Figure("firm_rate", "用券企业占比", percent_text(share_bp(users, firms)), "%",
               "至少核销过一笔的企业 ÷ 持券企业", VOUCHERS),
    ]  # fmt: skip


def _structure(made: Room, cells: dict[str, list[Cell]], green: Average) -> None:
    """Add leverage, the domestic part by compute, and how far it is spread."""
    total = cells["all"][0] if cells["all"] else Cell("", "", 0, 0, 0, 0, 0, 0)
    made.figures += [
        Figure("gross", "服务总价", yuan_text(total.gross_fen), "元",
               "已出具对账单的服务总价之和", STATEMENTS),
        Figure("leverage", "资金杠杆", ratio_text(total.gross_fen, total.public_fen), "倍",
               "服务总价 ÷ 券抵扣：每 1 元财政资金带动的服务金额", STATEMENTS),
        Figure("work", "券支持的算力", pflops_hours_text(total.work), "PFLOPS·h（FP16 稠密）",
               "已出具对账单各行：卡毫秒 × 系数之和", STATEMENTS),
        Figure("domestic", "国产算力占比", percent_text(share_bp(total.home_work, total.work)), "%",
               "国产型号的算力 ÷ 全部算力（按算力加权，不按卡数）", STATEMENTS),
        Figure("green", "绿色算力占比", green.value, "%",
               f"服务商绿电占比按算力加权；{green.told}", "能效申报（已确认）、对账单"),
    ]  # fmt: skip
    for way, title in (("provider", "服务商"), ("enterprise", "企业")):
        parts = [each.public_fen for each in cells[way]]
        index = hhi(parts)
        made.figures += [
            Figure(f"hhi_{way}", f"{title}集中度（HHI）", None if index is None else f"{index:,}",
                   "0–10,000", "各家券抵扣份额的平方和；10,000 为一家独占", STATEMENTS),
            Figure(f"top1_{way}", f"最大一家{title}份额", percent_text(top_share_bp(parts, 1)), "%",
                   "券抵扣最多的一家 ÷ 全部", STATEMENTS),
            Figure(f"top5_{way}", f"前五家{title}份额", percent_text(top_share_bp(parts, 5)), "%",
                   "券抵扣最多的五家 ÷ 全部", STATEMENTS),
        ]  # fmt: skip
