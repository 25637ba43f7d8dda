"""The self-check: what the rules say to a few answers, and what of them an application begins with.

Nothing here blocks anybody, and nothing is kept but in the browser's own session.
"""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from ledger.periods import day_of
from vouchers.eligibility import FAIL, Fact, judge
from vouchers.models import Application
from vouchers.pages_verdict import verdict_lines
from vouchers.rulebook import Edition
from vouchers.sizing import FEN_PER_WAN, SECTORS, classify, way_down

#: One question a page, at most six; a question may have several fields.
CHECKS = ("district", "sector", "people", "purpose", "dishonest", "applied")
FIELDS = {"people": ("employees", "revenue", "assets")}
KEPT = "self_check"
LONGEST = 20
MOST_DIGITS = 8
UNCLEAR = "unclear"
YES_NO = {"yes": True, "no": False}
INDUSTRY_OF = {
    "01": "A0111", "02": "C3911", "03": "E4710", "04": "F5111", "05": "F5211", "06": "G5411",
    "07": "G5920", "08": "G6010", "09": "H6110", "10": "H6210", "11": "I6420", "12": "I6513",
    "13": "K7010", "14": "K7020", "15": "L7211", "16": "M7320",
}  # fmt: skip
#: Where somebody may turn whom this scheme does not fit, by the criterion's fact.
ELSEWHERE = {
    "registered_district": "可以咨询注册地所在区的数据主管部门，或上海市级算力服务平台。",
    "tax_district": "可以向税收户管地所在区咨询，或咨询上海市级算力服务平台。",
    "sme_class": "大型企业可以咨询市级算力补贴，或由上下游中小企业申请。",
    "purpose": "存储、网络、安全等服务可以咨询“企业上云”等其他支持政策。",
    "dishonest": "请先通过“信用中国（上海）”办理信用修复。",
}


def fields_of(step: str) -> tuple[str, ...]:
    """Return the fields of a question."""
    return FIELDS.get(step, (step,))


def told_of(given: Mapping[str, str]) -> dict[str, str]:
    """Return the answers of the self-check from an address, cut short."""
    return {name: given.get(name, "")[:LONGEST] for each in CHECKS for name in fields_of(each)}


def sectors() -> list[tuple[str, str]]:
    """Return the sectors of the size standard."""
    return [(each.code, each.title) for each in SECTORS.values()]


def self_check(edition: Edition, told: Mapping[str, str], today: date) -> dict[str, Any]:
    """Return what the rules say to the answers: lines, the word for all, and other ways to go."""
    facts = _told_facts(told, today)
    asked = [each for each in edition.criteria if each.fact in facts]
    verdict = judge(edition, facts)
    plain = verdict.plain()
    plain["criteria"] = [each for each in plain["criteria"] if each["code"] in _codes(asked)]
    failed = [each["code"] for each in plain["criteria"] if each["outcome"] == FAIL]
    open_ones = [each for each in plain["criteria"] if each["outcome"] != "pass"]
    return {
        "lines": verdict_lines(plain, edition),
        "fits": not open_ones,
        "failed": bool(failed),
        "elsewhere": list(
            dict.fromkeys(
                ELSEWHERE[each.fact]
                for each in asked
                if each.code in failed and each.fact in ELSEWHERE
            )
        ),
        "again": told.get("applied") == "yes",
    }


def carried(kept: Mapping[str, str] | None, step: str) -> dict[str, Any]:
    """Return what a page of a new application begins with, from the answers of the self-check."""
    told = kept or {}
    if step == "enterprise":
        here = "310107" if told.get("district") == "yes" else None
        values: dict[str, Any] = {
            "registered_district": here,
            "tax_district": here,
            "employees": _whole(told.get("employees", "")),
            "revenue_fen": _wan(told.get("revenue", "")),
            "assets_fen": _wan(told.get("assets", "")),
            "dishonest": YES_NO.get(told.get("dishonest", "")),
        }
    elif step == "project":
        purpose = told.get("purpose", "")
        values = {"purpose": purpose if purpose not in ("", UNCLEAR, "STORAGE") else None}
    else:
        values = {}
    return {name: value for name, value in values.items() if value is not None}


def checked_before(
    kept: Mapping[str, str] | None, application: Application, at: datetime
) -> dict[str, Any] | None:
    """Return what the self-check of this browser said, for the task list of a draft."""
    if not kept or application.state != Application.State.DRAFT:
        return None
    return self_check(application.programme.edition, kept, day_of(at))


def _told_facts(told: Mapping[str, str], today: date) -> dict[str, Fact]:
    """Turn the answers of the self-check into facts; "not clear" is unknown."""
    district = {"yes": "310107", "no": "other"}.get(told.get("district", ""))
    industry = INDUSTRY_OF.get(told.get("sector", ""), "")
    size = classify(
        industry,
        employees=_whole(told.get("employees", "")),
        revenue_fen=_wan(told.get("revenue", "")),
        assets_fen=_wan(told.get("assets", "")),
    )
    size_class = None if size.size_class == "unknown" else size.size_class
    values: dict[str, Any] = {
        "registered_district": district,
        "tax_district": district,
        "sme_class": size_class,
        "dishonest": YES_NO.get(told.get("dishonest", "")),
        "purpose": told.get("purpose") if told.get("purpose") not in (UNCLEAR, "") else None,
    }
    notes = {"sme_class": size.reason if industry else ""}
    changes = {"sme_class": way_down(industry, size.size_class)}
    return {
        name: Fact(
            name, value, "self", today, note=notes.get(name, ""), change=changes.get(name, "")
        )
        for name, value in values.items()
    }


def _codes(criteria: list[Any]) -> set[str]:
    return {each.code for each in criteria}


def _whole(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS else None


def _wan(text: str) -> int | None:
    whole = _whole(text)
    return None if whole is None else whole * FEN_PER_WAN
