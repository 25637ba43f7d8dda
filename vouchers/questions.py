"""The pages of an application: which questions each step asks and what an answer may be.

Pure. One list serves the form that asks, the act that saves and the page that shows the answers
again, so they cannot drift apart.

Units: amounts are typed in yuan or 万元 and kept in fen.
"""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from ledger.amounts import parse_yuan, yuan_text
from vouchers.rulebook import Edition
from vouchers.sizing import FEN_PER_WAN, sector_of
from vouchers.wording import clean_mail, clean_name, clean_phone, clean_text

YES_NO = (("yes", "是"), ("no", "否"))
DISTRICTS = (
    ("310107", "普陀区"),
    ("310101", "黄浦区"), ("310104", "徐汇区"), ("310105", "长宁区"), ("310106", "静安区"),
    ("310109", "虹口区"), ("310110", "杨浦区"), ("310112", "闵行区"), ("310113", "宝山区"),
    ("310114", "嘉定区"), ("310115", "浦东新区"), ("310116", "金山区"), ("310117", "松江区"),
    ("310118", "青浦区"), ("310120", "奉贤区"), ("310151", "崇明区"),
    ("other", "外省市"),
)  # fmt: skip
STREETS = tuple(
    (name, name)
    for name in (
        "长寿路街道", "曹杨新村街道", "长风新村街道", "宜川路街道", "甘泉路街道", "石泉路街道",
        "真如镇街道", "万里街道", "长征镇", "桃浦镇", "不在普陀区",
    )
)  # fmt: skip
LEGAL_FORMS = (
    ("company", "公司"),
    ("partnership", "合伙企业"),
    ("sole", "个人独资企业"),
    ("individual", "个体工商户"),
    ("institute", "科研机构、事业单位"),
    ("other", "其他"),
)
CURRENCIES = (("CNY", "人民币"), ("OTHER", "外币"))
SCENES = tuple((s, s) for s in ("医疗", "制造", "教育", "金融", "政务", "文化创意", "其他"))
MOST_PEOPLE = 10_000_000
MOST_WAN = 100_000_000  # 1 trillion yuan
WAN_DECIMALS = 6
LONGEST_NUMBER = 60


@dataclass(frozen=True)
class Question:
    """One field: its name, words, kind and limits; ``vouchers`` names the kinds it is asked for."""

    name: str
    label: str
    kind: str
    hint: str = ""
    required: bool = True
    choices: tuple[tuple[str, str], ...] = ()
    longest: int = 100
    vouchers: tuple[str, ...] = ("COMPUTE", "MODEL", "CORPUS")


@dataclass(frozen=True)
class Step:
    """One page of the task list."""

    code: str
    title: str
    questions: tuple[Question, ...]

    def asked_for(self, kind: str) -> "Step":
        """Return the page with the questions that a kind of voucher asks."""
        return replace(self, questions=tuple(q for q in self.questions if kind in q.vouchers))


Q = Question
COMPUTE, MODEL, CORPUS = ("COMPUTE",), ("MODEL",), ("CORPUS",)
#: What is bought, by kind: quantity and unit price (or the price alone), as answered.
PRICED = (("card_hours", "unit_price_fen"), ("million_tokens", "token_price_fen"))
ENTERPRISE = Step(
    "enterprise",
    "企业基本信息",
    (
        Q(
            "registered_district",
            "注册地所在区",
            "choice",
            "以营业执照住所为准。",
            choices=DISTRICTS,
        ),
        Q("tax_district", "税收户管地所在区", "choice", "以税务登记为准。", choices=DISTRICTS),
        Q("street", "所在街镇", "choice", choices=STREETS),
        Q("legal_form", "组织形式", "choice", choices=LEGAL_FORMS),
        Q("founded_on", "成立日期", "day", "以营业执照为准，例如 2021-05-18。"),
        Q(
            "industry",
            "国民经济行业代码",
            "industry",
            "登记或统计使用的行业小类，例如软件开发填 I6513。划型按这个代码确定。",
            longest=5,
        ),
        Q("employees", "从业人员（人）", "whole", "上年末人数，例如 36。", required=False),
        Q("revenue_fen", "上年度营业收入（万元）", "wan", "例如 820.5。", required=False),
        Q("assets_fen", "上年末资产总额（万元）", "wan", "例如 1500。", required=False),
        Q("large_controlled", "是否被大型企业直接控制或管理", "yes_no", choices=YES_NO),
        Q("dishonest", "近三年是否有严重失信记录", "yes_no", choices=YES_NO),
        Q("as_of", "以上资料截至日期", "day", "通常为上年 12 月 31 日或今天。"),
    ),
)
CONTACT = Step(
    "contact",
    "联系人",
    (
        Q("contact_name", "联系人姓名", "name"),
        Q("contact_phone", "联系电话", "phone", "手机号，或带区号的固定电话。"),
        Q("contact_mail", "电子邮箱", "mail", required=False),
    ),
)
PROJECT = Step(
    "project",
    "用算项目说明",
    (
        Q("project_name", "项目名称", "text"),
        Q("scene", "应用场景", "choice", choices=SCENES),
        Q("purpose", "用途", "choice"),
        Q("summary", "项目简介", "long", "模型或数据规模、要达到的目标。", longest=1000),
    ),
)
NEED = Step(
    "need",
    "用算需求与申请金额",
    (
        Q(
            "device_model",
            "计划使用的加速卡",
            "text",
            "例如 昇腾 910B；可以填多种。",
            vouchers=COMPUTE,
        ),
        Q("domestic", "是否使用国产加速卡", "yes_no", choices=YES_NO, vouchers=COMPUTE),
        Q(
            "card_hours",
            "预计用量（卡时）",
            "whole",
            "卡数 × 小时数，例如 8 卡 500 小时填 4000。",
            vouchers=COMPUTE,
        ),
        Q(
            "unit_price_fen",
            "预计单价（元／卡时）",
            "yuan",
            "含税价，例如 5.50。",
            vouchers=COMPUTE,
        ),
        Q("model_name", "计划使用的模型服务", "text", "模型名称和提供方。", vouchers=MODEL),
        Q(
            "model_filing_no",
            "模型备案号或登记号",
            "text",
            "生成式人工智能服务备案（登记）编号，在服务方网站或备案公告中可以查到；没有请留空。",
            required=False,
            vouchers=MODEL,
        ),
        Q(
            "million_tokens",
            "预计用量（百万词元）",
            "whole",
            "输入、输出和缓存词元合计。",
            vouchers=MODEL,
        ),
        Q(
            "token_price_fen",
            "预计单价（元／百万词元）",
            "yuan",
            "按约定用量的平均含税价。",
            vouchers=MODEL,
        ),
        Q(
            "data_product_no",
            "数据产品登记编号",
            "text",
            "数据交易所或登记机构给出的编号；没有请留空。",
            required=False,
            vouchers=CORPUS,
        ),
        Q(
            "corpus_source",
            "语料来源说明",
            "long",
            "来源、授权方式和数量规模。",
            longest=1000,
            vouchers=CORPUS,
        ),
        Q("corpus_price_fen", "语料合同金额（元）", "yuan", "含税价。", vouchers=CORPUS),
        Q("starts_on", "计划开始日期", "day"),
        Q("ends_on", "计划结束日期", "day", "不超过开始后十二个月。"),
        Q("provider_wish", "意向服务商", "text", "尚未确定可以不填。", required=False),
        Q(
            "contract_no",
            "合同编号",
            "number",
            "已签合同的填写，同一合同只支持一次。",
            required=False,
        ),
        Q("currency", "合同计价币种", "choice", required=False, choices=CURRENCIES),
        Q("related_party", "与意向服务商是否有关联关系", "yes_no", choices=YES_NO),
        Q("other_funding_fen", "同一合同的其他财政资金（元）", "yuan", "没有填 0。"),
        Q("requested_fen", "申请金额（元）", "yuan", "不超过上面公式算出的可申请额度。"),
    ),
)
STEPS = (ENTERPRISE, CONTACT, PROJECT, NEED)
BY_CODE = {each.code: each for each in STEPS}


def clean_step(
    code: str, typed: Mapping[str, str], edition: Edition
) -> tuple[dict[str, Any], dict[str, str]]:
    """Read what was typed on one page; return (answers, faults by field).

    Raises:
        KeyError: no such step.
    """
    answers: dict[str, Any] = {}
    faults: dict[str, str] = {}
    for question in BY_CODE[code].asked_for(edition.kind).questions:
        text = str(typed.get(question.name) or "")
        if not text.strip():
            if question.required:
                faults[question.name] = f"请填写“{question.label}”。"
            answers[question.name] = None
            continue
        try:
            answers[question.name] = _read(question, text, choices_of(question, edition))
        except ValueError as error:
            faults[question.name] = f"{question.label}：{error}。"
    if not faults:
        faults = _across(code, answers)
    return answers, faults


def choices_of(question: Question, edition: Edition) -> tuple[tuple[str, str], ...]:
    """Return the choices of a question; some are the edition's."""
    return edition.purposes if question.name == "purpose" else question.choices


def planned_total_fen(need: Mapping[str, Any]) -> int:
    """Return the expected contract amount: quantity times price, or the price of a corpus."""
    for quantity, price in PRICED:
        if need.get(quantity) is not None:
            return int(need[quantity]) * int(need[price])
    return int(need["corpus_price_fen"])


def _priced_by(need: Mapping[str, Any]) -> str:
    """Return the field in which people tell how much they buy."""
    return next((name for name, _ in PRICED if name in need), "corpus_price_fen")


def planned_months(need: Mapping[str, Any]) -> int:
    """Return how many months the planned service touches when counted from its first day."""
    start, end = date.fromisoformat(need["starts_on"]), date.fromisoformat(need["ends_on"])
    months = (end.year - start.year) * 12 + end.month - start.month
    return months + (1 if end.day >= start.day else 0)


def show(question: Question, value: Any, edition: Edition) -> str:
    """Return an answer the way people read it."""
    if value is None or value == "":
        return "未填写"
    if question.kind == "yuan":
        return f"{yuan_text(value)} 元"
    if question.kind == "wan":
        return f"{_wan_text(value)} 万元"
    if question.kind == "yes_no":
        return "是" if value else "否"
    if question.kind == "choice":
        return dict(choices_of(question, edition)).get(value, str(value))
    return str(value)


def typed_form(question: Question, value: Any) -> str:
    """Return an answer the way it was typed, to fill the form again."""
    if value is None:
        return ""
    if question.kind == "yuan":
        return yuan_text(value).replace(",", "")
    if question.kind == "wan":
        return _wan_text(value)
    if question.kind == "yes_no":
        return "yes" if value else "no"
    return str(value)


def _across(code: str, answers: dict[str, Any]) -> dict[str, str]:
    """Return faults that concern more than one answer."""
    if code == "need":
        if answers["ends_on"] < answers["starts_on"]:
            return {"ends_on": "计划结束日期不能早于开始日期，请更正。"}
        if not planned_total_fen(answers):
            return {_priced_by(answers): "预计用量和单价都要大于 0。"}
        if not answers["requested_fen"]:
            return {"requested_fen": "申请金额要大于 0。"}
    if code == "enterprise" and answers["founded_on"] > answers["as_of"]:
        return {"founded_on": "成立日期不能晚于资料截至日期，请更正。"}
    return {}


def _read(question: Question, text: str, choices: tuple[tuple[str, str], ...]) -> Any:
    kind = question.kind
    if kind in ("choice", "yes_no"):
        return _choice(text, choices, yes_no=kind == "yes_no")
    if kind == "long":
        return clean_text(text, longest=question.longest, lines=True)
    if kind == "text":
        return clean_text(text, longest=question.longest)
    return READERS[kind](text)


def _choice(text: str, choices: tuple[tuple[str, str], ...], *, yes_no: bool) -> str | bool:
    if text not in dict(choices):
        raise ValueError("请从所列选项中选择")
    return text == "yes" if yes_no else text


def _whole(text: str) -> int:
    trimmed = text.strip().replace(",", "")
    if not (trimmed.isascii() and trimmed.isdigit()) or int(trimmed) > MOST_PEOPLE:
        raise ValueError(f"请填写不超过 {MOST_PEOPLE} 的整数，例如 36")
    return int(trimmed)


def _day(text: str) -> str:
    try:
        return date.fromisoformat(text.strip()).isoformat()
    except ValueError:
        raise ValueError("请填写日期，例如 2026-10-01") from None


def _wan(text: str) -> int:
    try:
        value = Decimal(text.strip().replace(",", ""))
    except InvalidOperation:
        raise ValueError("请填写以万元为单位的数字，例如 820.5") from None
    if not value.is_finite() or not 0 <= value <= MOST_WAN:
        raise ValueError("金额超出合理范围，请检查单位是否为万元")
    fen = value * FEN_PER_WAN
    if fen != fen.to_integral_value():
        raise ValueError(f"最多 {WAN_DECIMALS} 位小数")
    return int(fen)


def _wan_text(fen: int) -> str:
    whole, rest = divmod(fen, FEN_PER_WAN)
    decimals = f"{rest:06d}".rstrip("0")
    return f"{whole}.{decimals}" if decimals else str(whole)


def _industry(text: str) -> str:
    code = text.strip().upper()
    try:
        sector_of(code)
    except ValueError:
        raise ValueError("请填写国民经济行业分类代码，例如 I6513") from None
    return code


def _number(text: str) -> str:
    """Read the number of a paper; width and case do not make it another one."""
    return unicodedata.normalize("NFKC", clean_text(text, longest=LONGEST_NUMBER)).upper()


READERS: dict[str, Any] = {
    "number": _number,
    "whole": _whole,
    "day": _day,
    "wan": _wan,
    "yuan": parse_yuan,
    "industry": _industry,
    "name": clean_name,
    "phone": clean_phone,
    "mail": clean_mail,
}
