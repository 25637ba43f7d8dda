"""What the letters of the bureau say: each kind with its title, its paragraphs and its remedies.

Pure: facts in, content out. The content is kept as it is; the same content always prints to the
same bytes.

Source: domain.md 7.6 (forms) and 7.7 (layout); GB/T 9704-2012.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from ledger.amounts import yuan_text

BODY = "上海市普陀区数据局"
REMEDIES = (
    "对本决定有不同意见的，可以在收到之日起 {days} 个工作日内向本局书面申请复核，"
    "由原经办人以外的人员办理，"
    "以一次为限；也可以依法在收到之日起六十日内向上海市普陀区人民政府申请行政复议，"
    "或者在六个月内向有管辖权的人民法院提起行政诉讼。"
)
#: A space between Han characters and digits is for screens; on paper it tears the lines apart.
SPACE_BESIDE_HAN = re.compile(
    r"(?<=[\u3000-\u9fff“”（）]) (?=[A-Za-z0-9])|(?<=[A-Za-z0-9.月日]) (?=[\u3000-\u9fff“”（）])"
)
CONTACT = "咨询：受理窗口，电话 12345。"


@dataclass(frozen=True)
class Kind:
    """One kind of letter.

    Args:
        mark: the word in its number, e.g. 普数算补〔2026〕12号.
        red_head: with the issuer's name in red above, as a decision or a list has.
    """

    title: str
    mark: str
    write: Callable[[Mapping[str, Any]], list[dict[str, str]]]
    red_head: bool = True


def compose(kind: str, facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return the content of a letter without its number: title, addressee, paragraphs, tables.

    Args:
        facts: of the case; amounts in fen, days as dates.
    """
    found = KINDS[kind]
    return {
        "kind": kind,
        "title": facts.get("title") or found.title,
        "red_head": found.red_head,
        "to": facts.get("enterprise", ""),
        "on": chinese_day(facts["on"]),
        "paragraphs": found.write(facts),
        "table": facts.get("table", []),
        "columns": facts.get("columns", []),
        "signer": BODY,
    }


def chinese_day(day: date) -> str:
    """Return a day as papers write it: Arabic digits, no leading zeros."""
    return f"{day.year}年{day.month}月{day.day}日"


def _text(text: str) -> dict[str, str]:
    return {"style": "text", "text": SPACE_BESIDE_HAN.sub("", text)}


def _head(text: str) -> dict[str, str]:
    return {"style": "head", "text": text}


def _lines(text: str) -> list[dict[str, str]]:
    return [_text(line.strip()) for line in text.splitlines() if line.strip()]


def _opening(f: Mapping[str, Any]) -> str:
    return (
        f"你单位（统一社会信用代码 {f['uscc']}）于 {chinese_day(f['submitted_on'])} 提交的"
        f"“{f['programme']}”申请（受理编号 {f['application_no']}）"
    )


def _fen(amount_fen: Any) -> str:
    return f"{yuan_text(int(amount_fen or 0))} 元"


def _receipt(f: Mapping[str, Any]) -> list[dict[str, str]]:
    return [
        _text(f"{_opening(f)}已收到，申请金额 {_fen(f['requested_fen'])}。"),
        _text(
            f"本局将在 {f['acceptance_days']} 个工作日内决定是否受理。"
            "收到的材料及其 SHA-256 摘要如下，可据此核对材料是否与提交时一致。"
        ),
        _text(CONTACT),
    ]


def _acceptance(f: Mapping[str, Any]) -> list[dict[str, str]]:
    return [
        _text(f"{_opening(f)}，经形式审查符合受理条件，现予受理。"),
        _text(
            "审核期间如需补正材料，本局将一次性告知全部内容，补正时间不计入审核期限。"
            "办理进度可登录系统查看。"
        ),
        _text(CONTACT),
    ]


def _supplement(f: Mapping[str, Any]) -> list[dict[str, str]]:
    items = f.get("items") or []
    listed = [_text(f"{no}．{item}") for no, item in enumerate(items, start=1)]
    return [
        _text(f"{_opening(f)}，经审查需要补正。现将需要补正的全部内容一次性告知如下："),
        *(listed or _lines(f["reason"])),
        _text(
            f"请于 {chinese_day(f['due_on'])} 24:00 前登录系统提交补正。"
            "补正期间审核计时暂停；逾期未补正的，视为放弃本次申请。"
        ),
        _text(CONTACT),
    ]


def _refusal(f: Mapping[str, Any]) -> list[dict[str, str]]:
    refused = "不予受理" if f.get("not_accepted") else "不予支持"
    parts = [
        _text(f"{_opening(f)}，经审查，决定{refused}。现将有关情况告知如下："),
        _head("一、事实和理由"),
        *_lines(f["reason"] or "见审查意见。"),
    ]
    if f.get("failed"):
        parts += [_text(f"自动核验中不符合的硬性条件：{'；'.join(f['failed'])}。")]
    return [
        *parts,
        _head("二、依据"),
        _text(f["clause"] or f["programme"]),
        _head("三、救济途径和期限"),
        _text(REMEDIES.format(days=f["reconsider_days"])),
        _text(CONTACT),
    ]


def _approval(f: Mapping[str, Any]) -> list[dict[str, str]]:
    return [
        _text(
            f"{_opening(f)}，经审核、公示，现审定支持金额为 {_fen(f['approved_fen'])}"
            f"（{f['approved_words']}），以算力券方式发放。"
        ),
        _text(
            f"算力券将在 {f['issue_days']} 个工作日内发放到你单位账户，只能由你单位用于"
            "经备案的算力服务，不能转让、拆分或者兑换现金。面额、有效期和使用范围以券面为准。"
        ),
        _text(CONTACT),
    ]


def _objection_reply(f: Mapping[str, Any]) -> list[dict[str, str]]:
    return [
        _text(f"{_opening(f)}在公示期间收到异议。经核查，处理意见为：{f['outcome']}。"),
        _head("一、核查情况"),
        *_lines(f["reason"] or "异议所述情况不影响支持决定。"),
        _head("二、后续办理"),
        _text("异议不成立的，公示及后续程序继续进行；异议成立的，另行送达不予支持告知书。"),
        _text(CONTACT),
    ]


def _reconsideration(f: Mapping[str, Any]) -> list[dict[str, str]]:
    return [
        _text(
            f"{_opening(f)}，你单位对不予支持的决定申请复核。经由原经办人以外的人员复核，决定如下："
        ),
        _head(f"一、复核决定：{f['outcome']}"),
        *_lines(f["reason"] or "复核意见见办件记录。"),
        _head("二、救济途径和期限"),
        _text(
            "对复核决定仍有不同意见的，可以依法在收到之日起六十日内向上海市普陀区人民政府申请行政复议，"
            "或者在六个月内向有管辖权的人民法院提起行政诉讼。"
        ),
        _text(CONTACT),
    ]


def _notice_list(f: Mapping[str, Any]) -> list[dict[str, str]]:
    return [
        _text(
            f"根据“{f['programme']}”，经审核，拟对下列企业给予支持，现予公示。"
            f"公示时间自 {chinese_day(f['starts_on'])} 发布之次日起"
            f"至 {chinese_day(f['last_day'])} 24:00 止"
            f"（{f['days']} 个工作日）。"
        ),
        _text(
            "公示期间如有异议，请实名以书面方式向本局提出，写明事实、理由并附证据。"
            "以单位名义提出的应加盖公章。受理窗口电话 12345。"
        ),
    ]


def _clawback_facts(f: Mapping[str, Any]) -> list[dict[str, str]]:
    return [
        _text(
            f"你单位（统一社会信用代码 {f['uscc']}）就“{f['programme']}”{f['month']} 对账单 "
            f"{f['statement_no']} 收到财政资金 {_fen(f['received_fen'])}。"
            "经核查，拟予追回，现将有关事实、理由和依据告知如下："
        ),
        _head("一、认定的事实"),
        *_lines(f["facts"]),
        _head("二、拟作出的决定"),
        _text(f"拟追回 {_fen(f['proposed_fen'])}（{f['proposed_words']}），并按规定计收利息。"),
        _head("三、陈述和申辩的权利"),
        _text(
            f"你单位可以在 {chinese_day(f['hear_until'])} 24:00 前（自收到本告知书之日起 "
            f"{f['days']} 个工作日内）登录系统或者以书面方式陈述、申辩。逾期未提出的，视为放弃。"
        ),
        _text(CONTACT),
    ]


def _clawback_decision(f: Mapping[str, Any]) -> list[dict[str, str]]:
    bar = (
        [_text(f"三、取消申请和使用算力券的资格至 {chinese_day(f['bar_until'])}。")]
        if f.get("bar_until")
        else []
    )
    return [
        _text(
            f"本局对案件 {f['case_no']}（“{f['programme']}”{f['month']} 对账单 "
            f"{f['statement_no']}）已告知事实并听取意见，"
            f"{'你单位提出了陈述申辩，本局已予复核' if f['heard'] else '你单位未提出陈述申辩'}。"
            "现决定如下："
        ),
        _text(f"一、追回财政资金 {_fen(f['amount_fen'])}（{f['amount_words']}）。"),
        _text(
            f"二、计收利息 {_fen(f['interest_fen'])}"
            f"（年利率 {f['rate']}，自付款日次日起至决定日 "
            f"{f['interest_days']} 天，单利，不计尾数）。"
        ),
        *bar,
        _head("理由和依据"),
        *_lines(f["ground"]),
        _head("缴款"),
        _text(
            f"请于 {chinese_day(f['due_on'])} 前缴回合计 {_fen(f['claim_fen'])}，"
            f"汇款附言注明案号 {f['case_no']}。逾期未缴的，本局可以在以后应付款项中抵扣，"
            "或者依法申请强制执行。"
        ),
        _head("救济途径和期限"),
        _text(
            "对本决定不服的，可以依法在收到之日起六十日内向上海市普陀区人民政府申请行政复议，"
            "或者在六个月内向有管辖权的人民法院提起行政诉讼。"
        ),
        _text(CONTACT),
    ]


KINDS: dict[str, Kind] = {
    "receipt": Kind("受理回执", "回", _receipt, red_head=False),
    "acceptance": Kind("受理通知书", "受", _acceptance),
    "supplement": Kind("补正通知书", "补", _supplement),
    "refusal": Kind("不予支持告知书", "告", _refusal),
    "not_accepted": Kind("不予受理告知书", "告", _refusal),
    "approval": Kind("审定通知书", "定", _approval),
    "objection_reply": Kind("公示异议处理答复", "答", _objection_reply),
    "reconsideration": Kind("复核决定书", "核", _reconsideration),
    "clawback_facts": Kind("追回事实告知书", "追告", _clawback_facts),
    "clawback_decision": Kind("追回决定书", "追决", _clawback_decision),
    "notice_list": Kind("公示名单", "示", _notice_list),
}

#: Event of an application's life -> the letter it owes, and how its outcome is told.
OWED: dict[str, tuple[str, str]] = {
    "submit": ("receipt", ""),
    "accept": ("acceptance", ""),
    "ask_supplement": ("supplement", ""),
    "refuse_acceptance": ("not_accepted", ""),
    "reject": ("refusal", ""),
    "uphold_objection": ("refusal", ""),
    "pass_over": ("refusal", ""),
    "approve": ("approval", ""),
    "resume_notice": ("objection_reply", "异议不成立，公示继续"),
    "dismiss_objection": ("objection_reply", "异议不成立"),
    "uphold": ("reconsideration", "维持原决定"),
    "overturn": ("reconsideration", "撤销原决定，重新审核"),
}
