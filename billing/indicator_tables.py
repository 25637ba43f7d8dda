"""Tables of the room of figures: the rows, what a row means, and the chart of the same rows.

Units stand in the heads of the columns; a cell that cannot be worked out is None.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from billing.bars import grouped_bars, long_bars
from billing.burning import BurnMonth, LapseMonth
from billing.evaluating import Indicator
from billing.figuring import decimal_text, percent_text, ratio_text, share_bp
from billing.market import ModelPrices
from billing.scorecards import Scorecard
from billing.splits import Cell
from ledger.amounts import pflops_hours_text, yuan_text
from providers.models import OfferingPrice

LEDGER, STATEMENTS, VOUCHERS = "总账", "对账单", "算力券"
#: A chart shows so many of the largest; the table has all of them.
MOST_BARS = 12
Row = tuple[str | None, ...]


@dataclass(frozen=True)
class Listing:
    """A table of numbers, perhaps with a chart of the same numbers."""

    code: str
    title: str
    columns: tuple[str, ...]
    rows: list[tuple[str | None, ...]]
    definition: str
    source: str
    chart: str = ""
    words: str = ""

    def as_plain(self) -> dict[str, Any]:
        """Return the table for a machine."""
        return {
            "code": self.code,
            "title": self.title,
            "definition": self.definition,
            "source": self.source,
            "columns": list(self.columns),
            "rows": [
                [None if cell is None else cell.replace(",", "") for cell in row]
                for row in self.rows
            ],
        }


def burn_table(months: Sequence[BurnMonth]) -> Listing:
    """Return what was issued, spent and lapsed by month, and what was left."""
    rows: list[Row] = [
        (
            each.month,
            yuan_text(each.issued_fen),
            yuan_text(each.redeemed_fen),
            yuan_text(each.lapsed_fen),
            yuan_text(each.returned_fen),
            yuan_text(each.left_fen),
        )
        for each in months
    ]
    shown = list(months)[-MOST_BARS:]
    chart = grouped_bars(
        [each.month for each in shown],
        [
            ("核销", [each.redeemed_fen for each in shown]),
            ("月末余额", [each.left_fen for each in shown]),
        ],
        title="逐月核销与余额",
    )
    words = "；".join(
        f"{each.month} 核销 {yuan_text(each.redeemed_fen)} 元，余额 {yuan_text(each.left_fen)} 元"
        for each in shown
    )
    return Listing(
        "burn", "逐月发券、核销、失效与余额",
        ("月份", "发券（元）", "核销（元）", "失效（元）", "退回（元）", "月末余额（元）"),
        rows, "按总账记账月份；月末余额为全部券内余额（含占用）", LEDGER,
        chart if shown else "", words,
    )  # fmt: skip


def lapse_table(months: Sequence[LapseMonth]) -> Listing:
    """Return what will lapse by the month in which vouchers end."""
    rows: list[Row] = [
        (each.month, f"{each.vouchers:,}", yuan_text(each.left_fen), yuan_text(each.lapse_fen))
        for each in months
    ]
    return Listing(
        "lapse", "失效预测（按到期月份）",
        ("到期月份", "券（张）", "现有余额（元）", "预计失效（元）"), rows,
        "每张券按自身最近三个用量月份的日均核销推算；只是推算，不作承诺", VOUCHERS,
    )  # fmt: skip


def price_table(models: Sequence[ModelPrices]) -> Listing:
    """Return the filed prices of each model against the programmes' caps."""
    units = dict(OfferingPrice.PricingUnit.choices)
    rows: list[Row] = []
    for each in models:
        low, high = each.prices[0], each.prices[-1]
        caps = "；".join(f"{title} {yuan_text(cap)}" for title, cap in each.caps.items())
        rows.append(
            (
                each.model,
                "国产" if each.domestic else "非国产",
                str(units[each.unit]),
                str(len(each.prices)),
                yuan_text(low),
                decimal_text(Fraction(each.twice_median, 200), 2),
                yuan_text(high),
                ratio_text(2 * (high - low) * 100, each.twice_median),
                caps or None,
                percent_text(share_bp(each.above_fen, each.settled_fen)),
            )
        )
    return Listing(
        "price", "备案单价：中位数、离散与限价",
        ("型号", "国产", "单位", "备案数", "最低（元）", "中位（元）", "最高（元）",
         "离散（%）", "政策限价（元）", "超限价部分占比（%）"),
        rows,
        "在架服务项目的现行备案单价；离散 =（最高 − 最低）÷ 中位数；备案不足三个时不设限价；"
        "超限价部分 =（服务总价 − 限价后金额）÷ 服务总价，取已出具对账单",
        "备案单价、对账单",
    )  # fmt: skip


def split_table(way: str, title: str, cells: Sequence[Cell]) -> Listing:
    """Return what was settled, divided one way, the largest first."""
    ordered = sorted(cells, key=lambda each: (-each.public_fen, each.key))
    whole = sum(each.public_fen for each in ordered)
    rows: list[Row] = [
        (
            each.title,
            f"{each.enterprises:,}",
            f"{each.statements:,}",
            yuan_text(each.gross_fen),
            yuan_text(each.public_fen),
            percent_text(share_bp(each.public_fen, whole)),
            pflops_hours_text(each.work),
            percent_text(share_bp(each.home_work, each.work)),
        )
        for each in ordered
    ]
    bars = [
        (each.title, each.public_fen, f"{yuan_text(each.public_fen)} 元")
        for each in ordered[:MOST_BARS]
    ]
    return Listing(
        f"by_{way}", title,
        ("项目", "企业（家）", "对账单（份）", "服务总价（元）", "券抵扣（元）", "占券抵扣（%）",
         "算力（PFLOPS·h）", "国产算力（%）"),
        rows, "已出具对账单之和；街镇和行业取申请时填报", STATEMENTS,
        long_bars(bars, title=title) if bars else "",
        "；".join(f"{name} {said}" for name, _, said in bars),
    )  # fmt: skip


def card_table(cards: Sequence[Scorecard], period: str) -> Listing:
    """Return one line for each provider: how it reports and settles."""
    rows: list[Row] = [
        (
            each.name,
            f"{each.count('records'):,}",
            percent_text(each.on_time_bp),
            percent_text(each.rate_bp("days_told", "days_due")),
            percent_text(each.rate_bp("rejected", "rows")),
            percent_text(each.rate_bp("conflicts", "rows")),
            percent_text(each.rate_bp("corrected", "records")),
            percent_text(each.rate_bp("disputed", "lines")),
            percent_text(each.rate_bp("upheld", "lines")),
        )
        for each in cards
    ]
    return Listing(
        "scorecard", f"服务商评分卡（{period}）",
        ("服务商", "记录（条）", "按期率（%）", "上报覆盖（%）", "拒收率（%）", "冲突率（%）",
         "更正率（%）", "异议率（%）", "异议成立率（%）"),
        rows,
        "按期：在用量当月结算的记录占比；上报覆盖：有记录或零申报的天数 ÷ 有订单的天数；"
        "拒收、冲突按上报行数；更正按记录数；异议按对账单明细行",
        "上报批次、计量记录、对账单",
    )  # fmt: skip


def evaluation_table(found: Sequence[Indicator], period: str) -> Listing:
    """Return the indicators of the city's paper, the missing ones with how to get them."""
    rows: list[Row] = [
        (
            each.title,
            each.shown,
            each.unit,
            percent_text(each.covers_bp),
            each.definition,
            each.source,
            each.how if each.value is None else "",
        )
        for each in found
    ]
    return Listing(
        "evaluation", f"评估指标：算力、算效、能效、碳效、时延（{period}）",
        ("指标", "数值", "单位", "覆盖算力（%）", "口径", "来源", "如何采集"), rows,
        "依据上海市推进算力资源统一调度指导意见；没有数据的写“未采集”，不作估计", "见各行",
    )  # fmt: skip
