"""The words of a verdict: each criterion, its outcome and the facts, fit to be read."""

from typing import Any

from ledger.amounts import yuan_text
from vouchers.questions import STEPS, show
from vouchers.rulebook import Edition
from vouchers.sizing import WORDS

OUTCOMES = {
    "pass": ("符合", "green"),
    "fail": ("不符合", "red"),
    "flag": ("须人工认定", "yellow"),
    "unknown": ("待补充", "grey"),
}
VERDICTS = {
    "passed": ("自动核验通过", "green"),
    "flagged": ("有事项须人工认定", "yellow"),
    "failed": ("有硬性条件不符合", "red"),
}
ASKED = {each.name: each for step in STEPS for each in step.questions}
FACT_WORDS: dict[str, dict[Any, str]] = {
    "uscc_flag": {
        "": "两位校验码均通过",
        "pilot_code": "早期试点代码",
        "check_failed": "校验未通过，企业申请人工核验",
    },
    "sme_class": dict.fromkeys(WORDS, ""),
    "within_award": {True: "未超过", False: "超过"},
    "facts_current": {True: "在有效期内", False: "有资料已过期"},
    "evidence_complete": {True: "齐全", False: "不齐全"},
}


def verdict_lines(verdict: dict[str, Any], edition: Edition) -> list[dict[str, Any]]:
    """Return the criteria of a verdict with words and colours."""
    lines = []
    for each in verdict.get("criteria", []):
        text, colour = OUTCOMES[each["outcome"]]
        facts = each["facts"]
        lines.append(
            {
                "code": each["code"],
                "title": each["title"],
                "clause": each["clause"],
                "text": text,
                "colour": colour,
                "facts": "；".join(fact_words(fact, edition) for fact in facts),
                "source": "、".join(sorted({_source(fact["source"]) for fact in facts})),
                "as_of": max((fact["as_of"] for fact in facts), default=""),
                "hint": each["hint"],
                "change": each.get("change", ""),
            }
        )
    return lines


def fact_words(fact: dict[str, Any], edition: Edition) -> str:
    """Return a fact of a verdict the way people read it: never a code or a bare truth value."""
    name, value, note = fact["name"], fact["value"], fact["note"]
    if value is None:
        return note or "尚未填写"
    if name in ASKED:
        told = f"{ASKED[name].label}：{show(ASKED[name], value, edition)}"
        return f"{told}（{note}）" if note else told
    if name == "planned_total_fen":
        shown = f"{yuan_text(value)} 元"
    elif name == "planned_months":
        shown = f"{value} 个月"
    else:
        shown = FACT_WORDS.get(name, {}).get(value, "")
    return "：".join(part for part in (note, shown) if part)


def verdict_word(verdict: dict[str, Any] | None) -> tuple[str, str]:
    """Return (words, colour) for the outcome of a verdict."""
    return VERDICTS.get((verdict or {}).get("outcome", ""), ("尚未核验", "grey"))


def _source(code: str) -> str:
    words = {"self": "企业申报", "file": "材料", "register": "政务接口", "bureau": "经办核实"}
    return words.get(code, "系统计算")
