"""A made-up month as report content, large enough to fill every section of the report."""

from typing import Any

from ledger.capitals import capital_amount

FLOWS = [
    ("1100", "可用预算", 0, 1_000_000_000, 50_000_000, 950_000_000),
    ("2000", "算力券余额", 0, 50_000_000, 12_345_678, 37_654_322),
    ("", "其中：已占用", 0, 20_000_000, 12_345_678, 7_654_322),
    ("3000", "已核销待结算", 0, 12_345_678, 12_345_678, 0),
    ("3100", "结算单待付", 0, 12_345_678, 0, 12_345_678),
    ("3200", "异议暂扣", 0, 0, 0, 0),
    ("3300", "已付服务商", 0, 0, 0, 0),
    ("4000", "已失效", 0, 0, 0, 0),
]
TERMS = [
    ("净价金额", "22,000.00", "各行用量 × 备案单价 之和", ""),
    ("计量金额", "22,000.00", "各行用量 × min(备案单价, 政策限价) 之和", ""),
    ("可支持金额", "22,000.00", "以上 2 项中最小的一项", "第六条"),
    ("补贴比例", "40%", "基础 30%，国产算力 +10%，最高 40%", "第七条"),
    ("按比例计算", "8,800.00", "22,000.00 × 40%", "第七条"),
    ("订单占用余额", "10,000.00", "订单占用中尚未核销的券额", "第八条"),
    (
        "叠加支持上限",
        "7,000.00",
        "50% × 合同累计可支持 22,000.00 − 其他财政资金 4,000.00",
        "第九条",
    ),
    ("本期券抵扣", "7,000.00", "以上各项最小者（叠加支持上限），舍去不足 1 分的部分", "第十条"),
]

COVERAGE = {
    "cutoff": "2026年11月4日 10:00",
    "put_out": "2026年11月4日 10:05",
    "objections_until": "2026年11月11日 00:00",
    "records": 1_482,
    "late_count": 1,
    "late": [
        {
            "statement_no": "PTSL-JS-2026-10-000103",
            "usage_month": "2026-09",
            "model": "昇腾 910B",
            "records": 4,
            "gross_fen": -2_500,
            "public_fen": -1_000,
        }
    ],
    "excluded": [{"provider": "普陀智算中心", "why": "不用券的订单，不核销", "count": 12}],
    "inputs": [
        {
            "provider": "普陀智算中心",
            "uscc": "91310107MA1G111111",
            "batches": 31,
            "sha256": "ab" * 32,
        }
    ],
}

SPLITS = [
    {
        "title": title,
        "rows": [
            {
                "name": name,
                "enterprises": 3 - place,
                "gross_fen": 2_500_000 * (3 - place),
                "public_fen": 1_000_000 * (3 - place),
            }
            for place, name in enumerate(names)
        ],
    }
    for title, names in (
        ("按行业", ("软件和信息技术服务业", "工业", "未填写")),
        ("按街镇", ("桃浦镇", "长寿路街道", "真如镇街道")),
    )
]
METHOD = {
    "rating_version": "rating/1",
    "editions": [{"title": "算力券演示方案 第 1 版", "digest": "3f" * 32}],
    "rates": [
        {
            "model": "昇腾 910B",
            "rate": "FP16 稠密 v1",
            "gflops": "313,000",
            "unit": "卡时",
            "price_fen": 550,
        }
    ],
    "example": {
        "statement_no": "PTSL-JS-2026-10-000101",
        "enterprise": "上海智绘算法科技有限公司",
        "lines": ["昇腾 910B：4,000 卡时 × 5.50 元/卡时 ＝ 22,000.00 元"],
        "terms": [{"title": a, "amount": b, "how": c, "clause": d} for a, b, c, d in TERMS],
    },
}
LOG = {
    "origin": "shuanli.putuo.example/ledger",
    "size": "1234",
    "root": "q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA=",
    "key": "shuanli.putuo.example/ledger+1a2b3c4d+AbCdEf",
    "sealed_at": "2026年11月9日 09:59",
    "note": "shuanli.putuo.example/ledger\n1234\nq83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA=\n",
}
OBJECTIONS = [
    {
        "statement_no": "PTSL-JS-2026-10-000101",
        "line": 1,
        "side": "企业",
        "raised": "王敏 2026年11月4日 10:12",
        "open": False,
        "resolved": "陈科长 2026年11月6日 09:00",
        "reason": "10月3日夜间作业因机房断电重跑，不应计费。",
        "amount_fen": 12_345,
        "state": "异议成立",
        "resolution": "核对断电记录，冲减该行。",
    }
]
ADJUSTMENTS = [
    {
        "statement_no": "PTSL-JS-2026-10-000101",
        "line": 1,
        "original": "PTSL-JS-2026-10-000101 第 1 行",
        "reason": "第 2 行冲减第 1 行：核对断电记录，冲减该行。",
        "by": "陈科长",
        "gross_fen": 30_863,
        "public_fen": 12_345,
    }
]
SIGNERS = [
    {"role": "编制（提请）", "name": "周会计", "at": "2026年11月8日 16:20"},
    {"role": "复核（签发）", "name": "陈科长", "at": "2026年11月9日 09:30"},
    {"role": "报告生成", "name": "周会计", "at": "2026年11月9日 10:00"},
]


def sample_line(number: int) -> dict[str, Any]:
    """Return one line of the detail table."""
    return {
        "statement_no": f"PTSL-JS-2026-10-{number:06d}",
        "enterprise": ["上海智绘算法科技有限公司", "上海𬭚镕生物信息有限公司"][number % 2],
        "enterprise_uscc": "91310107MA1G000000",
        "voucher_no": f"PTSLQ-2026-{number:06d}",
        "order_no": f"PTSL-DD-2026-{number:06d}",
        "usage_month": "2026-10",
        "late": number == 3,
        "model": "昇腾 910B",
        "rate": "FP16 稠密 v1",
        "gflops": "313000",
        "device_milli_seconds": "14400000000",
        "records": 120 + number,
        "pflops_hours": "1252.000000",
        "quantity": "4000.000000",
        "unit": "卡时",
        "price_fen": 550,
        "gross_fen": 2_200_000,
        "public_fen": 880_000,
        "self_fen": 1_320_000,
    }


def sample_provider(number: int, lines: int) -> dict[str, Any]:
    """Return one provider's section."""
    rows = [sample_line(number * 100 + each) for each in range(1, lines + 1)]
    return {
        "name": f"普陀智算中心运营有限公司（{number} 号）",
        "uscc": "91310107MA1G111111",
        "account": "尾号 0042",
        "statements": lines,
        "records": 120 * lines,
        "pflops_hours": f"{1252 * lines}.000000",
        "gross_fen": 2_200_000 * lines,
        "public_fen": 880_000 * lines,
        "self_fen": 1_320_000 * lines,
        "held_back_fen": 0,
        "payable_fen": 880_000 * lines,
        "back_fen": 0,
        "lines": rows,
        "confirmations": [
            {
                "statement_no": row["statement_no"],
                "enterprise": "王敏 2026年11月4日 10:12",
                "provider": "李强 2026年11月4日 11:40",
                "binding": "补贴比例",
                "state": "已签发",
            }
            for row in rows
        ],
    }


def sample_content(
    *, providers: int = 2, lines: int = 6, trial: bool = False, official: bool = False
) -> dict[str, Any]:
    """Return a whole report."""
    parts = [sample_provider(number, lines) for number in range(1, providers + 1)]
    total = {
        name: sum(part[name] for part in parts)
        for name in ("statements", "records", "gross_fen", "public_fen", "self_fen")
    }
    return {
        "schema": "bureau/2",
        "official_numbers": official,
        "file_stem": "ptsl-bg-2026-10-0000",
        "kind": "bureau",
        "title": "普陀区算力券月度结算报告（2026年10月）",
        "short_title": "算力券月度结算报告",
        "audience": "数据局存档",
        "bureau": "上海市普陀区数据局",
        "document_no": "普数算结〔2026〕10号",
        "report_no": "PTSL-BG-2026-10-0000",
        "version": 1,
        "trial": trial,
        "month": "2026-10",
        "month_title": "2026年10月",
        "period": "2026年10月1日 00:00 至 2026年11月1日 00:00（上海时间，左闭右开）",
        "issued_on": "2026年11月9日",
        "made_at": "2026-11-09T02:00:00+00:00",
        "made_on": "2026年11月9日 10:00",
        "check_code": "7ZQK-3F2M-9HXW-4T6B",
        "verify_url": "http://127.0.0.1:8000/public/verify/7ZQK3F2M9HXW4T6B",
        "verify_host": "127.0.0.1:8000",
        "copies_to": "区财政局，区审计局",
        "summary": {
            **total,
            "providers": providers,
            "enterprises": 2,
            "vouchers": total["statements"],
            "pflops_hours": f"{1252 * providers * lines}.000000",
            "held_back_fen": 0,
            "payable_fen": total["public_fen"],
            "capital": capital_amount(total["public_fen"]),
            "back_fen": 0,
        },
        "compared": [
            {
                "title": "券抵扣",
                "last": "90,000.00 元",
                "now": "105,600.00 元",
                "change": "增加 15,600.00 元",
                "share": "＋17.33%",
            }
        ],
        "findings": [
            "本期 12 份对账单全部经双方确认。",
            "转入下期 2 项，均已列明，未计入本期金额。",
            "独立重算差异 0.00 元；与总账差异 0.00 元。",
        ],
        "signers": SIGNERS,
        "flows": [
            {
                "title": "算力券演示方案",
                "since": "方案开始",
                "rows": [
                    {
                        "code": code,
                        "title": title,
                        "opening_fen": opening,
                        "increase_fen": increase,
                        "decrease_fen": decrease,
                        "closing_fen": closing,
                        "ties": True,
                    }
                    for code, title, opening, increase, decrease, closing in FLOWS
                ],
                "total": {
                    "opening_fen": 0,
                    "increase_fen": 1_000_000_000,
                    "decrease_fen": 0,
                    "closing_fen": 1_000_000_000,
                    "ties": True,
                },
            }
        ],
        "grouped_by": "服务商",
        "groups": [{"anchor": number, **part} for number, part in enumerate(parts, start=1)],
        "providers": parts,
        "objections": OBJECTIONS,
        "adjustments": ADJUSTMENTS,
        "odd": [{"kind": "利用率过高", "count": 3, "decided": 2}],
        "coverage": COVERAGE,
        "splits": SPLITS,
        "carried": [
            {
                "kind": "未结束",
                "provider": "普陀智算中心",
                "count": 3,
                "text": "跨月作业，结束后计入",
            }
        ],
        "checks": [
            {"title": title, "ours_fen": 1, "other_fen": 1, "difference_fen": 0}
            for title in ("独立重算（集合 SQL）", "总账核销发生额")
        ],
        "history": [
            {
                "month": f"2026-{number:02d}",
                "title": f"2026年{number}月",
                "statements": number,
                "pflops_hours": f"{number * 1000}.500000",
                "gross_fen": number * 2_500_000,
                "public_fen": number * 1_000_000,
            }
            for number in range(5, 11)
        ],
        "method": METHOD,
        "log": LOG,
        "proof": {"origin": "shuanli.putuo.example/ledger", "size": "1234", "entries": []},
    }
