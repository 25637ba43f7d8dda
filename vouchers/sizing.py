"""Say how large an enterprise is (大型、中型、小型、微型) and why.

Pure. The industry class leads to one of sixteen sectors, the sector to two or fewer indicators;
the class is the highest whose lower limits are all reached. Where the standard does not speak
(finance, education, a firm without a full year) a person decides: the answer says so.

Units: employees in persons; revenue and assets in fen (the table is in 10,000 yuan).
Source: 中小企业划型标准规定, 工信部联企业〔2011〕300号; classes of GB/T 4754-2017.
"""

import re
from dataclasses import dataclass

FEN_PER_WAN = 1_000_000  # 1 万元 = 10,000 yuan
CLASSES = ("large", "medium", "small")
WORDS = {
    "large": "大型",
    "medium": "中型",
    "small": "小型",
    "micro": "微型",
    "unrated_new": "新设企业（人工认定）",
    "out_of_scope": "不在划型范围（人工认定）",
    "unknown": "资料不足",
}
INDICATORS = {"X": "从业人员", "Y": "营业收入", "Z": "资产总额"}
UNITS = {"X": "人", "Y": "万元", "Z": "万元"}


@dataclass(frozen=True)
class Sector:
    """One sector of the standard: its indicators and their lower limits by class."""

    code: str
    title: str
    indicators: str
    limits: tuple[tuple[int, ...], ...]  # large, medium, small; persons or 10,000 yuan


SECTORS = {
    each.code: each
    for each in (
        Sector("01", "农、林、牧、渔业", "Y", ((20000,), (500,), (50,))),
        Sector("02", "工业", "XY", ((1000, 40000), (300, 2000), (20, 300))),
        Sector("03", "建筑业", "YZ", ((80000, 80000), (6000, 5000), (300, 300))),
        Sector("04", "批发业", "XY", ((200, 40000), (20, 5000), (5, 1000))),
        Sector("05", "零售业", "XY", ((300, 20000), (50, 500), (10, 100))),
        Sector("06", "交通运输业", "XY", ((1000, 30000), (300, 3000), (20, 200))),
        Sector("07", "仓储业", "XY", ((200, 30000), (100, 1000), (20, 100))),
        Sector("08", "邮政业", "XY", ((1000, 30000), (300, 2000), (20, 100))),
        Sector("09", "住宿业", "XY", ((300, 10000), (100, 2000), (10, 100))),
        Sector("10", "餐饮业", "XY", ((300, 10000), (100, 2000), (10, 100))),
        Sector("11", "信息传输业", "XY", ((2000, 100000), (100, 1000), (10, 100))),
        Sector("12", "软件和信息技术服务业", "XY", ((300, 10000), (100, 1000), (10, 50))),
        Sector("13", "房地产开发经营", "YZ", ((200000, 10000), (1000, 5000), (100, 2000))),
        Sector("14", "物业管理", "XY", ((1000, 5000), (300, 1000), (100, 500))),
        Sector("15", "租赁和商务服务业", "XZ", ((300, 120000), (100, 8000), (10, 100))),
        Sector("16", "其他未列明行业", "X", ((300,), (100,), (10,))),
    )
}

#: (first division, last division, sector); groups of three or four digits come before divisions.
GROUPS = {"7010": "13", "7020": "14", "7030": "16", "7090": "16", "7040": "", "591": "06"}
DIVISIONS = (
    (1, 5, "01"), (6, 46, "02"), (47, 50, "03"), (51, 51, "04"), (52, 52, "05"), (54, 58, "06"),
    (59, 59, "07"), (60, 60, "08"), (61, 61, "09"), (62, 62, "10"), (63, 64, "11"),
    (65, 65, "12"), (71, 72, "15"), (73, 82, "16"), (85, 90, "16"),
)  # fmt: skip
CODE = re.compile(r"[A-T]?([0-9]{2})([0-9]{0,2})")


@dataclass(frozen=True)
class Size:
    """The class of an enterprise with its reason, fit to be shown."""

    size_class: str
    sector: str
    sector_title: str
    reason: str

    @property
    def word(self) -> str:
        """Return the Chinese word of the class."""
        return WORDS[self.size_class]


def sector_of(industry: str) -> Sector | None:
    """Return the sector of a GB/T 4754-2017 class such as ``I6513``, or None when out of scope.

    Raises:
        ValueError: not a class code.
    """
    match = CODE.fullmatch(industry.strip().upper())
    if not match:
        raise ValueError(f"not a GB/T 4754 class: {industry}")
    digits = match[1] + match[2]
    for length in (4, 3):
        if digits[:length] in GROUPS:
            return SECTORS.get(GROUPS[digits[:length]])
    division = int(match[1])
    found = next((code for low, high, code in DIVISIONS if low <= division <= high), "")
    return SECTORS.get("" if division == 70 else found)


def classify(
    industry: str,
    *,
    employees: int | None,
    revenue_fen: int | None,
    assets_fen: int | None,
    full_year: bool = True,
) -> Size:
    """Return the size class of an enterprise and the reason for it.

    Args:
        industry: class of GB/T 4754-2017 as registered, e.g. ``I6513``.
        employees: persons at the end of the year.
        revenue_fen: revenue of the last full year.
        assets_fen: balance sheet total at the end of the year.
        full_year: whether the firm has been there for a whole accounting year.
    """
    try:
        sector = sector_of(industry)
    except ValueError:
        return Size("unknown", "", "", f"行业代码“{industry}”不是国民经济行业分类代码，请核对。")
    if sector is None:
        return Size(
            "out_of_scope", "", "", f"行业 {industry} 不在 2011 年划型标准范围内，由人工认定。"
        )
    figures = {"X": employees, "Y": revenue_fen, "Z": assets_fen}
    missing = [INDICATORS[i] for i in sector.indicators if figures[i] is None]
    if missing and not full_year:
        return _answer(
            "unrated_new",
            sector,
            f"行业 {industry} 属{sector.title}；成立不满一个会计年度，由人工认定。",
        )
    if missing:
        return _answer(
            "unknown",
            sector,
            f"行业 {industry} 属{sector.title}；缺少{'、'.join(missing)}，不能划型。",
        )
    values = tuple(figures[i] or 0 for i in sector.indicators)
    size_class = _class_of(sector, values)
    return _answer(size_class, sector, _reason(industry, sector, values, size_class))


def way_down(industry: str, size_class: str) -> str:
    """Say what a large firm's figures would have to be for it to count as medium."""
    sector = sector_of(industry) if size_class == "large" else None
    if sector is None:
        return ""
    limits = zip(sector.indicators, sector.limits[0], strict=True)
    ways = [f"{INDICATORS[i]}低于 {limit} {UNITS[i]}" for i, limit in limits]
    return f"上年度{'，或'.join(ways)}，即不属于大型企业；以新的年度数据再次申请。"


def _answer(size_class: str, sector: Sector, reason: str) -> Size:
    return Size(size_class, sector.code, sector.title, reason)


def _class_of(sector: Sector, values: tuple[int, ...]) -> str:
    for name, limits in zip(CLASSES, sector.limits, strict=True):
        pairs = zip(sector.indicators, values, limits, strict=True)
        if all(value >= _in_base(indicator, limit) for indicator, value, limit in pairs):
            return name
    return "micro"


def _in_base(indicator: str, limit: int) -> int:
    return limit if indicator == "X" else limit * FEN_PER_WAN


def _shown(indicator: str, value: int) -> str:
    if indicator == "X":
        return str(value)
    whole, rest = divmod(value, FEN_PER_WAN)
    decimals = f"{rest:06d}".rstrip("0")
    return f"{whole}.{decimals}" if decimals else str(whole)


def _reason(industry: str, sector: Sector, values: tuple[int, ...], size_class: str) -> str:
    parts = []
    for at, (indicator, value) in enumerate(zip(sector.indicators, values, strict=True)):
        limits = "／".join(str(limits[at]) for limits in sector.limits)
        parts.append(
            f"{INDICATORS[indicator]} {_shown(indicator, value)} {UNITS[indicator]}"
            f"（大／中／小型下限 {limits}）"
        )
    return (
        f"行业 {industry} 属{sector.title}；{'，'.join(parts)}；"
        f"各项下限须同时达到，划为{WORDS[size_class]}企业。"
    )
