"""What the city's paper asks compute centres to be judged by: 算力、算效、能效、碳效、时延.

Each is worked out from what was filed or reported, with the part it covers; what nobody reported
is said to be missing, with how to get it. Nothing is estimated.

Source: 上海市推进算力资源统一调度指导意见; formulas of domain.md 5.2 and 5.6.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any

from django.db import connection

from billing.averages import NOT_COLLECTED, Average, averages, carbon
from billing.figuring import decimal_text, percent_text, share_bp
from ledger.periods import Month

GFLOPS_PER_PFLOPS = 1_000_000
WORK_PER_PFLOPS_HOUR = 1_000_000 * 1000 * 3600  # GFLOPS-milli-seconds of whole devices


@dataclass(frozen=True)
class Indicator:
    """One indicator: its value as text, or None with how to collect it.

    Args:
        covers_bp: the part of the work (basis points) that the value rests on; None for all.
    """

    code: str
    title: str
    value: str | None
    unit: str
    definition: str
    source: str
    how: str = ""
    covers_bp: int | None = None

    @property
    def shown(self) -> str:
        """Return the value, or that it is missing."""
        return NOT_COLLECTED if self.value is None else self.value


_CAPACITY = """
SELECT coalesce(sum(c.device_count::numeric * r.gflops), 0), count(*),
       count(*) FILTER (WHERE r.gflops IS NULL)
  FROM providers_capacity c
  JOIN providers_provider p ON p.id = c.provider_id AND p.state = 'admitted'
  LEFT JOIN LATERAL (
       SELECT gflops FROM providers_acceleratorrate
        WHERE model_id = c.model_id AND state = 'approved' AND number_format = 'FP16_DENSE'
          AND valid_from <= %(at)s AND (valid_until IS NULL OR valid_until > %(at)s)
        ORDER BY version DESC LIMIT 1) r ON true
 WHERE c.state = 'approved' AND c.valid_from <= %(at)s
   AND (c.valid_until IS NULL OR c.valid_until > %(at)s)
"""
# One pass. Every part of a record bears its energy, so it is taken from the first; what was
# corrected since is left out with its reversal.
_WORK = """
SELECT provider_id, settle_month,
       coalesce(sum(device_milli_seconds::numeric * gflops), 0),
       coalesce(sum(device_milli_seconds::numeric * gflops)
                FILTER (WHERE energy_kwh IS NOT NULL), 0),
       coalesce(sum(energy_kwh) FILTER (WHERE segment = 0), 0),
       coalesce(sum(device_milli_seconds::numeric * gflops)
                FILTER (WHERE utilisation_pct IS NOT NULL), 0),
       coalesce(sum(device_milli_seconds::numeric * gflops * utilisation_pct), 0)
  FROM providers_usagerecord
 WHERE livemode AND counted AND state = 'accepted' AND settle_month BETWEEN %(first)s AND %(last)s
 GROUP BY provider_id, settle_month
"""


def indicators(first: Month, last: Month, at: datetime) -> list[Indicator]:
    """Return the five groups of the paper for the usage that settles in some months.

    Five questions in all.
    """
    ((gflops, filed, unrated),) = _rows(_CAPACITY, {"at": at})
    used = _rows(_WORK, {"first": str(first), "last": str(last)})
    sums = [sum(column) for column in zip(*(row[2:] for row in used), strict=True)]
    work, with_energy, energy, with_busy, busy = sums or (0, 0, 0, 0, 0)
    found = averages({(row[0], row[1]): int(row[2]) for row in used})
    metered = {(row[0], row[1]): (int(row[3]), Fraction(row[4])) for row in used}
    return [
        *_power(int(gflops), filed, unrated, int(work), first, last),
        *_effect(Fraction(busy), int(with_busy), int(work)),
        *_energy(Fraction(energy), int(with_energy), int(work)),
        *_filed(found),
        _carbon(*carbon(metered), int(work)),
    ]


def _rows(sql: str, facts: dict[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, facts)
        return list(cursor.fetchall())


def _power(
    gflops: int, filed: int, unrated: int, work: int, first: Month, last: Month
) -> list[Indicator]:
    hours = (last.end_at - first.start_at) // timedelta(hours=1)
    within = gflops * hours * 3_600_000
    capacity = decimal_text(Fraction(gflops, GFLOPS_PER_PFLOPS), 4) if filed > unrated else None
    note = f"；另有 {unrated} 项备案的型号没有有效系数，未计入" if unrated else ""
    return [
        Indicator(
            "power_capacity", "算力：备案规模", capacity, "PFLOPS（FP16 稠密）",
            f"已确认的算力规模 × 现行折算系数之和{note}", "算力规模备案、加速器登记",
            "请服务商在控制台备案算力规模，由数据局确认。",
        ),
        Indicator(
            "power_used", "算力：券支持和自费用量",
            decimal_text(Fraction(work, WORK_PER_PFLOPS_HOUR), 4), "PFLOPS·h（FP16 稠密）",
            "所选结算月份内计入的计量记录：卡毫秒 × 系数之和", "计量记录",
        ),
        Indicator(
            "power_share", "算力：经平台使用占备案规模",
            percent_text(share_bp(work, within)), "%",
            "所选月份用量 ÷（备案规模 × 该期间小时数）", "计量记录、算力规模备案",
            "请先备案算力规模。",
        ),
    ]  # fmt: skip


def _effect(busy: Fraction, with_busy: int, work: int) -> list[Indicator]:
    value = decimal_text(busy / with_busy, 2) if with_busy else None
    return [
        Indicator(
            "effect", "算效：平均利用率", value, "%",
            "服务商上报的利用率，按算力加权平均", "计量记录 utilisation_pct（选报）",
            "请服务商在计量记录中上报 utilisation_pct。", share_bp(with_busy, work),
        )
    ]  # fmt: skip


def _energy(energy: Fraction, with_energy: int, work: int) -> list[Indicator]:
    value = None
    if with_energy:
        value = decimal_text(energy * WORK_PER_PFLOPS_HOUR / with_energy, 4)
    return [
        Indicator(
            "energy", "能效：单位算力电量", value, "kWh/PFLOPS·h",
            "上报了电量的记录：电量之和 ÷ 算力之和（设备电量，未乘 PUE）",
            "计量记录 energy_kwh（选报）",
            "请服务商在计量记录中上报 energy_kwh。", share_bp(with_energy, work),
        )
    ]  # fmt: skip


#: Code -> (definition, how to collect it).
_DEFINED = {
    "pue": (
        "数据中心总电量 ÷ 信息设备电量（GB/T 32910.3），当月，按算力加权",
        "请服务商在控制台“能效申报”中申报并附能源审计或检测报告，由数据局确认。",
    ),
    "green": (
        "Σ（服务商绿电占比 × 其算力）÷ 已申报的算力，不含电网中已有的绿电",
        "请服务商在控制台“能效申报”中申报并附绿电交易凭证或绿证，由数据局确认。",
    ),
    "latency": (
        "服务商申报的到市级调度节点往返时延（当月中位数），按算力加权",
        "请服务商在控制台“能效申报”中申报并附测速记录，由数据局确认。",
    ),
}


def _filed(found: dict[str, Average]) -> list[Indicator]:
    """Return what providers file about their sites, weighted by compute."""
    return [
        Indicator(
            code, each.item.title, each.value, each.item.unit,
            f"{_DEFINED[code][0]}；{each.told}", "能效申报（已确认）、计量记录",
            _DEFINED[code][1], each.covers_bp,
        )
        for code, each in found.items()
    ]  # fmt: skip


def _carbon(kilograms: Fraction, covered: int, work: int) -> Indicator:
    """Return compute per kilogram; what lacks a part of the formula is said so, never made up."""
    value = None
    if kilograms:
        value = decimal_text(Fraction(covered, WORK_PER_PFLOPS_HOUR) / kilograms, 4)
    return Indicator(
        "carbon", "碳效：单位碳排放的算力", value, "PFLOPS·h/kgCO₂e",
        "算力 ÷（电量 × PUE × 电网排放因子 ×（1 − 绿电占比）），限于四项齐全的服务商和月份",
        "计量记录 energy_kwh、能效申报（已确认）、电网排放因子（已批准）",
        "须有上报的电量、已确认的 PUE 和绿电占比，以及年度电网排放因子（在“能效申报”页登记）。",
        share_bp(covered, work),
    )  # fmt: skip
