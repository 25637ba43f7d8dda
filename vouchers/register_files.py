"""Read a register file (名录) the bureau was sent: every fault by line, nothing half taken.

Pure. A file is CSV as other offices send it: UTF-8 or GB18030, first line the headings, columns in
any order. Numbers of natural persons and accounts never leave this page in clear: they are marked
(``mark``) before they become a row.

Units: fen, basis points.
"""

import csv
import io
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from ledger.amounts import parse_yuan
from vouchers.credit_codes import check, normalise
from vouchers.sizing import FEN_PER_WAN, sector_of
from vouchers.wording import clean_text

MOST_BYTES = 5_000_000
MOST_ROWS = 50_000
MOST_FAULTS = 50
LONGEST = 200
PERSON_DIGITS = 18


@dataclass(frozen=True)
class Kind:
    """One kind of register: its title, what it does, and its columns (``*`` = must be filled)."""

    code: str
    title: str
    effect: str
    columns: tuple[str, ...]
    bars: bool = False


LISTED = ("统一社会信用代码*", "名称*", "文号*", "列入日期*", "移出日期")
KINDS = {
    each.code: each
    for each in (
        Kind("dishonesty", "严重失信主体名单", "在册企业取消资格", LISTED, bars=True),
        Kind("abnormal", "经营异常名录", "在册企业暂停资格", LISTED, bars=True),
        Kind("penalty", "行政处罚信息", "申请时提示人工核查", LISTED),
        Kind(
            "funding",
            "其他财政资金",
            "同一合同、发票不得重复支持",
            ("统一社会信用代码*", "名称*", "资金名称*", "合同编号*", "发票号码", "金额（元）*"),
        ),
        Kind("large", "大型企业名单", "认定受大型企业控制", ("统一社会信用代码*", "名称*")),
        Kind(
            "shareholding",
            "股权信息",
            "认定关联关系",
            ("统一社会信用代码*", "名称*", "股东代码*", "股东名称*", "持股比例（%）*"),
        ),
        Kind(
            "profile",
            "登记信息",
            "认定关联关系",
            ("统一社会信用代码*", "名称*", "法定代表人证件", "对公账户", "联系电话", "注册地址"),
        ),
        Kind(
            "figures",
            "统计与税务数据",
            "与企业申报数据核对",
            (
                "统一社会信用代码*", "名称*", "截至日期*", "行业代码",
                "从业人员（人）", "营业收入（万元）", "资产总额（万元）",
            ),
        ),
        Kind(
            "certificate",
            "企业资质",
            "资质单独记载，不影响划型",
            ("统一社会信用代码*", "名称*", "资质*", "证书编号*", "有效期起*", "有效期止*"),
        ),
    )
}  # fmt: skip


@dataclass(frozen=True)
class Row:
    """One line of a register, read."""

    line_no: int
    uscc: str
    name: str
    other: str = ""
    other_name: str = ""
    document_no: str = ""
    share_bp: int | None = None
    amount_fen: int | None = None
    listed_on: date | None = None
    removed_on: date | None = None
    values: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Reading:
    """A file read: its rows and its faults, each a line number with a sentence."""

    rows: tuple[Row, ...]
    faults: tuple[tuple[int, str], ...]


def read_register(kind: str, content: bytes, mark: Callable[[str], str]) -> Reading:
    """Read a register file.

    Args:
        kind: code of the register.
        content: the bytes of the file.
        mark: turns a number of a person or an account into a mark that tells nothing.

    Raises:
        KeyError: no such register.
    """
    shape = KINDS[kind]
    text = _decoded(content)
    if isinstance(text, tuple):
        return Reading((), (text,))
    lines = csv.reader(io.StringIO(text, newline=""))
    try:
        table = [(lines.line_num, each) for each in lines if any(cell.strip() for cell in each)]
    except csv.Error as error:
        return Reading((), ((0, f"文件不是合法的 CSV：{error}。"),))
    if not table:
        return Reading((), ((0, "文件没有内容，请按模板填写后再上传。"),))
    head = [normalise_head(cell) for cell in table[0][1]]
    wrong = _head_fault(shape, head)
    if wrong or len(table) - 1 > MOST_ROWS:
        return Reading((), ((1, wrong or f"一次最多 {MOST_ROWS} 行，请分开导入。"),))
    return _rows(shape, head, table[1:], mark)


def normalise_head(cell: str) -> str:
    """Return a heading without blanks, in the brackets of the template."""
    return cell.strip().replace("(", "（").replace(")", "）").lstrip("\ufeff")


def template(kind: str) -> str:
    """Return the heading line of a register, to be filled."""
    return ",".join(each.rstrip("*") for each in KINDS[kind].columns) + "\r\n"


def _decoded(content: bytes) -> str | tuple[int, str]:
    if not content.strip():
        return 0, "文件是空的，请选择填好的文件。"
    if len(content) > MOST_BYTES:
        return 0, f"文件不能超过 {MOST_BYTES // 1_000_000} MB，请分开导入。"
    for coding in ("utf-8-sig", "gb18030"):
        try:
            return content.decode(coding)
        except UnicodeDecodeError:
            continue
    return 0, "文件编码无法识别，请另存为 UTF-8 或 GB18030 编码的 CSV。"


def _head_fault(shape: Kind, head: list[str]) -> str:
    wanted = [each.rstrip("*") for each in shape.columns]
    missing = [each for each in wanted if each not in head]
    surplus = [each for each in head if each not in wanted]
    if missing:
        return f"缺少列：{'、'.join(missing)}。请使用“{shape.title}”模板。"
    if surplus:
        return f"没有这一列：{'、'.join(surplus)}。请删除后再上传。"
    return "列名重复，请检查第一行。" if len(set(head)) != len(head) else ""


def _rows(
    shape: Kind, head: list[str], table: list[tuple[int, list[str]]], mark: Callable[[str], str]
) -> Reading:
    rows: list[Row] = []
    faults: list[tuple[int, str]] = []
    seen: dict[tuple[Any, ...], int] = {}
    for line_no, cells in table:
        try:
            row = _row(shape, head, line_no, cells, mark)
        except ValueError as error:
            faults.append((line_no, f"第 {line_no} 行：{error}。"))
        else:
            key = (row.uscc, row.other, row.document_no, row.listed_on)
            if key in seen:
                faults.append((line_no, f"第 {line_no} 行：与第 {seen[key]} 行重复。"))
            seen[key] = line_no
            rows.append(row)
        if len(faults) == MOST_FAULTS:
            break
    return Reading(tuple(rows), tuple(faults))


def _row(
    shape: Kind, head: list[str], line_no: int, cells: list[str], mark: Callable[[str], str]
) -> Row:
    if len(cells) != len(head):
        raise ValueError(f"应有 {len(head)} 列，实有 {len(cells)} 列")
    told = dict(zip(head, (cell.strip() for cell in cells), strict=True))
    _all_there(shape, told)
    return READERS[shape.code](line_no, told, mark)


def _all_there(shape: Kind, told: dict[str, str]) -> None:
    for column in shape.columns:
        name = column.rstrip("*")
        if column.endswith("*") and not told.get(name):
            raise ValueError(f"“{name}”没有填写")
    for name, text in told.items():
        clean_text(text, longest=LONGEST)
        if text.startswith(("=", "+", "@")):
            raise ValueError(f"“{name}”以“{text[0]}”开头，可能是公式，请改为文本")


def _code(text: str) -> str:
    judged = check(text)
    if judged.outcome == "bad" and not judged.may_insist:
        raise ValueError(judged.message.rstrip("。"))
    return judged.code


def _body(line_no: int, told: dict[str, str]) -> dict[str, Any]:
    name = told["名称"]
    return {"line_no": line_no, "uscc": _code(told["统一社会信用代码"]), "name": name}


def _day(text: str, title: str) -> date:
    try:
        return date.fromisoformat(text.replace("/", "-").replace(".", "-"))
    except ValueError:
        raise ValueError(f"“{title}”应写成 2026-01-31 这样的日期") from None


def _listed(line_no: int, told: dict[str, str], _mark: Callable[[str], str]) -> Row:
    begins = _day(told["列入日期"], "列入日期")
    gone = told.get("移出日期") or ""
    ends = _day(gone, "移出日期") if gone else None
    if ends and ends < begins:
        raise ValueError("移出日期早于列入日期")
    return Row(**_body(line_no, told), document_no=told["文号"], listed_on=begins, removed_on=ends)


def _funding(line_no: int, told: dict[str, str], _mark: Callable[[str], str]) -> Row:
    return Row(
        **_body(line_no, told),
        document_no=normalise(told["合同编号"]),
        other=normalise(told.get("发票号码") or ""),
        other_name=told["资金名称"],
        amount_fen=parse_yuan(told["金额（元）"]),
    )


def _large(line_no: int, told: dict[str, str], _mark: Callable[[str], str]) -> Row:
    return Row(**_body(line_no, told))


def _shareholding(line_no: int, told: dict[str, str], mark: Callable[[str], str]) -> Row:
    try:
        share = Decimal(told["持股比例（%）"].rstrip("%％")) * 100
    except InvalidOperation:
        raise ValueError("“持股比例（%）”应是数字，例如 25.5") from None
    if not share.is_finite() or share != share.to_integral_value() or not 0 < share <= 10_000:
        raise ValueError("“持股比例（%）”须大于 0、不超过 100，最多两位小数")
    owner = normalise(told["股东代码"])
    company = check(owner)
    person = len(owner) == PERSON_DIGITS and owner[:-1].isdigit() and owner[6:8] in ("19", "20")
    if company.outcome == "bad" or (person and company.outcome != "ok"):
        owner = mark(owner)
    return Row(
        **_body(line_no, told), other=owner, other_name=told["股东名称"], share_bp=int(share)
    )


def _profile(line_no: int, told: dict[str, str], mark: Callable[[str], str]) -> Row:
    values = {
        "legal_person": mark(normalise(told["法定代表人证件"])) if told["法定代表人证件"] else "",
        "account": mark(normalise(told["对公账户"])) if told["对公账户"] else "",
        "phone": told["联系电话"],
        "address": normalise(told["注册地址"]),
    }
    return Row(**_body(line_no, told), values={k: v for k, v in values.items() if v})


def _figures(line_no: int, told: dict[str, str], _mark: Callable[[str], str]) -> Row:
    values: dict[str, Any] = {}
    if told["行业代码"]:
        sector_of(told["行业代码"])
        values["industry"] = told["行业代码"].upper()
    if people := told["从业人员（人）"]:
        if not (people.isascii() and people.isdigit()):
            raise ValueError("“从业人员（人）”应是整数")
        values["employees"] = int(people)
    for name, title in (("revenue_fen", "营业收入（万元）"), ("assets_fen", "资产总额（万元）")):
        if told[title]:
            values[name] = _wan(told[title], title)
    return Row(**_body(line_no, told), listed_on=_day(told["截至日期"], "截至日期"), values=values)


def _certificate(line_no: int, told: dict[str, str], _mark: Callable[[str], str]) -> Row:
    begins, ends = _day(told["有效期起"], "有效期起"), _day(told["有效期止"], "有效期止")
    if ends < begins:
        raise ValueError("有效期止早于有效期起")
    return Row(
        **_body(line_no, told),
        document_no=told["证书编号"],
        other_name=told["资质"],
        listed_on=begins,
        removed_on=ends,
    )


def _wan(text: str, title: str) -> int:
    try:
        fen = Decimal(text.replace(",", "")) * FEN_PER_WAN
    except InvalidOperation:
        raise ValueError(f"“{title}”应是数字，例如 820.5") from None
    if not fen.is_finite() or fen < 0 or fen != fen.to_integral_value():
        raise ValueError(f"“{title}”须不小于 0，最多六位小数")
    return int(fen)


READERS: dict[str, Callable[[int, dict[str, str], Callable[[str], str]], Row]] = {
    "dishonesty": _listed,
    "abnormal": _listed,
    "penalty": _listed,
    "funding": _funding,
    "large": _large,
    "shareholding": _shareholding,
    "profile": _profile,
    "figures": _figures,
    "certificate": _certificate,
}
